/** What a snapshot holds of the parts of a session that have no member of their own in it. */
import type { Conduct } from "./conduct.ts";

export function snapshotOf(conduct: Conduct) {
  return {
    createdAt: conduct.createdAt,
    usage: { ...conduct.usage },
    activeAt: conduct.parking.snapshot(),
    arrival: { ...conduct.arrival.snapshot(), ...conduct.talk.snapshot() },
    upstreamEvents: conduct.upstreamEvents.snapshot(),
    updates: conduct.sessionObject.updates.snapshot(),
    budget: conduct.budget.snapshot(conduct.context.now),
    ...conduct.guard?.snapshot(),
    ...conduct.tools?.snapshot(),
    ...conduct.costs?.snapshot(),
    ...conduct.shadows?.snapshot(),
    ...conduct.asides.snapshot(),
    ...conduct.cast.snapshot(),
  };
}

export type ConductSnapshot = ReturnType<typeof snapshotOf>;

export function restoreParts(conduct: Conduct, snapshot: ConductSnapshot): void {
  conduct.createdAt = snapshot.createdAt;
  conduct.usage = { ...snapshot.usage };
  conduct.parking.restore(snapshot.activeAt);
  conduct.arrival.restore(snapshot.arrival);
  conduct.talk.restore(snapshot.arrival.talk);
  conduct.upstreamEvents.restore(snapshot.upstreamEvents);
  conduct.sessionObject.updates.restore(snapshot.updates);
  conduct.budget.restore(snapshot.budget);
  conduct.guard?.restore(snapshot.guard);
  conduct.tools?.restore(snapshot.tools);
  conduct.costs?.restore(snapshot.costs);
  conduct.shadows?.restore(snapshot.shadows);
  conduct.asides.restore(snapshot.asides);
  conduct.cast.restore(snapshot.cast);
}
