/** What a session asks of services beside its upstreams: each question settles once, and is handed in as the answer to it. */
import type { Verdict } from "../src/session/guard/moderators/moderator.ts";
import type { Side } from "../src/session/state/guard-plan.ts";
import type { Action, Input } from "../src/session/io.ts";
import type { ToolResult } from "../src/session/state/tool-plan.ts";

export interface Services {
  /** Asks the plan's end-of-turn model about 16 kHz audio. Settles within a bounded time. */
  consult(samples: Int16Array): Promise<number>;
  /** Asks a moderator of the plan's guard, by its place, about words. Settles within a bounded time. */
  moderate(side: Side, moderator: number, text: string): Promise<Verdict>;
  /** Calls a tool of the plan. Settles within its budget. */
  tool(call: ToolCall): Promise<ToolResult>;
}

export type ToolCall = Extract<Action, { type: "tool" }>;
type Question = Extract<Action, { type: "consult" | "moderate" | "tool" }>;

export function askService(services: Services, question: Question, answer: (input: Input) => void): void {
  if (question.type === "tool") return callTool(services, question, answer);
  const { id } = question;
  if (question.type === "consult") {
    const told = (probability: number | null) => answer({ type: "consulted", id, probability });
    services.consult(question.samples).then(told, () => told(null));
    return;
  }
  const { side, moderator, text } = question;
  const told = (verdict: { readonly category: Verdict } | null) =>
    answer({ type: "moderated", id, moderator, verdict });
  services.moderate(side, moderator, text).then(
    (category) => told({ category }),
    () => told(null),
  );
}

function callTool(services: Services, call: ToolCall, answer: (input: Input) => void): void {
  const told = (result: ToolResult) => answer({ type: "tool_answered", id: call.id, result });
  services.tool(call).then(told, () => told({ failure: "unreachable" }));
}
