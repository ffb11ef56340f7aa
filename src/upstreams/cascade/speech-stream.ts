/** One sentence or more on its way to sound: an HTTP request whose response is samples, however the network cuts them. */
import { protocolFault, saidFault, type StageFault, statusFault } from "../channels/http-fault.ts";
import type { Redactor } from "../redact.ts";
import type { JsonObject, ResponseHead, UpstreamConfig } from "../upstream.ts";
import { utf8Text } from "../utf8.ts";
import type { SpeechSettings } from "./settings.ts";

export const SPEECH_STAGE = "The synthesiser";
const MAX_ERROR_CHARS = 16_384;
/** What raw samples are called; a type that is none of these is no PCM, whatever it is. */
const PCM_TYPES = /^(?:|audio\/(?:pcm|l16|raw|x-raw|x-pcm|vnd\.wave\.pcm)|application\/octet-stream)$/;

/** Voices that client of OpenAI's dialect name stand for nothing elsewhere: a voice of the configuration goes before them. */
export function speechRequest(
  { model, voice, body }: SpeechSettings,
  config: UpstreamConfig,
  input: string,
): string {
  const asked = typeof config.voice === "string" && config.voice !== "" ? config.voice : "alloy";
  const request: JsonObject = {
    model,
    input,
    voice: voice ?? asked,
    response_format: "pcm",
    ...(config.speed === 1 ? {} : { speed: config.speed }),
    ...body,
  };
  return JSON.stringify(request);
}

export type SpeechState = {
  readonly status: number;
  readonly type: string | null;
  readonly error: string;
  readonly odd: number;
  readonly bytes: number;
};

export class SpeechStream {
  readonly #redactor: Redactor;
  #status = 0;
  /** Media type; null: there was no head yet. */
  #type: string | null = null;
  #error = "";
  /** Half of a sample, which waits for its other half; -1: none. */
  #odd = -1;
  /** Bytes of whole samples so far. */
  bytes = 0;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  opened({ status, type }: ResponseHead): void {
    this.#status = status;
    this.#type = type;
  }

  get #sounds(): boolean {
    return this.#status === 200 && this.#type !== null && PCM_TYPES.test(this.#type);
  }

  /** @returns whole samples, at an even offset, none where it is no sound. */
  data(bytes: Uint8Array): Uint8Array {
    if (!this.#sounds) {
      if (this.#error.length < MAX_ERROR_CHARS) this.#error += utf8Text(bytes).slice(0, MAX_ERROR_CHARS);
      return new Uint8Array();
    }
    const samples = this.#whole(bytes);
    this.bytes += samples.length;
    return samples;
  }

  #whole(bytes: Uint8Array): Uint8Array {
    const kept = this.#odd;
    const length = bytes.length + (kept >= 0 ? 1 : 0);
    const even = length & ~1;
    const copied = kept >= 0 || bytes.byteOffset % 2 === 1;
    const whole = copied ? new Uint8Array(length) : bytes;
    if (copied) whole.set(bytes, length - bytes.length);
    if (kept >= 0) whole[0] = kept;
    this.#odd = even < length ? (whole[even] ?? -1) : -1;
    return whole.subarray(0, even);
  }

  /** The response is whole. @returns what is wrong with it, or null. */
  end(): StageFault | null {
    if (this.#status !== 200) return statusFault(SPEECH_STAGE, this.#status, this.#error, this.#redactor);
    if (this.#sounds) {
      const silent = { fault: protocolFault(SPEECH_STAGE, "answered without a sample"), again: true };
      return this.bytes > 0 ? null : silent;
    }
    if (this.#type === "application/json") return saidFault(SPEECH_STAGE, this.#error, this.#redactor);
    return { fault: protocolFault(SPEECH_STAGE, "answered with something that is no PCM"), again: false };
  }

  snapshot(): SpeechState {
    return {
      status: this.#status,
      type: this.#type,
      error: this.#redactor.unfinished(this.#error),
      odd: this.#odd,
      bytes: this.bytes,
    };
  }

  restore(state: SpeechState): void {
    this.#status = state.status;
    this.#type = state.type;
    this.#error = state.error;
    this.#odd = state.odd;
    this.bytes = state.bytes;
  }
}
