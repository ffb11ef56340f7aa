/** Hears the input audio buffer: appends, commits, and the session's turn detection when it has one. */
import { bytesPerSample, decode, rateHz } from "./codec.ts";
import { Endpointer, type EndpointerSettings, type SpeechMark } from "./endpointer.ts";
import { EventError } from "./errors.ts";
import { InputBuffer, MAX_BUFFER_MS } from "./input-buffer.ts";
import type { InputConfig, TurnDetection } from "./session-config.ts";

/** A detected turn is ended after this long, whatever is heard. */
const MAX_TURN_MS = 300_000;
/** Kept for a manual commit while turn detection hears no speech. */
const KEPT_SILENCE_MS = 30_000;
/** OpenAI commits no less. */
const LEAST_COMMIT_MS = 100;

/** `idle`: nobody spoke for `idle_timeout_ms`. */
export type CommitCause = "client" | "detected" | "idle";

export interface ListenerHost {
  drawItemId(): string;
  speechStarted(itemId: string, audioStartMs: number): void;
  speechStopped(itemId: string, audioEndMs: number): void;
  /** A turn is over, by whose word. */
  committed(itemId: string, bytes: Uint8Array, cause: CommitCause): void;
}

export class Listener {
  readonly #host: ListenerHost;
  #config: InputConfig;
  #buffer: InputBuffer;
  #endpointer: Endpointer | null;
  #speech: { readonly itemId: string; readonly from: number } | null = null;

  constructor(config: InputConfig, host: ListenerHost) {
    this.#config = config;
    this.#host = host;
    this.#buffer = new InputBuffer(config.format);
    this.#endpointer = this.#makeEndpointer(0);
  }

  get speaking(): boolean {
    return this.#speech !== null;
  }

  /** Samples written since the session began. */
  get position(): number {
    return this.#buffer.end;
  }

  /** Another input format empties the buffer; positions go on in milliseconds. */
  configure(config: InputConfig): void {
    const old = this.#config;
    this.#config = config;
    if (old.format.type !== config.format.type) {
      const position = Math.round((this.#buffer.end * rateHz(config.format)) / rateHz(old.format));
      this.#buffer = new InputBuffer(config.format, position);
      this.#speech = null;
      this.#endpointer = this.#makeEndpointer(position);
    } else if (this.#endpointer === null || config.turn_detection === null) {
      this.#endpointer = this.#makeEndpointer(this.#buffer.end);
    } else {
      this.#endpointer.configure(endpointerSettings(config, config.turn_detection));
    }
  }

  /**
   * Wire bytes of `input_audio_buffer.append`; returns how many samples they were.
   * @throws EventError for half a sample, or when the buffer is full.
   */
  append(bytes: Uint8Array): number {
    const { format } = this.#config;
    const size = bytesPerSample(format);
    if (bytes.byteLength % size !== 0) {
      throw new EventError(
        "invalid_value",
        `Invalid 'audio'. ${bytes.byteLength} bytes are no whole number of 16-bit samples.`,
        "audio",
      );
    }
    if (this.#endpointer === null) {
      if (!this.#buffer.append(bytes)) {
        const limit = `Input audio buffer is full: it holds at most ${MAX_BUFFER_MS / 1000} s. Commit or clear it.`;
        throw new EventError("input_audio_buffer_full", limit, "audio");
      }
      return bytes.byteLength / size;
    }
    // A second at a time, so that one long append cannot outgrow the buffer before turns are cut from it.
    const step = rateHz(format) * size;
    for (let at = 0; at < bytes.byteLength; at += step)
      this.#hear(bytes.subarray(at, at + step), this.#endpointer);
    return bytes.byteLength / size;
  }

  /** @throws EventError when less than 100 ms are there. */
  commit(): void {
    const heldMs = this.#buffer.milliseconds(this.#buffer.end - this.#buffer.start);
    if (heldMs < LEAST_COMMIT_MS) {
      throw new EventError(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only " +
          `has ${heldMs.toFixed(2)}ms of audio.`,
      );
    }
    this.#take(
      this.#speech?.itemId ?? this.#host.drawItemId(),
      this.#buffer.start,
      this.#buffer.end,
      "client",
    );
    this.#endpointer?.reset();
  }

  /** Commits what was heard since `position` although nobody spoke. */
  commitSilence(itemId: string, position: number): void {
    this.#take(itemId, position, this.#buffer.end, "idle");
  }

  clear(): void {
    this.#buffer.dropBefore(this.#buffer.end);
    this.#speech = null;
    this.#endpointer?.reset();
  }

  milliseconds(samples: number): number {
    return this.#buffer.milliseconds(samples);
  }

  #hear(bytes: Uint8Array, endpointer: Endpointer): void {
    this.#buffer.append(bytes);
    for (const mark of endpointer.push(decode(bytes, this.#config.format))) this.#mark(mark);
    const { start, end } = this.#buffer;
    const hz = rateHz(this.#config.format);
    if (this.#speech === null) {
      if (end - start > (KEPT_SILENCE_MS / 1000) * hz)
        this.#buffer.dropBefore(end - (KEPT_SILENCE_MS / 1000) * hz);
    } else if (end - this.#speech.from > (MAX_TURN_MS / 1000) * hz) {
      endpointer.reset();
      this.#mark({ type: "stopped", at: end });
    }
  }

  #mark(mark: SpeechMark): void {
    if (mark.type === "started") {
      const from = Math.max(mark.at, this.#buffer.start);
      this.#speech = { itemId: this.#host.drawItemId(), from };
      this.#host.speechStarted(this.#speech.itemId, this.#buffer.milliseconds(from));
      return;
    }
    // Null when a commit or clear ended this speech before the detection did.
    if (this.#speech === null) return;
    const { itemId, from } = this.#speech;
    this.#host.speechStopped(itemId, this.#buffer.milliseconds(mark.at));
    this.#take(itemId, from, mark.at, "detected");
  }

  #take(itemId: string, from: number, to: number, cause: CommitCause): void {
    const bytes = this.#buffer.slice(from, to);
    this.#buffer.dropBefore(to);
    this.#speech = null;
    this.#host.committed(itemId, bytes, cause);
  }

  #makeEndpointer(position: number): Endpointer | null {
    const detection = this.#config.turn_detection;
    return detection === null ? null : new Endpointer(endpointerSettings(this.#config, detection), position);
  }
}

/** `semantic_vad` is played by the same endpointer, with a patience that follows `eagerness`. */
function endpointerSettings(config: InputConfig, detection: TurnDetection): EndpointerSettings {
  const hz = rateHz(config.format);
  if (detection.type === "server_vad") {
    return {
      rateHz: hz,
      threshold: detection.threshold,
      prefixPaddingMs: detection.prefix_padding_ms,
      silenceDurationMs: detection.silence_duration_ms,
    };
  }
  const patience = { low: 1_500, medium: 700, auto: 700, high: 400 };
  return {
    rateHz: hz,
    threshold: 0.5,
    prefixPaddingMs: 300,
    silenceDurationMs: patience[detection.eagerness],
  };
}
