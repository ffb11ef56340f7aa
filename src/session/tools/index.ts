/**
 * Tools that the relay runs itself. A call is made when its answer has ended `completed`, for the listener too, and a snapshot
 * that holds it is durable: what is cancelled, cut, lost to another voice or taken back is never done, and what was done is
 * known to whoever goes on after a death of the object. It is posted under the name of its item, which stays the same: a call
 * whose result died with the object is made again under it. The result is an item of the conversation; when all calls of an
 * answer have theirs, the model that made them is asked to go on.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { type JsonObject, parseJsonObject } from "../../protocol/json.ts";
import { textModelOf } from "../../upstreams/cascade/text-model.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import { Background, type BackgroundParts, type BackgroundSnapshot } from "../background/index.ts";
import { PARAMETERS } from "../background/told.ts";
import type { BackgroundPlan } from "../state/background-plan.ts";
import type { Entry } from "../memory/conversation.ts";
import type { OutputItem, ResponseRecord } from "../state/response.ts";
import { isTalking, silenceLasts, type ConfirmingParts } from "./confirming.ts";
import { placeItem } from "./place-item.ts";
import {
  asFunction,
  budgetMsOf,
  FAILURES,
  type ToolFailure,
  type ToolPlan,
  type ToolPlans,
  type ToolResult,
} from "../state/tool-plan.ts";

/** Those of a background mind, if there is one, are all that is needed, but for what confirms a call. */
type ToolParts = BackgroundParts & ConfirmingParts;

/** A call that has to be made, or whose result is waited for. */
export interface Call {
  /** Its item, which names it everywhere. */
  readonly id: string;
  /** As its model calls it. */
  readonly callId: string;
  readonly name: string;
  readonly arguments: string;
  readonly response: string;
  readonly stream: number;
  /** Calls of the same answer that are the client's to answer. */
  readonly others: readonly string[];
  /** Of all calls of the session, from 1. */
  readonly number: number;
  readonly since: number;
  /** The caller may still take it back. */
  readonly waits?: true;
  /** When it began to wait its client was sending already, in push to talk: that says nothing. */
  readonly streams?: boolean;
  /** Another call of its answer has a result, of which nothing was said yet. */
  readonly told?: boolean;
}

/** Calls under way at once; one more is not made. */
const MOST_CALLS = 16;
/** A call that is not on record by then is not made. */
const RECORDED_WITHIN_MS = 10_000;
/** The shell answers every call within its budget; one that it lost is given up so long after it. */
const LOST_MS = 2000;

export class Tools {
  readonly #parts: ToolParts;
  readonly #plans: ReadonlyMap<string, ToolPlan>;
  /** What models are offered: the background mind's too. */
  readonly #offered: ReadonlyMap<string, JsonObject>;
  readonly #delegate: string | null;
  /** Works on what speakers hand on; null: the plan has none. */
  readonly background: Background | null;
  #calls = new Map<string, Call>();
  /** So many calls were decided, and so many of these are on record. */
  #decided = 0;
  #recorded = 0;
  /** Calls that this life of the session has made. */
  readonly #made = new Set<string>();
  /** Calls that are not made, in the same call of `handle`: an answer may end where nothing is told of it. */
  readonly #unmade: { readonly call: Call; readonly failure: ToolFailure }[] = [];
  /** Upstreams that are to go on: all their calls have results. */
  #due = new Set<number>();

  constructor(parts: ToolParts, { tools = [], background }: ToolPlans) {
    this.#parts = parts;
    this.#plans = new Map(tools.map((plan) => [plan.name, plan]));
    const offered = tools.map((plan) => [plan.name, asFunction(plan)] as const);
    this.#offered = new Map(background ? [...offered, [background.name, asDelegate(background)]] : offered);
    this.#delegate = background?.name ?? null;
    this.background =
      background === undefined
        ? null
        : new Background(parts, background, textModelOf(background.text), tools, {
            record: () => this.#record(),
            isRecorded: (number) => number <= this.#recorded,
            answer: (id, result) => this.#result(id, result),
          });
  }

  /** A plan has any. */
  static of(parts: ToolParts, plans: ToolPlans): Tools | null {
    return plans.tools || plans.background ? new Tools(parts, plans) : null;
  }

  /** A call is under way, or what it gave is still to be spoken of. */
  get busy(): boolean {
    return this.pending || this.#due.size > 0;
  }

