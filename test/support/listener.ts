/**
 * A listener in virtual time whose loudspeaker is heard by the microphone: plays what a duplex.v1 session sends, stands
 * still or goes on quieter while the floor is held, and hands back what was played as an echo.
 */
import type { Call, Received } from "./call.ts";

export interface Room {
  /** Linear gain of the loudspeaker at the microphone; 0: none. */
  readonly echoGain: number;
  /** Sound path, device buffers and network. */
  readonly echoLateMs: number;
}

const RATE = 24_000;
const FRAME = 480;

export class Listener {
  readonly #call: Call;
  readonly #room: Room;
  #taken = 0;
  #queue: Int16Array[] = [];
  /** Everything that came out of the loudspeaker, one sample per tick, silence included. */
  readonly #played: number[] = [];

  constructor(call: Call, room: Room) {
    this.#call = call;
    this.#room = room;
  }

  /** The caller's own sound for as long as it lasts, in 20 ms frames, with the room's echo added. */
  speak(own: Int16Array): void {
    for (let at = 0; at < own.length; at += FRAME) {
      this.#play();
      const late = (this.#room.echoLateMs * RATE) / 1000;
      const start = this.#played.length - FRAME - late;
      const frame = own.slice(at, at + FRAME).map((value, index) => {
        const echo = (this.#played[start + index] ?? 0) * this.#room.echoGain;
        return Math.max(-32_768, Math.min(32_767, value + echo));
      });
      this.#call.append(frame);
      this.#call.advance(20);
    }
  }

  get #decided(): Received | undefined {
    return this.#call.events.findLast((event) => event.type === "overlap.decision");
  }

  get #held(): boolean {
    return this.#decided?.["decision"] === "hold";
  }

  get #level(): number {
    const decided = this.#decided;
    return decided?.["decision"] === "duck" ? 10 ** (-Number(decided["duck_db"]) / 20) : 1;
  }

  #play(): void {
    for (const { payload } of this.#call.frames.slice(this.#taken)) {
      this.#queue.push(new Int16Array(payload.buffer, payload.byteOffset, payload.byteLength / 2));
    }
    this.#taken = this.#call.frames.length;
    for (let left = FRAME; left > 0;) {
      const head = this.#held ? undefined : this.#queue.shift();
      const piece = head?.subarray(0, left) ?? new Int16Array(left);
      if (head && head.length > left) this.#queue.unshift(head.subarray(left));
      const level = this.#level;
      this.#played.push(...piece.map((value) => value * level));
      left -= piece.length;
    }
  }
}
