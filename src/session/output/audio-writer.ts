/** Writes the audio of answers to the client, in the format that each answer has, and into the ledger and the archive. */
import { encode } from "../../audio/codec.ts";
import { durationMs, sampleRateHz, type ProviderFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { OutputPath, type OutputPathSnapshot } from "../../audio/output-path.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import type { OutputItem, OutputPart, ResponseRecord } from "../state/response.ts";
import type { AudioAddress } from "../state/server-events.ts";
import type { Playout } from "./playout.ts";
import type { ClientPort, Floor, Loudness } from "./ports.ts";
import { audioAddress } from "./response.ts";

export interface AudioWriterParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly kernels: AudioKernels;
  readonly floor: Pick<Floor, "way" | "played">;
}

/** An audio part that is being written, with what stays the same for all of it. */
interface Voice {
  readonly item: OutputItem;
  readonly part: OutputPart;
  readonly index: number;
  readonly address: AudioAddress;
  readonly path: OutputPath;
}

export class AudioWriter {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #playout: Playout;
  readonly #kernels: AudioKernels;
  readonly #floor: AudioWriterParts["floor"];
  readonly #loudness: Loudness;
  /** By item and content index. */
  #paths = new Map<string, OutputPath>();
  /** That got audio last: the next audio is nearly always its too. */
  #voice: Voice | null = null;

  constructor({ context, port, conversation, playout, kernels, floor }: AudioWriterParts) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#playout = playout;
    this.#kernels = kernels;
    this.#floor = floor;
    this.#loudness = floor.way;
  }

  /** More of the part that got audio last, in the upstream's format. @returns false: it is of another one, see `begin`. */
  goesOn(
    response: ResponseRecord,
    item: OutputItem,
    key: number,
    from: ProviderFormat,
    bytes: Uint8Array,
  ): boolean {
    const voice = this.#voice;
    if (voice?.item !== item || voice.part.key !== key) return false;
    this.#send(response, voice, voice.path.push(bytes, from));
    return true;
  }

  /** What comes next is of this part. */
  begin(response: ResponseRecord, item: OutputItem, part: OutputPart, from: ProviderFormat): void {
    const index = item.parts.indexOf(part);
    const name = `${item.id}/${index}`;
    const path = this.#paths.get(name) ?? new OutputPath(from, response.format, this.#kernels);
    this.#paths.set(name, path);
    this.#voice = { item, part, index, address: audioAddress(response, item, index), path };
  }

  #send(response: ResponseRecord, voice: Voice, bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    const { item, part, path, address } = voice;
    const ms = durationMs(path.to, bytes.byteLength);
    const rateHz = sampleRateHz(path.to);
    const { stream } = response;
    let [samples, aloud] = [path.samples, bytes];
    if (this.#loudness.reduces) {
      const follows = () => this.#playout.follows(stream, this.#context.now);
      const place = part.audioMs > 0 ? "goes on" : follows() ? "follows" : "alone";
      samples = this.#loudness.reduce(response.id, stream, samples, rateHz, place);
      if (samples !== path.samples) aloud = encode(path.to, samples);
    }
    part.audioMs += ms;
    const entry = this.#conversation.find(item.id);
    if (entry) {
      entry.audioMs += ms;
      if (entry.audioParts) entry.audioParts = longer(entry.audioParts, voice.index, ms);
      this.#conversation.audio.append(item.id, path.to, bytes, false);
    }
    const soundsAt = this.#playout.nextSoundsAt(stream, this.#context.now);
    this.#floor.played(stream, samples, rateHz, soundsAt);
    this.#playout.sent(item.id, stream, ms, this.#context.now, !response.own);
    const { audioMessageBytes } = this.#context.limits;
    if (bytes.byteLength <= audioMessageBytes) {
      this.#port.audio(address, bytes, ms, aloud);
      return;
    }
    for (let at = 0; at < bytes.byteLength; at += audioMessageBytes) {
      const piece = bytes.subarray(at, at + audioMessageBytes);
      const loud = aloud === bytes ? piece : aloud.subarray(at, at + audioMessageBytes);
      this.#port.audio(address, piece, durationMs(path.to, piece.byteLength), loud);
    }
  }

  /** What was still inside the resamplers of an item. */
  flush(response: ResponseRecord, item: OutputItem, whole = true, key: number | null = null): void {
    for (const [index, part] of item.parts.entries()) {
      if (key !== null && part.key !== key) continue;
      const name = `${item.id}/${index}`;
      const path = this.#paths.get(name);
      if (!path) continue;
      const address = audioAddress(response, item, index);
      if (whole) this.#send(response, { item, part, index, address, path }, path.flush());
      this.#paths.delete(name);
    }
    if (this.#voice?.item === item) this.#voice = null;
  }

  snapshot(): WriterSnapshot {
    return [...this.#paths].map(([name, path]) => [name, path.snapshot()]);
  }

  restore(snapshot: WriterSnapshot): void {
    this.#voice = null;
    this.#paths = new Map(snapshot.map(([name, path]) => [name, OutputPath.restore(path, this.#kernels)]));
  }
}

function longer(parts: NonNullable<Entry["audioParts"]>, index: number, ms: number) {
  return parts.map((part) => (part.index === index ? { ...part, ms: part.ms + ms } : part));
}

export type WriterSnapshot = readonly (readonly [string, OutputPathSnapshot])[];
