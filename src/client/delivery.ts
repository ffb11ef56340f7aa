/** Numbers both ways ("Delivery and resume", docs/wire.md): what was said until the relay has it, and how much it was heard of. */
import { FRAME_AUDIO, writeFrame, type FrameHeader } from "../protocol/frame.ts";
import type { ClientEvent } from "./connection-hooks.ts";
import type { JsonObject } from "./json.ts";
import type { Line } from "./line.ts";
import { Outbox } from "./outbox.ts";

export class Delivery {
  /** What was said and the relay does not have yet. */
  readonly outbox = new Outbox();
  /** Highest number handed to the present socket. */
  #cursor = 0;
  #received = 0;
  #acknowledged = 0;

  /** @returns the event with its number */
  keep(event: ClientEvent): JsonObject {
    const numbered = { ...event, client_event_seq: this.outbox.last + 1 };
    this.outbox.keep(JSON.stringify(numbered), 0);
    return numbered;
  }

  keepAudio(bytes: Uint8Array, audioMs: number): FrameHeader {
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.outbox.last + 1 };
    this.outbox.keep(writeFrame(header, bytes) as Uint8Array<ArrayBuffer>, audioMs);
    return header;
  }

  /** Hands over what the line has not got yet, as far as the network takes it. */
  pump(line: Line): void {
    while (this.#cursor < this.outbox.last && line.takes) {
      const data = this.outbox.at(++this.#cursor);
      if (data !== undefined) line.send(data);
    }
  }

  /** Nobody will ever ask again for what was handed over. */
  forgetSent(): void {
    this.outbox.forget(this.#cursor);
  }

  /** Takes the number of a message of the relay's. True: it was received before. */
  repeats(number: number): boolean {
    if (number === 0) return false;
    if (number <= this.#received) return true;
    this.#received = number;
    return false;
  }

  /** Null: there is nothing new to acknowledge. */
  ack(): JsonObject | null {
    if (this.#received <= this.#acknowledged) return null;
    this.#acknowledged = this.#received;
    return { type: "session.ack", last_received: this.#received };
  }

  resume(token: string): JsonObject {
    this.#acknowledged = this.#received;
    return { type: "session.resume", resume_token: token, last_received: this.#received };
  }

  /** The relay goes on behind this number. What only its memory holds is received and not acknowledged: kept on, but not sent now. */
  resumed(lastReceived: number): void {
    this.#cursor = Math.min(this.outbox.last, Math.max(0, lastReceived));
  }
}
