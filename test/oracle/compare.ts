/** Two streams beside each other, thread by thread. */
import type { Received } from "./client.ts";
import { DIFFERENCES, type Difference, type Side } from "./differences.ts";
import { normal, type Normal } from "./normal.ts";
import type { Script } from "./script.ts";

export interface Mismatch {
  readonly thread: string;
  /** The first event of the thread that differs; null: there is none on that side. */
  readonly direct: Normal | null;
  readonly through: Normal | null;
}

/** Empty: equal. The mismatch that comes first in what the client received straight is the first. */
export function compare(
  script: Script,
  direct: readonly Received[],
  through: readonly Received[],
  differences: readonly Difference[] = DIFFERENCES,
): readonly Mismatch[] {
  const [left, right] = [
    adjusted("direct", script, direct, differences),
    adjusted("through", script, through, differences),
  ];
  const free = differences.some(({ id }) => id === "order");
  const [leftThreads, rightThreads] = [threads(left, free), threads(right, free)];
  const found: (Mismatch & { readonly at: number })[] = [];
  for (const thread of new Set([...leftThreads.keys(), ...rightThreads.keys()])) {
    const [ours, theirs] = [leftThreads.get(thread) ?? [], rightThreads.get(thread) ?? []];
    for (let at = 0; at < Math.max(ours.length, theirs.length); at += 1) {
      const [one, other] = [ours[at], theirs[at]];
      if (one?.text === other?.text || alike(one?.event, other?.event, script, differences)) continue;
      const index = Math.min(one?.index ?? Infinity, other?.index ?? Infinity);
      found.push({ thread, direct: one?.event ?? null, through: other?.event ?? null, at: index });
      break;
    }
  }
  found.sort((a, b) => a.at - b.at);
  return found.map(({ thread, direct: one, through: other }) => ({ thread, direct: one, through: other }));
}

/** What is compared: normal, and without the differences that are meant. */
function adjusted(
  side: Side,
  script: Script,
  received: readonly Received[],
  differences: readonly Difference[] = DIFFERENCES,
): readonly Normal[] {
  let events = normal(received);
  for (const difference of differences) events = difference.rewrite?.(events, side, script) ?? events;
  return events;
}

function alike(
  direct: Normal | undefined,
  through: Normal | undefined,
  script: Script,
  differences: readonly Difference[],
): boolean {
  if (direct === undefined || through === undefined) return false;
  if (direct.type !== through.type || direct.place !== through.place) return false;
  let [one, other] = [direct.value, through.value];
  for (const difference of differences) [one, other] = difference.relax?.(one, other, script) ?? [one, other];
  return JSON.stringify(one) === JSON.stringify(other);
}

interface Placed {
  readonly event: Normal;
  readonly text: string;
  readonly index: number;
}

/** By name. Not `free`: one thread of all. */
function threads(events: readonly Normal[], free: boolean): Map<string, Placed[]> {
  const all = new Map<string, Placed[]>();
  events.forEach((event, index) => {
    const text = `${event.place} ${event.type} ${JSON.stringify(event.value)}`;
    const [call = ""] = event.place.split("/");
    for (const name of free ? event.threads : ["all"]) {
      const key = `${call} ${name}`;
      const thread = all.get(key);
      if (thread === undefined) all.set(key, [{ event, text, index }]);
      else thread.push({ event, text, index });
    }
  });
  return all;
}
