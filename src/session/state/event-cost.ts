/** What an event costs beside its bytes. */

/** Events that make the relay say more, and a provider do more, than others: each counts as so many others besides. */
const BESIDES: ReadonlyMap<string, number> = new Map([
  ["session.update", 7],
  ["response.create", 7],
  ["relay.plan.update", 7],
  ["relay.say", 7],
]);
/** So many members of an event cost as much as another event: each is looked at, kept and shown. */
export const MEMBERS_PER_EVENT = 50;

/** How many other events one counts as besides, by its members and its type. */
export function costOf(members: number, type = ""): number {
  return Math.floor(members / MEMBERS_PER_EVENT) + (BESIDES.get(type) ?? 0);
}
