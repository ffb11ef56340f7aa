/**
 * OpenAI's Live API (`/v1/live/sessions`): full duplex, one track of sound in and one out, without turns. The wire is that of the
 * types of `openai` 7.59 and of sockets that others recorded; docs/upstreams.md says what it cannot do and what is done instead.
 */
import type { AudioFormat } from "../../audio/format.ts";
import { eventOf } from "../common/event-of.ts";
import { Adapter, type CommonState } from "../common/adapter.ts";
import { formatFault } from "../common/faults.ts";
import { nameAt, objectAt, textAt } from "../json.ts";
import { readFault } from "../openai-compatible/words.ts";
import type { Capabilities, Command, DialRequest, Item, JsonObject, Leaves } from "../upstream.ts";
import type { Upstream, UpstreamConfig, UpstreamEvent, UpstreamOptions, WireMessage } from "../upstream.ts";
import { Caller, type CallerState } from "./caller.ts";
import type { Called } from "./delegations.ts";
import { type Heard, heardOf } from "./events.ts";
import { endOf, errorOf } from "./faults.ts";
import { type LiveSettings, readSettings } from "./settings.ts";
import { append, formatOf, silence } from "./sound.ts";
import { Speech, type SpeechState } from "./speech.ts";
import { forkMessage, startMessage, untaken } from "./start.ts";
import { Upload, type UploadState } from "./upload.ts";
import { secondsOf, tokensUsed } from "./usage.ts";

const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
/** Time passes in a session as sound comes: where a client sends none, silence is sent this often. */
const SILENCE_MS = 200;
/** A word may come so much sooner than the sound of the model's side at its place. */
const SOONER_MS = 2000;

/** @throws UpstreamOptionsError naming the field. */
export function createOpenAiLive(options: UpstreamOptions): Upstream {
  return new OpenAiLive(readSettings(options));
}

type CodecState = {
  readonly format: AudioFormat;
  /** Its session at the provider. */
  readonly id?: string | null;
  readonly seconds: number;
  readonly speech: SpeechState;
  readonly caller: CallerState;
  readonly upload: UploadState;
};

class OpenAiLive extends Adapter<CodecState> {
  readonly farewell = ['{"type":"session.close"}'];
  readonly #settings: LiveSettings;
  readonly #speech = new Speech();
  readonly #caller = new Caller();
  readonly #upload: Upload;
  #format: AudioFormat;
  #silence: string | null = null;
  #id: string | null = null;
  /** The stored session that this one goes on with. */
  #forks: string | null = null;
  /** Told when it has started: what of the configuration is another than that session's. */
  #changes: readonly string[] = [];
  /** Seconds that were counted. */
  #seconds = 0;

  constructor(settings: LiveSettings) {
    super(settings.request);
    this.#settings = settings;
    this.#upload = new Upload(settings, this.owed);
    this.#format = settings.format;
  }

  get capabilities(): Capabilities {
    return {
      input: this.#format,
      output: this.#format,
      turns: "none",
      cancel: true,
      truncate: false,
      text: true,
      tools: true,
      transcription: true,
      outOfBand: false,
      confirms: false,
      resumption: false,
      maxSessionMs: this.#settings.maxSessionMs,
      keepaliveMs: SILENCE_MS,
    };
  }

  get leaves(): Leaves | null {
    return this.#settings.session["store"] === true && this.#id !== null ? "memory" : null;
  }

  /** Nothing that it had under way goes on with it, and its tasks are no longer any. */
  goOn(snapshot: JsonObject): void {
    const { id, config } = snapshot as unknown as CodecState & CommonState;
    this.#forks = id ?? null;
    this.config = config as unknown as UpstreamConfig | null;
  }

  override request(): DialRequest {
    return this.#forks === null ? this.dial : { ...this.dial, url: forkUrl(this.dial.url, this.#forks) };
  }

