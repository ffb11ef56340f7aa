/**
 * The model behind one socket: the scripted server of its adapter, which refuses what the provider refuses, with a script of what
 * to say and a voice that sounds as time passes. What differs between providers is how each thing is said.
 */
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { Line, ToolCall, Turn } from "./script.ts";
import { Memory } from "./memory.ts";
import { lineOf, type Run, type Tape } from "./sound.ts";

const RATE_PER_MS = 24;
/** A provider thinks for so long before it answers. */
const THINKS_MS = 60;

export interface Socket {
  send(message: WireMessage): void;
  /** It breaks off. */
  terminate(): void;
}

export interface Usage {
  readonly input: number;
  readonly output: number;
}

/** What a provider said of a line. */
export interface Said {
  readonly line: Line;
  readonly connection: number;
  /** Bytes of its voice that left it. */
  bytes: number;
  ended: "whole" | "cut" | "lost" | null;
}

/** The provider's side of a call, over all connections. */
export class Stage {
  /** Speech as fast as a real voice (1) or faster. */
  readonly speed: number;
  /** What the caller says. */
  readonly tape: Tape;
  /** Turns that are to be heard. */
  readonly turns: Turn[] = [];
  /** Turns whose place on the tape is known, and whether their end was heard. */
  readonly spoken: (Turn & Run & { over: boolean })[] = [];
  readonly lines: Line[] = [];
  readonly said: Said[] = [];
  /** What it says was used. */
  readonly used = { input: 0, output: 0, seconds: 0 };
  /** Of that for answers that never ended: no end tells the client. */
  readonly unended = { input: 0, output: 0 };
  readonly calls: ToolCall[] = [];
  readonly minds: Mind[] = [];
  /** Number of the connection that called the tool. */
  callsOn: number | null = null;

  constructor(speed: number, tape: Tape) {
    this.speed = speed;
    this.tape = tape;
  }

  /** The words of the turn that was heard; its answers are due. `bytes`: its sound, where one may be heard again. */
  heard(bytes?: Uint8Array): string {
    const known = bytes === undefined ? [] : this.#within(bytes);
    const again = known.length > 0 && known.every(({ over }) => over);
    for (const turn of known) turn.over = true;
    if (again) return known.map(({ words }) => words).join(" ");
    const turn = this.turns.shift();
    if (turn === undefined) return "Hm?";
    this.lines.push(...turn.answers);
    return turn.words;
  }

  /** Turns whose sound it is: a connection may be told several as one. */
  #within(bytes: Uint8Array): readonly (Turn & { over: boolean })[] {
    const { runs } = this.tape.runs(bytes);
    return this.spoken.filter(({ from, to }) => runs.some((run) => run.from < to && run.to > from));
  }

  uses(): Usage {
    const usage = { input: 100 + this.used.output, output: 40 + 7 * this.said.length };
    this.used.input += usage.input;
    this.used.output += usage.output;
    return usage;
  }
}

/** What the judge asks about one connection, in the adapter's own words. */
export interface Account {
  /** The caller's samples, in the order of their coming; a turn that was told to be over is one of its own. */
  readonly heard: readonly Uint8Array[];
  /** All texts that it was sent. */
  readonly told: string;
  /** What its provider would have refused. */
  readonly refused: readonly string[];
  /** Milliseconds at which answers were said to have been cut. */
  readonly cuts: readonly number[];
  /** Answers that it was told to stop. */
  readonly stopped: number;
  /** It went on with a session of the provider's. */
  readonly resumed: boolean;
}

export abstract class Mind {
  readonly stage: Stage;
  readonly number: number;
  memory: Memory;
  closed = false;
  readonly #socket: Socket;
  #said: Said | null = null;
  #sound: Uint8Array = new Uint8Array(0);
  #thinksMs: number | null = null;
  /** It was about to answer when its socket broke off. */
  #interruptedThought: number | null = null;

  constructor(socket: Socket, stage: Stage) {
    this.#socket = socket;
    this.stage = stage;
    this.number = stage.minds.length;
    this.memory = new Memory(stage.tape);
    stage.minds.push(this);
  }

  abstract opened(): void;
  abstract receive(message: WireMessage): void;
  abstract account(): Account;
  protected abstract begins(line: Line): readonly WireMessage[];
  protected abstract piece(bytes: Uint8Array, words: string): readonly WireMessage[];
  protected abstract ends(line: Line): readonly WireMessage[];
  protected abstract calls(call: ToolCall): readonly WireMessage[];

  get speaking(): boolean {
    return this.#said !== null;
  }

  /** It has something to say or to think about. */
  get busy(): boolean {
    return this.speaking || this.#thinksMs !== null;
  }

