/**
 * Deepgram's Voice Agent (`/v1/agent/converse`): one connection of a transcriber, a text model and a synthesiser. The wire is that
 * of `@deepgram/sdk` 5.13 and of Deepgram's documentation; docs/upstreams.md says what it cannot do and what is done instead.
 */
import { Adapter, MAX_OWED } from "../common/adapter.ts";
import { AskedWith, type AskedWithState } from "../common/asked-with.ts";
import { eventOf } from "../common/event-of.ts";
import { TOO_MUCH_WAITS } from "../common/faults.ts";
import { objectsAt, textAt } from "../json.ts";
import type { AudioChunk, Capabilities, Command, Item, JsonObject, Upstream } from "../upstream.ts";
import type {
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  UpstreamOptions,
  WireMessage,
} from "../upstream.ts";
import { AgentConversation, calledOf, type ConversationState } from "./conversation.ts";
import { type Heard, heardOf } from "./events.ts";
import { closeOf, errorOf } from "./faults.ts";
import { type DeepgramAgentSettings, readSettings } from "./settings.ts";
import { capabilitiesOf, settingsMessage, speakOf, untaken } from "./setup.ts";
import { result, Upload, type UploadState } from "./upload.ts";

const MAX_MESSAGE_CHARS = 1024 * 1024;
const MAX_FUNCTIONS = 64;
const GIVEN_UP = "The application gave up this answer.";
const NOTHING: UpstreamFault = {
  code: "unsupported",
  type: "invalid_request_error",
  message: "An agent of Deepgram answers what was said, written or returned by a call, and there is nothing.",
};
const NO_RECORDINGS: UpstreamFault = {
  code: "unsupported",
  message: "An agent of Deepgram takes no recordings in items.",
};

/** @throws UpstreamOptionsError naming the field. */
export function createDeepgramAgent(options: UpstreamOptions): Upstream {
  return new DeepgramAgent(readSettings(options));
}

type CodecState = {
  readonly askedWith: AskedWithState;
  readonly conversation: ConversationState;
  readonly upload: UploadState;
};

class DeepgramAgent extends Adapter<CodecState> {
  readonly capabilities: Capabilities;
  readonly #settings: DeepgramAgentSettings;
  readonly #conversation: AgentConversation;
  readonly #upload: Upload;
  readonly #askedWith = new AskedWith();

