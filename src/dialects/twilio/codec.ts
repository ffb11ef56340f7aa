/**
 * A telephone call by media streams (docs/telephone.md): JSON both ways, G.711 µ-law at 8 kHz. To the session it is a client
 * of `duplex.v1`: marks are its acknowledgements of playback, `clear` is its flush, and a second connection for the same call
 * resumes where the caller stopped hearing. Audio is taken and given as it is: base64 is decoded once and encoded once.
 */
import { FRAME_HEADER_BYTES, readFrameHeader } from "../../protocol/frame.ts";
import { parseJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { ClientMessage, Codec, CodecSnapshot, Heard } from "../dialect.ts";
import { type Carrier, member, numberOf } from "./carriers.ts";
import { append, appendALaw, greet, refuse, say, sayPressed, SILENCE } from "./heard.ts";
import { Keys, type KeysSnapshot } from "./keys.ts";
import { type Piece, Pieces, type PiecesSnapshot } from "./pieces.ts";
import { BYTES_PER_MS, Playback, type PlaybackSnapshot } from "./playback.ts";
import { typeOf } from "../written.ts";
import { sequenceIn, Spoken, type SpokenSnapshot, textAt } from "./said.ts";
import type { CallSettings } from "./settings.ts";

/** Characters of a message: a second of audio is 11,000. */
const MESSAGE_LIMIT = 65_536;
const NAME_LIMIT = 256;
/** RFC 6455 §7.4.1: data that cannot be taken; a policy is violated. */
const UNSUPPORTED = 1003;
const POLICY = 1008;
/** What was heard need not be kept to be sent again: so often that is said. */
const ACK_EVERY_MS = 1000;

const NOTHING: readonly Heard[] = [];

export class PhoneCodec implements Codec {
  readonly #carrier: Carrier;
  readonly #settings: CallSettings;
  readonly #playback = new Playback();
  readonly #pieces: Pieces;
  readonly #spoken = new Spoken();
  readonly #keys = new Keys();
  /** Null: nothing was said yet on this connection of which stream it is. */
  #stream: string | null = null;
  /** The caller's audio is A-law. */
  #aLaw = false;
  /** Number of the last message. */
  #sequence = 0;
  /** With which the session is gone on with. */
  #token = "";
  /** A connection said `start` before: the next one goes on. */
  #began = false;
  #ackedAt = 0;

  constructor(carrier: Carrier, settings: CallSettings) {
    this.#carrier = carrier;
    this.#settings = settings;
    this.#pieces = new Pieces(carrier.leastMs * BYTES_PER_MS);
  }

  opened(): void {
    this.#stream = null;
    this.#sequence = 0;
    this.#playback.reopen();
    this.#pieces.drop();
  }

  decode(data: ClientMessage, now: number): readonly Heard[] {
    if (typeof data !== "string") return refuse("invalid_frame", "A telephone's messages are text.");
    if (data.length > MESSAGE_LIMIT)
      return refuse("message_too_large", `A message has at most ${MESSAGE_LIMIT} characters.`);
    const message = parseJsonObject(data);
    const event = message?.["event"];
    if (!message || typeof event !== "string")
      return refuse("invalid_json", "A message is a JSON object with 'event'.");
    if (event === "start") return this.#start(message);
    if (this.#carrier.quiet.includes(event)) return NOTHING;
    if (this.#stream === null) return refuse("invalid_request", "The first message of a stream is 'start'.");
    // Not all of them say it: a connection has one stream.
    if ((message[this.#carrier.stream] ?? this.#stream) !== this.#stream)
      return refuse("invalid_value", `'${this.#carrier.stream}' is not that of this stream.`);
    return this.#missing(message, this.#heard(event, message, now));
  }

  #heard(event: string, message: JsonObject, now: number): readonly Heard[] {
    switch (event) {
      case "media":
        return this.#media(message["media"], now);
      case this.#carrier.marked:
        return this.#mark(member(message["mark"], "name") ?? message["name"], now);
      case "dtmf":
        return this.#key(member(message["dtmf"], "digit"), now);
      case "stop":
        return [{ type: "hangup" }];
      default:
        return refuse("invalid_value", `Unknown event '${event.slice(0, 64)}'.`);
    }
  }

  /** Messages are numbered one after the other: where some are missing, that is counted. */
  #missing(message: JsonObject, heard: readonly Heard[]): readonly Heard[] {
    const sequence = numberOf(message[this.#carrier.sequence]);
    if (!Number.isSafeInteger(sequence) || sequence <= this.#sequence) return heard;
    const missing = sequence - this.#sequence - 1;
    const first = this.#sequence === 0;
    this.#sequence = sequence;
    return missing === 0 || first ? heard : [{ type: "lost", messages: missing }, ...heard];
  }

  #start(message: JsonObject): readonly Heard[] {
    if (this.#stream !== null) return refuse("invalid_request", "A stream has one 'start'.");
    const { start } = message;
    const { stream: name, call, format, rate, muLaw, aLaw, sequence } = this.#carrier;
    const stream = message[name] ?? member(start, name);
    if (typeof stream !== "string" || stream === "" || stream.length > NAME_LIMIT)
      return refuse("missing_required_parameter", `'start' says no '${name}'.`, name);
    const expected = this.#settings.call;
    if (expected !== null && member(start, call) !== expected)
      return [{ type: "turn away", code: POLICY, reason: "this stream is for another call" }];
    const spoken = member(start, format);
    const encoding = member(spoken, "encoding");
    this.#aLaw = encoding !== null && encoding === aLaw;
    if ((encoding !== muLaw && !this.#aLaw) || numberOf(member(spoken, rate)) !== 8000)
      return [{ type: "turn away", code: UNSUPPORTED, reason: "the audio is to be G.711 µ-law at 8000 Hz" }];
    this.#stream = stream;
    this.#sequence = numberOf(message[sequence]) || 0;
    return this.#begin();
  }

  #begin(): readonly Heard[] {
    if (this.#began) {
      return [
        say({ type: "session.resume", resume_token: this.#token, last_received: this.#playback.heard }),
      ];
    }
    this.#began = true;
    return greet(this.#settings.greeting);
  }

  #media(media: Json | undefined, now: number): readonly Heard[] {
    const payload = member(media, "payload");
    if (typeof payload !== "string") return refuse("invalid_value", "'media' has no 'payload'.", "payload");
    const keys = this.#keysOver(now);
    // Both tracks may be sent; the other one is the agent.
    const track = member(media, "track");
    if (typeof track === "string" && track.startsWith("outbound")) return keys;
    const heard = this.#aLaw ? appendALaw(payload) : append(payload);
    return keys === NOTHING ? [heard] : [heard, ...keys];
  }

  #mark(name: Json | undefined, now: number): readonly Heard[] {
    const marked = typeof name === "string" ? this.#playback.marked(name) : undefined;
    if (marked === undefined) return refuse("invalid_value", "No such mark was sent.", "name");
    if (marked === null) return NOTHING;
    const ack = say({ type: "playback.ack", item_id: marked.item, played_ms: marked.heardMs });
    if (now - this.#ackedAt < ACK_EVERY_MS) return [ack];
    this.#ackedAt = now;
    return [ack, say({ type: "session.ack", last_received: this.#playback.heard })];
  }

  #key(key: Json, now: number): readonly Heard[] {
    if (!Keys.is(key)) return refuse("invalid_value", "'dtmf' is of no key.", "digit");
    if (!this.#settings.keys) return NOTHING;
    const first = this.#keys.press(key, now);
    const over = this.#keysOver(now);
    return first && over === NOTHING ? [say(SILENCE)] : over;
  }

  get deadline(): number | null {
    return this.#stream === null ? null : this.#keys.overAt;
  }

  /** A line on which nobody speaks may be silent: what was pressed does not wait for it. */
  due(now: number): readonly Heard[] {
    return this.#keysOver(now);
  }

  #keysOver(now: number): readonly Heard[] {
    const pressed = this.#keys.take(now);
    return pressed === null ? NOTHING : sayPressed(pressed);
  }

  encode(data: ClientMessage): readonly string[] {
    if (typeof data !== "string") return this.#audio(data);
    this.#playback.told(sequenceIn(data));
    switch (typeOf(data)) {
      case "session.created":
        this.#playback.restart();
        this.#pieces.drop();
        this.#playback.told(sequenceIn(data));
        this.#token = textAt(data, "session", "relay", "resume_token");
        return [];
      case "session.resumed":
        this.#token = textAt(data, "resume_token") || this.#token;
        return [];
      case "response.created":
        this.#spoken.created(data);
        return [];
      case "response.output_item.added":
        this.#spoken.added(data);
        return [];
      case "response.output_audio.done":
      case "response.done":
        return this.#over(data);
      case "output_audio_buffer.cleared":
        this.#pieces.drop();
        return this.#playback.clear() ? [this.#write(this.#carrier.clear())] : [];
      default:
        return [];
    }
  }

  #audio(frame: Uint8Array): readonly string[] {
    const header = readFrameHeader(frame);
    // Before `start` nobody knows which stream would play it.
    if (header === null || this.#stream === null) return [];
    const item = this.#spoken.itemOf(header.stream, header.response);
    const bytes = frame.subarray(FRAME_HEADER_BYTES);
    const other = this.#playback.changes(item) || (this.#pieces.item ?? item) !== item;
    const said = other ? [...this.#ends()] : [];
    const heard = this.#playback.heardOf(header.sequence);
    for (const piece of this.#pieces.cut(item, header.sequence, heard, bytes.subarray(heard)))
      said.push(...this.#plays(piece));
    this.#playback.keeps(this.#pieces.place);
    return said;
  }

  #plays({ item, audio, parts }: Piece): readonly string[] {
    const marks = parts.map(({ sequence, offset, bytes }) =>
      this.#playback.plays(sequence, offset, item, bytes),
    );
    return [
      this.#write(this.#carrier.media(audio.toBase64())),
      ...marks.flatMap((mark) => this.#marks(mark)),
    ];
  }

  /** Another's end is none of what waits for more. */
  #over(data: string): readonly string[] {
    const { item } = this.#pieces;
    if (item === null || this.#spoken.concerns(data, item)) return this.#ends();
    return this.#marks(this.#playback.ends());
  }

  /** Nothing more of an item comes for now. */
  #ends(): readonly string[] {
    const rest = this.#pieces.rest();
    this.#playback.keeps(null);
    const said = rest === null ? [] : this.#plays(rest);
    return [...said, ...this.#marks(this.#playback.ends())];
  }

  #marks(name: string | null): readonly string[] {
    return name === null ? [] : [this.#write(this.#carrier.mark(name))];
  }

  #write(message: JsonObject): string {
    return JSON.stringify({ ...message, [this.#carrier.stream]: this.#stream });
  }

  snapshot(): CodecSnapshot {
    return {
      stream: this.#stream,
      sequence: this.#sequence,
      aLaw: this.#aLaw,
      token: this.#token,
      began: this.#began,
      ackedAt: this.#ackedAt,
      playback: this.#playback.snapshot(),
      pieces: this.#pieces.snapshot(),
      spoken: this.#spoken.snapshot(),
      keys: this.#keys.snapshot(),
    } satisfies PhoneSnapshot;
  }

  restore(kept: CodecSnapshot): void {
    const { stream, sequence, aLaw, token, began, ackedAt, playback, pieces, spoken, keys } =
      kept as unknown as PhoneSnapshot;
    this.#aLaw = aLaw === true;
    this.#stream = stream;
    this.#sequence = sequence;
    this.#token = token;
    this.#began = began;
    this.#ackedAt = ackedAt;
    this.#playback.restore(playback);
    this.#pieces.restore(pieces ?? null);
    this.#spoken.restore(spoken);
    this.#keys.restore(keys);
  }
}

interface PhoneSnapshot {
  readonly stream: string | null;
  readonly sequence: number;
  /** Absent in those of before 0.3: no. */
  readonly aLaw?: boolean;
  readonly token: string;
  readonly began: boolean;
  readonly ackedAt: number;
  readonly playback: PlaybackSnapshot;
  /** Absent in those of before: nothing was kept. */
  readonly pieces?: PiecesSnapshot;
  readonly spoken: SpokenSnapshot;
  readonly keys: KeysSnapshot;
}
