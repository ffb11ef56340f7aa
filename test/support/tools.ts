/** Calls with tools that the relay runs: what the shell was asked to call, and what came of it. */
import type { Action } from "../../src/session/io.ts";
import type { ToolPlan, ToolResult } from "../../src/session/state/tool-plan.ts";
import type { SentCommand } from "./wire-upstream.ts";
import { DONE, lastAsk } from "./answering.ts";
import { Call, type CallOptions, type Received } from "./call.ts";

export function tool(name: string, description = "Does it.", more: Partial<ToolPlan> = {}): ToolPlan {
  const webhook = {
    url: "https://tools.test/",
    secret: "whsec_",
    timeoutMs: 5000,
    budgetMs: 15_000,
    retries: 2,
  };
  return { name, description, parameters: { type: "object", properties: {} }, webhook, ...more };
}

/** A call whose relay runs `weather` and `book`. */
export function tooled(options: CallOptions = {}): Call {
  return new Call({ tools: [tool("weather"), tool("book")], dialect: "duplex.v1", ...options });
}

export interface Wanted {
  readonly name?: string;
  readonly callId?: string;
  readonly arguments?: string;
  readonly status?: "completed" | "incomplete";
}

/** The upstream answers what it was last asked by these calls, and ends so. */
export function callsTools(
  call: Call,
  wanted: readonly Wanted[] = [{}],
  { peer = "up0.1", key = "r", ends = true } = {},
): void {
  call.upstream({ type: "response.started", response: key, answers: lastAsk(call, peer) }, peer);
  for (const [index, one] of wanted.entries()) {
    const { name = "weather", callId = `call${index}`, arguments: given = "{}", status = "completed" } = one;
    const at = { response: key, item: `${key}i${index}` };
    call.upstream({ type: "item.started", ...at, kind: "function_call", name, callId }, peer);
    call.upstream({ type: "item.done", ...at, status, arguments: given }, peer);
  }
  if (ends) call.upstream({ type: "response.done", response: key, status: "completed", ...DONE }, peer);
}

/** What there is by now is durable. */
export function store(call: Call): void {
  call.input({ type: "persisted", covers: call.session.covers });
}

/** The model is asked, calls tools, and that is on record. */
export function calling(call: Call, wanted?: readonly Wanted[]): Call {
  call.client({ type: "response.create" });
  callsTools(call, wanted);
  store(call);
  return call;
}

type Made = Extract<Action, { type: "tool" }>;

export function made(call: Call): readonly Made[] {
  return call.actions.filter((action): action is Made => action.type === "tool");
}

export function gives(call: Call, result: string | ToolResult, number = 0): void {
  const one = made(call)[number];
  if (!one) throw new Error(`only ${made(call).length} calls were made`);
  call.input({
    type: "tool_answered",
    id: one.id,
    result: typeof result === "string" ? { output: result } : result,
  });
}

/** What this upstream was told that its calls gave. */
export const resultsTold = (call: Call, peer = "up0.1"): readonly unknown[] =>
  call
    .commands(peer)
    .flatMap((command: SentCommand) =>
      command.type === "item" && command.item.type === "function_call_output"
        ? [[command.item["call_id"], command.item["output"]]]
        : [],
    );

export const asks = (call: Call, peer = "up0.1"): number =>
  call.commands(peer).filter(({ type }) => type === "respond").length;

/** What the client was told of tools. */
export const toldOfTools = (call: Call): readonly Received[] =>
  call.events.filter(({ type }) => type.startsWith("relay.tool."));
