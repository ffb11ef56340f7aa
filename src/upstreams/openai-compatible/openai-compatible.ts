/**
 * Any server of the OpenAI Realtime dialect. How servers differ is data (`profiles.ts`); the parts are
 * settings (what to dial), session (configuration in the provider's words), names and responses (who is who),
 * encode and decode (the wire).
 */
import { CallIds, type CallIdsState } from "./calls.ts";
import { Decoder, type DecoderState } from "./decode.ts";
import { Encoder, type EncoderState } from "./encode.ts";
import type { Formats } from "./handshake.ts";
import { ItemNames, type NamesState } from "./names.ts";
import { Responses, type ResponsesState } from "./responses.ts";
import { type OpenAiSettings, readSettings, transcriptionUrl } from "./settings.ts";
import { Waiting, type WaitingState } from "./waiting.ts";
import { closeFault } from "./words.ts";
import { createRedactor, type Redactor } from "../redact.ts";
import type {
  Capabilities,
  Command,
  DialRequest,
  JsonObject,
  Upstream,
  UpstreamConfig,
} from "../upstream.ts";
import type { UpstreamEvent, UpstreamFault, UpstreamOptions, WireMessage } from "../upstream.ts";

/** @throws UpstreamOptionsError naming the field. */
export function createOpenAiCompatible(options: UpstreamOptions): Upstream {
  return new OpenAiUpstream(readSettings(options));
}

type CodecState = {
  readonly waiting: WaitingState;
  readonly names: NamesState;
  readonly calls: CallIdsState;
  readonly responses: ResponsesState;
  readonly encoder: EncoderState;
  readonly decoder: DecoderState;
};

class OpenAiUpstream implements Upstream {
  readonly #settings: OpenAiSettings;
  readonly #redactor: Redactor;
  readonly #waiting = new Waiting();
  readonly #names = new ItemNames(this.#waiting);
  readonly #calls = new CallIds();
  readonly #responses = new Responses();
  readonly #encoder: Encoder;
  readonly #decoder: Decoder;
  /** What it can do, and with which formats. */
  #capabilities: Capabilities;
  #formats: Formats;

  constructor(settings: OpenAiSettings) {
    this.#settings = settings;
    this.#redactor = createRedactor(settings.request.headers, settings.request.url);
    const parts = { settings, names: this.#names, calls: this.#calls, responses: this.#responses };
    this.#encoder = new Encoder(parts, this.#waiting);
    this.#decoder = new Decoder({ ...parts, encoder: this.#encoder, redactor: this.#redactor });
    this.#formats = this.#decoder.formats;
    this.#capabilities = this.#describe();
  }

  /** Asked for many times in a frame, and the same until the provider states another format. */
  get capabilities(): Capabilities {
    const { formats } = this.#decoder;
    if (this.#formats !== formats) {
      this.#formats = formats;
      this.#capabilities = this.#describe();
    }
    return this.#capabilities;
  }

  #describe(): Capabilities {
    const { input, output } = this.#formats;
    const { turns, quirks } = this.#settings;
    return {
      input,
      output,
      turns,
      cancel: quirks.cancel,
      truncate: quirks.truncate,
      text: quirks.text,
      tools: quirks.tools,
      transcription: quirks.transcription,
      outOfBand: quirks.outOfBand,
      wordsFirst: quirks.wordsFirst,
      confirms: quirks.readyOn === "session.updated",
      resumption: false,
      maxSessionMs: quirks.maxSessionMs,
      keepaliveMs: quirks.keepalive?.everyMs ?? null,
    };
  }

  request(kind: UpstreamConfig["kind"] = "conversation"): DialRequest {
    const { request } = this.#settings;
    return kind === "transcription" ? { ...request, url: transcriptionUrl(request.url) } : request;
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    return this.#encoder.greet(config);
  }

  encode(command: Command): readonly WireMessage[] {
    return this.#encoder.encode(command, this.#decoder.formats.output);
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    return this.#decoder.decode(message);
  }

  get held(): number {
    return this.#decoder.held;
  }

  settle(): readonly UpstreamEvent[] {
    return this.#decoder.settle();
  }

  get unjudged(): number {
    return this.#encoder.updates.outstanding;
  }

  get unnamed(): number {
    return this.#encoder.unnamed;
  }

  giveUpNames(): readonly UpstreamEvent[] {
    const replies = this.#encoder.giveUpNames(this.#decoder.formats.output);
    const owed = this.#encoder.owed.take();
    return [...replies.map((data) => ({ type: "reply", data }) as const), ...owed];
  }

  closed(code: number, reason: string): UpstreamFault | null {
    return closeFault(code, this.#redactor.text(reason));
  }

  snapshot(): JsonObject {
    const state: CodecState = {
      waiting: this.#waiting.snapshot(),
      names: this.#names.snapshot(),
      calls: this.#calls.snapshot(),
      responses: this.#responses.snapshot(),
      encoder: this.#encoder.snapshot(),
      decoder: this.#decoder.snapshot(),
    };
    return state;
  }

  restore(snapshot: JsonObject): void {
    // Our own writing, inside the session's versioned snapshot.
    const state = snapshot as unknown as CodecState;
    this.#waiting.restore(state.waiting);
    this.#names.restore(state.names);
    this.#calls.restore(state.calls);
    this.#responses.restore(state.responses);
    this.#encoder.restore(state.encoder);
    this.#decoder.restore(state.decoder);
  }
}