  /** It was about to answer when its socket broke off. */
  get wasAbout(): boolean {
    return this.#interruptedThought !== null;
  }

  protected send(messages: readonly WireMessage[]): void {
    for (const message of messages) if (!this.closed) this.#socket.send(message);
  }

  terminate(): void {
    if (this.closed) return;
    this.#over("lost");
    this.#interruptedThought = this.#thinksMs;
    this.#thinksMs = null;
    this.closed = true;
    this.#socket.terminate();
  }

  /** The other side hung up. */
  hungUp(): void {
    this.closed = true;
    this.#over("lost");
    this.#thinksMs = null;
  }

  /** It was asked to answer. */
  protected answer(): void {
    this.#thinksMs = THINKS_MS;
  }

  /** @returns whether it was saying something. */
  protected stop(): boolean {
    this.#thinksMs = null;
    return this.#over("cut");
  }

  #over(ended: "cut" | "lost" | "whole"): boolean {
    if (this.#said === null) return false;
    this.#said.ended = ended;
    this.#said = null;
    return true;
  }

  tick(ms: number): void {
    if (this.closed) return;
    if (this.#thinksMs !== null) {
      this.#thinksMs -= ms;
      if (this.#thinksMs <= 0) this.#begin();
    } else if (this.#said !== null) this.#speak(this.#said, ms * this.stage.speed);
  }

  /** Goes on with what another one was saying when its socket broke off. */
  protected adopt(other: Mind): void {
    const said = this.stage.said.findLast(
      ({ connection, ended }) => connection === other.number && ended === "lost",
    );
    this.#thinksMs = other.#interruptedThought;
    if (said === undefined) return;
    said.ended = null;
    this.#said = said;
    this.#sound = lineOf(said.line);
  }

  #begin(): void {
    this.#thinksMs = null;
    const line = this.stage.lines.shift() ?? { words: "Yes.", ms: 400, seed: 90 };
    if (line.call !== undefined) {
      this.stage.calls.push(line.call);
      this.stage.callsOn = this.number;
      return this.send(this.calls(line.call));
    }
    this.#sound = lineOf(line);
    this.#said = { line, connection: this.number, bytes: 0, ended: null };
    this.stage.said.push(this.#said);
    this.send(this.begins(line));
  }

  #speak(said: Said, ms: number): void {
    const from = said.bytes;
    const to = Math.min(this.#sound.length, from + ms * RATE_PER_MS * 2);
    said.bytes = to;
    const { words, breaksAfterMs } = said.line;
    this.send(this.piece(this.#sound.subarray(from, to), wordsBetween(words, from, to, this.#sound.length)));
    const breaksAt = (breaksAfterMs ?? Infinity) * RATE_PER_MS * 2;
    if (from < breaksAt && to >= breaksAt) return this.terminate();
    if (to < this.#sound.length) return;
    this.#over("whole");
    this.send(this.ends(said.line));
  }
}

/** Words keep step with the sound. */
function wordsBetween(words: string, from: number, to: number, of: number): string {
  const pieces = words.split(/(?<= )/);
  const at = (bytes: number): number => Math.ceil((bytes / of) * pieces.length);
  return pieces.slice(at(from), at(to)).join("");
}

/** Somebody speaks in it. */
function isLoud(bytes: Uint8Array): boolean {
  const whole = bytes.slice(0, bytes.length & ~1);
  return new Int16Array(whole.buffer).some((sample) => Math.abs(sample) > 500);
}

/** Of providers that take the turns: speech by its level, and its end by silence. */
export class Ear {
  readonly #bytesPerMs: number;
  readonly #endsMs: number;
  readonly #startsMs: number;
  #loudBytes = 0;
  #quietBytes = 0;
  #speaking = false;

  /** @param startsMs less of it is no speech yet */
  constructor(hearsHz: number, endsMs = 500, startsMs = 0) {
    this.#bytesPerMs = hearsHz / 500;
    this.#endsMs = endsMs;
    this.#startsMs = startsMs;
  }

  /** What this piece of the caller's sound means. */
  hears(bytes: Uint8Array): "started" | "ended" | null {
    if (isLoud(bytes)) {
      this.#quietBytes = 0;
      this.#loudBytes += bytes.length;
      const first = !this.#speaking && this.#loudBytes > this.#startsMs * this.#bytesPerMs;
      this.#speaking ||= first;
      return first ? "started" : null;
    }
    this.#loudBytes = 0;
    this.#quietBytes += bytes.length;
    if (!this.#speaking || this.#quietBytes < this.#endsMs * this.#bytesPerMs) return null;
    this.#speaking = false;
    return "ended";
  }
}
