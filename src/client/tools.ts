/** Functions that the model may call, run where the call is. Their definitions are the session's (`tools`). */
import type { ClientEvent } from "./connection-hooks.ts";
import { RelayError, reasonOf } from "./error.ts";
import { objectAt, parseJsonObject, stringAt, type JsonObject } from "./json.ts";

/** Gets the arguments; what it returns or resolves to goes to the model as JSON, a string as it is. */
export type Tool = (args: JsonObject) => unknown;

export interface ToolHooks {
  send(event: ClientEvent): void;
  error(error: RelayError): void;
}

export class Tools {
  readonly #hooks: ToolHooks;
  readonly #tools = new Map<string, Tool>();
  /** What runs for each response that is not over. */
  readonly #running = new Map<string, Promise<void>[]>();

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
    if (type === "response.output_item.done")
      this.#called(stringAt(event, "response_id") ?? "", objectAt(event, "item"));
    else if (type === "response.done") void this.#finished(objectAt(event, "response"));
  }

  /** The session is gone: what still runs is nobody's answer. */
  clear(): void {
    this.#running.clear();
  }

  #called(responseId: string, item: JsonObject | null): void {
    const tool = this.#tools.get(stringAt(item, "name") ?? "");
    const callId = stringAt(item, "call_id");
    if (tool === undefined || callId === null || stringAt(item, "type") !== "function_call") return;
    const running = this.#running.get(responseId) ?? [];
    this.#running.set(responseId, running);
    const current = (): boolean => this.#running.get(responseId) === running;
    running.push(this.#run(tool, callId, stringAt(item, "arguments") ?? "", current));
  }

  async #run(tool: Tool, callId: string, args: string, current: () => boolean): Promise<void> {
    let output: string;
    try {
      const result: unknown = await tool(parseJsonObject(args) ?? {});
      output = typeof result === "string" ? result : (JSON.stringify(result) ?? "null");
    } catch (error) {
      // The model is told, so that it can say something.
      output = JSON.stringify({ error: reasonOf(error) });
      this.#hooks.error(new RelayError("tool_failed", `A tool failed: ${reasonOf(error)}`, null, error));
    }
    if (!current()) return;
    const item = { type: "function_call_output", call_id: callId, output };
    this.#hooks.send({ type: "conversation.item.create", item });
  }

  /** One more answer for all calls of a response, when the last of them has its result. */
  async #finished(response: JsonObject | null): Promise<void> {
    const id = stringAt(response, "id") ?? "";
    const running = this.#running.get(id);
    if (running === undefined) return;
    await Promise.all(running);
    const current = this.#running.get(id) === running;
    this.#running.delete(id);
    if (current && stringAt(response, "status") === "completed")
      this.#hooks.send({ type: "response.create" });
  }
}
