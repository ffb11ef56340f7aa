/**
 * A telephone call to a running relay, as Twilio places it: rings at the webhook, connects to the stream that it is told, goes
 * where it is told when that ends, and hangs up.
 */
import { createHmac, randomBytes } from "node:crypto";
import { WebSocket } from "ws";
import { decodeMulaw, encodeMulaw } from "../../src/audio/g711.ts";
import { LineError } from "../talk/line.ts";
import { Phone } from "./phone.ts";

export const PHONE_RATE_HZ = 8000;
const FRAME_MS = 20;
const FRAME_BYTES = 160;
/** Below this a sample is not heard: -50 dBFS, which noise of G.711 stays under. */
const AUDIBLE = 104;
const QUIET_MS = 1500;
const ANSWER_LIMIT_MS = 15_000;
const RING_LIMIT_MS = 10_000;

export interface PhoneOptions {
  /** `http(s)://host`. */
  readonly relay: string;
  /** At 8 kHz; said once the agent's greeting is over. */
  readonly speech: Int16Array;
  /** Called number, by which relay.config.ts says what answers. */
  readonly number: string;
  /** The auth token with which to sign, where the relay asks for that. */
  readonly authToken: string | null;
  /** Say it while the greeting sounds, as soon as the agent has spoken for so long. Null: wait for its end. */
  readonly interruptAfterMs: number | null;
  /** Keys to press when the file is over. */
  readonly keys: string;
  readonly report: (atMs: number, what: string) => void;
}

/** What happened, in milliseconds of the call. */
export interface PhoneSummary {
  readonly answered: boolean;
  /** When the agent first spoke, and how long after the caller's last word it spoke again; null: it did not. */
  readonly greetingAtMs: number | null;
  readonly answerAfterMs: number | null;
  readonly receivedMs: number;
  readonly clears: number;
  readonly clearedMs: number;
  readonly marks: number;
  readonly streams: number;
  readonly durationMs: number;
  readonly faults: readonly string[];
}

export class TelephoneCall {
  readonly #options: PhoneOptions;
  readonly #callSid = `CA${randomBytes(16).toString("hex")}`;
  readonly #phone: Phone;
  readonly #speech: Uint8Array;
  readonly #startedAt = performance.now();
  #said = 0;
  #speaking = false;
  #pressed = false;
  #streams = 0;
  #socket: WebSocket | null = null;
  #again = "";
  #greetingAtMs: number | null = null;
  #spokeUntilMs: number | null = null;
  #answerAtMs: number | null = null;
  #audibleAtMs = Number.NEGATIVE_INFINITY;
  #scanned = 0;

