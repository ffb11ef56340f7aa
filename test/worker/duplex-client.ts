/** A `duplex.v1` client that numbers what it sends, keeps what it got, and comes back by its resume token. */
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import { createSession } from "./doors.ts";
import { type ClientSocket, connect, type ServerEvent, turnedAway } from "./socket.ts";

export const DUPLEX = { "Sec-WebSocket-Protocol": "duplex.v1" };

export interface Verdict {
  readonly verdict: string;
  readonly last_received: number;
  readonly replayed: number;
  readonly missing?: { readonly ranges: readonly (readonly [number, number])[] };
  readonly forgotten?: readonly [number, number];
}

export class DuplexClient {
  readonly id: string;
  socket: ClientSocket;
  token: string;
  /** Numbers of all messages it got, in order, on every connection; duplicates too. */
  readonly numbers: number[] = [];
  /** Audio it got, once by number. */
  readonly audio: Uint8Array[] = [];
  /** Highest number the relay acknowledged. */
  acknowledged = 0;

  private constructor(id: string, socket: ClientSocket, token: string) {
    this.id = id;
    this.socket = socket;
    this.token = token;
  }

  static async open(model: string, session: object = {}): Promise<DuplexClient> {
    const { id, url } = await createSession({ model, session });
    const client = new DuplexClient(id, await connect(url, DUPLEX), "");
    const created = await client.event("session.created");
    const { relay } = created["session"] as { readonly relay: { readonly resume_token: string } };
    client.token = relay.resume_token;
    return client;
  }

  get lastReceived(): number {
    return Math.max(0, ...this.numbers);
  }

  /** All audio it got, as one. */
  get heard(): Uint8Array {
    return Uint8Array.from(this.audio.flatMap((bytes) => [...bytes]));
  }

  send(event: object): void {
    this.socket.send(event);
  }

  /** Says these sounds, each under its number. */
  speak(from: number, to: number): void {
    for (let sequence = from; sequence <= to; sequence += 1) {
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence };
      this.socket.send(writeFrame(header, sound(sequence)));
    }
  }

  /** Takes messages until an event of this type. */
  event(type: string): Promise<ServerEvent> {
    return this.#until((event) => event.type === type);
  }

  /** Takes messages until so many bytes of audio have come. */
  async hear(byteLength: number): Promise<void> {
    while (this.heard.byteLength < byteLength) await this.#take();
  }

  /** Takes messages until the relay has acknowledged this. */
  async acknowledgement(sequence: number): Promise<void> {
    while (this.acknowledged < sequence) await this.#take();
  }

  /** Comes back on a new connection and takes the verdict. */
  async resume(lastReceived = this.lastReceived): Promise<Verdict> {
    this.socket = await connect(resumePath(this.id, this.token), DUPLEX);
    this.send({ type: "session.resume", resume_token: this.token, last_received: lastReceived });
    const verdict = await this.event("session.resumed");
    this.token = String(verdict["resume_token"]);
    return verdict as unknown as Verdict;
  }

  async hangUp(): Promise<void> {
    this.socket.close(1000);
    await this.socket.closed;
  }

  async #until(wanted: (event: ServerEvent) => boolean): Promise<ServerEvent> {
    for (;;) {
      const event = await this.#take();
      if (event !== null && wanted(event)) return event;
    }
  }

  async #take(): Promise<ServerEvent | null> {
    const message = await this.socket.next();
    if (message instanceof Uint8Array) {
      this.#takeAudio(message);
      return null;
    }
    const sequence = message["server_event_seq"];
    if (typeof sequence === "number") this.numbers.push(sequence);
    if (message.type === "session.ack") this.acknowledged = Number(message["last_received"]);
    return message;
  }

  #takeAudio(frame: Uint8Array): void {
    const sequence = readFrameHeader(frame)?.sequence ?? 0;
    if (!this.numbers.includes(sequence)) this.audio.push(frame.subarray(FRAME_HEADER_BYTES));
    this.numbers.push(sequence);
  }
}

export function resumePath(id: string, token: string): string {
  return `/v1/sessions/${id}?resume_token=${encodeURIComponent(token)}`;
}

/** Close code and error code with which a connection with this resume token is turned away. */
export async function resumeRefused(id: string, token: string): Promise<readonly [number, unknown]> {
  return turnedAway(resumePath(id, token), DUPLEX);
}

/** The n-th 20 ms of a signal in which no two samples in a row are alike: 24 kHz PCM. */
function sound(n: number): Uint8Array {
  const samples = Int16Array.from({ length: 480 }, (_, at) => (((n * 480 + at) * 7919) % 20_011) - 10_000);
  return new Uint8Array(samples.buffer);
}

/** Bytes of one. */
export const FRAME = sound(0).byteLength;

export function sounds(from: number, to: number): Uint8Array {
  return Uint8Array.from(Array.from({ length: to - from + 1 }, (_, at) => [...sound(from + at)]).flat());
}
