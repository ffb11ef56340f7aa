/** Telephone calls by media streams. */
import type { Dialect } from "../dialect.ts";
import { type Carrier, CARRIERS } from "./carriers.ts";
import { PhoneCodec } from "./codec.ts";
import { readCallSettings } from "./settings.ts";

/**
 * A telephone plays what it was sent whatever is being judged, and says nothing where a carrier sends no silence: its
 * connection is dead when its socket says so.
 */
function phone(carrier: Carrier): Dialect {
  return {
    traits: { extended: true, holds: false, beats: false },
    codec: (settings) => new PhoneCodec(carrier, readCallSettings(settings)),
  };
}

export const twilio = phone(CARRIERS.twilio);
export const telnyx = phone(CARRIERS.telnyx);
export const plivo = phone(CARRIERS.plivo);