  constructor(options: PhoneOptions) {
    this.#options = options;
    this.#speech = new Uint8Array(options.speech.length);
    encodeMulaw(options.speech, this.#speech);
    const call = { callSid: this.#callSid, streamSid: this.#newStream() };
    this.#phone = new Phone(call, 0, () => this.#voice());
  }

  get nowMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** What came out of the loudspeaker, at 8 kHz. */
  get recording(): Int16Array {
    return decoded(this.#phone.heard);
  }

  get phone(): Phone {
    return this.#phone;
  }

  /** @throws LineError when nobody answers. */
  async run(): Promise<PhoneSummary> {
    await this.#connect(`${this.#options.relay}/v1/twilio`, this.#phone.begin());
    for (let frame = 1; ; frame += 1) {
      const early = frame * FRAME_MS - this.nowMs;
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
      if (this.#socket?.readyState !== WebSocket.OPEN && !(await this.#reconnect())) break;
      for (const message of this.#phone.tick(this.nowMs)) this.#socket?.send(message);
      this.#listen();
      if (this.#over()) break;
    }
    return this.#hangUp();
  }

  /** Ends the connection without a word, as a network does. */
  drop(): void {
    this.#socket?.terminate();
  }

  async #connect(webhook: string, first: readonly string[]): Promise<boolean> {
    const twiml = await this.#ring(webhook);
    const stream = /<Stream url="([^"]+)"/.exec(twiml)?.[1];
    if (stream === undefined) return false;
    this.#again = /<Redirect[^>]*>([^<]+)</.exec(twiml)?.[1] ?? "";
    const socket = new WebSocket(stream, { perMessageDeflate: false });
    await new Promise<void>((resolve, reject) => {
      socket.once("open", () => resolve());
      socket.once("error", (error) => reject(new LineError(`the stream was refused: ${error.message}`)));
    });
    this.#streams += 1;
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? new Uint8Array(data) : data.toString("utf8");
      const { clears } = this.#phone;
      for (const answer of this.#phone.receive(message)) socket.send(answer);
      if (this.#phone.clears > clears) this.#report("the relay cleared what was not played");
    });
    socket.on("error", () => {});
    this.#socket = socket;
    for (const message of first) socket.send(message);
    this.#report(this.#streams === 1 ? "connected" : "connected again");
    return true;
  }

  /** @returns TwiML. @throws LineError */
  async #ring(webhook: string): Promise<string> {
    const form = {
      CallSid: this.#callSid,
      To: this.#options.number,
      From: "+15550100",
      CallStatus: "in-progress",
    };
    const headers: Record<string, string> = {};
    const { authToken } = this.#options;
    if (authToken !== null) {
      const sorted = Object.entries(form).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const text = webhook + sorted.map(([name, value]) => name + value).join("");
      headers["X-Twilio-Signature"] = createHmac("sha1", authToken).update(text).digest("base64");
    }
    const body = new URLSearchParams(form);
    const signal = AbortSignal.timeout(RING_LIMIT_MS);
    const response = await fetch(webhook, { method: "POST", headers, body, signal }).catch(
      (error: unknown) => {
        throw new LineError(
          `cannot reach ${webhook}: ${error instanceof Error ? error.message : "no answer"}`,
        );
      },
    );
    const text = await response.text();
    if (!response.ok)
      throw new LineError(`the webhook answered HTTP ${response.status}: ${text.slice(0, 300)}`);
    return text;
  }

  /** The stream ended and the call has not: Twilio goes on with what follows it. */
  async #reconnect(): Promise<boolean> {
    if (this.#again === "") return false;
    this.#report("the stream ended");
    const first = this.#phone.again(this.#newStream());
    const again = this.#again;
    this.#again = "";
    return this.#connect(again, first);
  }

  #newStream(): string {
    return `MZ${randomBytes(16).toString("hex")}`;
  }

  #voice(): Uint8Array | null {
    if (!this.#speaking || this.#said >= this.#speech.length) return null;
    const frame = new Uint8Array(FRAME_BYTES).fill(0xff);
    frame.set(this.#speech.subarray(this.#said, this.#said + FRAME_BYTES));
    this.#said += FRAME_BYTES;
    if (this.#said >= this.#speech.length) this.#finished();
    return frame;
  }

  #finished(): void {
    this.#spokeUntilMs = this.nowMs;
    this.#report("the caller has said all");
  }

  /** What came out of the loudspeaker since the last look. */
  #listen(): void {
    const news = decoded(this.#phone.heard.subarray(this.#scanned));
    this.#scanned += news.length;
    if (news.some((sample) => Math.abs(sample) > AUDIBLE)) this.#heard();
    if (!this.#speaking && this.#mayBegin()) {
      this.#speaking = true;
      this.#report("the caller speaks");
    }
    if (this.#spokeUntilMs !== null && !this.#pressed) {
      this.#pressed = true;
      for (const key of this.#options.keys) this.#socket?.send(this.#phone.press(key));
    }
  }

  #heard(): void {
    const now = this.nowMs;
    if (now - this.#audibleAtMs > QUIET_MS) this.#report("the agent speaks");
    this.#audibleAtMs = now;
    this.#greetingAtMs ??= now;
    if (this.#spokeUntilMs !== null) this.#answerAtMs ??= now;
  }

  #mayBegin(): boolean {
    const { interruptAfterMs } = this.#options;
    if (this.#greetingAtMs === null) return this.nowMs > ANSWER_LIMIT_MS / 3;
    if (interruptAfterMs !== null) return this.nowMs - this.#greetingAtMs >= interruptAfterMs;
    return this.nowMs - this.#audibleAtMs > QUIET_MS / 3;
  }

  /** All was said and answered, or nobody answers. */
  #over(): boolean {
    if (this.#spokeUntilMs === null) return false;
    if (this.#answerAtMs === null) return this.nowMs - this.#spokeUntilMs > ANSWER_LIMIT_MS;
    return this.nowMs - this.#audibleAtMs > QUIET_MS && !this.#phone.playing;
  }

  async #hangUp(): Promise<PhoneSummary> {
    this.#report("the caller hangs up");
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN) {
      socket.send(this.#phone.stop());
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.close(1000);
        setTimeout(() => socket.terminate(), 2000).unref();
      });
    }
    const after = this.#answerAtMs === null ? null : this.#answerAtMs - (this.#spokeUntilMs ?? 0);
    return {
      answered: this.#answerAtMs !== null,
      greetingAtMs: this.#greetingAtMs === null ? null : Math.round(this.#greetingAtMs),
      answerAfterMs: after === null ? null : Math.round(after),
      receivedMs: Math.round(this.#phone.receivedMs),
      clears: this.#phone.clears,
      clearedMs: Math.round(this.#phone.clearedMs),
      marks: this.#phone.marksSent,
      streams: this.#streams,
      durationMs: Math.round(this.nowMs),
      faults: this.#phone.faults,
    };
  }

  #report(what: string): void {
    this.#options.report(this.nowMs, what);
  }
}

function decoded(bytes: Uint8Array): Int16Array {
  const samples = new Int16Array(bytes.length);
  decodeMulaw(bytes, samples);
  return samples;
}
