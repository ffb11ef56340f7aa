/** How much the caller has said of late that has no words. */
import type { Conversation } from "../memory/conversation.ts";

const TURNS = 3;

/** Audio of the last turns, back to the last one that has words. */
export function wordlessMs(conversation: Conversation): number {
  const turns = conversation.entries.filter(
    ({ item, origin, audioMs, unvoiced }) =>
      item["role"] === "user" && origin === null && audioMs > 0 && unvoiced !== true,
  );
  const last = turns.slice(-TURNS).toReversed();
  const worded = last.findIndex((entry) => conversation.transcriptOf(entry) !== "");
  return last.slice(0, worded < 0 ? undefined : worded).reduce((sum, { audioMs }) => sum + audioMs, 0);
}
