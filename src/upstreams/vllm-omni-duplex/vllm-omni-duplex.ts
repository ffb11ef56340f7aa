/**
 * vLLM-Omni's duplex sessions (`/v1/realtime?duplex=1`): models that hear everything and speak when they like, in OpenAI's words
 * with more of its own. The wire is that of its server's source; docs/upstreams.md says what it cannot do and what is done instead.
 */
import { eventOf } from "../common/event-of.ts";
import { Adapter } from "../common/adapter.ts";
import { objectAt, textAt } from "../json.ts";
import type { Capabilities, Command, JsonObject, Leaves, Upstream } from "../upstream.ts";
import type { UpstreamConfig, UpstreamEvent, UpstreamOptions, WireMessage } from "../upstream.ts";
import { Arrived, type ArrivedState } from "./arrived.ts";
import { type Heard, heardOf } from "./events.ts";
import { concernsAnAsk, endOf, errorOf } from "./faults.ts";
import { Memory, type MemoryState } from "./memory.ts";
import { Output, type OutputState } from "./output.ts";
import { type DuplexSettings, readSettings } from "./settings.ts";
import { openMessage } from "./start.ts";
import { Upload, type UploadState } from "./upload.ts";

const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
/** Of five minutes that it bears without a word. */
const HEARTBEAT_MS = 20_000;
const HEARTBEAT = '{"type":"session.heartbeat"}';

/** @throws UpstreamOptionsError naming the field. */
export function createVllmOmniDuplex(options: UpstreamOptions): Upstream {
  return new VllmOmniDuplex(readSettings(options));
}

type CodecState = {
  readonly cuts: boolean;
  readonly memory: MemoryState;
  readonly output: OutputState;
  readonly upload: UploadState;
  /** Absent in what a build of before stored. */
  readonly arrived?: ArrivedState;
};

class VllmOmniDuplex extends Adapter<CodecState> {
  readonly farewell = ['{"type":"session.close"}'];
  readonly #settings: DuplexSettings;
  readonly #memory = new Memory();
  readonly #output: Output;
  readonly #upload: Upload;
  readonly #arrived = new Arrived();
  /** It can cut what it has of an answer. */
  #cuts = false;
  /** A session of another connection is taken over. */
  #takesOver = false;

  constructor(settings: DuplexSettings) {
    super(settings.request);
    this.#settings = settings;
    this.#output = new Output(this.redactor);
    this.#upload = new Upload(this.#output.items, this.owed);
  }

  get capabilities(): Capabilities {
    return {
      input: this.#settings.input,
      output: this.#output.format,
      turns: "none",
      answersSound: true,
      cancel: true,
      truncate: true,
      text: true,
      tools: true,
      transcription: false,
      outOfBand: false,
      confirms: false,
      resumption: true,
      maxSessionMs: this.#settings.maxSessionMs,
      keepaliveMs: HEARTBEAT_MS,
    };
  }

  get leaves(): Leaves | null {
    return this.#memory.kept ? "all" : null;
  }

