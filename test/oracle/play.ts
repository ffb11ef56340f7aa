/** One script, played straight to the reference and through the relay to the same. */
import { loadKernels } from "../support/kernels.ts";
import { CLIENT, type Action, type Input } from "../../src/session/io.ts";
import { Session } from "../../src/session/session.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamFactory } from "../../src/upstreams/upstream.ts";
import { Client, type Received } from "./client.ts";
import { habitNamed, type Habit } from "./habits.ts";
import { Reference, type Far, type Peer } from "./provider.ts";
import type { Script } from "./script.ts";
import { OracleTime } from "./time.ts";

/** Longer than any script may take, in virtual milliseconds. */
const LONGEST_MS = 900_000;

/** What may be put between the parts: how known faults are brought back (mutations.ts). */
export interface Tampering {
  readonly upstream?: (factory: UpstreamFactory) => UpstreamFactory;
  /** Of the client's message on its way to the relay; null: it is lost. */
  readonly toRelay?: (text: string) => string | null;
  /** Of the relay's message on its way to the client. */
  readonly toClient?: (text: string) => readonly string[];
}

export async function playDirect(script: Script): Promise<readonly Received[]> {
  const time = new OracleTime();
  let calls = 0;
  const own = habitNamed(script.provider);
  const habit = own.hidden ? habitNamed("demo") : own;
  const client = new Client(time, script, (peer) => new Reference(time, script, habit, (calls += 1), peer));
  client.begin();
  await time.run(LONGEST_MS, () => client.over);
  return client.received;
}

export async function playThrough(script: Script, tampering: Tampering = {}): Promise<readonly Received[]> {
  const time = new OracleTime();
  const counted = { dials: 0 };
  const client = new Client(time, script, (peer) => new Relay(time, script, peer, counted, tampering));
  client.begin();
  await time.run(LONGEST_MS, () => client.over);
  return client.received;
}

/** Upstreams that are one voice. */
const TWO = ["reference", "another"] as const;

/** As the shell looks at the socket: soon when much was sent. */
const LOOK_AFTER = 256 * 1024;

/** The shell around a session, with nothing that goes wrong. */
class Relay implements Far {
  readonly #time: OracleTime;
  readonly #script: Script;
  readonly #peer: Peer;
  readonly #tampering: Tampering;
  readonly #session: Session;
  readonly #upstreams = new Map<string, Reference>();
  readonly #counted: { dials: number };
  readonly #habit: Habit;
  #over = false;
  /** Bytes to the client since its socket was looked at. */
  #unseen = 0;
  #armed: { readonly at: number; readonly stop: () => void } | null = null;

  constructor(
    time: OracleTime,
    script: Script,
    peer: Peer,
    counted: { dials: number },
    tampering: Tampering,
  ) {
    this.#time = time;
    this.#script = script;
    this.#peer = peer;
    this.#counted = counted;
    this.#tampering = tampering;
    this.#habit = habitNamed(script.provider);
    let drawn = 0;
    const { settings } = this.#habit;
    const options = {
      adapter: "openai-compatible",
      url: "https://reference.test/v1/realtime",
      model: "oracle",
      ...(settings === undefined ? {} : { settings }),
    };
    this.#session = new Session(
      {
        id: "oracle",
        model: "oracle",
        plan: {
          name: "oracle",
          upstreams: (script.plan === undefined ? ["reference"] : TWO).map((name) => ({ name, options })),
          ...(script.plan && { strategy: script.plan }),
          session: {},
          detector: "energy",
        },
        intent: script.intent === "realtime" ? "conversation" : "transcription",
        session: {},
      },
      {
        drawId: () => `drawn${(drawn += 1)}`,
        kernels: loadKernels(),
        createUpstream: tampering.upstream?.(createUpstream) ?? createUpstream,
      },
      time.wall,
    );
    this.#input({ type: "open", peer: CLIENT, dialect: "realtime" });
  }

  send(data: string | Uint8Array): void {
    const kept = typeof data === "string" ? (this.#tampering.toRelay ?? ((text) => text))(data) : data;
    if (kept === null) return;
    this.#time.after(0, () => this.#input({ type: "message", peer: CLIENT, data: kept }));
  }

  close(code: number): void {
    this.#input({ type: "close", peer: CLIENT, code, reason: "" });
  }

  #input(input: Input): void {
    if (this.#over) return;
    for (const action of this.#session.handle(input, this.#time.wall)) this.#perform(action);
    this.#aim();
  }

  #perform(action: Action): void {
    if (action.type === "dial") this.#dial(action.peer);
    else if (action.type === "send") this.#deliver(action.peer, action.data);
    else if (action.type === "close") this.#hangUp(action.peer, action.code, action.reason);
    else if (action.type === "end") {
      this.#over = true;
      this.#armed?.stop();
      for (const upstream of this.#upstreams.values()) upstream.close(1000);
    }
  }

  #dial(peer: string): void {
    this.#time.after(0, () => {
      if (this.#over) return;
      this.#counted.dials += 1;
      const reference = new Reference(this.#time, this.#script, this.#habit, this.#counted.dials, {
        message: (data) => this.#upstreams.has(peer) && this.#input({ type: "message", peer, data }),
        closed: (code, reason) => {
          if (this.#upstreams.delete(peer)) this.#input({ type: "close", peer, code, reason });
        },
      });
      this.#upstreams.set(peer, reference);
      this.#input({ type: "open", peer });
    });
  }

  #deliver(peer: string, data: string | Uint8Array): void {
    if (peer !== CLIENT) {
      this.#upstreams.get(peer)?.send(typeof data === "string" ? data : data.slice());
      return;
    }
    if (typeof data !== "string") throw new Error("a plain client was sent a binary message");
    for (const text of (this.#tampering.toClient ?? ((same: string) => [same]))(data)) {
      this.#time.after(0, () => this.#peer.message(text));
    }
    this.#unseen += data.length;
    if (this.#unseen <= LOOK_AFTER) return;
    this.#unseen = 0;
    // The client has read it by then.
    this.#time.after(0, () => this.#input({ type: "buffered", peer: CLIENT, bytes: 0 }));
  }

  #hangUp(peer: string, code: number, reason: string): void {
    if (peer === CLIENT) this.#time.after(0, () => this.#peer.closed(code, reason));
    else {
      this.#upstreams.get(peer)?.close(code);
      this.#upstreams.delete(peer);
    }
  }

  #aim(): void {
    const deadline = this.#over ? null : this.#session.deadline;
    if (deadline === null || (this.#armed !== null && this.#armed.at <= deadline)) return;
    this.#armed?.stop();
    const stop = this.#time.after(Math.max(0, deadline - this.#time.wall), () => {
      this.#armed = null;
      const next = this.#session.deadline;
      if (next !== null && next <= this.#time.wall) this.#input({ type: "timeout" });
      else this.#aim();
    });
    this.#armed = { at: deadline, stop };
  }
}
