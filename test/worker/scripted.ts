/** Doubles for the shell: a session that answers by script, a clock that stands still, sockets that write down. */
import type { Dial, DialEvents } from "../../durable-objects/dial.ts";
import type { ClientSocket } from "../../durable-objects/pending-clients.ts";
import type { SessionCore } from "../../durable-objects/session-core.ts";
import type { Entry } from "../../durable-objects/callers.ts";
import { Shell } from "../../durable-objects/shell.ts";
import type { ShellHost } from "../../durable-objects/shell-host.ts";
import type { Clock } from "../../durable-objects/timer.ts";
import { type Action, CLIENT, type Input, type SessionState } from "../../src/session/io.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { ToolResult } from "../../src/session/state/tool-plan.ts";
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
  busy = false;
  /** What the next input is answered with. */
  readonly answers: (readonly Action[])[] = [];
  failure: Error | null = null;
  /** The only token that is good. */
  resumeToken = "";
  /** A `duplex.v1` client was there. */
  extended = false;
  snapshots = 0;

  get covers() {
    return { count: 0, received: this.inputs.length };
  }

  handle(input: Input): readonly Action[] {
    this.inputs.push(input);
    if (input.type === "timeout" && !this.stuck) this.deadline = null;
    if (this.failure !== null) throw this.failure;
    return this.answers.shift() ?? [];
  }

  snapshot(): SessionSnapshot {
    this.snapshots += 1;
    const covers = { count: 0, received: this.snapshots };
    return { version: 1, covers } as unknown as SessionSnapshot;
  }

  resumable(token: string): boolean {
    return token === this.resumeToken;
  }

  state(): SessionState {
    throw new Error("not scripted");
  }

  terminate(): readonly Action[] {
    return [{ type: "end", reason: "terminated" }];
  }
}

export class PaperSocket implements ClientSocket {
  readonly log: string[];
  readonly #name: string;
  bufferedAmount = 0;
  broken = false;
  attachment: unknown = null;

  constructor(name: string, log: string[]) {
    this.#name = name;
    this.log = log;
  }

  serializeAttachment(attachment: unknown): void {
    this.attachment = attachment;
  }

  deserializeAttachment(): unknown {
    return this.attachment;
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

/**
 * A shell's surroundings: everything that happens is a line of `log`. What is saved is durable when `write` says so, or
 * at once where `slowDisk` is not set.
 */
export interface Surroundings extends ShellHost {
  readonly clock: StillClock;
  readonly log: string[];
  readonly calls: PaperCall[];
  slowDisk: boolean;
  /** Put to the end-of-turn model. */
  readonly questions: PromiseWithResolvers<number>[];
  /** That moderators were asked. */
  readonly moderations: PromiseWithResolvers<string | null>[];
  /** Calls of tools. */
  readonly toolCalls: PromiseWithResolvers<ToolResult>[];
  /** Ends the oldest save, and lets the shell know. */
  write(stored: boolean): Promise<void>;
}

/** Lets promises that are settled have their consequences. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

export function surroundings(): Surroundings {
  const writes: PromiseWithResolvers<void>[] = [];
  const log: string[] = [];
  const calls: PaperCall[] = [];
  const dial: Dial = (request, events) => {
    log.push(`dial ${request.url}`);
    calls.push({ request, events });
    return { hangUp: (code, reason) => void log.push(`hang up ${request.url} ${code} ${reason}`.trimEnd()) };
  };
  const host: Surroundings = {
    clock: new StillClock(),
    slowDisk: false,
    log,
    calls,
    dial,
    save: (peers, snapshot) => {
      log.push(`save ${snapshot.covers.received} with ${peers.join(" ")}`.trimEnd());
      if (!host.slowDisk) return Promise.resolve();
      const write = Promise.withResolvers<void>();
      writes.push(write);
      return write.promise;
    },
    write: (stored) => {
      const write = writes.shift();
      if (stored) write?.resolve();
      else write?.reject(new Error("the disk is full"));
      return settled();
    },
    metric: (name, value, upstream) => {
      log.push(`metric ${name} ${value}${upstream === undefined ? "" : ` ${upstream}`}`);
    },
    consult: (samples) => {
      log.push(`consult ${samples.length}`);
      const question = Promise.withResolvers<number>();
      host.questions.push(question);
      return question.promise;
    },
    moderate: (side, moderator, text) => {
      log.push(`moderate ${side} ${moderator} ${text}`);
      const question = Promise.withResolvers<string | null>();
      host.moderations.push(question);
      return question.promise;
    },
    tool: ({ id, name, arguments: given }) => {
      log.push(`tool ${id} ${name} ${given}`);
      const call = Promise.withResolvers<ToolResult>();
      host.toolCalls.push(call);
      return call.promise;
    },
    questions: [],
    moderations: [],
    toolCalls: [],
    rest: (on) => void log.push(`rest ${on}`),
    sleep: (at, current) => void log.push(`sleep ${at}${current ? "" : " behind"}`),
    awake: () => void log.push("awake"),
    ended: () => void log.push("ended"),
    cut: () => void log.push("cut"),
    failed: (error) => void log.push(`failed ${error instanceof Error ? error.name : ""}`),
  };
  return host;
}

export function dialTo(url: string, peer: string): Action {
  return { type: "dial", peer, request: { url, headers: {}, protocols: [] } };
}

export const BY_KEY: Entry = { token: null, secret: false };

/** A shell between a scripted session and its surroundings. */
export function setUp() {
  const session = new ScriptedSession();
  const host = surroundings();
  const shell = new Shell(session, host);
  const client = new PaperSocket("client", host.log);
  /** Answers the next input with these actions. */
  const script = (...actions: Action[]) => session.answers.push(actions);
  const connect = () => {
    shell.clientOpened(client, "realtime", BY_KEY);
    session.inputs.length = 0;
    host.log.length = 0;
  };
  const say = (data: string) => shell.clientMessage(client, data);
  return { session, host, shell, client, script, connect, say, log: host.log, clock: host.clock };
}

export const toClient = (data: string): Action => ({ type: "send", peer: CLIENT, data });
