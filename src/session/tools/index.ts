/**
 * Tools that the relay runs itself. A call is made when its answer has ended `completed`, for the listener too, and a snapshot
 * that holds it is durable: what is cancelled, cut, lost to another voice or taken back is never done, and what was done is
 * known to whoever goes on after a death of the object. It is posted under the name of its item, which stays the same: a call
 * whose result died with the object is made again under it. The result is an item of the conversation; when all calls of an
 * answer have theirs, the model that made them is asked to go on.
 */
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Entry } from "../memory/entry.ts";
import type { ResponseRecord } from "../state/response.ts";
import {
  budgetMsOf,
  FAILURES,
  type ToolFailure,
  type ToolPlan,
  type ToolPlans,
  type ToolResult,
} from "../state/tool-plan.ts";
import { CallEvents } from "./call-events.ts";
import { callOf, faultOf, type Call } from "./call.ts";
import { isTalking, silenceLasts } from "./confirming.ts";
import { Offer } from "./offer.ts";
import type { Background, ToolParts } from "./ports.ts";
import { Results } from "./results.ts";

/** A call that is not on record by then is not made. */
const RECORDED_WITHIN_MS = 10_000;
/** The shell answers every call within its budget; one that it lost is given up so long after it. */
const LOST_MS = 2000;

export class Tools {
  readonly #parts: ToolParts;
  readonly #plans: ReadonlyMap<string, ToolPlan>;
  readonly #offer: Offer;
  readonly #events: CallEvents;
  readonly #delegate: string | null;
  readonly #calls = new Map<string, Call>();
  readonly #results: Results;
  /** So many calls were decided, and so many of these are on record. */
  #decided = 0;
  #recorded = 0;
  /** Calls that this life of the session has made. */
  readonly #made = new Set<string>();
  /** Calls that are not made, in the same call of `handle`: an answer may end where nothing is told of it. */
  readonly #unmade: { readonly call: Call; readonly failure: ToolFailure }[] = [];

  constructor(parts: ToolParts, plans: ToolPlans) {
    const { tools = [], background } = plans;
    this.#parts = parts;
    this.#offer = new Offer(plans);
    this.#results = new Results(parts, this.#calls);
    this.#plans = new Map(tools.map((plan) => [plan.name, plan]));
    this.#events = new CallEvents(parts, this.#plans);
    this.#delegate = background?.name ?? null;
  }

  /** A plan has any. */
  static of(parts: ToolParts, plans: ToolPlans): Tools | null {
    return plans.tools || plans.background ? new Tools(parts, plans) : null;
  }

  /** A call is under way, or what it gave is still to be spoken of. */
  get busy(): boolean {
    return this.pending || this.#results.owed;
  }

  /** A call is under way, or a task. */
  get pending(): boolean {
    return this.#calls.size > 0 || this.#parts.background?.busy === true;
  }

  /** An answer will be asked for when a call has what it gave, which is soon. */
  get answersSoon(): boolean {
    return this.#results.owed || [...this.#calls.values()].some(({ name }) => name !== this.#delegate);
  }

