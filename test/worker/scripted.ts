/** Doubles for the shell: a session that answers by script, a clock that stands still, sockets that write down. */
import type { Dial, DialEvents, Socket } from "../../durable-objects/dial.ts";
import type { SessionCore, ShellHost } from "../../durable-objects/shell.ts";
import type { Clock } from "../../durable-objects/timer.ts";
import type { Action, Input, SessionState } from "../../src/session/io.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { DialRequest, WireMessage } from "../../src/upstreams/upstream.ts";

export class StillClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  get pending(): number {
    return this.#timers.length;
  }

  schedule(run: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Runs what is due, in order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.toSorted((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }
}

export class ScriptedSession implements SessionCore {
  readonly inputs: Input[] = [];
  /** Met by a timeout, unless `stuck`. */
  stuck = false;
  deadline: number | null = null;
  quiet = false;
  /** What the next input is answered with. */
  readonly answers: (readonly Action[])[] = [];
  failure: Error | null = null;
  snapshots = 0;

  handle(input: Input): readonly Action[] {
    this.inputs.push(input);
    if (input.type === "timeout" && !this.stuck) this.deadline = null;
    if (this.failure !== null) throw this.failure;
    return this.answers.shift() ?? [];
  }

  snapshot(): SessionSnapshot {
    this.snapshots += 1;
    return { version: 1, number: this.snapshots } as unknown as SessionSnapshot;
  }

  state(): SessionState {
    throw new Error("not scripted");
  }

  terminate(): readonly Action[] {
    return [{ type: "end", reason: "terminated" }];
  }
}

export class PaperSocket implements Socket {
  readonly log: string[];
  readonly #name: string;
  bufferedAmount = 0;
  broken = false;

  constructor(name: string, log: string[]) {
    this.#name = name;
    this.log = log;
  }

  send(data: WireMessage): void {
    if (this.broken) throw new TypeError("Can't call WebSocket send() after close().");
    this.log.push(`${this.#name} < ${typeof data === "string" ? data : `[${data.join(" ")}]`}`);
  }

  close(code: number, reason: string): void {
    if (this.broken) throw new TypeError("closed");
    this.log.push(`${this.#name} close ${code} ${reason}`.trimEnd());
  }
}

export interface PaperCall {
  readonly request: DialRequest;
  readonly events: DialEvents;
}

/** A shell's surroundings: everything that happens is a line of `log`. */
export function surroundings(): ShellHost & {
  readonly clock: StillClock;
  readonly log: string[];
  readonly calls: PaperCall[];
} {
  const log: string[] = [];
  const calls: PaperCall[] = [];
  const dial: Dial = (request, events) => {
    log.push(`dial ${request.url}`);
    calls.push({ request, events });
    return { hangUp: (code, reason) => void log.push(`hang up ${request.url} ${code} ${reason}`.trimEnd()) };
  };
  return {
    clock: new StillClock(),
    log,
    calls,
    dial,
    save: (peers, snapshot) => {
      log.push(`save ${JSON.stringify(snapshot)} with ${peers.join(" ")}`.trimEnd());
    },
    metric: (name, value, upstream) => {
      log.push(`metric ${name} ${value}${upstream === undefined ? "" : ` ${upstream}`}`);
    },
    sleep: (at) => void log.push(`sleep ${at}`),
    ended: () => void log.push("ended"),
    failed: (error) => void log.push(`failed ${error instanceof Error ? error.name : ""}`),
  };
}

export function dialTo(url: string, peer: string): Action {
  return { type: "dial", peer, request: { url, headers: {}, protocols: [] } };
}
