/** What a snapshot holds of the parts of a session that have no member of their own in it. */
import type { BackgroundSnapshot } from "./background/index.ts";
import type { Conduct } from "./conduct.ts";
import type { ToolsSnapshot } from "./tools/index.ts";

export function snapshotOf(conduct: Conduct) {
  return {
    createdAt: conduct.createdAt,
    usage: { ...conduct.usage },
    activeAt: conduct.parking.snapshot(),
    arrival: { ...conduct.arrival.snapshot(), ...conduct.talk.snapshot() },
    upstreamEvents: { ...conduct.upstreamEvents.snapshot(), witness: conduct.witness.snapshot() },
    updates: conduct.sessionObject.updates.snapshot(),
    budget: conduct.budget.snapshot(conduct.context.now),
    ...conduct.guard?.snapshot(),
    ...toolsOf(conduct),
    ...conduct.costs?.snapshot(),
    ...conduct.shadows?.snapshot(),
    ...conduct.asides.snapshot(),
    ...conduct.cast.snapshot(),
  };
}

/** Calls, and the tasks that some of them handed on. */
function toolsOf({ tools, background }: Conduct): { readonly tools?: ToolsAndTasks } {
  const own = tools?.snapshot().tools;
  return own ? { tools: { ...own, ...(background && { background: background.snapshot() }) } } : {};
}

type ToolsAndTasks = ToolsSnapshot & { readonly background?: BackgroundSnapshot };

export type ConductSnapshot = ReturnType<typeof snapshotOf>;

export function restoreParts(conduct: Conduct, snapshot: ConductSnapshot): void {
  conduct.createdAt = snapshot.createdAt;
  conduct.usage = { ...snapshot.usage };
  conduct.parking.restore(snapshot.activeAt);
  conduct.arrival.restore(snapshot.arrival);
  conduct.talk.restore(snapshot.arrival.talk);
  conduct.upstreamEvents.restore(snapshot.upstreamEvents);
  conduct.witness.restore(snapshot.upstreamEvents.witness);
  conduct.sessionObject.updates.restore(snapshot.updates);
  conduct.budget.restore(snapshot.budget);
  conduct.guard?.restore(snapshot.guard);
  conduct.tools?.restore(snapshot.tools);
  // What is no call's own result is known by its task: it is not handed on again.
  if (snapshot.tools?.background) conduct.background?.restore(snapshot.tools.background);
  conduct.costs?.restore(snapshot.costs);
  conduct.shadows?.restore(snapshot.shadows);
  conduct.asides.restore(snapshot.asides);
  conduct.cast.restore(snapshot.cast);
}
