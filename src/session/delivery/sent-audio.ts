/** What is sent again to a client that missed it. */
import { readFrameHeader } from "../../protocol/frame.ts";
import type { Sent } from "./ports.ts";

/** Milliseconds of audio by stream. */
export function audioMsOf(messages: readonly Sent[]): ReadonlyMap<number, number> {
  const ms = new Map<number, number>();
  for (const { data, audioMs } of messages) {
    const stream = typeof data === "string" ? undefined : readFrameHeader(data)?.stream;
    if (stream !== undefined) ms.set(stream, (ms.get(stream) ?? 0) + audioMs);
  }
  return ms;
}
