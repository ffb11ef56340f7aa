/**
 * The way out of one connection, through which every event goes, and where the faults are: a mute connection, a
 * close in mid-answer, rubbish between the events.
 */
import { seededRandom, type DrawId } from "./ids.ts";
import type { Knobs } from "./knobs.ts";

/** An event without its `event_id`, which the outbox draws. */
export type ServerEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Unsent bytes at which an answer waits for its reader. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;
/** Unsent bytes at which the connection is given up: the reader is gone and events still come. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** What a broken or odd provider might send. None of it is an event of the dialect. */
const RUBBISH: readonly (string | Uint8Array)[] = [
  "not json",
  '{"type":"response.output_audio.del',
  "[]",
  "null",
  '{"type":42}',
  '{"event_id":"event_without_type"}',
  '{"type":"response.unheard_of","event_id":"event_odd"}',
  '{"type":"response.output_audio.delta","event_id":"event_bare"}',
  '{"type":"response.output_audio.delta","event_id":"event_base64","response_id":"resp_none","item_id":"item_none","output_index":0,"content_index":0,"delta":"%%%"}',
  '{"type":"response.done","event_id":"event_none","response":null}',
  Uint8Array.of(0xff, 0x00, 0xfe),
  "",
];

/** What is needed of a socket; one of `ws` is one. */
export interface Wire {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, options: { readonly binary: boolean }): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export class Outbox {
  readonly #socket: Wire;
  readonly #knobs: Knobs;
  readonly #drawId: DrawId;
  readonly #random: () => number;
  #mute = false;
  #answerMs = 0;
  #piecesSinceRubbish = 0;

  constructor(socket: Wire, knobs: Knobs, drawId: DrawId) {
    this.#socket = socket;
    this.#knobs = knobs;
    this.#drawId = drawId;
    this.#random = seededRandom(knobs.seed ?? 1);
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** The reader is far behind; audio should wait. */
  get congested(): boolean {
    return this.#socket.bufferedAmount > HIGH_WATER_BYTES;
  }

  send(event: ServerEvent): void {
    if (this.#mute || !this.open) return;
    const { type, ...fields } = event;
    this.#socket.send(JSON.stringify({ type, event_id: this.#drawId("event"), ...fields }), {
      binary: false,
    });
    if (this.#socket.bufferedAmount > MAX_UNSENT_BYTES) this.#socket.terminate();
    if (this.#knobs.garbage && type === "session.created") this.#sendRubbish(RUBBISH.length);
  }

  /** An answer begins: `stall_after_ms` and `close_after_audio_ms` count from here. */
  answerStarts(): void {
    this.#answerMs = 0;
    this.#applyAnswerFaults();
  }

  /** `ms` more of an answer went out. */
  answered(ms: number): void {
    this.#answerMs += ms;
    this.#piecesSinceRubbish += 1;
    if (this.#knobs.garbage && this.#piecesSinceRubbish >= 5) {
      this.#piecesSinceRubbish = 0;
      this.#sendRubbish(1);
    }
    this.#applyAnswerFaults();
  }

  /** 1006 breaks the connection without a close frame. */
  close(code: number, reason: string): void {
    if (code === 1006) this.#socket.terminate();
    else this.#socket.close(code, reason);
  }

  #applyAnswerFaults(): void {
    const { stall_after_ms, close_after_audio_ms, close_code } = this.#knobs;
    if (stall_after_ms !== null && this.#answerMs >= stall_after_ms) this.#mute = true;
    if (close_after_audio_ms !== null && this.#answerMs >= close_after_audio_ms) {
      this.close(close_code, "knob close_after_audio_ms");
    }
  }

  #sendRubbish(count: number): void {
    if (this.#mute || !this.open) return;
    const first = Math.floor(this.#random() * RUBBISH.length);
    for (let i = 0; i < count; i += 1) {
      const rubbish = RUBBISH[(first + i) % RUBBISH.length] ?? "";
      this.#socket.send(rubbish, { binary: typeof rubbish !== "string" });
    }
  }
}
