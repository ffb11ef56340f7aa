/**
 * Tools that the relay runs itself. A call is made when its answer has ended `completed`, for the listener too, and a snapshot
 * that holds it is durable: what is cancelled, cut, lost to another voice or taken back is never done, and what was done is
 * known to whoever goes on after a death of the object. It is posted under the name of its item, which stays the same: a call
 * whose result died with the object is made again under it. The result is an item of the conversation; when all calls of an
 * answer have theirs, the model that made them is asked to go on.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { Conversation, Entry } from "../memory/conversation.ts";
import type { Asking } from "../output/asking.ts";
import type { OutputItem, ResponseRecord } from "../output/response.ts";
import type { Voices } from "../plan/voices.ts";
import { silenceLasts, type ConfirmingParts } from "./confirming.ts";
import {
  asFunction,
  budgetMsOf,
  FAILURES,
  type ToolFailure,
  type ToolPlan,
  type ToolResult,
} from "./plan.ts";

/** Read when it is asked for: some of these parts are made later. */
interface ToolParts extends ConfirmingParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly links: readonly Link[];
  readonly voices: Pick<Voices, "one" | "knowsAll">;
  readonly asking: Pick<Asking, "goOn">;
}

/** A call that has to be made, or whose result is waited for. */
interface Call {
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

  constructor(parts: ToolParts, plans: readonly ToolPlan[]) {
    this.#parts = parts;
    this.#plans = new Map(plans.map((plan) => [plan.name, plan]));
  }

  /** A call is under way, or what it gave is still to be spoken of. */
  get busy(): boolean {
    return this.pending || this.#due.size > 0;
  }

  /** A call is under way. */
  get pending(): boolean {
    return this.#calls.size > 0;
  }

  /** One is being run. */
  get running(): boolean {
    return this.#made.size > 0;
  }

  /** What of these a snapshot taken now has on record. */
  get covers(): { readonly calls?: number } {
    return this.#decided === 0 ? {} : { calls: this.#decided };
  }

