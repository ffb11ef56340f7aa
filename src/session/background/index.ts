/**
 * The background mind: a text model that works on what a speaker hands on while the voice goes on talking. A task begins when its
 * call is on record (`tools/index.ts`), and its speaker is told at once that it is under way. What comes of it waits for a
 * gap, is told as an item and spoken of, once; what is called off, done anew or too late is dropped. Calls of tools that the text
 * model wants are made when they are on record, under names that stay the same, as those of speakers are.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { parseJsonObject } from "../../protocol/json.ts";
import type { TextModel } from "../../upstreams/cascade/text-model.ts";
import type { ToolCall } from "../../upstreams/cascade/text-stream.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { UpstreamInput } from "../links/channel-peers.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Asking } from "../output/asking.ts";
import type { Call } from "../tools/index.ts";
import { placeItem, type PlacingParts } from "../tools/place-item.ts";
import {
  asFunction,
  budgetMsOf,
  FAILURES as TOOL_FAILURES,
  type ToolPlan,
  type ToolResult,
} from "../state/tool-plan.ts";
import { Gap, type GapParts } from "./gap.ts";
import {
  CALLED_OFF,
  type DropReason,
  droppedText,
  FAILURES,
  itemText,
  LAST_WISH,
  NO_TASK,
  type TaskFailure,
  TOO_MANY,
  UNDER_WAY,
  wellCut,
} from "./told.ts";
import type { BackgroundPlan } from "../state/background-plan.ts";
import { isOver, type Task, type Wanted } from "./task.ts";
import { type Outcome, Thinking, THINKS, type ThinkingSnapshot } from "./thinking.ts";
import { askedOf } from "./transcript.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface BackgroundParts extends PlacingParts, GapParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly links: readonly Link[];
  readonly asking: Pick<Asking, "goOn">;
}

export interface BackgroundHost {
  /** Something is to be on record before it is done. @returns its number */
  record(): number;
  isRecorded(number: number): boolean;
  /** A call that was not answered at once has its result. */
  answer(id: string, result: ToolResult): void;
}

/** Requests of one task that may bring calls; the next one is told to write. */
const MOST_ROUNDS = 4;
/** Calls of one request; what is beyond is not made. */
const MOST_CALLS = 4;
const MOST_TASK = 8192;
const MOST_ARGUMENTS = 8192;
/** Of what a tool gave the text model, which is told it with every request of the task. */
const MOST_OUTPUT = 8192;
/** All that the text model is told of a task, as JSON: it is in every snapshot, and in every request. */
const MOST_TOLD = 196_608;
/** Notes of dropped tasks that wait to be put into the conversation; the oldest are given up. */
const MOST_UNSAID = 8;
/** Calls that are not on record by then are not made; their results are waited for so much longer than their budget. */
const RECORDED_WITHIN_MS = 10_000;
const LOST_MS = 2000;

export class Background {
  readonly #parts: BackgroundParts;
  readonly #host: BackgroundHost;
  readonly #plan: BackgroundPlan;
  readonly #tools: ReadonlyMap<string, ToolPlan>;
  readonly #thinking: Thinking;
  readonly #gap: Gap;
  #tasks = new Map<string, Task>();
  /** What speakers are to know of tasks that were dropped: in the middle of an answer it would stand before its end. */
  #unsaid: Unsaid[] = [];
  /** Calls that this life of the session has made for tasks. */
  readonly #made = new Set<string>();

