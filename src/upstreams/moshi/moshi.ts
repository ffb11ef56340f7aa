/**
 * Kyutai's Moshi, and NVIDIA's PersonaPlex, whose server is the same: a model that hears and speaks at once, one conversation at a
 * time, of which nothing is kept. The wire is that of the servers' source; docs/upstreams.md says what it cannot do and what is done instead.
 */
import { PCM_24K } from "../../audio/format.ts";
import { Adapter } from "../common/adapter.ts";
import { VoiceTrack, type VoiceTrackState } from "../common/voice-track.ts";
import type { Codecs, OpusCodec } from "../codecs.ts";
import { dialUrl } from "../dial-request.ts";
import type { Admission, Capabilities, Command, DialRequest, Upstream } from "../upstream.ts";
import {
  type UpstreamConfig,
  type UpstreamEvent,
  type UpstreamOptions,
  UpstreamOptionsError,
  type WireMessage,
} from "../upstream.ts";
import { utf8Text } from "../utf8.ts";
import { Downlink, type DownlinkState } from "./downlink.ts";
import { BUSY, NO_CODEC, NO_ITEMS, nonsense, soundFault, unchanged } from "./faults.ts";
import { AUDIO, COLOURED, ERROR, HANDSHAKE, TEXT } from "./kinds.ts";
import { changed, personaQuery, untaken } from "./persona.ts";
import { type MoshiSettings, readSettings } from "./settings.ts";
import { Uplink, type UplinkState } from "./uplink.ts";
import { Words } from "./words.ts";

/** Two seconds of sound at any rate of Opus, and more than a word. */
const MAX_MESSAGE_BYTES = 512 * 1024;
const MAX_WORD_BYTES = 4096;
/** The model's time passes as sound comes: where a client sends none, silence is sent this often. */
const SILENCE_MS = 200;
const SILENCE = new Uint8Array(SILENCE_MS * 48);
/** The server in Rust says two numbers with its handshake, and hangs up after six minutes. */
const LONG_HANDSHAKE = 9;
const RUST_SESSION_MS = 360_000;

/** @throws UpstreamOptionsError naming the field. */
export function createMoshi(options: UpstreamOptions, { opus }: Codecs = {}): Upstream {
  if (opus === undefined) throw new UpstreamOptionsError(NO_CODEC);
  return new Moshi(readSettings(options), opus);
}

type CodecState = {
  readonly rust: boolean;
  readonly letters: readonly number[];
  readonly track: VoiceTrackState;
  readonly uplink: UplinkState;
  readonly downlink: DownlinkState;
};

class Moshi extends Adapter<CodecState> {
  readonly admission: Admission;
  readonly #settings: MoshiSettings;
  readonly #track: VoiceTrack;
  readonly #uplink: Uplink;
  readonly #downlink: Downlink;
  #words = new Words();
  #rust = false;

  constructor(settings: MoshiSettings, opus: () => OpusCodec) {
    super({ url: settings.url, headers: settings.headers, protocols: [] });
    this.#settings = settings;
    this.#track = new VoiceTrack(settings.rest);
    this.#uplink = new Uplink(opus);
    this.#downlink = new Downlink(opus);
    this.admission = { withinMs: settings.handshakeMs, fault: BUSY };
  }

