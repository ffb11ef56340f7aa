/** `relay.say`: the application has something said to the caller, in a sound that it sends or that the configuration has. */
import { createDecoder } from "../../audio/codec.ts";
import { bytesPerSample, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import { ClientError } from "../../protocol/client-error.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Sound } from "../state/sounds.ts";
import type { Announcement } from "./ports.ts";

export const SAY = "relay.say";

const MOST_MS = 30_000;
/** Waits for its gap so long, where it says nothing else. */
const EXPIRES_MS = 30_000;
const MOST_EXPIRES_MS = 300_000;
const ID = /^[\w.:-]{1,64}$/;

/**
 * @param format of what the caller hears. @param named a sound of the configuration.
 * @throws ClientError naming the field.
 */
export function readSay(
  message: JsonObject,
  format: AudioFormat,
  named: (name: string) => Sound | undefined,
  newId: () => string,
): Announcement {
  const { say_id: id = null, interrupt = null, expires_ms: expires = null } = message;
  if (id !== null && (typeof id !== "string" || !ID.test(id)))
    throw invalid("say_id", "expected 1 to 64 letters, digits or any of _ . : -");
  if (interrupt !== null && typeof interrupt !== "boolean") throw invalid("interrupt", "expected a boolean");
  if (expires !== null && !(typeof expires === "number" && expires >= 0 && expires <= MOST_EXPIRES_MS))
    throw invalid("expires_ms", `expected a number of 0 to ${MOST_EXPIRES_MS}`);
  return {
    id: id ?? newId(),
    sound: soundOf(message, format, named),
    interrupts: interrupt ?? false,
    expiresMs: expires ?? EXPIRES_MS,
  };
}

function soundOf(
  { audio = null, sound = null }: JsonObject,
  format: AudioFormat,
  named: (name: string) => Sound | undefined,
): Sound {
  if ((audio === null) === (sound === null)) throw invalid("audio", "'relay.say' has 'audio' or 'sound'");
  if (sound !== null) {
    const found = typeof sound === "string" ? named(sound) : undefined;
    if (found === undefined) throw invalid("sound", "the configuration has no sound of this name");
    return found;
  }
  if (typeof audio !== "string") throw invalid("audio", "expected base64");
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(audio);
  } catch {
    throw invalid("audio", "expected base64");
  }
  const size = bytesPerSample(format);
  const rateHz = sampleRateHz(format);
  if (bytes.length === 0 || bytes.length % size !== 0)
    throw invalid("audio", "expected whole samples, one or more");
  if (bytes.length / size > (MOST_MS * rateHz) / 1000)
    throw invalid("audio", `expected at most ${MOST_MS / 1000} seconds`);
  return { rateHz, samples: createDecoder(format).decode(bytes).slice() };
}

function invalid(param: string, what: string): ClientError {
  return new ClientError("invalid_value", `Invalid '${param}': ${what}.`, param);
}