  constructor(settings: DeepgramAgentSettings) {
    super(settings.request);
    this.#settings = settings;
    this.#conversation = new AgentConversation(settings.turns === "server");
    this.#upload = new Upload(settings);
    this.capabilities = capabilitiesOf(settings);
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.config = config;
    this.untaken(untaken(this.#settings, config));
    return [JSON.stringify(settingsMessage(this.#settings, config))];
  }

  protected tell(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return this.#audio(command.chunk);
      case "configure":
        return this.#configure(command.config);
      case "commit":
        if (this.#serves) return [];
        this.owed.push(...this.#conversation.heard.committed(command.itemId));
        return [];
      case "respond":
        return this.#respond(command.responseId, command.options.params);
      case "cancel":
        this.#conversation.answers.cancel(command.responseId, this.owed);
        this.#askedWith.take(command.responseId);
        return this.#released(this.owed);
      case "item":
        this.#item(command.item, command.cause ?? null);
        return [];
      case "keepalive":
        return ['{"type":"KeepAlive"}'];
      case "named":
        if (command.what === "response") this.#conversation.answers.named(command.key, command.id);
        return [];
      // What was heard cannot be taken back, nor can anything else: there is no such message.
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
    if (typeof message === "string") this.#text(message, out);
    else this.#conversation.sound(message, out);
    // The conversation goes on with what the caller says: what was written before is told without an ask.
    if (out.some((one) => one.type === "speech" && one.state === "started"))
      for (const data of this.#upload.before(this.config)) out.push({ type: "reply", data });
    for (const data of this.#released(out)) out.push({ type: "reply", data });
    return out;
  }

  /** What has to be told waits no longer for a message: Deepgram may be silent for as long as the caller is. */
  get held(): number {
    return this.#conversation.held + this.owed.length / (MAX_OWED * 4);
  }

  settle(): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    this.#conversation.settle(out);
    for (const data of this.#released(out)) out.push({ type: "reply", data });
    return out;
  }

  override closed(code: number, reason: string): UpstreamFault | null {
    return closeOf(code, reason, this.redactor);
  }

  protected remembered(): CodecState {
    return {
      askedWith: this.#askedWith.snapshot(),
      conversation: this.#conversation.snapshot(),
      upload: this.#upload.snapshot(),
    };
  }

  protected recall(state: CodecState): void {
    this.#askedWith.restore(state.askedWith);
    this.#conversation.restore(state.conversation);
    this.#upload.restore(state.upload);
  }

  get #serves(): boolean {
    return this.#settings.turns === "server";
  }

  #audio({ bytes, lasting }: AudioChunk): readonly WireMessage[] {
    const told = this.#serves || this.#upload.spoken ? [] : this.#upload.before(this.config);
    this.#upload.spoken = true;
    return [...told, lasting === true ? bytes : bytes.slice()];
  }

  #respond(id: string, params: JsonObject): readonly WireMessage[] {
    this.#askedWith.asked(id, params);
    return this.#conversation.answers.ask(id, this.owed) ? this.#ask(id, this.owed) : [];
  }

  #ask(id: string, out: UpstreamEvent[]): readonly WireMessage[] {
    const messages = this.#upload.ask(this.config, this.#askedWith.take(id));
    if (messages === null) out.push(...this.#conversation.answers.failed(NOTHING));
    return messages ?? [];
  }

  /** What waited for the end of an answer. */
  #released(out: UpstreamEvent[]): readonly WireMessage[] {
    const id = this.#conversation.answers.next();
    return id === null ? [] : this.#ask(id, out);
  }

  #item(item: Item, cause: string | null): void {
    const kept = this.#upload.add(item);
    if (kept === "sound") this.refuseItem(item, cause, NO_RECORDINGS);
    else if (kept === "full") this.refuseItem(item, cause, TOO_MUCH_WAITS);
  }

  #configure(config: UpstreamConfig): readonly WireMessage[] {
    const before = this.config;
    this.config = config;
    if (before === null) return [];
    const differs = (...fields: (keyof UpstreamConfig)[]) =>
      fields.some((field) => JSON.stringify(before[field]) !== JSON.stringify(config[field]));
    const known = new Set(untaken(this.#settings, before));
    this.untaken(untaken(this.#settings, config).filter((field) => !known.has(field)));
    const speaks = JSON.stringify(speakOf(this.#settings, config));
    return [
      // The prompt alone is said to be added to the former one by one page, to replace it by another.
      ...(differs("instructions", "tools", "toolChoice") ? [JSON.stringify(this.#upload.think(config))] : []),
      ...(speaks === JSON.stringify(speakOf(this.#settings, before))
        ? []
        : [`{"type":"UpdateSpeak","speak":${speaks}}`]),
    ];
  }

  #text(message: string, out: UpstreamEvent[]): void {
    const event = eventOf(message, MAX_MESSAGE_CHARS, out);
    if (event === null) return;
    const heard = heardOf(textAt(event, "type"));
    if (heard !== null) this.#event(heard, event, out);
  }

  #event(heard: Heard, event: JsonObject, out: UpstreamEvent[]): void {
    switch (heard) {
      case "SettingsApplied":
        if (!this.ready) out.push({ type: "ready" });
        this.ready = true;
        return;
      case "ConversationText":
        return this.#words(textAt(event, "role"), textAt(event, "content") ?? "", out);
      case "UserStartedSpeaking":
        return this.#conversation.interrupted(out);
      case "AgentAudioDone":
        return this.#conversation.audioDone(out);
      case "FunctionCallRequest":
        return this.#calls(objectsAt(event, "functions"), out);
      case "FunctionCallCancelled":
        for (const one of objectsAt(event, "functions")) this.#upload.calls.uncalled(textAt(one, "id") ?? "");
        return;
      case "InjectionRefused":
        return this.#refused(textAt(event, "message"), out);
      case "Error":
      case "Warning":
        out.push({ type: "error", error: errorOf(event, this.redactor), fatal: heard === "Error" });
        return;
      default:
        return heard satisfies never;
    }
  }

  #words(role: string | null, text: string, out: UpstreamEvent[]): void {
    if (text === "") return;
    if (role === "assistant") this.#conversation.said(text, out);
    else if (role === "user" && !this.#upload.isEcho(text)) this.#conversation.words(text, out);
  }

  /** Functions with an endpoint are Deepgram's to run. Of those that nobody will run the agent waits for a result as well. */
  #calls(functions: readonly JsonObject[], out: UpstreamEvent[]): void {
    const own = functions.slice(0, MAX_FUNCTIONS).filter((one) => one["client_side"] !== false);
    if (own.length === 0) return;
    const called = this.#conversation.calls(own, out);
    for (const { id, name } of called ?? []) this.#upload.calls.called(id, name);
    for (const one of called === null ? own : []) {
      const of = calledOf(one);
      if (of !== null) out.push({ type: "reply", data: result(of.id, of.name, GIVEN_UP) });
    }
  }

  /** A text came while somebody spoke. */
  #refused(message: string | null, out: UpstreamEvent[]): void {
    const error = this.redactor.fault("injection_refused", message, "injection_refused");
    if (this.#conversation.answers.running && !this.#conversation.answers.begun)
      out.push(...this.#conversation.answers.failed(error));
    else out.push({ type: "error", error, fatal: false });
  }
}