  goOn(snapshot: JsonObject): void {
    this.restore(snapshot);
    this.ready = false;
    this.#takesOver = true;
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    if (this.#takesOver) return [JSON.stringify(this.#memory.takeover()), ...this.#configure(config, null)];
    this.configured(config);
    return [JSON.stringify(openMessage(this.#settings, config))];
  }

  protected tell(command: Command): readonly WireMessage[] {
    const cause = command.cause ?? null;
    switch (command.type) {
      case "audio":
        return [`{"type":"input_audio_buffer.append","audio":"${command.chunk.base64()}"}`];
      case "keepalive":
        this.#arrived.beat();
        return [HEARTBEAT];
      case "configure":
        return this.#configure(command.config, cause);
      case "respond":
        return this.#output.answers.ask(command.responseId, this.owed)
          ? this.#ask(command.responseId, cause)
          : [];
      case "cancel": {
        const key = this.#output.answers.cancel(command.responseId, this.owed);
        return key === null ? [] : this.#upload.cancel(key, command.responseId, cause);
      }
      case "item":
        return this.#upload.item(command.item, cause);
      case "delete":
        return this.#upload.delete(command.itemId, cause);
      case "truncate":
        return this.#upload.truncate(command.itemId, command.audioEndMs, this.#cuts, cause);
      case "named":
        if (command.what === "response") this.#output.answers.named(command.key, command.id);
        else this.#output.items.named(command.key, command.id);
        return [];
      // There are no turns: the model hears as it comes what the caller says.
      case "commit":
      case "clear":
        return [];
      default:
        return command satisfies never;
    }
  }

  #ask(responseId: string, cause: string | null): readonly string[] {
    this.#arrived.asked(responseId, cause);
    return this.#upload.ask(responseId, cause);
  }

  heard(itemId: string, audioEndMs: number): readonly WireMessage[] {
    return this.#upload.heard(itemId, audioEndMs);
  }

  decode(message: WireMessage): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    const event = eventOf(message, MAX_MESSAGE_CHARS, out);
    if (event === null) return out;
    const heard = heardOf(textAt(event, "type"));
    if (!this.#memory.repeats(event, out) && heard !== null) this.#heard(heard, event, out);
    return out;
  }

  protected remembered(): CodecState {
    return {
      cuts: this.#cuts,
      memory: this.#memory.snapshot(),
      output: this.#output.snapshot(),
      upload: this.#upload.snapshot(),
      arrived: this.#arrived.snapshot(),
    };
  }

  protected recall(state: CodecState): void {
    this.#cuts = state.cuts;
    this.#memory.restore(state.memory);
    this.#output.restore(state.output);
    this.#upload.restore(state.upload);
    if (state.arrived) this.#arrived.restore(state.arrived);
  }

  protected override configured(config: UpstreamConfig): void {
    super.configured(config);
    this.#output.textOnly = config.modality === "text";
  }

  #configure(config: UpstreamConfig, cause: string | null): readonly string[] {
    const before = this.config;
    this.configured(config);
    return before === null ? [] : this.#upload.configure(before, config, cause);
  }

  #heard(heard: Heard, event: JsonObject, out: UpstreamEvent[]): void {
    const output = this.#output;
    switch (heard) {
      case "session.created":
      case "session.resumed":
        return this.#opened(event, out);
      case "session.closed":
      case "session.expired":
      case "session.replaced":
        return this.#ended(event, out);
      case "session.resync_required":
        return this.#resync(out);
      case "session.heartbeat_ack":
        return this.#beaten(out);
      case "input_audio_buffer.committed":
        return this.#arrived.confirmed(output.answers.waiting);
      case "response.created":
        return output.begun(event, out);
      case "response.listen":
        return output.listens(event, out);
      case "response.output_item.added":
        return output.itemAdded(event, out);
      case "response.output_item.done":
        return output.itemDone(event, out);
      case "response.output_audio.delta":
        return output.audio(event, out);
      case "response.output_audio_transcript.delta":
        return output.words(event, false, out);
      case "response.output_text.delta":
        return output.words(event, true, out);
      case "response.function_call_arguments.done":
        return output.called(event, out);
      case "response.done":
        return output.done(event, out);
      case "error":
        return this.#fault(event, out);
      default:
        return heard satisfies never;
    }
  }

  #ended(event: JsonObject, out: UpstreamEvent[]): void {
    this.#memory.forget();
    out.push({ type: "error", error: endOf(event), fatal: true });
  }

  #opened(event: JsonObject, out: UpstreamEvent[]): void {
    if (this.ready) return;
    this.#memory.opened(event);
    const capabilities = objectAt(objectAt(event, "session"), "capabilities");
    if (capabilities !== null) this.#cuts = capabilities["supports_audio_truncate"] === true;
    this.ready = true;
    out.push({ type: "ready" });
    const beats = this.#takesOver ? this.#arrived.takenOver(this.#output.answers.waiting) : 0;
    this.#takesOver = false;
    for (let beat = 0; beat < beats; beat += 1) {
      this.#arrived.beat();
      out.push({ type: "reply", data: HEARTBEAT });
    }
  }

  /** What was asked of the session that was taken over, and never came, is asked again. */
  #beaten(out: UpstreamEvent[]): void {
    for (const { id, cause } of this.#arrived.beaten(this.#output.answers.waiting))
      for (const data of this.#ask(id, cause)) out.push({ type: "reply", data });
  }

  /** Its journal has a gap: what it said meanwhile is lost, and so is what a takeover is for. */
  #resync(out: UpstreamEvent[]): void {
    this.#memory.forget();
    if (this.ready) return;
    const error = {
      code: "upstream_resume_refused",
      message: "The provider kept too little of the session.",
    };
    out.push({ type: "error", error, fatal: true });
  }

  #fault(event: JsonObject, out: UpstreamEvent[]): void {
    const told = errorOf(event, this.redactor);
    if (told === null) return;
    const { error, about, fatal } = told;
    const refused = about === null ? null : this.#upload.refused(about);
    // What it says before it has begun is why it does not begin.
    if (fatal || !this.ready) {
      out.push({ type: "error", error, fatal: true });
      return;
    }
    const ending = { status: "failed", reason: null, error } as const;
    if (refused === null) {
      if (!concernsAnAsk(error) || !this.#output.answers.declined(ending, out))
        out.push({ type: "error", error, fatal: false });
      return;
    }
    const { sent, fields } = refused;
    if (fields.length > 0) out.push({ type: "unconfigured", fields });
    out.push({ type: "refused", ...sent, error });
    if (sent.what === "respond" && sent.id !== null) this.#output.answers.declined(ending, out, sent.id);
  }
}
