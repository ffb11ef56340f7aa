/** What the shell of a call does to the object that it is in. */
import { silenced } from "../src/session/silenced.ts";
import type { Plan } from "../src/session/state/plan.ts";
import type { Counters } from "../src/telemetry/counters.ts";
import type { Breath } from "./breath.ts";
import type { CallSetup } from "./call-setup.ts";
import { type CallStore, type Moment, WriteFailed } from "./call-store.ts";
import type { Dialler } from "./dial.ts";
import type { RelayEnv } from "./env.ts";
import { describeFailure } from "./failure.ts";
import { barSecret } from "./key-place.ts";
import { type OfKey, wake } from "./of-key.ts";
import type { SealedStorage } from "./sealed-storage.ts";
import { createServices } from "./services.ts";
import type { ShellHost } from "./shell-host.ts";
import { WALL_CLOCK } from "./timer.ts";

/** Answered by the runtime while the session rests: the object sleeps on (Durable Objects, hibernation API). */
const BEAT = '{"type":"session.heartbeat"}';
const HEARTBEAT = new WebSocketRequestResponsePair(BEAT, BEAT);

/** The call, as its shell needs it. */
interface Hosted {
  readonly ctx: DurableObjectState;
  readonly env: RelayEnv;
  readonly store: CallStore;
  readonly storage: SealedStorage;
  readonly counters: Counters;
  readonly breath: Breath;
  readonly dialler: Dialler;
  /** Nothing of the key's is asked for meanwhile. */
  rest(its: OfKey): void;
  /** It is over. */
  finish(plan: string): void;
}

export function callHost(hosted: Hosted, of: Plan, call: CallSetup, its: OfKey): ShellHost {
  const { ctx, env, store, storage: stored, counters, breath, dialler } = hosted;
  const { name: plan, storage, sealed = false } = of;
  // `plan`, the route's name: metrics never carry a client's model string.
  return {
    ...createServices(of, env, call),
    clock: WALL_CLOCK,
    dial: its.account.counted(breath.reading(dialler.dial)),
    save: (peers, whole) => {
      const session = storage === "text" ? silenced(whole) : whole;
      const at = Date.now();
      // A client without a resume token could never open it again.
      if (sealed && whole.port.dialect !== "duplex.v1") return store.mark(call, at);
      if (sealed) stored.seal(call, whole.delivery.tokens, at);
      return save(hosted, { peers, session, at });
    },
    stays: sealed,
    ...(storage === "none" && { mark: () => store.mark(call, Date.now()) }),
    metric: (name, value, upstream) => {
      counters.add(name, value, upstream);
      if (name === "clients_flooding") ctx.waitUntil(barSecret(env, call));
      if (name === "answers_asked") its.account.asked();
    },
    sleep: (at, current) => {
      hosted.rest(its);
      counters.flush(env.METRICS, plan, call.keyId);
      store.sleep(current);
      if (at !== null) ctx.waitUntil(store.alarm.set(at));
    },
    rest: (on) => ctx.setWebSocketAutoResponse(on ? HEARTBEAT : undefined),
    awake: () => {
      store.awake();
      wake(its);
    },
    ended: () => hosted.finish(plan),
    // What its end wiped is to stay wiped.
    cut: () => ctx.waitUntil(store.confirmed().finally(() => ctx.abort("messages after a close"))),
    failed: (error) => {
      console.error("a voice session failed", describeFailure(error));
      hosted.finish(plan);
    },
  };
}

function save({ ctx, store, counters }: Hosted, moment: Moment): Promise<void> {
  const saved = store.save(moment).catch((error: unknown) => {
    counters.add("snapshot_failures", 1);
    // As the platform does by itself: what goes on is another object, from the last snapshot that is durable.
    if (error instanceof WriteFailed) ctx.abort(error.message);
    throw error;
  });
  ctx.waitUntil(saved.catch(() => {}));
  return saved;
}
