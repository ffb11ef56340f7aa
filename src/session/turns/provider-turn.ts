/** A turn as the provider that takes the turns (`turns: "server"`) announces it, and the silence that ends it there. */
import type { TurnDetection } from "../../protocol/session-config.ts";
import type { Context } from "../context.ts";
import type { InputFlow } from "./input-flow.ts";
import type { InputWatch } from "./input-watch.ts";
import type { UserItem } from "./user-item.ts";
import type { Link } from "./ports.ts";

/** Silence after which a provider's own detection is sure to have ended a turn, beyond what ends it. */
const PAD_MS = 500;
/** A client of which no audio came for so long sends none just now. */
const STILL_MS = 1000;
/** One that decides by meaning waits so long at most (OpenAI's bounds). */
const MOST_SEMANTIC_MS = { low: 8000, medium: 4000, auto: 4000, high: 2000 } as const;
const USUAL_SILENCE_MS = 500;
/** A provider that was given that silence ends its turn within this, or the relay does. */
const OVERDUE_MS = 5000;

type State = "none" | "speaking" | "stopped";

export class ProviderTurn {
  readonly #context: Context;
  readonly #item: UserItem;
  readonly #flow: InputFlow;
  readonly #watch: InputWatch;
  #state: State = "none";
  /** How long its detection may wait for more, at most; null: the client says what is over. */
  #waitMs: number | null = USUAL_SILENCE_MS;

  constructor(context: Context, item: UserItem, flow: InputFlow, watch: InputWatch) {
    this.#context = context;
    this.#item = item;
    this.#flow = flow;
    this.#watch = watch;
  }

  /** Announced and not committed. */
  get open(): boolean {
    return this.#state !== "none";
  }

  /** By its announcements the caller is speaking. */
  get hears(): boolean {
    return this.#state === "speaking";
  }

  /** Silence that ends it; null: nobody speaks there. */
  get hangoverMs(): number | null {
    return this.hears ? USUAL_SILENCE_MS : null;
  }

  configure(turn: TurnDetection | null): void {
    if (turn?.type === "server_vad") this.#waitMs = turn.silence_duration_ms;
    else if (turn?.type === "semantic_vad") this.#waitMs = MOST_SEMANTIC_MS[turn.eagerness];
    else this.#waitMs = turn ? USUAL_SILENCE_MS : null;
  }

  /** It heard speech begin or end. @returns whether somebody began to speak. */
  speech(state: "started" | "stopped", ticks: number): boolean {
    // The client committed or cleared in the middle of it: what goes on was not announced.
    if (state === "stopped" && !this.hears) return false;
    if (!this.open) this.#item.unique();
    this.#state = state === "started" ? "speaking" : "stopped";
    if (state === "started") {
      this.#item.tellStarted(ticks);
      this.#watch.expected();
    } else {
      this.#item.tellStopped(ticks);
      this.#watch.expect(this.#context.limits.firstOutputMs);
    }
    this.#watch.look();
    return state === "started";
  }

  /** Whoever decides by themselves that the caller has stopped hears silence that the client did not send. */
  pad(): void {
    if (this.#waitMs !== null) this.#flow.padListeners(this.#waitMs + PAD_MS);
    if (this.hears) this.#watch.expect(OVERDUE_MS);
  }

  /** A connection comes while the client sends nothing, and nobody speaks: no audio moves what it is to hear. */
  catchUp(link: Link): void {
    const waitMs = this.#waitMs ?? (this.#flow.isEar(link) ? USUAL_SILENCE_MS : null);
    if (waitMs === null || !this.#watch.silentFor(STILL_MS)) return;
    this.#flow.catchUp(link, waitMs + PAD_MS);
  }

  /** It was committed, or came to nothing. */
  end(): void {
    this.#state = "none";
    this.#watch.expected();
  }

  snapshot(): ProviderTurnSnapshot {
    return { state: this.#state, waitMs: this.#waitMs };
  }

  restore(snapshot: ProviderTurnSnapshot): void {
    this.#state = snapshot.state;
    this.#waitMs = snapshot.waitMs;
  }
}

export interface ProviderTurnSnapshot {
  readonly state: State;
  readonly waitMs: number | null;
}
