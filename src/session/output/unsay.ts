/** What was never sent was not said: the model that said it forgets it. */
import type { Dropped } from "./output-gate.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { Link } from "./ports.ts";

/** @param truncates the relay truncates this item where it was heard, in the same call of `handle`. */
export function unsay(
  response: ResponseRecord,
  link: Link | undefined,
  dropped: Dropped,
  truncates: (itemId: string) => boolean,
): void {
  // What is out of band it never remembered.
  if (!link || response.outOfBand || response.connection !== link.serving) return;
  for (const { key, ms } of dropped.unsent) {
    const item = response.items.find((candidate) => candidate.key === key);
    const part = item?.parts.findLast((one) => one.kind === "audio");
    if (!item || ms < 1 || truncates(item.id)) continue;
    const [contentIndex, audioEndMs] = [part?.key ?? 0, Math.floor(part?.audioMs ?? 0)];
    link.command({ type: "truncate", itemId: item.id, contentIndex, audioEndMs });
  }
  for (const itemId of dropped.items) link.command({ type: "delete", itemId });
}
