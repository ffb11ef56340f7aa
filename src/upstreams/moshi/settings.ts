/** Options of the `moshi` adapter: checked, with defaults filled in. */
import * as v from "valibot";

import { checkedSettings, maxSessionMs } from "../common/read-settings.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import type { UpstreamOptions } from "../upstream.ts";

export interface MoshiSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `personaplex`: it has a voice and a part, which its address says. */
  readonly server: "moshi" | "personaplex";
  /** Members of the address's query. */
  readonly query: Readonly<Record<string, string>>;
  /** How long it may take until the model is free. */
  readonly handshakeMs: number;
  /** Magnitude, of 32768, up to which the model says nothing. */
  readonly rest: number;
  /** Undefined: what the server's handshake tells of it. */
  readonly maxSessionMs: number | null | undefined;
}

const PATH = "/api/chat";
const HANDSHAKE_MS = 30_000;
const REST_DBFS = -48;
const number = v.exactOptional(v.pipe(v.number(), v.finite()));
const whole = v.pipe(v.number(), v.integer());

const settingsSchema = v.strictObject({
  server: v.exactOptional(v.picklist(["moshi", "personaplex"])),
  /** What the server in Rust takes (`SessionConfigReq`); that in Python and PersonaPlex's take none of it. */
  sampling: v.exactOptional(
    v.strictObject({
      text_temperature: number,
      text_topk: number,
      text_seed: number,
      audio_temperature: number,
      audio_topk: number,
      audio_seed: number,
      max_steps: number,
      pad_mult: number,
      repetition_penalty: number,
      repetition_penalty_context: number,
    }),
  ),
  handshakeMs: v.exactOptional(v.pipe(whole, v.minValue(1000), v.maxValue(600_000))),
  restDbfs: v.exactOptional(v.pipe(v.number(), v.minValue(-90), v.maxValue(-20))),
  maxSessionMs,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): MoshiSettings {
  const given = checkedSettings(settingsSchema, options);
  const sampling = Object.entries(given.sampling ?? {});
  return {
    url: withPath(dialUrl(options.url)),
    headers: dialHeaders(options.headers ?? {}),
    server: given.server ?? "moshi",
    query: Object.fromEntries(sampling.map(([name, value]) => [name, String(value)])),
    handshakeMs: given.handshakeMs ?? HANDSHAKE_MS,
    rest: 32_768 * 10 ** ((given.restDbfs ?? REST_DBFS) / 20),
    maxSessionMs: given.maxSessionMs,
  };
}

/** Where nothing is said of it, the path that all of these servers have. */
function withPath(url: string): string {
  return url.replace(/^(https?:\/\/[^/?]+)\/(?=\?|$)/, `$1${PATH}`);
}
