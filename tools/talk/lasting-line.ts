/**
 * A line that outlives its sockets, as docs/wire.md ("Delivery and resume") asks of a client: it numbers what it sends,
 * keeps it until the relay has acknowledged it, comes back with its token when the socket breaks, and hands no message
 * over twice. Of a server without resume tokens it is a plain line.
 */
import { Backoff } from "../../src/client/backoff.ts";
import { FRAME_HEADER_BYTES, readFrameHeader } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { Line, LineError, type Message } from "./line.ts";

/** What arrived is acknowledged, and life is shown, this often. */
const PULSE_MS = 1000;
/** Offset of the number in a frame's header. */
const SEQUENCE_AT = 4;
/** Not worth coming back: ended, another took over, refused, not there any more. */
const FINAL: ReadonlySet<number> = new Set([1000, 1008, 4001, 4003, 4004]);

export class LastingLine {
  readonly #url: string;
  readonly #key: string;
  readonly #report: (what: string) => void;
  readonly #pulse: ReturnType<typeof setInterval>;
  readonly #early: Message[] = [];
  #line: Line;
  #listener: ((message: Message) => void) | null = null;
  #resumption: { readonly id: string; token: string } | null = null;
  #kept: { readonly sequence: number; readonly data: Message }[] = [];
  #sent = 0;
  #received = 0;
  /** Between two sockets: what is said waits. */
  #away = false;
  #over = false;
  closed: { readonly code: number; readonly reason: string } | null = null;

  private constructor(line: Line, url: string, key: string, report: (what: string) => void) {
    this.#url = url;
    this.#key = key;
    this.#report = report;
    this.#line = line;
    this.#pulse = setInterval(() => this.#beat(), PULSE_MS);
    this.#attach(line);
  }

  /** @throws LineError saying what the server answered. */
  static async open(url: string, key: string, report: (what: string) => void): Promise<LastingLine> {
    return new LastingLine(await Line.open(url, key, "duplex.v1"), url, key, report);
  }

  #attach(line: Line): void {
    this.#line = line;
    line.listen((message) => this.#take(message));
    line.onClose((info) => void this.#lost(info));
  }

  send(message: Message): void {
    this.#sent += 1;
    const data = numbered(message, this.#sent);
    if (this.#resumption !== null || this.#sent === 1) this.#kept.push({ sequence: this.#sent, data });
    if (!this.#away) this.#line.send(data);
  }

  listen(listener: (message: Message) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  /** Waits for an event, leaving all others for the listener. @throws LineError on an error event, a close or silence. */
  until(type: string): Promise<void> {
    return this.#line.until(type, this.#early);
  }

  #take(message: Message): void {
    const event = typeof message === "string" ? parseJsonObject(message) : null;
    const sequence =
      typeof message === "string" ? event?.["server_event_seq"] : readFrameHeader(message)?.sequence;
    if (typeof sequence === "number") {
      if (sequence <= this.#received) return;
      this.#received = sequence;
    }
    if (event !== null && this.#control(event)) return;
    if (this.#listener !== null) this.#listener(message);
    else this.#early.push(message);
  }

  /** @returns whether it was about delivery alone. */
  #control(event: JsonObject): boolean {
    switch (textAt(event, "type") ?? "") {
      case "session.created": {
        const relay = objectAt(objectAt(event, "session"), "relay");
        const id = textAt(relay, "session_id");
        const token = textAt(relay, "resume_token");
        if (id !== null && token !== null) this.#resumption = { id, token };
        return false;
      }
      case "session.ack":
        this.#forget(Number(event["last_received"]));
        return true;
      case "session.heartbeat":
        return true;
      case "session.resumed":
        this.#resumed(event);
        return true;
      default:
        return false;
    }
  }

  #forget(sequence: number): void {
    this.#kept = this.#kept.filter((one) => one.sequence > sequence);
  }

  #resumed(event: JsonObject): void {
    const token = textAt(event, "resume_token");
    if (this.#resumption !== null && token !== null) this.#resumption.token = token;
    this.#away = false;
    const arrived = Number(event["last_received"]);
    const again = this.#kept.filter((one) => one.sequence > arrived);
    for (const { data } of again) this.#line.send(data);
    this.#report(
      `back: ${textAt(event, "verdict") ?? "?"}, ${Number(event["replayed"])} messages come again, ${again.length} go again`,
    );
  }

  #beat(): void {
    if (this.#away || this.#resumption === null) return;
    this.#line.send(JSON.stringify({ type: "session.ack", last_received: this.#received }));
  }

  /** Breaks the socket, as a network does. */
  drop(): void {
    if (!this.#away && this.closed === null) this.#line.terminate();
  }

  async #lost(info: { readonly code: number; readonly reason: string }): Promise<void> {
    if (this.#over || this.#resumption === null || FINAL.has(info.code)) {
      this.#end(info);
      return;
    }
    this.#away = true;
    this.#report(`connection lost (${info.code}); what is said meanwhile waits`);
    const backoff = new Backoff();
    backoff.lost();
    for (let waitMs = backoff.next(); waitMs !== null && !this.#over; waitMs = backoff.next()) {
      await new Promise((resolve) => setTimeout(resolve, waitMs ?? 0));
      const line = await this.#again();
      if (line !== null) return;
    }
    this.#end(info);
  }

  async #again(): Promise<Line | null> {
    if (this.#resumption === null || this.#over) return null;
    const { id, token } = this.#resumption;
    const url = new URL(`/v1/sessions/${id}`, this.#url);
    try {
      const line = await Line.open(url.href, this.#key, "duplex.v1", [`relay-resume.${token}`]);
      this.#attach(line);
      line.send(
        JSON.stringify({ type: "session.resume", resume_token: token, last_received: this.#received }),
      );
      return line;
    } catch (error) {
      if (error instanceof LineError) return null;
      throw error;
    }
  }

  #end(info: { readonly code: number; readonly reason: string }): void {
    clearInterval(this.#pulse);
    this.closed = info;
  }

  /** Closes with 1000 and waits for the other side, but not for long. */
  async hangUp(): Promise<void> {
    this.#over = true;
    clearInterval(this.#pulse);
    await this.#line.hangUp();
  }
}

/** The message with its number, in a copy of its own. */
function numbered(message: Message, sequence: number): Message {
  if (typeof message === "string") {
    return JSON.stringify({ ...parseJsonObject(message), client_event_seq: sequence });
  }
  const frame = message.slice();
  if (frame.byteLength >= FRAME_HEADER_BYTES)
    new DataView(frame.buffer).setUint32(SEQUENCE_AT, sequence, true);
  return frame;
}
