/**
 * What waits for a connection until it is configured: commands in their order, and the caller's audio between them. It
 * is bounded. Commands beyond the bound end the connection; of audio the oldest goes, which is told. What an item of the
 * conversation is told by lasts elsewhere, within the bound of that (`replay.ts`).
 */
import { bytesPerSample, durationMs, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import { NO_KERNELS } from "../../audio/kernels.ts";
import { transcode } from "../../audio/transcode.ts";
import { jsonSize, type Json } from "../../protocol/json.ts";
import type { AudioChunk, Command, Item } from "../../upstreams/upstream.ts";
import type { Limits } from "../limits.ts";
import { inFormat, inputInFormat } from "../memory/item-audio.ts";

/** Audio that waits is put together into pieces of this, so that small ones do not count as many commands. */
const PIECE_BYTES = 4096;

export class Backlog {
  readonly #limits: Limits;
  #input: AudioFormat;
  #commands: Command[] = [];
  #bytes = 0;
  /** Characters of JSON in the other commands, about. */
  #size = 0;
  /** Of these, audio of the caller's as it came: the next connection can still hear it. */
  #unsentBytes = 0;

  constructor(limits: Limits, input: AudioFormat) {
    this.#limits = limits;
    this.#input = input;
  }

  /** Characters of JSON in the commands that wait, about. */
  get size(): number {
    return this.#size;
  }

  /** More commands wait than are kept, or more is in them. */
  get full(): boolean {
    return this.#commands.length > this.#limits.backlogCommands || this.#size > this.#limits.backlogSize;
  }

  /** Samples of the caller that wait here, or waited when the connection was lost: they were never sent. */
  get unsentSamples(): number {
    return this.#unsentBytes / bytesPerSample(this.#input);
  }

  /** @returns milliseconds of audio that had to go for it. */
  keep(command: Command): number {
    if (command.type !== "audio") {
      this.#commands.push(command);
      this.#size += sizeOf(command);
      return 0;
    }
    if (command.chunk.lasting) this.#commands.push(command);
    else this.#append(command.chunk.bytes);
    return this.#dropOldest(this.#bytes - this.#limits.backlogBytes);
  }

  /** So many bytes are the caller's, as they come. */
  unsent(bytes: number): void {
    this.#unsentBytes += bytes;
  }

  /** Nobody wants the answer any more. @returns whether its ask waited: it is not sent. */
  withdraw(responseId: string): boolean {
    const at = this.#commands.findIndex((one) => one.type === "respond" && one.responseId === responseId);
    if (at >= 0) this.#remove(at, at + 1);
    return at >= 0;
  }

  /** The buffer is cleared: what waits of it need not be sent. */
  clearBuffer(): void {
    this.#removeBuffer(this.#commands.length);
  }

  /**
   * The turn is deleted. @returns whether it waited, and is not sent: nothing that waits behind it is asked about it, or placed
   * after it.
   */
  unsay(itemId: string): boolean {
    const at = this.#commands.findIndex((one) => one.type === "commit" && one.itemId === itemId);
    if (at < 0 || this.#commands.slice(at).some((one) => follows(one, itemId))) return false;
    this.#remove(at, at + 1);
    this.#removeBuffer(at);
    return true;
  }

  /** Audio that is in the buffer at this place in the order. */
  #removeBuffer(end: number): void {
    const ends = this.#commands.slice(0, end).findLastIndex((one) => endsBuffer(one));
    this.#remove(ends + 1, end, (one) => one.type === "audio");
  }

  #remove(from: number, to: number, goes: (command: Command) => boolean = () => true): void {
    const left = this.#commands.slice(from, to).filter((one) => !goes(one));
    const gone = this.#commands.splice(from, to - from, ...left).filter(goes);
    this.#size -= sizeIn(gone);
    const bytes = bytesIn(gone);
    this.#bytes -= bytes;
    // The caller's as it came is what waits last.
    const behind = bytesIn(this.#commands.slice(from));
    this.#unsentBytes -= Math.min(bytes, Math.max(0, this.#unsentBytes - behind));
  }

  /** A chunk's bytes are only lent: what waits is copied. */
  #append(bytes: Uint8Array): void {
    const last = this.#commands.at(-1);
    const before = last?.type === "audio" && !last.chunk.lasting ? last.chunk.bytes : null;
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
      if (waiting?.type !== "audio" || waiting.chunk.lasting) at += 1;
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

  /** The provider takes another format than what waits is in: it is put into that one. Each run of audio is one stream. */
  restate(to: AudioFormat): void {
    const from = this.#input;
    this.#input = to;
    const restated: Command[] = [];
    let run: Uint8Array[] = [];
    let lasting = false;
    const endRun = () => {
      if (run.length > 0) restated.push(audioOf(transcode(joined(run), from, to, NO_KERNELS), lasting));
      run = [];
    };
    for (const command of this.#commands) {
      if (command.type === "audio") {
        if (lasting !== (command.chunk.lasting ?? false)) endRun();
        lasting = command.chunk.lasting ?? false;
        run.push(command.chunk.bytes);
      } else {
        endRun();
        restated.push(inOther(command, from, to));
      }
    }
    endRun();
    this.#commands = restated;
    this.#bytes = bytesIn(restated);
    const unsentMs = durationMs(from, this.#unsentBytes);
    const samples = Math.round((unsentMs * sampleRateHz(to)) / 1000);
    this.#unsentBytes = Math.min(this.#bytes, samples * bytesPerSample(to));
  }

  /** Items of the conversation that wait in front of all else, in its order: they wait no longer. */
  takeItems(): readonly Item[] {
    const items: Item[] = [];
    for (const command of this.#commands) {
      if (command.type !== "item" || command.previousItemId !== null) break;
      items.push(command.item);
      this.#size -= sizeOf(command);
    }
    this.#commands.splice(0, items.length);
    return items;
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
    this.#size = 0;
  }

  snapshot(): BacklogSnapshot {
    return {
      unsentBytes: this.#unsentBytes,
      commands: this.#commands.map((command) => (command.type === "audio" ? kept(command.chunk) : command)),
    };
  }

  /** @param input the format that the connection takes, and all that waits is in. */
  restore(snapshot: BacklogSnapshot, input: AudioFormat): void {
    this.#input = input;
    this.#unsentBytes = snapshot.unsentBytes;
    this.#commands = snapshot.commands.map((each) =>
      each.type === "audio" ? audioOf(each.bytes, each.lasting) : each,
    );
    this.#bytes = bytesIn(this.#commands);
    this.#size = sizeIn(this.#commands);
  }
}

function audioOf(bytes: Uint8Array, lasting = false): { readonly type: "audio"; readonly chunk: AudioChunk } {
  return { type: "audio", chunk: { bytes, ...(lasting && { lasting }), base64: () => bytes.toBase64() } };
}

/** Bytes of audio that are kept here alone. */
function bytesIn(commands: readonly Command[]): number {
  return commands.reduce(
    (sum, one) => sum + (one.type === "audio" && !one.chunk.lasting ? one.chunk.bytes.byteLength : 0),
    0,
  );
}

/** The next turn's audio is what comes after it. */
function endsBuffer({ type }: Command): boolean {
  return type === "commit" || type === "clear";
}

/** What it is sent for knows the turn. */
function follows(command: Command, itemId: string): boolean {
  return command.type === "respond" || (command.type === "item" && command.previousItemId === itemId);
}

/** Characters of JSON in the commands but for audio, about. */
function sizeIn(commands: readonly Command[]): number {
  return commands.reduce((sum, one) => sum + (one.type === "audio" ? 0 : sizeOf(one)), 0);
}

function kept({ bytes, lasting }: AudioChunk): KeptAudio {
  return { type: "audio", bytes: lasting ? bytes : bytes.slice(), ...(lasting && { lasting }) };
}

function sizeOf(command: Exclude<Command, { type: "audio" }>): number {
  // A command is JSON but for the audio between.
  return jsonSize(command as unknown as Json);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}

/** A command whose items have their audio in another format. */
function inOther(command: Command, from: AudioFormat, to: AudioFormat): Command {
  if (command.type === "item") return { ...command, item: inFormat(command.item, from, to, NO_KERNELS) };
  if (command.type !== "respond") return command;
  const params = inputInFormat(command.options.params, from, to, NO_KERNELS);
  return { ...command, options: { ...command.options, params } };
}

interface KeptAudio {
  readonly type: "audio";
  readonly bytes: Uint8Array;
  readonly lasting?: true;
}

type KeptCommand = Exclude<Command, { type: "audio" }> | KeptAudio;

export interface BacklogSnapshot {
  readonly unsentBytes: number;
  readonly commands: readonly KeptCommand[];
}
