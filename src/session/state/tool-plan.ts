/** What a route says of tools that the relay runs, and what becomes of a call of one. */
import type { JsonObject } from "../../protocol/json.ts";
import type { BackgroundPlan } from "./background-plan.ts";

/** Where a call is posted to. The core knows that there is one; the shell posts. */
export interface Webhook {
  readonly url: string;
  /** `whsec_` and base64: what a post is signed with. */
  readonly secret: string;
  /** Of one attempt, and of all with the waits between them. */
  readonly timeoutMs: number;
  readonly budgetMs: number;
  /** Attempts beyond the first. */
  readonly retries: number;
}

/** Of a plan. */
export interface ToolPlans {
  readonly tools?: readonly ToolPlan[];
  readonly background?: BackgroundPlan;
}

/** A tool of an MCP server. */
export interface McpTool {
  readonly url: string;
  /** Its name there. */
  readonly tool: string;
  /** What the header of that name says. */
  readonly authorization?: string;
  /** Of the call, with all that the protocol has around it. */
  readonly timeoutMs: number;
}

/** It has one of `webhook` and `mcp`. */
export interface ToolPlan {
  readonly name: string;
  readonly description: string;
  /** JSON schema. */
  readonly parameters: JsonObject;
  readonly webhook?: Webhook;
  readonly mcp?: McpTool;
  /** The caller may take it back for so long after its answer was heard; absent: not at all. */
  readonly confirmMs?: number;
}

/** Why a call has no result, in the words that its model is told. */
export const FAILURES = {
  timeout: "The tool did not answer in time. Whether it did what it was asked is not known.",
  unreachable: "The tool could not be reached. Whether it did what it was asked is not known.",
  refused: "The tool refused the call.",
  too_large: "The tool answered with more than can be taken. It did what it was asked.",
  not_offered: "The call was not made: there is no such tool any more.",
  invalid_arguments: "The call was not made: its arguments are no JSON object.",
  too_many: "The call was not made: too many calls are under way.",
  not_recorded: "The call was not made: it could not be put on record.",
  taken_back: "The call was not made: the caller spoke up before it was. Ask what is wanted.",
  cut_off: "The call was not made: the answer that it belongs to was cut off.",
} as const;

export type ToolFailure = keyof typeof FAILURES;

/** What a call came to. */
export type ToolResult = { readonly output: string } | { readonly failure: ToolFailure };

/** All tools of a plan that are the relay's: no client brings another of such a name. */
export function namesOfTools({ tools = [], background }: ToolPlans): readonly string[] {
  return [...tools, ...(background ? [background] : [])].map(({ name }) => name);
}

/** Every call has settled by then. */
export function budgetMsOf({ webhook, mcp }: ToolPlan): number {
  return webhook?.budgetMs ?? mcp?.timeoutMs ?? 0;
}

/** As OpenAI's session names a function. */
export function asFunction({ name, description, parameters }: ToolPlan): JsonObject {
  return { type: "function", name, description, parameters };
}