  /** A call is under way, or a task. */
  get pending(): boolean {
    return this.#calls.size > 0 || this.background?.busy === true;
  }

  /** An answer will be asked for when a call has what it gave, which is soon. */
  get answersSoon(): boolean {
    return this.#due.size > 0 || [...this.#calls.values()].some(({ name }) => name !== this.#delegate);
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
    if (config.kind === "transcription") return config;
    // A name that stood in the session before the route had it is the route's.
    const others = config.tools.filter(({ name }) => typeof name !== "string" || !this.#offered.has(name));
    return { ...config, tools: [...others, ...this.#offered.values()] };
  }

  /** Who answers a call that is the relay's. @throws ClientError */
  refuseResult(call: Entry | undefined): void {
    const name = call?.item["name"];
    if (call === undefined || call.origin === null || typeof name !== "string" || !this.#offered.has(name))
      return;
    const message = `The relay runs '${name}' and answers its calls itself.`;
    throw new ClientError("tool_run_by_relay", message, "item.call_id");
  }

  /** An answer is over, for the listener too: of one that was taken back before it was announced nothing comes here. */
  ended(response: ResponseRecord): void {
    if (response.outOfBand) return;
    const calls = response.items.filter(
      ({ kind, status }) => kind === "function_call" && status === "completed",
    );
    const own = calls.filter(({ name }) => this.#offered.has(name));
    const others = calls.filter((item) => !own.includes(item)).map(({ id }) => id);
    for (const item of own) {
      const call = this.#callOf(response, item, others);
      const failure = this.#faultOf(response, call);
      if (failure === null) this.#decide(call);
      else this.#unmade.push({ call, failure });
    }
  }

  #callOf(response: ResponseRecord, item: OutputItem, others: readonly string[]): Call {
    const { id, callId, name, arguments: given } = item;
    const { stream } = response;
    const since = this.#parts.context.now;
    return {
      id,
      callId,
      name,
      arguments: given,
      response: response.id,
      stream,
      others,
      number: this.#decided + 1,
      since,
    };
  }

  /** Why it is not made at all. */
  #faultOf(response: ResponseRecord, call: Call): ToolFailure | null {
    if (response.phase !== "completed") return "cut_off";
    if (parseJsonObject(call.arguments) === null) return "invalid_arguments";
    return this.#calls.size >= MOST_CALLS ? "too_many" : null;
  }

  #decide(call: Call): void {
    const { context } = this.#parts;
    const confirmMs = this.#plans.get(call.name)?.confirmMs ?? 0;
    if (confirmMs > 0) this.#confirm(call);
    else {
      this.#calls.set(call.id, call);
      context.deadlines.set(`tool:${call.id}`, context.now + RECORDED_WITHIN_MS);
    }
    this.#record();
  }

  #confirm(decided: Call): void {
    const call = { ...decided, waits: true, streams: isTalking(this.#parts) } as const;
    this.#calls.set(call.id, call);
    this.#tell("confirming", call);
    // Who speaks while its answer is still heard has begun before it.
    if (this.#parts.turns.openItem === null) this.#waited(call);
    else this.#takesBack(call);
  }

  /** Something is decided that is to be on record before it is done. @returns its number */
  #record(): number {
    this.#decided += 1;
    this.#parts.context.persistNow();
    return this.#decided;
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
    this.background?.settle();
    if (this.#due.size === 0 || !this.#parts.port.live) return;
    for (const stream of this.#due) if (this.#parts.asking.goOn(stream)) this.#due.delete(stream);
  }

  #tellUnmade(): void {
    for (const { call, failure } of this.#unmade.splice(0)) this.#answered(call, { failure });
  }

  #make(call: Call): void {
    const { context, conversation } = this.#parts;
    const { id, callId, name, arguments: given } = call;
    const plan = this.#plans.get(name);
    // Taken back by its client before it was made.
    if (conversation.find(id) === undefined) return this.#answered(call, { failure: "taken_back" });
    if (this.background !== null && name === this.#delegate) return this.#handOn(call, this.background);
    if (plan === undefined) return this.#answered(call, { failure: "not_offered" });
    this.#made.add(id);
    context.deadlines.set(`tool:${id}`, context.now + budgetMsOf(plan) + LOST_MS);
    context.metric("tools_called", 1);
    this.#tell("started", call);
    context.act({ type: "tool", id, callId, name, arguments: given });
  }

  /** The caller need not wait for a task; a duplex model's call has its result when the task has. */
  #handOn(call: Call, background: Background): void {
    const { context } = this.#parts;
    this.#made.add(call.id);
    context.metric("tools_called", 1);
    this.#tell("started", call);
    context.deadlines.set(`tool:${call.id}`, context.now + background.resultMs);
    const result = background.begin(call);
    if (result !== null) this.#answered(call, result);
  }

  /** The shell has the result of a call. */
  result(id: string, result: ToolResult): void {
    if (this.#calls.has(id)) this.#result(id, result);
    else this.background?.result(id, result);
  }

  #result(id: string, result: ToolResult): void {
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
    this.#tell(failure === null ? "completed" : "failed", call, failure);
    // Its client deleted it, or the conversation has forgotten it: no model knows what the result is of.
    const known = conversation.find(call.id) !== undefined;
    if (known)
      this.#insert(
        call,
        "output" in result ? result.output : FAILURES[result.failure],
        failure === "cut_off",
      );
    if (failure !== "cut_off") this.#goesOn(call, known);
    context.persist();
  }

  /** The model is asked to go on when all calls of its answer that are still there have results, if there is any. */
  #goesOn({ response, stream, others, told = false }: Call, known: boolean): void {
    const open = [...this.#calls.values()].filter((one) => one.response === response);
    const any = told || known;
    if (open.length > 0 && any) for (const one of open) this.#calls.set(one.id, { ...one, told: true });
    else if (open.length === 0 && any && this.#haveResults(others)) this.#due.add(stream);
  }

  /** Calls that are the client's: it asks for the rest itself when it has answered the last of them that is still there. */
  #haveResults(calls: readonly string[]): boolean {
    const { conversation } = this.#parts;
    return calls.every(
      (id) =>
        conversation.find(id) === undefined || conversation.entries.some(({ answers }) => answers === id),
    );
  }

  /** @param quietly nobody is dialled for it. */
  #insert({ id, callId, stream }: Call, output: string, quietly: boolean): void {
    // Providers refuse JSON in which a character is halved.
    const item = { type: "function_call_output", call_id: callId, output: output.toWellFormed() };
    placeItem(this.#parts, stream, item, { answers: id, quietly });
  }

  #tell(
    what: "confirming" | "started" | "completed" | "failed",
    { id, callId, name, response, since }: Call,
    reason: ToolFailure | null = null,
  ): void {
    const { context, port } = this.#parts;
    const about = { response_id: response, item_id: id, call_id: callId, name };
    const plan = this.#plans.get(name);
    const ended = { after_ms: Math.round(context.now - since) };
    const waiting = what === "confirming" ? { confirm_ms: plan?.confirmMs ?? 0 } : {};
    const after = what === "started" || what === "confirming" ? waiting : ended;
    port.tell({ type: `relay.tool.${what}`, ...about, ...after, ...(reason !== null && { reason }) });
  }

  /** An upstream is asked for an answer of the conversation: it knows the results that there are. */
  superseded(stream: number): void {
    this.#due.delete(stream);
    for (const call of this.#calls.values())
      if (call.told === true && call.stream === stream) this.#calls.set(call.id, { ...call, told: false });
  }

  /** Only where something is under way, or was. */
  snapshot(): { readonly tools?: ToolsSnapshot } {
    if (this.#decided === 0 && this.#due.size === 0) return {};
    const own = { calls: [...this.#calls.values()], decided: this.#decided, due: [...this.#due] };
    return { tools: { ...own, ...(this.background && { background: this.background.snapshot() }) } };
  }

  /** Whatever a snapshot holds is on record. */
  restore(snapshot: ToolsSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#calls = new Map(snapshot.calls.map((call) => [call.id, call]));
    this.#decided = snapshot.decided;
    this.#recorded = snapshot.decided;
    this.#due = new Set(snapshot.due);
    this.#made.clear();
    // One that is no call's own result is known by its task: it is not handed on again.
    if (snapshot.background) this.background?.restore(snapshot.background);
  }
}

function asDelegate({ name, description }: BackgroundPlan): JsonObject {
  return { type: "function", name, description, parameters: PARAMETERS };
}

export interface ToolsSnapshot {
  readonly calls: readonly Call[];
  readonly decided: number;
  readonly due: readonly number[];
  readonly background?: BackgroundSnapshot;
}
