/**
 * A client that stops sending in mid-speech (muted, a gated microphone, a telephone that sends no silence): audio time
 * stands still then, and a turn that only audio ends would never end. So it is ended by the clock: after the silence that
 * ends a turn, a second for the network, and as long as the client's own messages are. A connection that was lost is
 * another thing: a sentence goes on across a gap, so the clock runs only while a client is there.
 */
import type { Context } from "../context.ts";

export interface InputWatchHost {
  /** A client is connected. */
  connected(): boolean;
  /** A client that is bound to its heartbeat has said nothing at all since: its connection may be dead. */
  silentSince(at: number): boolean;
  /** Silence that ends the turn; null: nobody speaks, as far as is known. */
  hangoverMs(): number | null;
  /** The client sends nothing more: whatever it was saying is over. */
  stopped(): void;
  /** A provider's own turn did not end though it had every reason to. */
  overdue(): void;
}

/** For the network, beyond the silence that ends a turn. */
const PATIENCE_MS = 1000;
/** A message stands for so much time at most: the next may be that long in coming. */
const MESSAGE_MS = 2000;
/** How often it is looked whether a connection is dead or only silent, and for how long: then the heartbeat has said. */
const LOOK_EVERY_MS = 250;
const DEAD_MS = 5000;

export class InputWatch {
  readonly #context: Context;
  readonly #host: InputWatchHost;
  /** When audio came last, and how much at once. */
  #at = 0;
  #messageMs = 0;

  constructor(context: Context, host: InputWatchHost) {
    this.#context = context;
    this.#host = host;
  }

  /** The client's next message may be so long in coming though all is well. */
  get messageMs(): number {
    return this.#messageMs;
  }

  /** A message with so much audio came and was worked through. */
  took(ms: number): void {
    this.#at = this.#context.now;
    this.#messageMs = Math.min(MESSAGE_MS, ms);
    this.look();
  }

  /** Somebody may speak now, or nobody: the clock runs or stands still. */
  look(): void {
    const hangoverMs = this.#host.hangoverMs();
    const { deadlines } = this.#context;
    if (hangoverMs === null || !this.#host.connected()) deadlines.clear("turn:unheard");
    else {
      const at = this.#at + hangoverMs + PATIENCE_MS + this.#messageMs;
      deadlines.set("turn:unheard", Math.max(at, this.#context.now + 1));
    }
  }

  /** The client has gone: what it was saying goes on when it is back, and its silence is none. */
  away(): void {
    this.#context.deadlines.clear("idle");
    this.#context.deadlines.clear("turn:unheard");
    this.#context.deadlines.clear("turn:overdue");
  }

  /** The client is there again. */
  back(): void {
    this.#at = this.#context.now;
    this.look();
  }

  /** What a provider has to end is to be ended within so long. */
  expect(ms: number): void {
    this.#context.deadlines.set("turn:overdue", this.#context.now + ms);
  }

  /** It has ended it. */
  expected(): void {
    this.#context.deadlines.clear("turn:overdue");
  }

  /** The client is there and has sent no audio for so long. */
  silentFor(ms: number): boolean {
    return this.#host.connected() && this.#context.now - this.#context.heardAt >= ms;
  }

  /** A deadline `turn:<what>` came. */
  due(what: string): void {
    if (what === "overdue") this.#host.overdue();
    else if (this.#host.hangoverMs() === null || !this.#host.connected()) return;
    else if (this.#host.silentSince(this.#at) && this.#context.now - this.#at < DEAD_MS) {
      this.#context.deadlines.set("turn:unheard", this.#context.now + LOOK_EVERY_MS);
    } else {
      this.#context.metric("turns_unheard", 1);
      this.#context.paddedAt = this.#context.now;
      this.#host.stopped();
    }
  }

  snapshot(): InputWatchSnapshot {
    return { at: this.#at, messageMs: this.#messageMs };
  }

  restore(snapshot: InputWatchSnapshot): void {
    this.#at = snapshot.at;
    this.#messageMs = snapshot.messageMs;
  }
}

export interface InputWatchSnapshot {
  readonly at: number;
  readonly messageMs: number;
}
