/**
 * A room in virtual time: a loudspeaker that plays what the session sends (paced or not, held when it is told to), and a
 * microphone that hears the caller, the loudspeaker, and a little noise, and sends in pieces of any length.
 */
import type { Call } from "./call.ts";
import { silence } from "./signal.ts";

export interface RoomOptions {
  /** The loudspeaker at the microphone. */
  readonly echoDb: number;
  /** Sound path, device buffers and network. */
  readonly lateMs: number;
  /** What one message of the client holds. */
  readonly pieceMs: number;
}

const PER_MS = 24;
const TICK_MS = 20;

export class Room {
  readonly #call: Call;
  readonly #options: RoomOptions;
  #frames = 0;
  #events = 0;
  #queue: number[] = [];
  /** The sample that sounds next. */
  #next = 0;
  readonly #played: number[] = [];
  #piece: number[] = [];
  readonly #noise = silence(60_000, 24_000, 9);

  constructor(call: Call, options: RoomOptions) {
    this.#call = call;
    this.#options = options;
    this.#fetch();
  }

  /** The player throws away what it has. */
  cut(): void {
    this.#fetch();
    this.#drop();
  }

  #sound(): number {
    if (this.#next >= this.#queue.length) return 0;
    this.#next += 1;
    return this.#queue[this.#next - 1] ?? 0;
  }

  #drop(): void {
    this.#queue = [];
    this.#next = 0;
  }

  /** The caller's own sound for as long as it lasts. */
  speak(own: Int16Array): void {
    for (let at = 0; at < own.length; at += PER_MS * TICK_MS) {
      this.#tick(own.subarray(at, at + PER_MS * TICK_MS));
    }
  }

  #tick(own: Int16Array): void {
    this.#fetch();
    const held = this.#held;
    for (let at = 0; at < own.length; at += 1) this.#played.push(held ? 0 : this.#sound());
    const from = this.#played.length - own.length - this.#options.lateMs * PER_MS;
    const gain = 10 ** (this.#options.echoDb / 20);
    for (const [at, value] of own.entries()) {
      const noise = this.#noise[(this.#played.length + at) % this.#noise.length] ?? 0;
      const heard = value + gain * (this.#played[from + at] ?? 0) + noise;
      this.#piece.push(Math.max(-32_768, Math.min(32_767, heard)));
    }
    // A piece is sent when its last sample was there.
    this.#call.advance(TICK_MS);
    if (this.#piece.length < this.#options.pieceMs * PER_MS) return;
    this.#call.append(Int16Array.from(this.#piece));
    this.#piece = [];
  }

  get #held(): boolean {
    const { events } = this.#call;
    return events.findLast(({ type }) => type === "overlap.decision")?.["decision"] === "hold";
  }

  #fetch(): void {
    const { frames, events } = this.#call;
    for (const { payload } of frames.slice(this.#frames)) this.#take(payload);
    this.#frames = frames.length;
    for (const event of events.slice(this.#events)) {
      if (event.type === "response.output_audio.delta")
        this.#take(Uint8Array.fromBase64(String(event["delta"])));
      else if (event.type === "output_audio_buffer.cleared") this.#drop();
    }
    this.#events = events.length;
  }

  #take(bytes: Uint8Array): void {
    const samples = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    for (const sample of samples) this.#queue.push(sample);
  }
}
