/**
 * A streaming transcriber as an upstream: it hears everything, cuts it into segments as it likes, and is asked for nothing. Made
 * for the role of a route's `transcriber`, and as the first part of a cascade, which tells it where turns end. What the providers differ in is data (`dialect.ts`).
 */
import { eventOf } from "../common/event-of.ts";
import * as v from "valibot";

import { type AudioFormat, PCM_24K } from "../../audio/format.ts";
import { dialHeaders, dialUrl } from "../dial-request.ts";
import { type KeptSound, keptSound, soundAgain } from "../common/kept-sound.ts";
import { modelOf, noBinding } from "../common/model-run.ts";
import { closeFault } from "../openai-compatible/words.ts";
import { checkedSettings } from "../common/read-settings.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import type { Capabilities, Channels, Command, DialRequest, JsonObject, Upstream } from "../upstream.ts";
import {
  type UpstreamEvent,
  type UpstreamFactory,
  type UpstreamFault,
  type UpstreamOptions,
  type WireMessage,
} from "../upstream.ts";
import { utf8Text } from "../utf8.ts";
import type { TranscriberDialect } from "./dialect.ts";

const INPUT: AudioFormat = { type: "audio/pcm", rate: 16_000 };
const BYTES_PER_MS = 32;
const MAX_MESSAGE_CHARS = 1024 * 1024;
const MAX_TEXT_CHARS = 16_384;
/** After so much silence a provider that is not told of a turn's end has found it. */
const SILENCE_MS = 1500;

const settingsSchema = v.strictObject({
  /** Members of the URL's query, over the adapter's own. */
  query: v.exactOptional(v.record(v.string(), v.string())),
});

export function transcriberFactory(dialect: TranscriberDialect): UpstreamFactory {
  return (options) => new TranscriberUpstream(dialect, options);
}

type CodecState = {
  readonly ready: boolean;
  readonly over: number;
  readonly segment: string | null;
  readonly last: string | null;
  readonly text: string;
  readonly told: string;
  /** A text: as it was kept before. */
  readonly audio: KeptSound | string;
};

export class TranscriberUpstream implements Upstream {
  readonly capabilities: Capabilities;
  /** Of one that says no hello: its own word that it is ready. */
  readonly channels: Channels | undefined;
  readonly #dialect: TranscriberDialect;
  readonly #request: DialRequest;
  readonly #redactor: Redactor;
  /** Audio that is less than a message. */
  readonly #audio: Uint8Array;
  #audioBytes = 0;
  #ready = false;
  /** Its socket has just opened. */
  #greeted = false;
  /** Segments that are over. */
  #over = 0;
  #segment: string | null = null;
  /** The one that ended last: said again it is not another. */
  #last: string | null = null;
  #text = "";
  #told = "";

  constructor(dialect: TranscriberDialect, options: UpstreamOptions) {
    const settings = checkedSettings(settingsSchema, options, "text");
    this.#request = requestOf(dialect, options, { ...dialect.query, ...settings.query });
    this.#dialect = dialect;
    this.channels = dialect.hello ? undefined : this.#readyAtOnce();
    this.#redactor = createRedactor(this.#request.headers, this.#request.url);
    this.#audio = new Uint8Array(dialect.pieceMs * BYTES_PER_MS);
    this.capabilities = {
      input: INPUT,
      output: PCM_24K,
      turns: "server",
      cancel: false,
      truncate: false,
      text: false,
      tools: false,
      transcription: true,
      outOfBand: false,
      confirms: false,
      resumption: false,
      maxSessionMs: dialect.maxSessionMs,
      keepaliveMs: dialect.keepalive?.everyMs ?? null,
    };
  }

  request(): DialRequest {
    return this.#request;
  }

  /** What it is to do stands in the URL, or in the inputs. */
  greet(): readonly WireMessage[] {
    this.#greeted = true;
    return [];
  }

  #readyAtOnce(): Channels {
    return {
      effects: () => (this.#takeGreeted() ? [{ type: "wait", what: "ready", ms: 0 }] : []),
      opened: () => [],
      data: () => [],
      closed: () => [],
      waited: () => this.#becomeReady(),
    };
  }

