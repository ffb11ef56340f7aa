/**
 * What waits for a connection until it is configured: commands in their order, and the caller's audio between them. It
 * is bounded. Commands beyond the bound end the connection; of audio the oldest goes, which is told.
 */
import { bytesPerSample, durationMs, type AudioFormat } from "../../audio/format.ts";
import type { AudioChunk, Command } from "../../upstreams/upstream.ts";
import type { Limits } from "../limits.ts";

/** Audio that waits is put together into pieces of this, so that small ones do not count as many commands. */
const PIECE_BYTES = 4096;

export class Backlog {
  readonly #limits: Limits;
  readonly #input: AudioFormat;
  #commands: Command[] = [];
  #bytes = 0;
  /** Of these, audio of the caller's as it came: the next connection can still hear it. */
  #unsentBytes = 0;

  constructor(limits: Limits, input: AudioFormat) {
    this.#limits = limits;
    this.#input = input;
  }

  /** More commands wait than are kept. */
  get full(): boolean {
    return this.#commands.length > this.#limits.backlogCommands;
  }

  /** Samples of the caller that wait here, or waited when the connection was lost: they were never sent. */
  get unsentSamples(): number {
    return this.#unsentBytes / bytesPerSample(this.#input);
  }

  /** @returns milliseconds of audio that had to go for it. */
  keep(command: Command): number {
    if (command.type !== "audio") {
      this.#commands.push(command);
      return 0;
    }
    this.#append(command.chunk.bytes);
    return this.#dropOldest(this.#bytes - this.#limits.backlogBytes);
  }

  /** So many bytes are the caller's, as they come. */
  unsent(bytes: number): void {
    this.#unsentBytes += bytes;
  }

  /** A chunk's bytes are only lent: what waits is copied. */
  #append(bytes: Uint8Array): void {
    const last = this.#commands.at(-1);
    const before = last?.type === "audio" ? last.chunk.bytes : null;
    if (before !== null && before.byteLength < PIECE_BYTES) {
      const both = new Uint8Array(before.byteLength + bytes.byteLength);
      both.set(before);
      both.set(bytes, before.byteLength);
      this.#commands[this.#commands.length - 1] = audioOf(both);
    } else this.#commands.push(audioOf(bytes.slice()));
    this.#bytes += bytes.byteLength;
  }

  /** What was said last is worth most: of what waits too long, the beginning goes. */
  #dropOldest(excessBytes: number): number {
    if (excessBytes <= 0) return 0;
    const size = bytesPerSample(this.#input);
    const dropped = Math.ceil(excessBytes / size) * size;
    let left = dropped;
    for (let at = 0; left > 0 && at < this.#commands.length;) {
      const waiting = this.#commands[at];
      if (waiting?.type !== "audio") at += 1;
      else if (waiting.chunk.bytes.byteLength <= left) {
        left -= waiting.chunk.bytes.byteLength;
        this.#commands.splice(at, 1);
      } else {
        this.#commands[at] = audioOf(waiting.chunk.bytes.slice(left));
        left = 0;
      }
    }
    this.#bytes -= dropped;
    this.#unsentBytes = Math.min(this.#unsentBytes, this.#bytes);
    return durationMs(this.#input, dropped);
  }

  /** The connection is ready: all that waited, in its order. */
  take(): readonly Command[] {
    const commands = this.#commands;
    this.#unsentBytes = 0;
    this.forget();
    return commands;
  }

  /** The connection is gone. What of the caller's was never sent is still known. */
  forget(): void {
    this.#commands = [];
    this.#bytes = 0;
  }

  snapshot(): BacklogSnapshot {
    return {
      unsentBytes: this.#unsentBytes,
      commands: this.#commands.map((command) =>
        command.type === "audio" ? { type: "audio", bytes: command.chunk.bytes.slice() } : command,
      ),
    };
  }

  restore(snapshot: BacklogSnapshot): void {
    this.#unsentBytes = snapshot.unsentBytes;
    this.#commands = snapshot.commands.map((kept) => (kept.type === "audio" ? audioOf(kept.bytes) : kept));
    this.#bytes = snapshot.commands.reduce(
      (sum, kept) => sum + (kept.type === "audio" ? kept.bytes.byteLength : 0),
      0,
    );
  }
}

function audioOf(bytes: Uint8Array): { readonly type: "audio"; readonly chunk: AudioChunk } {
  return { type: "audio", chunk: { bytes, base64: () => bytes.toBase64() } };
}

type KeptCommand =
  | Exclude<Command, { type: "audio" }>
  | { readonly type: "audio"; readonly bytes: Uint8Array };

export interface BacklogSnapshot {
  readonly unsentBytes: number;
  readonly commands: readonly KeptCommand[];
}
