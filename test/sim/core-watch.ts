/** The session as the driver sees it, with everything looked at that goes in and comes out. */
import type { SessionCore } from "../../durable-objects/session-core.ts";
import type { Action, Input, PeerId } from "../../src/session/io.ts";
import type { Session, SessionSnapshot } from "../../src/session/session.ts";
import { ActionWatch } from "./action-watch.ts";
import { noteBill } from "./bill.ts";
import { brief } from "./checks.ts";
import { copyOf } from "./copy.ts";
import { AsideWatch } from "./asides.ts";
import type { Inspection } from "./inspection.ts";
import { toldWhole } from "./turn-ends.ts";
import type { World } from "./world.ts";

/** What a plan asks for strikes when the session really does it. */
const COUNTED: Readonly<Record<string, string>> = {
  rollovers: "provider.rollover",
  sessions_parked: "caller.long_silence",
};

const ENDS: Readonly<Record<string, string>> = {
  session_expired: "platform.longest",
  terminated: "platform.terminated",
};

export class CoreWatch implements SessionCore {
  readonly session: Session;
  readonly #world: World;
  readonly #inspection: Inspection;
  readonly #watch: ActionWatch;
  readonly #asides: AsideWatch;

  /** @param peers what a restored session believes to have. */
  constructor(session: Session, world: World, inspection: Inspection, peers: readonly PeerId[]) {
    this.session = session;
    this.#world = world;
    this.#inspection = inspection;
    this.#watch = new ActionWatch(world);
    this.#asides = new AsideWatch(world);
    for (const peer of peers) this.#watch.opened(peer);
  }

  get peers(): readonly PeerId[] {
    return this.#watch.peers;
  }

  handle(input: Input, now: number): readonly Action[] {
    this.#note(input);
    noteBill(this.#world, input);
    if (input.type === "message" && input.peer === "client" && typeof input.data === "string")
      this.#world.deeds.heard(input.data);
    this.#world.plans.heard(input);
    if (input.type === "open" || input.type === "observer") this.#watch.opened(input.peer);
    if (input.type === "close") this.#watch.closed(input.peer);
    const before = this.session.deadline;
    const actions = this.session.handle(input, now);
    this.#look(actions, now);
    const after = this.session.deadline;
    if (input.type === "timeout" && before !== null && after !== null && after <= now && after <= before) {
      this.#world.checks.fail("deadline", `a timeout left the deadline ${now - after} ms in the past`);
    }
    return actions;
  }

  terminate(now: number): readonly Action[] {
    const actions = this.session.terminate(now);
    this.#look(actions, now);
    return actions;
  }

  #note(input: Input): void {
    if (input.type === "timeout") this.#world.checks.note(() => "relay ⇐ timeout");
    else if (input.type === "pending") this.#world.checks.note(() => "relay ⇐ a pending connection");
    else if ("peer" in input && input.type !== "buffered") {
      const { peer, type } = input;
      this.#world.checks.note(
        () => `relay ⇐ ${peer} ${type}${input.type === "message" ? ` ${brief(input.data)}` : ""}`,
      );
    }
  }

  #look(actions: readonly Action[], now: number): void {
    const { checks } = this.#world;
    this.#watch.check(actions);
    this.#asides.take(actions, now);
    this.#world.plans.take(actions, () => this.session.state());
    for (const itemId of toldWhole(actions)) checks.toldWhole.add(itemId);
    for (const action of actions) {
      if (action.type === "send" && action.peer !== "client")
        checks.note(() => `relay ⇒ ${action.peer} ${brief(action.data)}`);
      // The simulator's plans name no end-of-turn model.
      if (action.type === "consult") checks.fail("threw", "a model was asked, and there is none");
      if (action.type === "send" && action.peer === "client" && typeof action.data === "string")
        this.#told(action.data);
      if (action.type === "end") this.#ended(action.reason);
      if (action.type !== "metric") continue;
      if (action.name === "internal_errors") checks.fail("threw", "a fault of the relay's own was told");
      if (action.name in COUNTED) checks.strike(COUNTED[action.name] ?? "");
      checks.count(`metric_${action.name}`, action.value);
      if (action.name.startsWith("overlap_")) checks.overlap(action.name.slice("overlap_".length));
    }
    this.#inspection.step(this.session, now);
  }

  #told(data: string): void {
    this.#world.deeds.told(data);
    this.#world.minds.told(data);
    this.#world.voices.told(data);
  }

  #ended(reason: string): void {
    const { checks } = this.#world;
    checks.note(() => `session ended: ${reason}`);
    if (reason in ENDS) checks.strike(ENDS[reason] ?? "");
  }

  get covers() {
    return this.session.covers;
  }

  snapshot(): SessionSnapshot {
    const snapshot = copyOf(this.session.snapshot());
    this.#inspection.look(snapshot);
    return snapshot;
  }

  get deadline(): number | null {
    return this.session.deadline;
  }

  get busy(): boolean {
    return this.session.busy;
  }

  get quiet(): boolean {
    return this.session.quiet;
  }

  state(): ReturnType<Session["state"]> {
    return this.session.state();
  }

  resumable(token: string): boolean {
    return this.session.resumable(token);
  }

  get extended(): boolean {
    return this.session.extended;
  }
}