  /** One is being run. */
  get running(): boolean {
    return [...this.#calls.values()].some(({ id, name }) => name !== this.#delegate && this.#made.has(id));
  }

  /** What of these a snapshot taken now has on record. */
  get covers(): { readonly calls?: number } {
    return this.#decided === 0 ? {} : { calls: this.#decided };
  }

  /** What a model is told, with the relay's tools beside the session's. */
  offered(config: UpstreamConfig): UpstreamConfig {
    return this.#offer.beside(config);
  }

  /** Who answers a call that is the relay's. @throws ClientError */
  refuseResult(call: Entry | undefined): void {
    this.#offer.refuseResult(call);
  }

  /** An answer is over, for the listener too: of one that was taken back before it was announced nothing comes here. */
  ended(response: ResponseRecord): void {
    if (response.outOfBand) return;
    const calls = response.items.filter(
      ({ kind, status }) => kind === "function_call" && status === "completed",
    );
    const own = calls.filter(({ name }) => this.#offer.has(name));
    const others = calls.filter((item) => !own.includes(item)).map(({ id }) => id);
    for (const item of own) {
      const call = callOf(response, item, others, this.#decided + 1, this.#parts.context.now);
      const failure = faultOf(response, call, this.#calls.size);
      if (failure === null) this.#decide(call);
      else this.#unmade.push({ call, failure });
    }
  }

  #decide(call: Call): void {
    const { context } = this.#parts;
    const confirmMs = this.#plans.get(call.name)?.confirmMs ?? 0;
    if (confirmMs > 0) this.#confirm(call);
    else {
      this.#calls.set(call.id, call);
      context.deadlines.set(`tool:${call.id}`, context.now + RECORDED_WITHIN_MS);
    }
    this.record();
  }

  #confirm(decided: Call): void {
    const call = { ...decided, waits: true, streams: isTalking(this.#parts) } as const;
    this.#calls.set(call.id, call);
    this.#events.tell("confirming", call);
    // Who speaks while its answer is still heard has begun before it.
    if (this.#parts.turns.openItem === null) this.#waited(call);
    else this.#takesBack(call);
  }

  /** Something is decided that is to be on record before it is done. @returns its number */
  record(): number {
    this.#decided += 1;
    this.#parts.context.persistNow();
    return this.#decided;
  }

  isRecorded(number: number): boolean {
    return number <= this.#recorded;
  }

  /** The caller may have been silent for long enough. */
  #waited(call: Call): void {
    const { context } = this.#parts;
    const at = silenceLasts(this.#parts, call, this.#plans.get(call.name)?.confirmMs ?? 0);
    if (at === "no") return this.#takesBack(call);
    context.deadlines.set(`tool:${call.id}`, at ?? context.now + RECORDED_WITHIN_MS);
    if (at !== null) return;
    const { waits: _, streams: _s, ...confirmed } = call;
    this.#calls.set(call.id, confirmed);
  }

  /** The caller speaks, types, or stops the agent: what waits for that is not done. */
  takeBack(): void {
    for (const call of this.#calls.values()) if (call.waits) this.#takesBack(call);
  }

  #takesBack(call: Call): void {
    if (!this.#unmade.some((one) => one.call.id === call.id))
      this.#unmade.push({ call, failure: "taken_back" });
  }

  /** The agent was stopped at the end of everything that happens: what that takes back is told now. */
  stopped(): void {
    this.takeBack();
    this.#tellUnmade();
  }

  /** A client is there again: what waits for the caller's silence waits for all of it. */
  back(): void {
    for (const call of this.#calls.values()) {
      if (!call.waits) continue;
      const anew = { ...call, since: this.#parts.context.now };
      this.#calls.set(call.id, anew);
      this.#waited(anew);
    }
  }

  /** A snapshot is durable that has so many calls on record. */
  recorded(calls: number): void {
    this.#recorded = Math.max(this.#recorded, calls);
  }

  /** At the end of everything that happens: makes the calls that are on record, and asks on where all have results. */
  settle(): void {
    this.#tellUnmade();
    for (const call of this.#calls.values())
      if (call.number <= this.#recorded && !call.waits && !this.#made.has(call.id)) this.#make(call);
    this.#parts.background?.settle();
    this.#results.settle();
  }

  #tellUnmade(): void {
    for (const { call, failure } of this.#unmade.splice(0)) this.#answered(call, { failure });
  }

  #make(call: Call): void {
    const { background, context, conversation } = this.#parts;
    const { id, callId, name, arguments: given } = call;
    const plan = this.#plans.get(name);
    // Taken back by its client before it was made.
    if (conversation.find(id) === undefined) return this.#answered(call, { failure: "taken_back" });
    if (background !== null && name === this.#delegate) return this.#handOn(call, background);
    if (plan === undefined) return this.#answered(call, { failure: "not_offered" });
    this.#begin(call, budgetMsOf(plan) + LOST_MS);
    context.act({ type: "tool", id, callId, name, arguments: given });
  }

  /** The caller need not wait for a task; a duplex model's call has its result when the task has. */
  #handOn(call: Call, background: Background): void {
    this.#begin(call, background.resultMs);
    const result = background.begin(call);
    if (result !== null) this.#answered(call, result);
  }

  #begin(call: Call, withinMs: number): void {
    const { context } = this.#parts;
    this.#made.add(call.id);
    context.deadlines.set(`tool:${call.id}`, context.now + withinMs);
    context.metric("tools_called", 1);
    this.#events.tell("started", call);
  }

  /** The shell has the result of a call. */
  result(id: string, result: ToolResult): void {
    if (this.#calls.has(id)) this.answer(id, result);
    else this.#parts.background?.result(id, result);
  }

  /** A call has its result. */
  answer(id: string, result: ToolResult): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#parts.context.metric("tool_ms", this.#parts.context.now - call.since);
    this.#answered(call, result);
  }

  /** The deadline of a call came. */
  due(id: string): void {
    const call = this.#calls.get(id);
    if (call?.waits) this.#waited(call);
    else if (call) this.#answered(call, { failure: this.#made.has(id) ? "timeout" : "not_recorded" });
  }

  #forget({ id }: Call): void {
    this.#calls.delete(id);
    this.#made.delete(id);
    this.#parts.context.deadlines.clear(`tool:${id}`);
  }

  #answered(given: Call, result: ToolResult): void {
    const { context, conversation } = this.#parts;
    const call = this.#calls.get(given.id) ?? given;
    this.#forget(call);
    const failure = "failure" in result ? result.failure : null;
    if (failure !== null) context.metric("tools_failed", 1);
    this.#events.tell(failure === null ? "completed" : "failed", call, failure);
    // Its client deleted it, or the conversation has forgotten it: no model knows what the result is of.
    const known = conversation.find(call.id) !== undefined;
    if (known)
      this.#results.place(
        call,
        "output" in result ? result.output : FAILURES[result.failure],
        failure === "cut_off",
      );
    if (failure !== "cut_off") this.#results.goOn(call, known);
    context.persist();
  }

  /** An upstream is asked for an answer of the conversation: it knows the results that there are. */
  superseded(stream: number): void {
    this.#results.superseded(stream);
  }

  /** Only where something is under way, or was. */
  snapshot(): { readonly tools?: ToolsSnapshot } {
    if (this.#decided === 0 && !this.#results.owed) return {};
    const due = this.#results.snapshot();
    return { tools: { calls: [...this.#calls.values()], decided: this.#decided, due } };
  }

  /** Whatever a snapshot holds is on record. */
  restore(snapshot: ToolsSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#calls.clear();
    for (const call of snapshot.calls) this.#calls.set(call.id, call);
    this.#decided = snapshot.decided;
    this.#recorded = snapshot.decided;
    this.#results.restore(snapshot.due);
    this.#made.clear();
  }
}

export interface ToolsSnapshot {
  readonly calls: readonly Call[];
  readonly decided: number;
  readonly due: readonly number[];
}
