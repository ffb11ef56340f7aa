/** What is wrong with a client's message, and what can be said of one that is not read. */
import { insteadOfBase64 } from "../../protocol/append.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { namedEventId } from "../../protocol/client-events.ts";
import { eventIdIn } from "../../protocol/event-id.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";

const FRONT_CHARS = 1024;

/** Of a message that is not parsed: what stands at its front, and at its end where its `type` may come last. */
export function frontOf(data: WireMessage): string {
  if (typeof data !== "string") return "";
  return data.length <= 2 * FRONT_CHARS ? data : data.slice(0, FRONT_CHARS) + data.slice(-FRONT_CHARS);
}

/** Under which a message that is not parsed is refused. */
export function nameOf(data: WireMessage): string | null {
  return typeof data === "string" ? namedEventId(eventIdIn(data) ?? undefined) : null;
}

export function invalidAudio(text: string): ClientError {
  const instead = insteadOfBase64(text);
  return new ClientError(
    "invalid_value",
    `Invalid 'audio': expected base64 (RFC 4648 §4)${instead === null ? "" : `, got ${instead}`}.`,
    "audio",
  );
}
