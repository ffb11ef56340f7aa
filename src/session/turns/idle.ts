/** `idle_timeout_ms`: nobody says anything after an answer, and the silence becomes a turn. */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { awaitsResult } from "../memory/entry.ts";
import type { TurnTaking } from "./turn-taking.ts";
import type { Budget, ClientPort, Configuration, Listener, Responses, Tools } from "./ports.ts";

/** A result that the client owes is what the caller waits for, no longer than this. */
const RESULT_MS = 60_000;

/** Read when it is asked for: some of these parts are made later. */
interface IdleParts {
  readonly context: Context;
  readonly conversation: Pick<Conversation, "entries">;
  readonly port: ClientPort;
  readonly budget: Budget;
  readonly config: Configuration;
  readonly responses: Responses;
  readonly listener: Listener;
  readonly tools: Tools | null;
  readonly turns: TurnTaking;
}

export class Idle {
  readonly #parts: IdleParts;

  constructor(parts: IdleParts) {
    this.#parts = parts;
  }

  get #timeoutMs(): number | null {
    const turn = this.#parts.config.turnDetection;
    return turn?.type === "server_vad" ? turn.idle_timeout_ms : null;
  }

  /** It starts when the answer has been played to its end, and only while there is somebody to be silent. */
  arm(): void {
    const { context, conversation, port, budget, responses, listener, turns } = this.#parts;
    const idleMs = this.#timeoutMs;
    context.deadlines.clear("idle");
    // The answer was cut by somebody who speaks: what follows is a turn, and no silence.
    if (turns.openItem !== null) return;
    if (idleMs === null || !port.connected || !budget.answersSilence) return;
    if (responses.underway || responses.count === 0) return;
    turns.quiet();
    const waitMs = awaitsResult(conversation.entries) ? Math.max(idleMs, RESULT_MS) : idleMs;
    context.deadlines.set("idle", Math.max(context.now, listener.playingUntil()) + waitMs);
  }

  /** The silence begins now: what is being played was cut, or a tool's result came. */
  anew(): void {
    if (this.#parts.context.deadlines.get("idle") !== null) this.arm();
  }

  /** The deadline `idle` came. */
  due(): void {
    const idleMs = this.#timeoutMs;
    if (idleMs === null || !this.#parts.port.connected) return;
    const { context, listener, tools } = this.#parts;
    const at = Math.max(listener.playingUntil(), tools?.answersSoon === true ? context.now : 0) + idleMs;
    // Their player stood still, or the caller waits for a tool; or a call for this very silence, which no word would take back.
    if (at > context.now) {
      context.deadlines.set("idle", at);
      return;
    }
    this.#parts.budget.silence();
    this.#parts.turns.buffer.idle(idleMs);
  }
}