  /** What a model is told, with the relay's tools beside the session's. */
  offered(config: UpstreamConfig): UpstreamConfig {
    if (config.kind === "transcription") return config;
    // A name that stood in the session before the route had it is the route's.
    const others = config.tools.filter(({ name }) => typeof name !== "string" || !this.#plans.has(name));
    return { ...config, tools: [...others, ...[...this.#plans.values()].map(asFunction)] };
  }

  /** Who answers a call that is the relay's. @throws ClientError */
  refuseResult(call: Entry | undefined): void {
    const name = call?.item["name"];
    if (call === undefined || call.origin === null || typeof name !== "string" || !this.#plans.has(name))
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
    const own = calls.filter(({ name }) => this.#plans.has(name));
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
    this.#decided += 1;
    this.#calls.set(call.id, confirmMs > 0 ? { ...call, waits: true } : call);
    if (confirmMs === 0) context.deadlines.set(`tool:${call.id}`, context.now + RECORDED_WITHIN_MS);
    else {
      this.#tell("confirming", call);
      // Who speaks while its answer is still heard has begun before it.
      if (this.#parts.turns.openItem === null) this.#waited({ ...call, waits: true });
      else this.#unmade.push({ call, failure: "taken_back" });
    }
    context.persistNow();
  }

  /** The caller may have been silent for long enough. */
  #waited(call: Call): void {
    const { context } = this.#parts;
    const at = silenceLasts(this.#parts, call.since, this.#plans.get(call.name)?.confirmMs ?? 0);
    context.deadlines.set(`tool:${call.id}`, at ?? context.now + RECORDED_WITHIN_MS);
    if (at !== null) return;
    const { waits: _, ...confirmed } = call;
    this.#calls.set(call.id, confirmed);
  }

  /** The caller speaks, types, or stops the agent: what waits for that is not done. */
  takeBack(): void {
    for (const call of this.#calls.values())
      if (call.waits && !this.#unmade.some((one) => one.call.id === call.id))
        this.#unmade.push({ call, failure: "taken_back" });
  }

  /** A snapshot is durable that has so many calls on record. */
  recorded(calls: number): void {
    this.#recorded = Math.max(this.#recorded, calls);
  }

  /** At the end of everything that happens: makes the calls that are on record, and asks on where all have results. */
  settle(): void {
    for (const { call, failure } of this.#unmade.splice(0)) this.#answered(call, { failure });
    for (const call of this.#calls.values())
      if (call.number <= this.#recorded && !call.waits && !this.#made.has(call.id)) this.#make(call);
    if (this.#due.size === 0 || !this.#parts.port.live) return;
    for (const stream of this.#due) if (this.#parts.asking.goOn(stream)) this.#due.delete(stream);
  }

  #make(call: Call): void {
    const { context, conversation } = this.#parts;
    const { id, callId, name, arguments: given } = call;
    const plan = this.#plans.get(name);
    // Taken back by its client before it was made.
    if (conversation.find(id) === undefined) return this.#forget(call);
    if (plan === undefined) return this.#answered(call, { failure: "not_offered" });
    this.#made.add(id);
    context.deadlines.set(`tool:${id}`, context.now + budgetMsOf(plan) + LOST_MS);
    context.metric("tools_called", 1);
    this.#tell("started", call);
    context.act({ type: "tool", id, callId, name, arguments: given });
  }

  /** The shell has the result of a call. */
  result(id: string, result: ToolResult): void {
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

  #answered(call: Call, result: ToolResult): void {
    const { context, conversation } = this.#parts;
    this.#forget(call);
    const failure = "failure" in result ? result.failure : null;
    if (failure !== null) context.metric("tools_failed", 1);
    this.#tell(failure === null ? "completed" : "failed", call, failure);
    // Its client deleted it, or the conversation has forgotten it: no model knows what the result is of.
    if (conversation.find(call.id) === undefined) return;
    this.#insert(call, "output" in result ? result.output : FAILURES[result.failure], failure === "cut_off");
    const more = [...this.#calls.values()].some(({ response }) => response === call.response);
    if (failure !== "cut_off" && !more && this.#haveResults(call.others)) this.#due.add(call.stream);
    context.persist();
  }

  /** Calls that are the client's: it asks for the rest itself when it has answered the last of them. */
  #haveResults(calls: readonly string[]): boolean {
    const { entries } = this.#parts.conversation;
    return calls.every((id) => entries.some(({ answers }) => answers === id));
  }

  /** @param quietly nobody is dialled for it. */
  #insert(call: Call, output: string, quietly: boolean): void {
    const { context, conversation, links, port, voices } = this.#parts;
    const id = conversation.unused(() => context.newId("item"));
    const item = {
      id,
      object: "realtime.item",
      type: "function_call_output",
      status: "completed",
      call_id: call.callId,
      output,
    };
    const receivers = links.filter(({ index }) => voices.knowsAll(index) || index === call.stream);
    // A lost upstream is told the conversation when it is dialled: before this item is part of it.
    if (!quietly) for (const link of receivers) link.ensure();
    const entry = { item, origin: null, growing: false, truncatedMs: null, audioMs: 0, answers: call.id };
    const previous = conversation.insert(entry);
    context.uncaused(() => {
      for (const link of receivers) link.command({ type: "item", item, previousItemId: null });
    });
    for (const what of ["added", "done"])
      port.emit({ type: `conversation.item.${what}`, previous_item_id: previous, item });
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
  }

  /** Only where something is under way, or was. */
  snapshot(): { readonly tools?: ToolsSnapshot } {
    if (this.#decided === 0 && this.#due.size === 0) return {};
    return { tools: { calls: [...this.#calls.values()], decided: this.#decided, due: [...this.#due] } };
  }

  /** Whatever a snapshot holds is on record. */
  restore(snapshot: ToolsSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#calls = new Map(snapshot.calls.map((call) => [call.id, call]));
    this.#decided = snapshot.decided;
    this.#recorded = snapshot.decided;
    this.#due = new Set(snapshot.due);
    this.#made.clear();
  }
}

export interface ToolsSnapshot {
  readonly calls: readonly Call[];
  readonly decided: number;
  readonly due: readonly number[];
}
