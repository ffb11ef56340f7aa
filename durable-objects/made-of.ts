/** What a call's session is made of: its plan as configured today, what the isolate has for all, and the state it goes on from. */
import relayConfig from "../relay.config.ts";
import { boundPlan, resolvePlan } from "../src/config/resolve.ts";
import { Session, type SessionSnapshot } from "../src/session/session.ts";
import type { SessionDependencies, SessionSetup } from "../src/session/setup.ts";
import { createUpstream } from "../src/upstreams/index.ts";
import type { CallSetup } from "./call-setup.ts";
import type { FoundMoment } from "./call-store.ts";
import type { RelayEnv } from "./env.ts";
import { drawId } from "./identifiers.ts";
import { loadKernels } from "./kernels.ts";
import { locksOf } from "./session-locks.ts";
import { sharedMemory } from "./shared-memory.ts";
import { readSnapshot } from "./snapshot-versions.ts";

/** @throws when the configuration has no such route any more. */
export function setupOf(call: CallSetup, env: RelayEnv): SessionSetup {
  const { id, model, intent, session, dialectSettings, arm } = call;
  const plan = boundPlan(resolvePlan(relayConfig, model, env, { arm, sticky: id }), call);
  const locks = locksOf(call, plan);
  return { id, model, intent, session, plan, locks, ...(dialectSettings && { dialectSettings }) };
}

export function dependencies(): SessionDependencies {
  return {
    drawId,
    // With the codecs that relay.config.ts brings.
    createUpstream: (options) => createUpstream(options, relayConfig.codecs),
    kernels: loadKernels(),
    ...sharedMemory,
  };
}

/** @throws UnreadableSnapshot */
export function snapshotOf(moment: FoundMoment, setup: SessionSetup): SessionSnapshot {
  // Its members are those of any session: the cheapest detector will do.
  const plan = { ...setup.plan, detector: "energy" } as const;
  const fresh = new Session({ ...setup, plan }, dependencies(), moment.at).snapshot();
  return readSnapshot(moment.session, fresh);
}
