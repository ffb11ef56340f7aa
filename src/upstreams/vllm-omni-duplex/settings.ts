/** Options of the `vllm-omni-duplex` adapter: checked, with defaults filled in, the URL made ready to dial. */
import * as v from "valibot";

import type { AudioFormat } from "../../audio/format.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { checkedSettings, laidOver, maxSessionMs } from "../common/read-settings.ts";
import {
  type DialRequest,
  type JsonObject,
  type UpstreamOptions,
  UpstreamOptionsError,
} from "../upstream.ts";

export interface DuplexSettings {
  readonly model: string;
  readonly input: AudioFormat & { readonly type: "audio/pcm" };
  /** Laid over the session that is opened: `ref_audio`, `extra_body`, `overlap_policy`, `temperature` … */
  readonly session: JsonObject;
  readonly maxSessionMs: number | null;
  readonly request: DialRequest;
}

const settingsSchema = v.strictObject({
  input: v.exactOptional(
    v.strictObject({ type: v.literal("audio/pcm"), rate: v.picklist([16_000, 24_000]) }),
  ),
  session: laidOver,
  maxSessionMs,
});

/** @throws UpstreamOptionsError naming the field. Neither the URL nor a header value is repeated. */
export function readSettings(options: UpstreamOptions): DuplexSettings {
  const given = checkedSettings(settingsSchema, options);
  const { model } = options;
  if (model === undefined || model === "") throw new UpstreamOptionsError("model: expected a model's name.");
  return {
    model,
    input: given.input ?? { type: "audio/pcm", rate: 16_000 },
    session: given.session ?? {},
    maxSessionMs: given.maxSessionMs ?? null,
    request: {
      // With a model and without `autostart=0` it opens a session of its own before it was told what it is to be.
      url: dialUrl(options.url, { duplex: "1", model, autostart: "0" }),
      headers: dialHeaders(options.headers ?? {}),
      protocols: [],
    },
  };
}
