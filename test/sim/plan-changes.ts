/**
 * Calls in which the plan of upstreams that are one voice changes: its application says so at moments that are drawn. Who was
 * hung up for it is dialled by nothing before it takes part again, who takes no part when all is quiet has no connection, and
 * who comes knows what was heard (provider-account.ts).
 */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { Action, Input, SessionState } from "../../src/session/io.ts";
import type { SimulatedCall } from "./call.ts";
import type { Random } from "./random.ts";
import { SHADOW } from "./shadow.ts";
import type { Scenario, World } from "./world.ts";

/** Drawn after all else, so that other calls are what they were. */
export function withPlanChanges(random: Random, scenario: Scenario): Scenario {
  if (scenario.strategy === null || !random.chance(0.5)) return scenario;
  return { ...scenario, planChanges: random.int(1, 4) };
}

export function changePlans(call: SimulatedCall, random: Random): void {
  const names = call.scenario.upstreams.map(({ name }) => name).filter((name) => name !== SHADOW);
  for (let left = call.scenario.planChanges ?? 0; left > 0; left -= 1) {
    const event = { type: "relay.plan.update", plan: planOf(random, names) };
    call.sometime(random, () => {
      if (call.relay.observerSays(JSON.stringify(event))) call.checks.count("plans: changes said");
    });
  }
}

function planOf(random: Random, names: readonly string[]): JsonObject {
  const from = random.int(0, names.length - 1);
  const turned = [...names.slice(from), ...names.slice(0, from)];
  const upstreams = turned.slice(0, random.int(1, turned.length));
  if (upstreams.length === 1) return { strategy: "single", upstreams };
  const strategy = random.pick(["race", "failover", "panel", "hedge"] as const);
  return { strategy, ...(strategy === "hedge" && { hedge_ms: random.pick([50, 300, 1200]) }), upstreams };
}

const LEAVES_WITHIN_MS = 1000;

/** Over all lives of a session. */
export class PlanWatch {
  readonly #world: World;
  readonly #left = new Set<string>();
  /** So often one that had been hung up took part again. */
  returns = 0;
  /** By connection, whether the last answer that began there goes on, and nobody stopped it. */
  readonly #saying = new Map<string, boolean>();
  /** Within one call of the session. */
  readonly #hungUp = new Set<string>();
  /** By upstream, when it took no part. */
  readonly #absences = new Map<string, { readonly from: number; to: number }[]>();

  constructor(world: World) {
    this.#world = world;
  }

  /** What a provider says of its answers. */
  heard(input: Input): void {
    if (this.#world.scenario.planChanges === undefined) return;
    if (input.type === "close") this.#saying.delete(input.peer);
    if (input.type !== "message") return;
    if (typeof input.data !== "string" || !input.data.includes('"response.')) return;
    const type = parseJsonObject(input.data)?.["type"];
    if (type === "response.created" || type === "response.done")
      this.#saying.set(input.peer, type === "response.created");
  }

  #does(action: Action): void {
    if (action.type === "close") this.#hungUp.add(action.peer);
    if (action.type === "send" && typeof action.data === "string" && action.data.includes("response.cancel"))
      this.#saying.delete(action.peer);
    if (action.type !== "metric") return;
    const { checks, scenario } = this.#world;
    const name = action.upstream ?? "";
    const index = scenario.upstreams.findIndex((one) => one.name === name);
    const own = [...this.#hungUp].filter((peer) => peer.startsWith(`up${index}.`));
    // What it was saying stood still for too long, or came to nothing otherwise.
    if (action.name === "upstream_lost") for (const peer of own) this.#saying.delete(peer);
    if (action.name !== "upstreams_left") return;
    this.#left.add(name);
    for (const peer of own)
      if (this.#saying.get(peer) === true)
        checks.fail("plan-left", `${name} is hung up in the middle of its answer`);
  }

  take(actions: readonly Action[], state: () => Pick<SessionState, "plan">): void {
    const { checks, scenario, time } = this.#world;
    if (scenario.planChanges === undefined) return;
    const { upstreams: present = [] } = state().plan ?? {};
    for (const { name } of scenario.upstreams) {
      const absences = this.#absences.get(name) ?? [];
      const last = absences.at(-1);
      const away = last?.to === Infinity;
      if (name === SHADOW || away !== present.includes(name)) continue;
      if (away && last) last.to = time.now;
      else this.#absences.set(name, [...absences, { from: time.now, to: Infinity }]);
    }
    for (const name of present) if (this.#left.delete(name)) this.returns += 1;
    this.#hungUp.clear();
    for (const action of actions) {
      this.#does(action);
      if (action.type !== "dial") continue;
      const name = scenario.upstreams[Number(/^up(\d+)\./.exec(action.peer)?.[1] ?? -1)]?.name ?? "";
      if (this.#left.has(name)) checks.fail("plan-left", `${name} takes no part, and is dialled`);
    }
  }

  /** Something of that time was nothing to this upstream: it took no part. */
  missed(name: string, from: number, to: number): boolean {
    return (this.#absences.get(name) ?? []).some((absence) => absence.from <= to && absence.to >= from);
  }

  /** All is quiet. */
  look(call: SimulatedCall): void {
    for (const [name, absences] of this.#absences) {
      const last = absences.at(-1);
      // Who has only just left hears of it by a line that takes its time.
      const absent = last?.to === Infinity && last.from < this.#world.time.now - LEAVES_WITHIN_MS;
      if (absent && call.providers.get(name)?.open.some((one) => !one.holed) === true)
        this.#world.checks.fail("plan-left", `${name} takes no part, and is connected`);
    }
  }
}