  get capabilities(): Capabilities {
    const { maxSessionMs = this.#rust ? RUST_SESSION_MS : null } = this.#settings;
    return {
      input: PCM_24K,
      output: PCM_24K,
      turns: "none",
      cancel: true,
      truncate: false,
      text: false,
      tools: false,
      transcription: false,
      outOfBand: false,
      confirms: true,
      resumption: false,
      maxSessionMs,
      keepaliveMs: SILENCE_MS,
    };
  }

  override request(_kind?: UpstreamConfig["kind"], config?: UpstreamConfig): DialRequest {
    const query = { ...this.#settings.query, ...personaQuery(this.#settings, config) };
    return { ...this.dial, url: dialUrl(this.dial.url, query) };
  }

  /** All that it is told stands in its address. */
  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.configured(config);
    this.untaken(untaken(this.#settings, config));
    return [];
  }

  protected tell(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return this.#uplink.take(command.chunk.bytes);
      case "keepalive":
        return this.#uplink.take(SILENCE);
      case "configure":
        this.#configure(command.config, command.cause ?? null);
        return [];
      case "respond":
        this.#track.ask(command.responseId, this.owed);
        return [];
      case "cancel":
        this.#track.cancel(command.responseId, this.owed);
        return [];
      case "item":
        this.refuseItem(command.item, command.cause ?? null, NO_ITEMS);
        return [];
      case "named":
        if (command.what === "response") this.#track.named(command.key, command.id);
        return [];
      // There are no turns, and what was said stays said.
      case "commit":
      case "clear":
      case "delete":
      case "truncate":
        return [];
      default:
        return command satisfies never;
    }
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    if (typeof message === "string" || message.length === 0 || message.length > MAX_MESSAGE_BYTES)
      out.push(nonsense("A message of the server is not binary, empty, or too long."));
    else this.#read(message, out);
    return out;
  }

  #read(message: Uint8Array, out: UpstreamEvent[]): void {
    switch (message[0]) {
      case HANDSHAKE:
        return this.#begun(message, out);
      case AUDIO:
        return this.#sound(message.subarray(1), out);
      case TEXT:
        return this.#word(message.subarray(1), out);
      // A byte of colour stands before the text.
      case COLOURED:
        return this.#word(message.subarray(2), out);
      case ERROR:
        return this.#fault(message.subarray(1), out);
      // Of control, metadata and ping nothing follows; others are to be discarded (`rust/protocol.md`).
      default:
    }
  }

  /** Judgements that wait for the server's next message. */
  get unjudged(): number {
    return this.owed.filter(({ type }) => type === "configured").length;
  }

  /** An answer that may go on; no more of the track may come, and its pauses are all that ends it. */
  get held(): number {
    return this.#track.held;
  }

  settle(): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    this.#track.settle(out);
    return out;
  }

  protected remembered(): CodecState {
    return {
      rust: this.#rust,
      letters: this.#words.bytes,
      track: this.#track.snapshot(),
      uplink: this.#uplink.snapshot(),
      downlink: this.#downlink.snapshot(),
    };
  }

  protected recall(state: CodecState): void {
    this.#rust = state.rust;
    this.#words = new Words(state.letters);
    this.#track.restore(state.track);
    this.#uplink.restore(state.uplink);
    this.#downlink.restore(state.downlink);
  }

  protected override configured(config: UpstreamConfig): void {
    super.configured(config);
    this.#track.textOnly = config.modality === "text";
  }

  /** Judged here, and told with the server's next message: nothing of a conversation changes but whether it is heard. */
  #configure(config: UpstreamConfig, cause: string | null): void {
    const before = this.config ?? config;
    const fields = changed(before, config);
    const kept = Object.fromEntries(fields.map((field) => [field, before[field]]));
    this.configured({ ...config, ...kept });
    if (fields.length > 0) {
      if (cause !== null)
        this.owed.push({ type: "refused", what: "configure", id: null, cause, error: unchanged(fields) });
      this.owed.push({ type: "unconfigured", fields });
    }
    this.owed.push({ type: "configured" });
  }

  #begun(message: Uint8Array, out: UpstreamEvent[]): void {
    if (this.ready) return;
    this.ready = true;
    this.#rust = message.length >= LONG_HANDSHAKE;
    out.push({ type: "ready" });
  }

  #sound(ogg: Uint8Array, out: UpstreamEvent[]): void {
    if (!this.ready) {
      out.push(nonsense("The server speaks before its handshake."));
      return;
    }
    const fault = this.#downlink.read(ogg, this.#uplink.samples);
    const { sound } = this.#downlink;
    if (sound.length > 0) this.#track.track(sound, PCM_24K, out);
    if (fault !== null) out.push(soundFault(fault));
  }

  #word(bytes: Uint8Array, out: UpstreamEvent[]): void {
    if (bytes.length > MAX_WORD_BYTES) out.push(nonsense("A word of the server is too long."));
    else if (this.ready) {
      const text = this.#words.take(utf8Text(bytes));
      this.#track.words(this.#track.wordless ? text.trimStart() : text, out);
    }
  }

  #fault(bytes: Uint8Array, out: UpstreamEvent[]): void {
    const error = this.redactor.fault(null, utf8Text(bytes.subarray(0, MAX_WORD_BYTES)), "upstream_error");
    // What it says before it has begun is why it does not begin.
    out.push({ type: "error", error, fatal: !this.ready });
  }
}