  #takeGreeted(): boolean {
    const greeted = this.#greeted;
    this.#greeted = false;
    return greeted;
  }

  #becomeReady(): readonly UpstreamEvent[] {
    if (this.#ready) return [];
    this.#ready = true;
    return [{ type: "ready" }];
  }

  encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") return this.#hear(command.chunk.bytes);
    const { keepalive } = this.#dialect;
    if (command.type !== "keepalive" || keepalive === null) return [];
    return keepalive.message === null ? this.silence(1) : [keepalive.message];
  }

  /** What makes it end the segment that is open: all that it was given is of a turn that is over. */
  finish(): readonly WireMessage[] {
    const { finish, pieceMs } = this.#dialect;
    const rest = this.#audioBytes === 0 ? [] : this.silence(1);
    return finish === null
      ? [...rest, ...this.silence(Math.ceil(SILENCE_MS / pieceMs))]
      : [...rest, finish.message];
  }

  /** So many of its pieces of silence, the first one shorter by what waits. */
  silence(pieces: number): readonly WireMessage[] {
    return this.#hear(new Uint8Array(pieces * this.#audio.length - this.#audioBytes));
  }

  /** Pieces that are long enough: frames of 20 ms are refused, or cost more than they say. */
  #hear(bytes: Uint8Array): readonly WireMessage[] {
    const out: WireMessage[] = [];
    for (let at = 0; at < bytes.length;) {
      const taken = Math.min(bytes.length - at, this.#audio.length - this.#audioBytes);
      this.#audio.set(bytes.subarray(at, at + taken), this.#audioBytes);
      at += taken;
      this.#audioBytes += taken;
      if (this.#audioBytes < this.#audio.length) continue;
      const { audio } = this.#dialect;
      out.push(audio === "binary" ? this.#audio.slice() : audio(this.#audio.toBase64()));
      this.#audioBytes = 0;
    }
    return out;
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const text = typeof message === "string" ? message : utf8Text(message);
    const out: UpstreamEvent[] = [];
    const event = eventOf(text, MAX_MESSAGE_CHARS, out);
    if (event === null) return out;
    const said = this.#dialect.read(event, this.#over);
    if (said === null) return [];
    if (said.type === "words") {
      const text = said.text ?? (said.segment === this.#segment ? this.#text : "");
      return this.#words(said.segment, text.slice(0, MAX_TEXT_CHARS), said.final);
    }
    if (said.type === "fault") {
      const error = this.#redactor.fault(said.code, said.message, "upstream_error");
      return [{ type: "error", error, fatal: said.fatal }];
    }
    return this.#becomeReady();
  }

  #words(segment: string, text: string, final: boolean): readonly UpstreamEvent[] {
    if (segment === this.#last) return [];
    const out: UpstreamEvent[] = [];
    // The end of the one before was not told.
    if (segment !== this.#segment) out.push(...this.#end(this.#text));
    this.#segment = segment;
    this.#text = text;
    const itemId = this.#itemId;
    // Words that were taken back have no delta; the end says what was meant.
    if (text.length > this.#told.length && text.startsWith(this.#told)) {
      out.push({ type: "input.transcript.delta", itemId, delta: text.slice(this.#told.length) });
      this.#told = text;
    }
    return final ? [...out, ...this.#end(text)] : out;
  }

  get #itemId(): string {
    return `segment_${this.#over}`;
  }

  #end(transcript: string): readonly UpstreamEvent[] {
    if (this.#segment === null) return [];
    const itemId = this.#itemId;
    const silent = transcript === "" && this.#told === "";
    this.#last = this.#segment;
    this.#segment = null;
    this.#text = "";
    this.#told = "";
    this.#over += 1;
    return silent ? [] : [{ type: "input.transcript.completed", itemId, transcript, usage: null }];
  }

  get held(): number {
    return this.#segment === null ? 0 : this.#over * MAX_TEXT_CHARS + this.#text.length + 1;
  }

  settle(): readonly UpstreamEvent[] {
    return this.#end(this.#text);
  }

  closed(code: number, reason: string): UpstreamFault | null {
    return closeFault(code, this.#redactor.text(reason));
  }

  snapshot(): JsonObject {
    const state: CodecState = {
      ready: this.#ready,
      over: this.#over,
      segment: this.#segment,
      last: this.#last,
      text: this.#text,
      told: this.#told,
      audio: keptSound(this.#audio.subarray(0, this.#audioBytes)),
    };
    return state;
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as CodecState;
    this.#ready = state.ready;
    this.#over = state.over;
    this.#segment = state.segment;
    this.#last = state.last;
    this.#text = state.text;
    this.#told = state.told;
    const { audio: kept } = state;
    const audio = typeof kept === "string" ? Uint8Array.fromBase64(kept) : soundAgain(kept);
    this.#audio.set(audio);
    this.#audioBytes = audio.length;
  }
}

function requestOf(
  { address, model: usual }: TranscriberDialect,
  options: UpstreamOptions,
  query: Readonly<Record<string, string>>,
): DialRequest {
  const model = options.model ?? usual;
  if (address === null) return modelOf({ ...options, model }, "socket")(query);
  noBinding(options);
  return {
    url: dialUrl(options.url ?? address.url, { ...query, [address.modelMember]: model }),
    headers: dialHeaders(options.headers ?? {}),
    protocols: [],
  };
}