  greet(config: UpstreamConfig, before: () => readonly Item[] = () => []): readonly WireMessage[] {
    const former = this.config;
    this.configured(config);
    if (this.#forks !== null) {
      if (former !== null) this.#changes = this.#upload.configure(former, config);
      return [JSON.stringify(forkMessage(this.#settings))];
    }
    this.untaken(untaken(this.#settings, config));
    return [JSON.stringify(startMessage(this.#settings, config, before()))];
  }

  protected tell(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return [append(command.chunk.base64())];
      case "keepalive":
        this.#silence ??= silence(this.#format, SILENCE_MS);
        return [this.#silence];
      case "configure": {
        const before = this.config;
        this.configured(command.config);
        return before === null ? [] : this.#upload.configure(before, command.config);
      }
      case "respond":
        this.#speech.ask(command.responseId, this.owed);
        return this.#upload.ask(command);
      case "cancel":
        return this.#speech.cancel(command.responseId, this.owed) ? this.#upload.stopped(command) : [];
      case "item":
        return this.#upload.item(command, this.#speech.awaited);
      case "named":
        if (command.what === "response") this.#speech.named(command.key, command.id);
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
    const event = eventOf(message, MAX_MESSAGE_CHARS, out);
    if (event === null) return out;
    const heard = heardOf(textAt(event, "type"));
    if (heard !== null) this.#heard(heard, event, out);
    return out;
  }

  /** An answer or a turn that may go on; no more of the track may come, and its pauses are all that ends them. */
  get held(): number {
    const [speech, caller] = [this.#speech.held, this.#caller.held];
    return speech + caller + (speech > 0 && caller > 0 ? 0.5 : 0);
  }

  settle(): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    this.#caller.end(out);
    this.#speech.settle(out);
    return out;
  }

  protected remembered(): CodecState {
    return {
      format: this.#format,
      id: this.#id,
      seconds: this.#seconds,
      speech: this.#speech.snapshot(),
      caller: this.#caller.snapshot(),
      upload: this.#upload.snapshot(),
    };
  }

  protected recall(state: CodecState): void {
    this.#format = state.format;
    this.#id = state.id ?? null;
    this.#seconds = state.seconds;
    this.#speech.restore(state.speech);
    this.#caller.restore(state.caller);
    this.#upload.restore(state.upload);
  }

  protected override configured(config: UpstreamConfig): void {
    super.configured(config);
    this.#speech.textOnly = config.modality === "text";
  }

  #heard(heard: Heard, event: JsonObject, out: UpstreamEvent[]): void {
    switch (heard) {
      case "session.started":
        return this.#started(objectAt(event, "session"), out);
      case "session.output_audio.delta":
        this.#speech.sound(textAt(event, "delta") ?? "", this.#format, out);
        return this.#caller.passed(this.#speech.positionMs, this.#speech.speaking, out);
      case "session.output_transcript.delta":
        return this.#speech.words(textAt(event, "delta") ?? "", out);
      case "session.input_transcript.delta":
        return this.#words(event, out);
      case "session.delegation.created":
        return this.#called(
          this.#upload.delegations.created(event, this.#settings.tool, this.#caller.said),
          out,
        );
      case "response.event":
        return this.#behind(objectAt(event, "event"), out);
      case "session.usage.updated":
        return this.#spent(secondsOf(event), out);
      case "session.closed":
        this.#spent(secondsOf(event), out);
        out.push({ type: "error", error: endOf(event), fatal: true });
        return;
      case "error":
        return this.#fault(event, out);
      default:
        return heard satisfies never;
    }
  }

  #started(session: JsonObject | null, out: UpstreamEvent[]): void {
    if (this.ready) return;
    const { format, unsupported } = formatOf(session, this.#format);
    if (format === null) {
      const error = formatFault(unsupported, this.redactor);
      out.push({ type: "error", error, fatal: true });
      return;
    }
    this.#format = format;
    this.#silence = null;
    this.ready = true;
    this.#id = nameAt(session, "id");
    const expiresAt = session?.["expires_at"];
    if (typeof expiresAt === "number") out.push({ type: "expires", at: expiresAt * 1000 });
    out.push({ type: "ready" });
    for (const data of this.#changes) out.push({ type: "reply", data });
    this.#changes = [];
  }

  #words(event: JsonObject, out: UpstreamEvent[]): void {
    const at = this.#speech.positionMs;
    const [start, end] = [event["start_ms"], event["end_ms"]].map((ms) =>
      typeof ms === "number" && ms >= 0 ? Math.min(ms, at + SOONER_MS) : at,
    );
    this.#caller.words(textAt(event, "delta") ?? "", start ?? at, end ?? at, out);
    // The conversation goes on without an ask.
    for (const data of this.#upload.results()) out.push({ type: "reply", data });
  }

  #called(called: Called | null, out: UpstreamEvent[]): void {
    if (called !== null) this.#speech.call(called.name, called.id, called.args, out);
  }

  /** The model behind says what it does. */
  #behind(event: JsonObject | null, out: UpstreamEvent[]): void {
    this.#called(this.#upload.delegations.behind(event), out);
    const response = objectAt(event, "response");
    const usage = /^response\.(?:completed|incomplete|failed)$/.test(textAt(event, "type") ?? "")
      ? tokensUsed(response)
      : null;
    if (usage !== null) out.push({ type: "spent", usage });
    const failed = textAt(event, "type") === "response.failed" ? objectAt(response, "error") : null;
    if (failed === null) return;
    out.push({ type: "error", error: readFault(failed, this.redactor, "upstream_error"), fatal: false });
  }

  /** The provider counts from the session's beginning. */
  #spent(seconds: number | null, out: UpstreamEvent[]): void {
    if (seconds === null || seconds <= this.#seconds) return;
    out.push({ type: "spent", usage: { audio_seconds: seconds - this.#seconds } });
    this.#seconds = seconds;
  }

  #fault(event: JsonObject, out: UpstreamEvent[]): void {
    const { error, fatal } = errorOf(event, this.redactor);
    const named = nameAt(objectAt(event, "error"), "client_event_id") ?? nameAt(event, "client_event_id");
    const sent = this.#upload.refused(named);
    // What it says before it has begun is why it does not begin.
    if (fatal || !this.ready || sent === null) {
      out.push({ type: "error", error, fatal: fatal || !this.ready });
      return;
    }
    out.push({ type: "refused", ...sent, error });
    if (sent.what === "respond") this.#speech.refused(error, out);
  }
}

/** The address of a stored session's fork is under that of sessions. */
function forkUrl(url: string, id: string): string {
  const [path = "", query] = url.split("?", 2);
  return `${path.replace(/\/$/, "")}/${encodeURIComponent(id)}/fork${query === undefined ? "" : `?${query}`}`;
}
