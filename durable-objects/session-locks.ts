/** What a session's client may not change: what its route says, and what whoever made the session does. */
import type { Locks } from "../src/session/client/locks.ts";
import type { Plan } from "../src/session/state/plan.ts";
import type { CallSetup } from "./call-setup.ts";

export function locksOf({ locked, toolTypes }: CallSetup, plan: Plan): Locks {
  const types = plan.toolTypes;
  return {
    fields: [...new Set([...(plan.locked ?? []), ...locked])],
    toolTypes:
      toolTypes === null || types === undefined
        ? (toolTypes ?? types ?? null)
        : toolTypes.filter((type) => types.includes(type)),
  };
}
