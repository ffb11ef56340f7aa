/**
 * The telephone's side of a media stream, without its socket and its clock: 20 ms of the caller's voice at a time, a player
 * that plays what it is sent in order, marks that come back when they are reached, and all of them at a `clear`. Made from
 * Twilio's description of its wire, and independent of the relay's reading of it.
 */
const FRAME_MS = 20;
const FRAME_BYTES = 160;
/** G.711 µ-law of silence. */
const SILENCE = 0xff;
/** RFC 6455 allows more; Twilio's own messages are short. */
const KNOWN = new Set(["media", "mark", "clear"]);

export interface PhoneCall {
  readonly streamSid: string;
  readonly callSid: string;
}

type Queued =
  | { readonly type: "audio"; readonly bytes: Uint8Array; at: number }
  | { readonly type: "mark"; readonly name: string };

export class Phone {
  #call: PhoneCall;
  readonly #startedAt: number;
  /** The next 160 bytes of the caller's voice; null: silence. */
  readonly #voice: () => Uint8Array | null;
  #sequence = 0;
  #frames = 0;
  #queue: Queued[] = [];
  #heard = new Uint8Array(FRAME_BYTES * 50 * 30);
  #played = 0;
  /** What is wrong with what was received: Twilio would end the stream (error 31924) or warn. */
  readonly faults: string[] = [];
  clears = 0;
  /** Milliseconds of audio that were received, and that a `clear` threw away. */
  receivedMs = 0;
  clearedMs = 0;
  marksSent = 0;

  constructor(call: PhoneCall, now: number, voice: () => Uint8Array | null) {
    this.#call = call;
    this.#startedAt = now;
    this.#voice = voice;
  }

  /** The first messages of a stream. */
  begin(parameters: Readonly<Record<string, string>> = {}): readonly string[] {
    const { callSid, streamSid } = this.#call;
    const start = {
      accountSid: "AC00000000000000000000000000000000",
      streamSid,
      callSid,
      tracks: ["inbound"],
      mediaFormat: { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 },
      customParameters: parameters,
    };
    const connected = JSON.stringify({ event: "connected", protocol: "Call", version: "1.0.0" });
    return [connected, this.#message("start", { start })];
  }

  /** The call is connected to another stream: what was not played is gone. @returns its first messages. */
  again(streamSid: string): readonly string[] {
    this.#call = { ...this.#call, streamSid };
    this.#sequence = 0;
    this.#queue = [];
    return this.begin();
  }

  /** What the telephone says up to now. Call it at least every 20 ms. */
  tick(now: number): readonly string[] {
    const said: string[] = [];
    while (this.#startedAt + (this.#frames + 1) * FRAME_MS <= now) {
      said.push(...this.#play());
      const payload = (this.#voice() ?? new Uint8Array(FRAME_BYTES).fill(SILENCE)).toBase64();
      this.#frames += 1;
      const media = {
        track: "inbound",
        chunk: String(this.#frames),
        timestamp: String(this.#frames * FRAME_MS),
        payload,
      };
      said.push(this.#message("media", { media }));
    }
    return said;
  }

  /** 20 ms come out of the loudspeaker. @returns the marks that were reached. */
  #play(): readonly string[] {
    const marks: string[] = [];
    this.#makeRoom();
    let left = FRAME_BYTES;
    for (;;) {
      const head = this.#queue[0];
      if (head === undefined || (head.type === "audio" && left === 0)) break;
      if (head.type === "mark") {
        marks.push(this.#marked(head.name));
        this.#queue.shift();
        continue;
      }
      const take = Math.min(left, head.bytes.length - head.at);
      this.#heard.set(head.bytes.subarray(head.at, head.at + take), this.#played);
      this.#played += take;
      head.at += take;
      left -= take;
      if (head.at === head.bytes.length) this.#queue.shift();
    }
    this.#heard.fill(SILENCE, this.#played, this.#played + left);
    this.#played += left;
    return marks;
  }

  #makeRoom(): void {
    if (this.#played + FRAME_BYTES <= this.#heard.length) return;
    const longer = new Uint8Array(this.#heard.length * 2);
    longer.set(this.#heard);
    this.#heard = longer;
  }

  #marked(name: string): string {
    return this.#message("mark", { mark: { name } });
  }

  /** A message of the relay's. @returns what the telephone answers at once. */
  receive(data: string | Uint8Array): readonly string[] {
    if (typeof data !== "string") return this.#fault("a binary message (31950)");
    const message = JSON.parse(data) as {
      readonly event?: string;
      readonly streamSid?: string;
      readonly media?: { readonly payload?: string };
      readonly mark?: { readonly name?: string };
    };
    if (!KNOWN.has(message.event ?? ""))
      return this.#fault(`an unknown message (31924): ${data.slice(0, 80)}`);
    if (message.streamSid !== this.#call.streamSid)
      return this.#fault(`another stream: ${message.streamSid}`);
    if (message.event === "clear") return this.#clear();
    if (message.event === "mark") {
      this.marksSent += 1;
      this.#queue.push({ type: "mark", name: message.mark?.name ?? "" });
      // With nothing to play before it, it is reached already.
      return this.#queue.length === 1 ? this.#reachedAtOnce() : [];
    }
    const bytes = Uint8Array.fromBase64(message.media?.payload ?? "");
    if (bytes.length === 0) return this.#fault("media without audio");
    this.receivedMs += bytes.length / 8;
    this.#queue.push({ type: "audio", bytes, at: 0 });
    return [];
  }

  #reachedAtOnce(): readonly string[] {
    const head = this.#queue.shift();
    return head?.type === "mark" ? [this.#marked(head.name)] : [];
  }

  #clear(): readonly string[] {
    this.clears += 1;
    const queue = this.#queue;
    this.#queue = [];
    for (const each of queue) if (each.type === "audio") this.clearedMs += (each.bytes.length - each.at) / 8;
    return queue.flatMap((each) => (each.type === "mark" ? [this.#marked(each.name)] : []));
  }

  #fault(what: string): readonly string[] {
    this.faults.push(what);
    return [];
  }

  press(digit: string): string {
    return this.#message("dtmf", { dtmf: { track: "inbound_track", digit } });
  }

  /** The caller hangs up. */
  stop(): string {
    const { callSid } = this.#call;
    return this.#message("stop", { stop: { accountSid: "AC00000000000000000000000000000000", callSid } });
  }

  #message(event: string, members: object): string {
    this.#sequence += 1;
    return JSON.stringify({
      event,
      sequenceNumber: String(this.#sequence),
      ...members,
      streamSid: this.#call.streamSid,
    });
  }

  /** Something is still to be played. */
  get playing(): boolean {
    return this.#queue.length > 0;
  }

  /** All that came out of the loudspeaker, G.711 µ-law, silence included. */
  get heard(): Uint8Array {
    return this.#heard.subarray(0, this.#played);
  }
}
