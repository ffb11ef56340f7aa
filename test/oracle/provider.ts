/** The reference: one connection to the demo voice in virtual time, without sockets. */
import { Outbox, type Wire } from "../../demo/faults.ts";
import type { DrawId } from "../../demo/ids.ts";
import { readKnobs } from "../../demo/knobs.ts";
import { DemoSession } from "../../demo/session.ts";
import { Stats } from "../../demo/stats.ts";
import type { Speech } from "../../demo/voice.ts";
import { seeded } from "../support/signal.ts";
import { parsed } from "./fields.ts";
import type { Habit, Wired } from "./habits.ts";
import type { Script } from "./script.ts";
import type { OracleTime } from "./time.ts";

/** What a connection tells the one who dialled it. */
export interface Peer {
  message(text: string): void;
  closed(code: number, reason: string): void;
}

/** What the one who dialled may do. */
export interface Far {
  send(data: string | Uint8Array): void;
  close(code: number): void;
}

/** A letter is spoken in this many milliseconds. */
const LETTER_MS = 12;
const NOISE_SAMPLES = 24_000 * 40;
const noise = makeNoise();

function makeNoise(): Int16Array {
  const random = seeded(11);
  return Int16Array.from({ length: NOISE_SAMPLES }, () => (random() - 0.5) * 12_000);
}

/** Speech that costs nothing: noise whose place and length follow from the words. */
const NOISE_SPEECH: Speech = {
  say(text, voice, speed, rateHz) {
    const samples = Math.round((text.length * LETTER_MS * rateHz) / 1000 / speed);
    let hash = voice.length;
    for (let at = 0; at < text.length; at += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) >>> 0;
    const from = hash % (NOISE_SAMPLES - Math.min(samples, NOISE_SAMPLES - 1));
    return Promise.resolve(noise.subarray(from, from + samples));
  },
};

/** As long as the demo voice's own, and drawn in no time: there are two hundred in a script. */
function numbered(seed: number): DrawId {
  let count = 0;
  return (prefix) => {
    count += 1;
    return `${prefix}_${String(count).padStart(18, "0")}of${seed}`;
  };
}

export class Reference implements Far {
  readonly #session: DemoSession;
  readonly #peer: Peer;
  readonly #time: OracleTime;
  readonly #wire: Wire & { readyState: number };

  readonly #habit: Habit;
  readonly #wired: Wired = {
    memory: new Map(),
    tell: (event) => {
      this.#time.after(0, () => {
        if (this.#wire.readyState !== 1) return;
        this.#time.stir();
        this.#session.receive(JSON.stringify(event));
      });
    },
  };

  /** `seed`: of the identifiers. */
  constructor(time: OracleTime, script: Script, habit: Habit, seed: number, peer: Peer) {
    this.#time = time;
    this.#peer = peer;
    this.#habit = habit;
    this.#wire = {
      OPEN: 1,
      readyState: 1,
      bufferedAmount: 0,
      send: (data) => {
        if (typeof data === "string") this.#say(data);
      },
      close: (code, reason) => this.#close(code, reason),
      terminate: () => this.#close(1006, ""),
    };
    const query = new URLSearchParams({
      seed: String(seed),
      pace: String(script.pace),
      piece_ms: String(script.pieceMs),
      ...(script.reply === null ? {} : { reply: script.reply }),
      ...habit.knobs,
    });
    const knobs = readKnobs(query, {});
    const drawId = numbered(seed);
    this.#session = new DemoSession({
      intent: script.intent,
      model: "oracle",
      knobs,
      outbox: new Outbox(this.#wire, knobs, drawId),
      drawId,
      voice: NOISE_SPEECH,
      clock: time.clock,
      stats: new Stats(),
    });
    time.stir();
    this.#session.start();
  }

  send(data: string | Uint8Array): void {
    const text = typeof data === "string" ? data : null;
    this.#time.after(0, () => {
      if (this.#wire.readyState !== 1) return;
      this.#time.stir();
      this.#hear(text);
    });
  }

  #hear(text: string | null): void {
    const event = this.#habit.in === undefined || text === null ? null : parsed(text);
    if (event === null) return this.#session.receive(text);
    const taken = this.#habit.in?.(event, this.#wired) ?? null;
    if (taken !== null) this.#session.receive(JSON.stringify(taken));
  }

  #say(text: string): void {
    const habit = this.#habit;
    if (habit.out === undefined && habit.late === undefined && habit.spelled === undefined) {
      this.#time.after(0, () => this.#peer.message(text));
      return;
    }
    const event = parsed(text) ?? {};
    for (const said of habit.out?.(event, this.#wired) ?? [event]) {
      const whole = JSON.stringify("event_id" in said ? said : { event_id: "event_habit", ...said });
      this.#time.after(habit.late?.(said) ?? 0, () => this.#peer.message(habit.spelled?.(whole) ?? whole));
    }
  }

  close(_code: number): void {
    if (this.#wire.readyState !== 1) return;
    this.#wire.readyState = 3;
    this.#time.stir();
    this.#session.end();
  }

  #close(code: number, reason: string): void {
    if (this.#wire.readyState !== 1) return;
    this.#wire.readyState = 3;
    this.#session.end();
    this.#time.after(0, () => this.#peer.closed(code, reason));
  }
}
