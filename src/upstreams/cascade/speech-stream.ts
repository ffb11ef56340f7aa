/** One sentence or more on its way to sound: an HTTP request whose response is samples, however the network cuts them. */
import { protocolFault, saidFault, type StageFault, statusFault } from "../channels/http-fault.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, ResponseHead, WireMessage } from "../upstream.ts";
import { utf8Bytes, utf8Text } from "../utf8.ts";
import { Halves } from "./halves.ts";
import { SPEECH_STAGE, type Speech } from "./speech-reader.ts";
import { WavFront } from "./wav-front.ts";

const NO_PCM = "answered with something that is no PCM";
const MAX_ERROR_CHARS = 16_384;
/** What raw samples are called; a type that is none of these is no PCM, whatever it is. */
const PCM_TYPES = /^(?:|audio\/(?:pcm|l16|raw|x-raw|x-pcm|vnd\.wave\.pcm)|application\/octet-stream)$/;

type StreamState = {
  readonly status: number;
  readonly type: string | null;
  readonly error: string;
  readonly odd: number;
  readonly bytes: number;
  /** Of a file: its front as far as it came, null once it is over, and bytes of samples that are still to come. */
  readonly front?: string | null;
  readonly left?: number;
  readonly fault?: string | null;
};

export class SpeechStream implements Speech {
  readonly whole = false;
  readonly #redactor: Redactor;
  /** Of a response that is to be a WAV file; null: it is not, or the samples have begun. */
  #front: WavFront | null;
  /** Bytes of samples that are still to come. */
  #left = Number.MAX_SAFE_INTEGER;
  readonly #file: boolean;
  /** It is no sound, though it claimed to be: our own words for what it is. */
  #fault: string | null = null;
  #status = 0;
  /** Media type; null: there was no head yet. */
  #type: string | null = null;
  #error = "";
  readonly #halves = new Halves();
  /** Bytes of whole samples so far. */
  bytes = 0;

  /** @param wavHz rate of the WAV file that it is to be, whatever type it states; null: raw samples of a type that says so. */
  constructor(redactor: Redactor, wavHz: number | null) {
    this.#redactor = redactor;
    this.#front = wavHz === null ? null : new WavFront(wavHz);
    this.#file = wavHz !== null;
  }

  opened(head: ResponseHead | null): readonly string[] {
    this.#status = head?.status ?? 0;
    this.#type = head?.type ?? null;
    return [];
  }

  get #sounds(): boolean {
    if (this.#status !== 200 || this.#type === null || this.#fault !== null) return false;
    return this.#file ? this.#type !== "application/json" : PCM_TYPES.test(this.#type);
  }

  data(message: WireMessage): Uint8Array {
    // A response is bytes.
    const bytes = typeof message === "string" ? utf8Bytes(message) : message;
    if (!this.#sounds) {
      if (this.#error.length < MAX_ERROR_CHARS) this.#error += utf8Text(bytes).slice(0, MAX_ERROR_CHARS);
      return new Uint8Array();
    }
    const of = this.#front === null ? bytes.subarray(0, this.#left) : this.#behind(this.#front, bytes);
    this.#left -= of.length;
    const samples = this.#halves.whole(of);
    this.bytes += samples.length;
    return samples;
  }

  /** @returns what of it are samples. */
  #behind(front: WavFront, bytes: Uint8Array): Uint8Array {
    const found = front.feed(bytes);
    if (found.type === "more") return new Uint8Array();
    this.#front = null;
    if (found.type === "samples") {
      this.#left = found.length;
      return found.rest;
    }
    // Samples without a file around them are as good.
    if (found.type === "other" && PCM_TYPES.test(this.#type ?? "") && this.#type !== "") return found.rest;
    this.#fault = found.type === "wrong" ? "answered with other samples than were asked for" : NO_PCM;
    return new Uint8Array();
  }

  end(): StageFault | null {
    // Workers AI is reported to answer with MP3 at times: another try may do better.
    if (this.#fault !== null) return { fault: protocolFault(SPEECH_STAGE, this.#fault), again: true };
    if (this.#status !== 200) return statusFault(SPEECH_STAGE, this.#status, this.#error, this.#redactor);
    if (this.#sounds) {
      const silent = { fault: protocolFault(SPEECH_STAGE, "answered without a sample"), again: true };
      return this.bytes > 0 ? null : silent;
    }
    if (this.#type === "application/json") return saidFault(SPEECH_STAGE, this.#error, this.#redactor);
    return { fault: protocolFault(SPEECH_STAGE, NO_PCM), again: false };
  }

  snapshot(): StreamState {
    return {
      status: this.#status,
      type: this.#type,
      error: this.#redactor.unfinished(this.#error),
      odd: this.#halves.odd,
      bytes: this.bytes,
      ...(this.#file && { front: this.#front?.snapshot() ?? null, left: this.#left, fault: this.#fault }),
    };
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as StreamState;
    this.#status = state.status;
    this.#type = state.type;
    this.#error = state.error;
    this.#halves.odd = state.odd;
    this.bytes = state.bytes;
    if (typeof state.front === "string") this.#front?.restore(state.front);
    else this.#front = null;
    this.#left = state.left ?? Number.MAX_SAFE_INTEGER;
    this.#fault = state.fault ?? null;
  }
}
