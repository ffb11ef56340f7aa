/**
 * Calls of tools that the text model wants made for a task: they are made once, when a snapshot that holds them is durable, under
 * names that stay the same. What they gave the text model is told with the next request of the task.
 */
import { parseJsonObject, type JsonObject } from "../../protocol/json.ts";
import type { ToolCall } from "../../upstreams/cascade/text-stream.ts";
import type { Context } from "../context.ts";
import type { BackgroundPlan } from "../state/background-plan.ts";
import { asFunction, budgetMsOf, FAILURES, type ToolPlan, type ToolResult } from "../state/tool-plan.ts";
import type { Calls } from "./ports.ts";
import type { Task, Wanted } from "./task.ts";
import { wellCut } from "./told.ts";

export interface WantedCallsHost {
  readonly context: Context;
  readonly calls: Calls;
  /** A call of this tool is made for the task. */
  making(task: Task, name: string): void;
}

/** Calls of one request; what is beyond is not made. */
const MOST_CALLS = 4;
const MOST_ARGUMENTS = 8192;
/** Of what a tool gave the text model, which is told it with every request of the task. */
const MOST_OUTPUT = 8192;
/** All that the text model is told of a task, as JSON: it is in every snapshot, and in every request. */
const MOST_TOLD = 196_608;
/** Calls that are not on record by then are not made; their results are waited for so much longer than their budget. */
const RECORDED_WITHIN_MS = 10_000;
const LOST_MS = 2000;

export class WantedCalls {
  readonly #host: WantedCallsHost;
  readonly #tools: ReadonlyMap<string, ToolPlan>;
  /** Calls that this life of the session has made. */
  readonly #made = new Set<string>();

  /** @param tools of the route; those that the background mind may call are its plan's. */
  constructor(host: WantedCallsHost, plan: BackgroundPlan, tools: readonly ToolPlan[]) {
    this.#host = host;
    this.#tools = new Map(
      tools.filter(({ name }) => plan.tools.includes(name)).map((tool) => [tool.name, tool]),
    );
  }

  /** As the text model is told of them. */
  get offered(): JsonObject[] {
    return [...this.#tools.values()].map(asFunction);
  }

  /** @returns false: the task comes to more than the text model is told. */
  want(task: Task, text: string, calls: readonly ToolCall[]): boolean {
    const { context } = this.#host;
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
    if (isTooMuch(task.entries)) return false;
    task.wanted = wanted;
    task.record = this.#host.calls.record();
    context.deadlines.set(`mind:${task.id}:call`, context.now + RECORDED_WITHIN_MS);
    return true;
  }

  #wantedOf({ id, round }: Task, { name, args }: ToolCall, at: number): Wanted {
    const offered = this.#tools.has(name);
    const given = args.trim() === "" ? "{}" : args;
    const isObject = given.length <= MOST_ARGUMENTS && parseJsonObject(given) !== null;
    const refusal = offered ? FAILURES.invalid_arguments : FAILURES.not_offered;
    return {
      id: `${id}_${round}_${at + 1}`,
      callId: `call_${round}_${at + 1}`,
      name,
      arguments: isObject ? given : "{}",
      output: offered && isObject ? null : refusal,
    };
  }

  /** Makes what is on record and was not made. @returns whether all have what they gave. */
  make(task: Task): boolean {
    const { context, calls } = this.#host;
    if (calls.isRecorded(task.record))
      for (const { id, callId, name, arguments: given, output } of task.wanted) {
        if (output !== null || this.#made.has(id)) continue;
        this.#made.add(id);
        const tool = this.#tools.get(name);
        const budgetMs = tool === undefined ? 0 : budgetMsOf(tool);
        const until = context.deadlines.get(`mind:${task.id}:call`) ?? 0;
        context.deadlines.set(`mind:${task.id}:call`, Math.max(until, context.now + budgetMs + LOST_MS));
        context.metric("tools_called", 1);
        this.#host.making(task, name);
        context.act({ type: "tool", id, callId, name, arguments: given });
      }
    return task.wanted.every(({ output }) => output !== null);
  }

  /** All have what they gave: the text model is told it next. @returns false: the task comes to more than that is told. */
  take(task: Task): boolean {
    for (const { id } of task.wanted) this.#made.delete(id);
    const results = task.wanted.map(({ callId, output }) => {
      return { kind: "result" as const, callId, output: wellCut(output ?? "", MOST_OUTPUT) };
    });
    task.entries = [...task.entries, ...results];
    task.wanted = [];
    this.#host.context.deadlines.clear(`mind:${task.id}:call`);
    return !isTooMuch(task.entries);
  }

  /** A call has its result, if it is one of this task's. */
  result({ wanted }: Task, id: string, result: ToolResult): void {
    for (const one of wanted)
      if (one.id === id && one.output === null)
        one.output = "output" in result ? result.output : FAILURES[result.failure];
  }

  /** They took too long: to be on record, or to be answered. */
  due({ wanted, record }: Task): void {
    const failure = this.#host.calls.isRecorded(record) ? "timeout" : "not_recorded";
    for (const one of wanted) one.output ??= FAILURES[failure];
  }

  forget({ id, wanted }: Task): void {
    for (const one of wanted) this.#made.delete(one.id);
    this.#host.context.deadlines.clear(`mind:${id}:call`);
  }

  /** Another life of the session begins: what it has not made itself it makes again. */
  restored(): void {
    this.#made.clear();
  }
}

const isTooMuch = (entries: Task["entries"]): boolean => JSON.stringify(entries).length > MOST_TOLD;
