/**
 * A Moshi server with a model behind a socket, by real Opus: its time passes with the sound that it is sent, and for each 80 ms of that
 * it gives 80 of its own, speech or silence, and a word where it speaks. It answers a pause, and stops when somebody speaks over it.
 */
import { voiceOf } from "../../demo/stages.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { ScriptedMoshi } from "../upstreams/scripted-moshi.ts";
import { opus } from "./opus.ts";

const STEP_BYTES = 3840;
const STEP_MS = 80;
const LOUD = 500;
const TURN_ENDS_MS = 480;
const STOPS_MS = 240;
/** Samples of a sound that are held against another's. */
const MOST_COMPARED = 12_000;

export interface MoshiScript {
  readonly say: string;
  /** After so many steps of it the connection breaks. */
  readonly breakAfter?: number;
}

export interface MoshiSocket {
  send(message: WireMessage): void;
  terminate(): void;
}

export class MoshiModel {
  readonly provider = new ScriptedMoshi(opus(), false);
  /** All that it heard, in milliseconds. */
  heardMs = 0;
  /** The largest sample that it heard. */
  loudest = 0;
  readonly #socket: MoshiSocket;
  readonly #script: MoshiScript[];
  #track: Uint8Array = new Uint8Array(0);
  #words: string[] = [];
  #loudMs = 0;
  #quietMs = 0;
  #turn = false;
  #breaksIn = Infinity;

  constructor(socket: MoshiSocket, script: MoshiScript[]) {
    this.#socket = socket;
    this.#script = script;
  }

  /** It has come to this conversation. */
  begin(rust = false): void {
    this.#socket.send(this.provider.handshake(rust));
  }

  receive(message: WireMessage): void {
    this.provider.receive(message);
    const { heard } = this.provider;
    while (heard.length >= STEP_BYTES) this.#step(Uint8Array.from(heard.splice(0, STEP_BYTES)));
  }

  #step(heard: Uint8Array): void {
    this.heardMs += STEP_MS;
    const peak = new Int16Array(heard.buffer).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    this.loudest = Math.max(this.loudest, peak);
    this.#loudMs = peak > LOUD ? this.#loudMs + STEP_MS : 0;
    this.#quietMs = peak > LOUD ? 0 : this.#quietMs + STEP_MS;
    if (this.#loudMs >= STOPS_MS) {
      this.#turn = true;
      this.#track = new Uint8Array(0);
      this.#words = [];
    }
    if (this.#turn && this.#quietMs >= TURN_ENDS_MS) {
      this.#turn = false;
      const { say, breakAfter = Infinity } = this.#script.shift() ?? { say: "Yes." };
      this.#track = voiceOf(say);
      this.#words = say.split(" ").map((word) => ` ${word}`);
      this.#breaksIn = breakAfter;
    }
    this.#give();
  }

  #give(): void {
    const step = new Uint8Array(STEP_BYTES);
    step.set(this.#track.subarray(0, STEP_BYTES));
    if (this.#track.length > 0) this.#breaksIn -= 1;
    this.#track = this.#track.subarray(STEP_BYTES);
    if (this.#breaksIn < 0) {
      this.#socket.terminate();
      return;
    }
    for (const message of this.provider.audio(step)) this.#socket.send(message);
    const word = this.#words.shift();
    if (word !== undefined) this.#socket.send(this.provider.said(word));
  }
}

/** How alike two sounds are, 0 to 1, wherever the one begins within 25 ms of the other: what a codec makes of a sound is late, and not the same. */
export function likeness(a: Uint8Array, b: Uint8Array): number {
  const [x, y] = [a, b].map(
    (bytes) => new Int16Array(new Uint8Array(bytes.subarray(0, bytes.length & ~1)).buffer),
  );
  if (x === undefined || y === undefined) return 0;
  const most = Math.min(x.length, MOST_COMPARED);
  let best = 0;
  for (let lag = -600; lag <= 600; lag++) {
    let [xy, xx, yy] = [0, 0, 0];
    for (let n = Math.max(0, -lag); n < most && n + lag < y.length; n++) {
      const [p, q] = [x[n] ?? 0, y[n + lag] ?? 0];
      xy += p * q;
      xx += p * p;
      yy += q * q;
    }
    if (xx > 0 && yy > 0) best = Math.max(best, xy / Math.sqrt(xx * yy));
  }
  return best;
}