  constructor(
    parts: BackgroundParts,
    plan: BackgroundPlan,
    model: TextModel,
    tools: readonly ToolPlan[],
    host: BackgroundHost,
  ) {
    this.#parts = parts;
    this.#plan = plan;
    this.#host = host;
    this.#tools = new Map(
      tools.filter(({ name }) => plan.tools.includes(name)).map((tool) => [tool.name, tool]),
    );
    this.#gap = new Gap(parts);
    this.#thinking = new Thinking(parts.context, model, {
      writes: (id) => this.#progress(id, "writing"),
      ended: (id, outcome) => this.#answered(id, outcome),
    });
  }

  /** A task is under way, or what came of one waits to be told. */
  get busy(): boolean {
    return this.#tasks.size > 0;
  }

  /** Its call is on record. @returns what its speaker is told at once; null: its result, when it is there */
  begin(call: Call): ToolResult | null {
    const { context, conversation, links, port } = this.#parts;
    // Its session was restored.
    if (this.#tasks.has(call.id)) return null;
    const duplex = links[call.stream]?.capabilities.turns === "none";
    const given = parseJsonObject(call.arguments);
    const text = taskOf(given?.["task"]) || taskOf(given?.["request"]) || (duplex ? LAST_WISH : "");
    if (text === "") return { output: NO_TASK };
    for (const other of duplex ? [] : this.#tasks.values())
      if (other.stream === call.stream && other.text === text) this.#drop(other, "superseded");
    if (this.#tasks.size >= this.#plan.atOnce) return { output: TOO_MANY };
    const urgent = given?.["urgent"] === true;
    const { id, callId, response, stream } = call;
    const asked = { id, callId, response, stream, text, urgent, duplex, since: context.now };
    const entries = askedOf(text, conversation.entries, id);
    const begun = { entries, round: 0, again: false, wanted: [], record: 0, result: null, failure: null };
    this.#tasks.set(id, { ...asked, ...begun });
    context.deadlines.set(`mind:${id}:stale`, context.now + this.#plan.staleMs);
    context.metric("delegations", 1);
    port.tell({ ...about("started", asked), response_id: response, call_id: callId, task: text, urgent });
    return duplex ? null : { output: UNDER_WAY };
  }

  /** How long a call that is not answered at once may take. */
  get resultMs(): number {
    return this.#plan.staleMs + LOST_MS;
  }

  /** At the end of everything that happens: asks, makes calls, and tells what may be told now. */
  settle(): void {
    if (this.#unsaid.length > 0 && this.#gap.urgent)
      for (const { stream, text } of this.#unsaid.splice(0)) this.#note(stream, text, true);
    if (this.#tasks.size === 0) return;
    for (const task of this.#tasks.values()) {
      if (isOver(task)) continue;
      if (task.wanted.length > 0) this.#call(task);
      else if (!this.#thinking.runs(task.id)) this.#ask(task);
    }
    this.#tell();
  }

  #ask(task: Task): void {
    const tools = [...this.#tools.values()].map(asFunction);
    const calls = task.round < MOST_ROUNDS;
    const { instructions } = this.#plan;
    this.#progress(task.id, "asked");
    this.#thinking.ask(task.id, { instructions, entries: task.entries, tools, calls });
  }

  input(input: UpstreamInput): void {
    this.#thinking.input(input);
  }

  /** The text model has answered, or failed. */
  #answered(id: string, outcome: Outcome): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if ("failure" in outcome) {
      const { failure, error, again } = outcome;
      // Asked once more when everything else of this moment is done.
      if (again && !task.again) task.again = true;
      else this.#end(task, null, failure, error);
    } else if (outcome.calls.length > 0 && task.round < MOST_ROUNDS) this.#want(task, outcome);
    else if (outcome.text === "") this.#end(task, null, "nothing");
    else this.#end(task, outcome.text.toWellFormed(), null);
  }

  /** Calls of tools that it wants made: when a snapshot that holds them is durable. */
  #want(task: Task, { text, calls }: Extract<Outcome, { readonly calls: unknown }>): void {
    const { context } = this.#parts;
    task.round += 1;
    task.again = false;
    const wanted = calls.slice(0, MOST_CALLS).map((call, at) => this.#wantedOf(task, call, at));
    const said: Task["entries"] = text === "" ? [] : [{ kind: "said", text, marks: [] }];
    task.entries = [
      ...task.entries,
      ...said,
      ...wanted.map(({ callId, name, arguments: args }, at) => {
        const extra = calls[at]?.extra;
        return { kind: "call" as const, callId, name, args, ...(extra && { extra }) };
      }),
    ];
    if (isTooMuch(task.entries)) return this.#end(task, null, "too_large");
    task.wanted = wanted;
    task.record = this.#host.record();
    context.deadlines.set(`mind:${task.id}:call`, context.now + RECORDED_WITHIN_MS);
  }

  #wantedOf({ id, round }: Task, { name, args }: ToolCall, at: number): Wanted {
    const offered = this.#tools.has(name);
    const given = args.trim() === "" ? "{}" : args;
    const isObject = given.length <= MOST_ARGUMENTS && parseJsonObject(given) !== null;
    const refusal = offered ? TOOL_FAILURES.invalid_arguments : TOOL_FAILURES.not_offered;
    return {
      id: `${id}_${round}_${at + 1}`,
      callId: `call_${round}_${at + 1}`,
      name,
      arguments: isObject ? given : "{}",
      output: offered && isObject ? null : refusal,
    };
  }

  #call(task: Task): void {
    const { context } = this.#parts;
    if (this.#host.isRecorded(task.record))
      for (const { id, callId, name, arguments: given, output } of task.wanted) {
        if (output !== null || this.#made.has(id)) continue;
        this.#made.add(id);
        const tool = this.#tools.get(name);
        const budgetMs = tool === undefined ? 0 : budgetMsOf(tool);
        const until = context.deadlines.get(`mind:${task.id}:call`) ?? 0;
        context.deadlines.set(`mind:${task.id}:call`, Math.max(until, context.now + budgetMs + LOST_MS));
        context.metric("tools_called", 1);
        this.#progress(task.id, "calls", name);
        context.act({ type: "tool", id, callId, name, arguments: given });
      }
    if (task.wanted.every(({ output }) => output !== null)) this.#goOn(task);
  }

  /** The calls of a task have what they gave. */
  #goOn(task: Task): void {
    for (const { id } of task.wanted) this.#made.delete(id);
    const results = task.wanted.map(({ callId, output }) => {
      return { kind: "result" as const, callId, output: wellCut(output ?? "", MOST_OUTPUT) };
    });
    task.entries = [...task.entries, ...results];
    task.wanted = [];
    this.#parts.context.deadlines.clear(`mind:${task.id}:call`);
    if (isTooMuch(task.entries)) this.#end(task, null, "too_large");
    else this.#ask(task);
  }

  /** The shell has the result of a call. */
  result(id: string, result: ToolResult): void {
    for (const { wanted } of this.#tasks.values())
      for (const one of wanted)
        if (one.id === id && one.output === null)
          one.output = "output" in result ? result.output : TOOL_FAILURES[result.failure];
    this.#parts.context.persist();
  }

  #end(task: Task, result: string | null, failure: TaskFailure | null, error?: UpstreamFault): void {
    const { context, port } = this.#parts;
    task.result = result;
    task.failure = failure;
    // They are told in the order of their ends.
    this.#tasks.delete(task.id);
    this.#tasks.set(task.id, task);
    const after_ms = Math.round(context.now - task.since);
    context.metric("delegation_ms", after_ms);
    if (failure === null) port.tell({ ...about("done", task), after_ms });
    else {
      context.metric("delegations_failed", 1);
      const why = error && { error: { code: error.code, message: error.message } };
      port.tell({ ...about("failed", task), after_ms, reason: failure, ...why });
    }
    context.persist();
  }

  /** What waits to be told: what is urgent first, then what was over first. */
  #tell(): void {
    const over = [...this.#tasks.values()].filter(isOver);
    for (const task of over) if (task.duplex) this.#return(task);
    const waiting = over.filter(({ duplex }) => !duplex);
    const silent = this.#plan.announce ? [] : waiting;
    for (const task of silent) if (this.#gap.urgent) this.#place(task, "silent");
    const spoken = this.#plan.announce ? waiting : [];
    const urgent = spoken.find((task) => task.urgent);
    if (urgent !== undefined && this.#gap.urgent) return this.#place(urgent, "urgent");
    const [next] = spoken;
    if (next === undefined) this.#gap.forget();
    else if (this.#gap.open) this.#place(next, "gap");
  }

  #place(task: Task, reason: "gap" | "urgent" | "silent"): void {
    const { asking, context, port } = this.#parts;
    this.#forget(task);
    const spoken = reason !== "silent";
    const item_id = this.#note(task.stream, itemText(task.text, task.result, task.failure, spoken));
    const after_ms = Math.round(context.now - task.since);
    port.tell({ ...about("placed", task), placed_item_id: item_id, reason, after_ms });
    if (spoken) asking.goOn(task.stream);
    context.persistNow();
  }

  /** What its speaker knows from now on. @returns the item's name */
  #note(stream: number, text: string, quietly = false): string {
    const content = [{ type: "input_text", text }];
    return placeItem(this.#parts, stream, { type: "message", role: "system", content }, { quietly });
  }

  /** A duplex model is told what came of it as its provider has it: as the result of its call. */
  #return(task: Task): void {
    const { context, port } = this.#parts;
    this.#forget(task);
    const after_ms = Math.round(context.now - task.since);
    port.tell({ ...about("placed", task), reason: "returned", after_ms });
    this.#host.answer(task.id, { output: task.result ?? FAILURES[task.failure ?? "nothing"] });
  }

  #drop(task: Task, reason: DropReason): void {
    const { context, port } = this.#parts;
    this.#forget(task);
    context.metric("delegations_dropped", 1);
    port.tell({ ...about("dropped", task), reason, after_ms: Math.round(context.now - task.since) });
    if (task.duplex)
      this.#host.answer(task.id, { output: reason === "stale" ? FAILURES.timeout : CALLED_OFF });
    // Its speaker would promise for ever what does not come.
    else if (reason !== "superseded")
      this.#unsaid.push({ stream: task.stream, text: droppedText(task.text, reason) });
    if (this.#unsaid.length > MOST_UNSAID) this.#unsaid.shift();
    context.persistNow();
  }

  #forget({ id, wanted }: Task): void {
    const { deadlines } = this.#parts.context;
    this.#tasks.delete(id);
    for (const one of wanted) this.#made.delete(one.id);
    this.#thinking.giveUp(id);
    for (const what of ["stale", "call"]) deadlines.clear(`mind:${id}:${what}`);
    if (this.#tasks.size === 0) this.#gap.forget();
  }

  /** A task is called off. @returns false: there is none of that name */
  cancel(id: string): boolean {
    const task = this.#tasks.get(id);
    if (task !== undefined) this.#drop(task, "cancelled");
    return task !== undefined;
  }

  /** A deadline of a task came, or of a request. */
  due(id: string, what: string): void {
    if (id === THINKS) return this.#thinking.due(what);
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if (what === "stale") return this.#drop(task, "stale");
    const failure = this.#host.isRecorded(task.record) ? "timeout" : "not_recorded";
    for (const one of task.wanted) one.output ??= TOOL_FAILURES[failure];
  }

  /** The session is over: nothing more is wanted. */
  hangUp(): void {
    for (const id of this.#tasks.keys()) this.#thinking.giveUp(id);
  }

  /** The object died, and with it what was asked: it is asked anew. */
  died(): void {
    this.#thinking.died();
    this.#gap.forget();
  }

  #progress(id: string, step: "asked" | "writing" | "calls", name?: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    const after_ms = Math.round(this.#parts.context.now - task.since);
    this.#parts.port.tell({
      ...about("progress", task),
      step,
      ...(name !== undefined && { name }),
      after_ms,
    });
  }

  snapshot(): BackgroundSnapshot {
    const tasks = [...this.#tasks.values()].map((task) => {
      return { ...task, wanted: task.wanted.map((one) => ({ ...one })) };
    });
    const unsaid = [...this.#unsaid];
    return { tasks, unsaid, thinking: this.#thinking.snapshot(), gapSince: this.#gap.snapshot() };
  }

  restore({ tasks, unsaid, thinking, gapSince }: BackgroundSnapshot): void {
    this.#unsaid = [...unsaid];
    this.#tasks = new Map(
      tasks.map((task) => [task.id, { ...task, wanted: task.wanted.map((one) => ({ ...one })) }]),
    );
    this.#thinking.restore(thinking);
    this.#gap.restore(gapSince);
    this.#made.clear();
  }
}

/** `relay.delegation.cancel`. @throws ClientError when there is no such task. */
export function cancelTask(tools: { readonly background: Background | null } | null, id: string): void {
  if (tools?.background?.cancel(id) === true) return;
  throw new ClientError(
    "delegation_not_found",
    `No task '${id}' is under way or waits to be told of.`,
    "delegation_id",
  );
}

const isTooMuch = (entries: Task["entries"]): boolean => JSON.stringify(entries).length > MOST_TOLD;

function taskOf(given: unknown): string {
  return typeof given === "string" ? wellCut(given.trim(), MOST_TASK) : "";
}

function about(
  what: "started" | "progress" | "done" | "failed" | "placed" | "dropped",
  { id }: { readonly id: string },
) {
  return { type: `relay.delegation.${what}`, delegation_id: id };
}

interface Unsaid {
  readonly stream: number;
  readonly text: string;
}

export interface BackgroundSnapshot {
  readonly tasks: readonly Task[];
  readonly unsaid: readonly Unsaid[];
  readonly thinking: ThinkingSnapshot;
  readonly gapSince: number | null;
}
