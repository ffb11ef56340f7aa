/**
 * The background mind: a text model that works on what a speaker hands on while the voice goes on talking. A task begins when its
 * call is on record (`tools/index.ts`), and its speaker is told at once that it is under way. What comes of it waits for a
 * gap, is told as an item and spoken of, once; what is called off, done anew or too late is dropped. Calls of tools that the text
 * model wants are made when they are on record, under names that stay the same, as those of speakers are.
 */
import { parseJsonObject } from "../../protocol/json.ts";
import { type TextModel, textModelOf } from "../../upstreams/cascade/text-model.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { UpstreamInput } from "../channel-peers.ts";
import type { BackgroundPlan } from "../state/background-plan.ts";
import type { ToolPlan, ToolPlans, ToolResult } from "../state/tool-plan.ts";
import type { BackgroundParts, Calls, HandedOn } from "./ports.ts";
import { about, isOver, type Task } from "./task.ts";
import { Telling, type TellingSnapshot } from "./telling.ts";
import { type Outcome, Thinking, THINKS, type ThinkingSnapshot } from "./thinking.ts";
import {
  CALLED_OFF,
  type DropReason,
  droppedText,
  FAILURES,
  LAST_WISH,
  NO_TASK,
  type TaskFailure,
  TOO_MANY,
  UNDER_WAY,
  wellCut,
} from "./told.ts";
import { askedOf } from "./transcript.ts";
import { WantedCalls } from "./wanted-calls.ts";

/** Requests of one task that may bring calls; the next one is told to write. */
const MOST_ROUNDS = 4;
const MOST_TASK = 8192;
/** The shell answers every call within its budget; what is lost is given up so long after it. */
const LOST_MS = 2000;

export class Background {
  readonly #parts: BackgroundParts;
  readonly #calls: Calls;
  readonly #plan: BackgroundPlan;
  readonly #thinking: Thinking;
  readonly #wanted: WantedCalls;
  readonly #telling: Telling;
  #tasks = new Map<string, Task>();

  constructor(
    parts: BackgroundParts,
    plan: BackgroundPlan,
    model: TextModel,
    tools: readonly ToolPlan[],
    calls: Calls,
  ) {
    const { context } = parts;
    this.#parts = parts;
    this.#plan = plan;
    this.#calls = calls;
    const making = ({ id }: Task, name: string): void => this.#progress(id, "calls", name);
    this.#wanted = new WantedCalls({ context, calls, making }, plan, tools);
    const { announce } = plan;
    this.#telling = new Telling(parts, { calls, announce, forget: (task) => this.#forget(task) });
    this.#thinking = new Thinking(context, model, {
      writes: (id) => this.#progress(id, "writing"),
      ended: (id, outcome) => this.#answered(id, outcome),
    });
  }

  /** @param calls what its tasks are answers to, and its own calls are recorded with. */
  static of(parts: BackgroundParts, { background, tools = [] }: ToolPlans, calls: Calls): Background | null {
    return background ? new Background(parts, background, textModelOf(background.text), tools, calls) : null;
  }

  /** A task is under way, or what came of one waits to be told. */
  get busy(): boolean {
    return this.#tasks.size > 0;
  }

  /** Its call is on record. @returns what its speaker is told at once; null: its result, when it is there */
  begin(call: HandedOn): ToolResult | null {
    const { context, conversation, guard, links, port } = this.#parts;
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
    // What is still to be judged no model that answers is asked about either.
    const said = conversation.entries.filter((entry) => guard?.input?.passed(entry) ?? true);
    const entries = askedOf(text, said, id);
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
    this.#telling.settleNotes();
    if (this.#tasks.size === 0) return;
    for (const task of this.#tasks.values()) {
      if (isOver(task)) continue;
      if (task.wanted.length > 0) this.#goOn(task);
      else if (!this.#thinking.runs(task.id)) this.#ask(task);
    }
    this.#telling.settle(this.#tasks.values());
  }

  #ask(task: Task): void {
    const tools = this.#wanted.offered;
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
    } else if (outcome.calls.length > 0 && task.round < MOST_ROUNDS) {
      const { text, calls } = outcome;
      if (!this.#wanted.want(task, text, calls)) this.#end(task, null, "too_large");
    } else if (outcome.text === "") this.#end(task, null, "nothing");
    else this.#end(task, outcome.text.toWellFormed(), null);
  }

  /** Calls that it waits for are made, or have what they gave. */
  #goOn(task: Task): void {
    if (!this.#wanted.make(task)) return;
    if (this.#wanted.take(task)) this.#ask(task);
    else this.#end(task, null, "too_large");
  }

  /** The shell has the result of a call. */
  result(id: string, result: ToolResult): void {
    for (const task of this.#tasks.values()) this.#wanted.result(task, id, result);
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

  #drop(task: Task, reason: DropReason): void {
    const { context, port } = this.#parts;
    this.#forget(task);
    context.metric("delegations_dropped", 1);
    port.tell({ ...about("dropped", task), reason, after_ms: Math.round(context.now - task.since) });
    if (task.duplex)
      this.#calls.answer(task.id, { output: reason === "stale" ? FAILURES.timeout : CALLED_OFF });
    else if (reason !== "superseded")
      this.#telling.note({ stream: task.stream, text: droppedText(task.text, reason) });
    context.persistNow();
  }

  #forget(task: Task): void {
    const { id } = task;
    this.#tasks.delete(id);
    this.#wanted.forget(task);
    this.#thinking.giveUp(id);
    this.#parts.context.deadlines.clear(`mind:${id}:stale`);
    if (this.#tasks.size === 0) this.#telling.forgetGap();
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
    this.#wanted.due(task);
  }

  /** The session is over: nothing more is wanted. */
  hangUp(): void {
    for (const id of this.#tasks.keys()) this.#thinking.giveUp(id);
  }

  /** The object died, and with it what was asked: it is asked anew. */
  died(): void {
    this.#thinking.died();
    this.#telling.forgetGap();
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
    return { tasks, ...this.#telling.snapshot(), thinking: this.#thinking.snapshot() };
  }

  restore(snapshot: BackgroundSnapshot): void {
    const { tasks, thinking } = snapshot;
    this.#tasks = new Map(
      tasks.map((task) => [task.id, { ...task, wanted: task.wanted.map((one) => ({ ...one })) }]),
    );
    this.#thinking.restore(thinking);
    this.#telling.restore(snapshot);
    this.#wanted.restored();
  }
}

function taskOf(given: unknown): string {
  return typeof given === "string" ? wellCut(given.trim(), MOST_TASK) : "";
}

export interface BackgroundSnapshot extends TellingSnapshot {
  readonly tasks: readonly Task[];
  readonly thinking: ThinkingSnapshot;
}
