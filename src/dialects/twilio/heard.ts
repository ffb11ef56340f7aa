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

/** The agent speaks first. @param greeting whether, or the instructions of that one answer. */
export function greet(greeting: boolean | string): readonly Heard[] {
  if (greeting === false) return [];
  return [
    say({ type: "response.create", ...(greeting !== true && { response: { instructions: greeting } }) }),
  ];
}

/** The agent falls silent. */
export const SILENCE = { type: "output_audio_buffer.clear" } as const;

/** What the caller pressed, as a message that is answered. */
export function sayPressed(keys: string): readonly Heard[] {
  const content = [{ type: "input_text", text: `(The caller pressed ${keys} on the telephone.)` }];
  return [
    // An answer may have begun since the first key: while it runs no other would be given.
    say(SILENCE),
    say({ type: "conversation.item.create", item: { type: "message", role: "user", content } }),
    say({ type: "response.create" }),
  ];
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
