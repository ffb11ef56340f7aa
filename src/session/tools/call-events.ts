/** What the client and the application are told of calls. */
import type { ToolFailure, ToolPlan } from "../state/tool-plan.ts";
import type { Call } from "./call.ts";
import type { ToolParts } from "./ports.ts";

export class CallEvents {
  readonly #parts: Pick<ToolParts, "context" | "port">;
  readonly #plans: ReadonlyMap<string, ToolPlan>;

  constructor(parts: Pick<ToolParts, "context" | "port">, plans: ReadonlyMap<string, ToolPlan>) {
    this.#parts = parts;
    this.#plans = plans;
  }

  /** @param reason why it has no result. */
  tell(
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
}
