/**
 * A call whose provider's sockets are killed, each at a drawn moment of a turn or of its answer: what was said before is to be known
 * after, no sample lost or doubled in either direction, and what it cost counted.
 */
import { seeded } from "../support/signal.ts";
import type { Line } from "./script.ts";
import { Played, type Provider } from "./play.ts";
import { lineOf } from "./sound.ts";

const TURN_MS = 600;
const ANSWER_MS = 700;
/** A turn, its end, its answer and a pause. */
const ROUND_MS = 2600;
const FRAME_MS = 20;
/** A connection that is dialled again has backed off, and is told the conversation. */
const BACK_MS = 3000;

export interface Subject {
  readonly name: string;
  readonly provider: Provider;
  /** A socket that breaks off while nothing is under way is gone on with by the provider's own memory. */
  readonly native: boolean;
  /** It is told what was said before when the caller speaks, and not sooner. */
  readonly toldWithTurn?: boolean;
  /** It can be told no more of a call than so many turns. */
  readonly knowsLast?: number;
}

export interface KillFigures {
  readonly kills: number;
  /** Connections that went on with the provider's own memory. */
  readonly resumed: number;
  /** Turns that were looked for after a kill, and those that were not known. */
  readonly asked: number;
  readonly forgotten: readonly string[];
  /** Samples of the caller's turns that who serves at the end neither heard nor was told in words, and those it heard twice. */
  readonly lost: number;
  readonly doubled: number;
  /** Samples that providers said, that the client got, and that are not those at their place. */
  readonly said: number;
  readonly heard: number;
  readonly wrong: number;
  /** What providers told that they used, and what the session counted. */
  readonly used: readonly number[];
  readonly counted: readonly number[];
  readonly lifecycle: readonly string[];
  readonly refused: readonly string[];
}

const wordOf = (n: number): string => `Zebra${String(n).padStart(3, "0")}q`;

class KilledCall extends Played {
  /** Frames until the socket is killed; null: it is not. */
  #fuse: number | null = null;
  kills = 0;
  asked = 0;
  readonly forgotten: string[] = [];

  constructor(provider: Provider) {
    super(provider, true);
    this.onFrame = () => this.#burn();
  }

  #burn(): void {
    if (this.#fuse === null) return;
    this.#fuse = Math.max(0, this.#fuse - 1);
    const serving = this.stage.minds.at(-1);
    // One that is being greeted is left alone: who is killed had something to lose.
    if (this.#fuse > 0 || serving === undefined || serving.closed) return;
    this.#fuse = null;
    this.kills += 1;
    serving.terminate();
    this.network.serve();
  }

  /** `random`: for the moment of the kill; null: there is none. */
  round(n: number, random: (() => number) | null): void {
    const answer: Line = { words: `Yes to ${wordOf(n)}.`, ms: ANSWER_MS, seed: 1000 + n };
    const words = `I mean ${wordOf(n)}.`;
    this.stage.turns.push({ words, ms: TURN_MS, seed: n % 40, answers: [answer] });
    this.#fuse = random === null ? null : Math.floor((random() * ROUND_MS) / FRAME_MS);
    this.speak(words, TURN_MS, n % 40);
    this.until("all answers", () => this.answered && this.#fuse === null);
    this.until("a connection", () => this.stage.minds.at(-1)?.closed === false);
    this.room(BACK_MS / 4);
  }

  /** Does who serves know what was said in a turn? */
  ask(n: number): void {
    const turn = this.spoken[n];
    if (turn === undefined) return;
    this.asked += 1;
    const { memory } = this.network.mind;
    const missing = memory.missing(turn);
    if (missing > 0 && memory.told(wordOf(n)) === 0) this.forgotten.push(`${wordOf(n)}: ${missing} samples`);
  }
}

export function killedCall(
  { provider, toldWithTurn = false, knowsLast = Infinity }: Subject,
  kills: number,
  seed: number,
): KillFigures {
  const random = seeded(seed);
  const call = new KilledCall(provider);
  for (let n = 0; n < kills; n += 1) {
    call.round(n, random);
    if (toldWithTurn) continue;
    call.ask(n);
    for (let more = 0; more < 3; more += 1) call.ask(Math.floor(random() * n));
  }
  call.round(kills, null);
  const from = Math.max(0, kills + 1 - knowsLast);
  for (let n = from; n <= kills; n += 1) call.ask(n);
  const { memory } = call.network.mind;
  const { stage, listener } = call;
  const usage = call.call.session.state().usage as Record<string, number>;
  const turns = call.spoken.map((turn, n) => ({ ...turn, told: memory.told(wordOf(n)) > 0 }));
  const accounts = stage.minds.map((mind) => mind.account());
  const heard = Buffer.concat(listener.answers.flatMap(({ pieces }) => pieces));
  const said = Buffer.concat(stage.said.map(({ line, bytes }) => lineOf(line).subarray(0, bytes)));
  const track = sounding(heard);
  return {
    kills: call.kills,
    resumed: accounts.filter(({ resumed }) => resumed).length,
    asked: call.asked,
    forgotten: call.forgotten,
    lost: turns.slice(from).reduce((sum, turn) => sum + (turn.told ? 0 : memory.missing(turn)), 0),
    doubled: turns.reduce((sum, turn) => sum + memory.doubled(turn), 0),
    said: said.length / 2,
    heard: track.length / 2,
    wrong: differences(said, track),
    used: [stage.used.input, stage.used.output, stage.used.seconds],
    counted: [usage["input_tokens"] ?? 0, usage["output_tokens"] ?? 0, usage["audio_seconds"] ?? 0],
    lifecycle: [...listener.faults, ...listener.unfinished.map((id) => `${id} never ends`)],
    refused: accounts.flatMap(({ refused }) => refused),
  };
}

/** Without the silence that a model of one track gives, which has whole samples of nothing. */
function sounding(track: Buffer): Buffer {
  const samples = new Int16Array(track.buffer.slice(track.byteOffset, track.byteOffset + track.length));
  return Buffer.from(samples.filter((sample) => sample !== 0).buffer);
}

function differences(one: Buffer, other: Buffer): number {
  const left = sounding(one);
  let wrong = Math.abs(left.length - other.length) / 2;
  for (let at = 0; at < Math.min(left.length, other.length); at += 2)
    if (left.readInt16LE(at) !== other.readInt16LE(at)) wrong += 1;
  return wrong;
}
