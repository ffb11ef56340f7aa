/** What a telephone says, as the session hears it. */
import { ClientError } from "../../protocol/client-error.ts";
import { FRAME_AUDIO, writeFrame } from "../../protocol/frame.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Heard } from "../dialect.ts";
import { muLawOf } from "./a-law.ts";

/** Whether it is base64 is seen where it is decoded. */
export function append(payload: string): Heard {
  return { type: "message", data: `{"type":"input_audio_buffer.append","audio":${quoted(payload)}}` };
}

export function appendALaw(payload: string): Heard {
  const bytes = muLawOf(payload);
  if (bytes === null)
    return {
      type: "refused",
      error: new ClientError("invalid_value", "'payload' is no base64.", "payload"),
    };
  const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: 0 };
  return { type: "message", data: writeFrame(header, bytes) };
}

/** As an event of the session's. */
export function say(event: JsonObject): Heard {
  return { type: "message", data: JSON.stringify(event) };
}

export function refuse(code: string, message: string, param: string | null = null): readonly Heard[] {
  return [{ type: "refused", error: new ClientError(code, message, param) }];
}

/** Base64 needs no escapes: what does is none, and is refused where it is decoded. */
function quoted(payload: string): string {
  return /^[A-Za-z0-9+/=]*$/.test(payload) ? `"${payload}"` : JSON.stringify(payload);
}
