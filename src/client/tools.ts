/** Functions that the model may call, run where the call is. Their definitions are the session's (`tools`). */
import type { ClientEvent } from "./connection-hooks.ts";
import { RelayError, reasonOf } from "./error.ts";
import { numberAt, objectAt, parseJsonObject, stringAt, type JsonObject } from "./json.ts";

/** Gets the arguments; what it returns or resolves to goes to the model as JSON, a string as it is. */
export type Tool = (args: JsonObject) => unknown;

export interface ToolHooks {
  send(event: ClientEvent): void;
  error(error: RelayError): void;
}

interface Run {
  /** Number of the message that called. */
  readonly sequence: number;
  /** False: nobody waits for what it gives. */
  wanted: boolean;
  done: Promise<void>;
}

/** What one response called, until the last of it has its result. */
interface Calls {
  readonly runs: Run[];
  /** Number of the message that ended the response; 0: it goes on. */
  ended: number;
}

/** The request for an answer to what functions gave: a refusal of it bears this name. */
const ANSWER_ID = "sdk_tool_answer";

/** Refused because another answer is under way: it is asked for again when that one is over. */
export function isTooEarly(error: JsonObject | null): boolean {
  return (
    stringAt(error, "event_id") === ANSWER_ID &&
    stringAt(error, "code") === "conversation_already_has_active_response"
  );
}

export class Tools {
  /** Answers in progress, in the conversation. */
  readonly #answers = new Set<string>();
  /** One more is to be asked for when those are over. */
  #owed = false;
  /** Of those that are to be over first, one has not begun. */
  #unborn = false;
  readonly #hooks: ToolHooks;
  readonly #tools = new Map<string, Tool>();
  readonly #calls = new Map<string, Calls>();

  constructor(hooks: ToolHooks) {
    this.#hooks = hooks;
  }

  add(name: string, tool: Tool): () => void {
    this.#tools.set(name, tool);
    return () => {
      if (this.#tools.get(name) === tool) this.#tools.delete(name);
    };
  }

  /** A server event. */
  event(event: JsonObject): void {
    const type = stringAt(event, "type");
    const sequence = numberAt(event, "server_event_seq") ?? 0;
    if (type === "response.output_item.done")
      this.#called(stringAt(event, "response_id") ?? "", objectAt(event, "item"), sequence);
    else if (type === "response.created") this.#begun(objectAt(event, "response"));
    else if (type === "response.done") this.#over(objectAt(event, "response"), sequence);
    else if (type === "error" && isTooEarly(objectAt(event, "error"))) this.#owe();
  }

  #begun(response: JsonObject | null): void {
    if (response?.["conversation_id"] === null) return;
    this.#answers.add(stringAt(response, "id") ?? "");
    // Begun after the results were there, it is an answer to them.
    if (!this.#unborn) this.#owed = false;
    this.#unborn = false;
  }

  #over(response: JsonObject | null, sequence: number): void {
    this.#answers.delete(stringAt(response, "id") ?? "");
    const owed = this.#owed && this.#answers.size === 0;
    void this.#finished(response, sequence);
    if (owed) this.#ask();
  }

  #owe(): void {
    this.#owed = true;
    this.#unborn = this.#answers.size === 0;
  }

  /** While another answer is in progress it would be refused. */
  #ask(): void {
    if (this.#answers.size > 0) return this.#owe();
    this.#owed = false;
    this.#hooks.send({ type: "response.create", event_id: ANSWER_ID });
  }

  /** The session is gone: what still runs is nobody's answer. */
  clear(): void {
    this.forgotten(0);
  }

  /**
   * The relay knows nothing of its messages from this number on. A call that it made in them has no result, and where it does
   * not know that the response is over nothing more is asked for its sake.
   */
  forgotten(from: number): void {
    this.#answers.clear();
    this.#owed = this.#unborn = false;
    for (const [id, { runs, ended }] of this.#calls) {
      for (const run of runs) run.wanted &&= run.sequence < from;
      if (ended === 0 || ended >= from) this.#calls.delete(id);
    }
  }

  #called(responseId: string, item: JsonObject | null, sequence: number): void {
    const tool = this.#tools.get(stringAt(item, "name") ?? "");
    const callId = stringAt(item, "call_id");
    if (tool === undefined || callId === null || stringAt(item, "type") !== "function_call") return;
    // Cut while it was being called: what it was to be called with is not known.
    if (stringAt(item, "status") === "incomplete") return;
    const calls = this.#calls.get(responseId) ?? { runs: [], ended: 0 };
    this.#calls.set(responseId, calls);
    const run: Run = { sequence, wanted: true, done: Promise.resolve() };
    calls.runs.push(run);
    run.done = this.#run(tool, callId, stringAt(item, "arguments") ?? "", run);
  }

  async #run(tool: Tool, callId: string, args: string, run: Run): Promise<void> {
    let output: string;
    try {
      const result: unknown = await tool(readArguments(args));
      output = typeof result === "string" ? result : (JSON.stringify(result) ?? "null");
    } catch (error) {
      // The model is told, so that it can say something.
      output = JSON.stringify({ error: reasonOf(error) });
      this.#hooks.error(new RelayError("tool_failed", `A tool failed: ${reasonOf(error)}`, null, error));
    }
    if (!run.wanted) return;
    const item = { type: "function_call_output", call_id: callId, output };
    this.#hooks.send({ type: "conversation.item.create", item });
  }

  /** One more answer for all calls of a response, when the last of them has its result. */
  async #finished(response: JsonObject | null, sequence: number): Promise<void> {
    const id = stringAt(response, "id") ?? "";
    const calls = this.#calls.get(id);
    if (calls === undefined) return;
    calls.ended = sequence;
    await Promise.all(calls.runs.map(({ done }) => done));
    const current = this.#calls.get(id) === calls;
    if (current) this.#calls.delete(id);
    if (current && stringAt(response, "status") === "completed") this.#ask();
  }
}

/** Of a function without parameters some models write nothing. @throws Error when it is no JSON object. */
function readArguments(text: string): JsonObject {
  const args = parseJsonObject(text.trim() === "" ? "{}" : text);
  if (args === null) throw new Error("the arguments are not a JSON object");
  return args;
}
