/**
 * Who takes part now, in which order and by which strategy: the route's plan, until `relay.plan.update` changes it in the
 * middle of a call. What is under way is finished as it was asked for; the next question is asked by the new plan. Who leaves
 * is hung up when nothing of it is under way; who comes is dialled, and told the conversation like any connection that is new.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { Context } from "../context.ts";
import { oneVoiceBy, strategyOf } from "./index.ts";
import type { ClientPort, Link, Recovery, Responses, Rounds } from "./ports.ts";
import type { Plan } from "../state/plan.ts";
import type { Strategy } from "../state/strategy.ts";
import type { PlanNow, PlanGiven } from "../state/plan-now.ts";

/** Read when they are asked for: some of these parts are made later. */
interface CastParts<L extends Link> {
  readonly context: Context;
  readonly port: ClientPort;
  readonly speakers: readonly L[];
  readonly responses: Responses;
  readonly rounds: Rounds;
  readonly recovery: Recovery;
}

/** Who leaves is waited for so long, for the end and the cost of what was cancelled there. */
const ENDS_WITHIN_MS = 2000;

/** Of links as whoever joins the parts knows them: they are handed on. */
export class Cast<L extends Link> {
  readonly #parts: CastParts<L>;
  readonly #plan: Plan;
  #strategy: Strategy;
  /** Null: the route's. */
  #now: PlanNow | null = null;
  /** Of these; null: all. */
  #present: readonly L[] | null = null;

  constructor(parts: CastParts<L>, plan: Plan) {
    this.#parts = parts;
    this.#plan = plan;
    this.#strategy = strategyOf(plan);
  }

  get strategy(): Strategy {
    return this.#strategy;
  }

  /** Upstreams that are heard and take part, in the order in which they are asked. */
  get present(): readonly L[] {
    return this.#present ?? this.#parts.speakers;
  }

  /** The one whose words of the caller count, and whose verdict on the configuration. */
  get primary(): L | undefined {
    const { speakers } = this.#parts;
    return speakers.find(({ presence }) => presence !== "away") ?? speakers[0];
  }

  /** What holds; null: the route's upstreams are no one voice, and that cannot change. */
  get shown(): PlanNow | null {
    const { strategy } = this.#plan;
    if (strategy === undefined) return null;
    const hedge = strategy.name === "hedge" ? { hedge_ms: strategy.hedgeMs } : {};
    return this.#now ?? { strategy: strategy.name, ...hedge, upstreams: namesOf(this.#parts.speakers) };
  }

  /**
   * @param check whether all that changes may be changed.
   * @throws ClientError naming the field; nothing changes then.
   */
  update(given: PlanGiven, check: (before: PlanNow, after: PlanNow) => void): void {
    const { context, port } = this.#parts;
    const before = this.shown;
    if (before === null)
      throw refused("plan_not_changeable", "plan", "the upstreams of this route are not one voice");
    const after = this.#read(given, before);
    check(before, after);
    this.#hold(after);
    const came = this.present.filter(join);
    if (port.connected) for (const link of came) link.ensure();
    context.metric("plan_updates", 1);
    port.tell({ type: "relay.plan.updated", plan: { ...after, upstreams: [...after.upstreams] } });
    context.persistNow();
  }

  /** @throws ClientError */
  #read({ strategy, hedge_ms, upstreams: given }: PlanGiven, before: PlanNow): PlanNow {
    const upstreams = given ?? before.upstreams;
    const known = namesOf(this.#parts.speakers);
    if (strategy === "hedge" && hedge_ms === undefined)
      throw refused("missing_required_parameter", "plan.hedge_ms", "'hedge' needs it");
    if (strategy !== "hedge" && hedge_ms !== undefined)
      throw refused("invalid_value", "plan.hedge_ms", "it belongs to 'hedge'");
    const strange = upstreams.findIndex((name, at) => !known.includes(name) || upstreams.indexOf(name) < at);
    if (strange >= 0)
      throw refused(
        "invalid_value",
        `plan.upstreams[${strange}]`,
        `expected upstreams of the route, each once: ${known.join(", ")}`,
      );
    const fits = strategy === "single" ? upstreams.length === 1 : upstreams.length > 1;
    if (!fits) {
      const many = strategy === "single" ? "one upstream" : "two upstreams or more";
      throw refused("invalid_value", "plan.upstreams", `'${strategy}' has ${many}`);
    }
    return { strategy, ...(hedge_ms !== undefined && { hedge_ms }), upstreams };
  }

  #hold(now: PlanNow): void {
    const { strategy: name, hedge_ms: hedgeMs = 0 } = now;
    this.#now = now;
    this.#strategy = oneVoiceBy(name === "hedge" ? { name, hedgeMs } : { name });
    const { speakers } = this.#parts;
    this.#present = now.upstreams.flatMap((name) => speakers.filter((link) => link.name === name));
  }

  /** Hangs up who takes no part any more, as soon as it owes nothing that it was asked for before. */
  settle(): void {
    if (this.#present === null) return;
    for (const link of this.#parts.speakers) {
      if (link.presence === "away" || this.#present.includes(link) || !this.#finished(link)) continue;
      link.presence = "away";
      if (!link.park("left")) link.hangUp();
      this.#parts.context.metric("upstreams_left", 1, link.name);
    }
  }

  #finished(link: Link): boolean {
    const { context, recovery, responses, rounds } = this.#parts;
    const { index } = link;
    if (responses.busy(index) || rounds.mayAsk(index) || recovery.owes(index)) return false;
    const endsAt = (responses.ends.since(link) ?? Number.NEGATIVE_INFINITY) + ENDS_WITHIN_MS;
    if (endsAt <= context.now) return true;
    context.deadlines.set("cast", endsAt);
    return false;
  }

  /** Only where it is not the route's. */
  snapshot(): { readonly cast?: PlanNow } {
    return this.#now === null ? {} : { cast: this.#now };
  }

  /** What names an upstream that the route has not any more is none: the route's own holds. */
  restore(now: PlanNow | undefined): void {
    const known = namesOf(this.#parts.speakers);
    if (now !== undefined && this.shown !== null && now.upstreams.every((name) => known.includes(name)))
      this.#hold(now);
  }

  /** The links are restored as well. */
  restored(): void {
    for (const link of this.present) join(link);
  }
}

/** Whatever dials the others dials it again. @returns whether it took no part. */
function join(link: Link): boolean {
  const came = link.presence === "away";
  if (came) link.presence = "back";
  return came;
}

function namesOf(links: readonly Link[]): readonly string[] {
  return links.map(({ name }) => name);
}

function refused(code: string, param: string, what: string): ClientError {
  return new ClientError(code, `Invalid '${param}': ${what}.`, param);
}
