/**
 * An agent of ElevenLabs (`/v1/convai/conversation`), which hears everything, takes the turns and answers by itself. The wire is
 * that of `@elevenlabs/types` 0.23 and of ElevenLabs' documentation; docs/upstreams.md says what it cannot do and what is done
 * instead.
 */
import type { AudioFormat } from "../../audio/format.ts";
import { AskedWith, type AskedWithState } from "../common/asked-with.ts";
import { eventOf } from "../common/event-of.ts";
import { Adapter, MAX_OWED } from "../common/adapter.ts";
import { formatFault, TOO_MUCH_WAITS } from "../common/faults.ts";
import { nameAt, objectAt, textAt } from "../json.ts";
import { OpenCalls, type OpenCallsState } from "../common/open-calls.ts";
import { ToldContext, type ToldContextState } from "../common/told-context.ts";
import type { Capabilities, Command, Item, JsonObject } from "../upstream.ts";
import type {
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  UpstreamOptions,
  WireMessage,
} from "../upstream.ts";
import { AgentConversation, type ConversationState, idAt } from "./conversation.ts";
import { type Heard, heardOf } from "./events.ts";
import { closeOf, errorOf, failsAnswer } from "./faults.ts";
import { capabilitiesOf, formatsOf, type StatedFormats } from "./formats.ts";
import { changed, initiation, untaken } from "./initiation.ts";
import { type AgentSettings, readSettings } from "./settings.ts";

const MAX_MESSAGE_CHARS = 16 * 1024 * 1024;
const PCM_16K: AudioFormat = { type: "audio/pcm", rate: 16_000 };
const GIVEN_UP = "The application gave up this answer.";
const NO_RECORDINGS: UpstreamFault = {
  code: "unsupported",
  message: "An agent of ElevenLabs takes no recordings in items.",
};

/** @throws UpstreamOptionsError naming the field. */
export function createElevenLabsAgents(options: UpstreamOptions): Upstream {
  return new ElevenLabsAgents(readSettings(options));
}

type CodecState = {
  readonly formats: StatedFormats;
  readonly conversation: ConversationState;
  readonly askedWith: AskedWithState;
  readonly calls: OpenCallsState;
  readonly context: ToldContextState;
};

class ElevenLabsAgents extends Adapter<CodecState> {
  readonly #settings: AgentSettings;
  readonly #conversation = new AgentConversation();
  readonly #askedWith = new AskedWith();
  readonly #calls = new OpenCalls();
  readonly #context = new ToldContext();
  #formats: StatedFormats = { input: PCM_16K, output: PCM_16K };
  constructor(settings: AgentSettings) {
    super(settings.request);
    this.#settings = settings;
  }

  get capabilities(): Capabilities {
    return capabilitiesOf(this.#settings, this.#formats);
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.config = config;
    this.#conversation.textOnly = config.modality === "text" && this.#settings.overrides.has("text");
    this.untaken(untaken(this.#settings, config));
    return [JSON.stringify(initiation(this.#settings, config))];
  }

  protected tell(command: Command): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return [`{"user_audio_chunk":"${command.chunk.base64()}"}`];
      case "configure":
        this.#configure(command.config);
        return [];
      case "respond":
        this.#askedWith.asked(command.responseId, command.options.params);
        return this.#conversation.answers.ask(command.responseId, this.owed)
          ? this.#ask(command.responseId)
          : [];
      case "cancel":
        this.#askedWith.take(command.responseId);
        this.#conversation.answers.cancel(command.responseId, this.owed);
        return this.#released();
      case "item":
        return this.#item(command.item, command.cause ?? null);
      case "keepalive":
        return ['{"type":"user_activity"}'];
      case "named":
        if (command.what === "response") this.#conversation.answers.named(command.key, command.id);
        return [];
      // There are no such messages: it takes the turns by itself, and what it was told stays told.
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
    // The conversation goes on with what the caller says: what was written before is told without an ask.
    if (out.some((one) => one.type === "speech" && one.state === "started"))
      for (const data of contextual(this.#context.all())) out.push({ type: "reply", data });
    for (const data of this.#released()) out.push({ type: "reply", data });
    return out;
  }

  /** What has to be told does not wait for the next message for ever. */
  get held(): number {
    return this.#conversation.held + this.owed.length / (MAX_OWED * 2);
  }

  settle(): readonly UpstreamEvent[] {
    const out: UpstreamEvent[] = this.owed.splice(0);
    this.#conversation.settle(out);
    for (const data of this.#released()) out.push({ type: "reply", data });
    return out;
  }

  override closed(code: number, reason: string): UpstreamFault | null {
    return closeOf(code, reason, this.redactor);
  }

  protected remembered(): CodecState {
    return {
      formats: this.#formats,
      conversation: this.#conversation.snapshot(),
      askedWith: this.#askedWith.snapshot(),
      calls: this.#calls.snapshot(),
      context: this.#context.snapshot(),
    };
  }

  protected recall(state: CodecState): void {
    this.#formats = state.formats;
    this.#conversation.restore(state.conversation);
    this.#askedWith.restore(state.askedWith);
    this.#calls.restore(state.calls);
    this.#context.restore(state.context);
  }

  #configure(config: UpstreamConfig): void {
    const fields = this.config === null ? [] : changed(this.config, config);
    this.config = config;
    this.untaken(fields);
  }

  /** What the user wrote waits for the ask, because it makes the agent answer; the rest interrupts nobody. */
  #item(item: Item, cause: string | null): readonly WireMessage[] {
    const kept = this.#calls.returned(item) ?? this.#context.add(this.#calls.late(item) ?? item);
    if (kept === "sound") this.refuseItem(item, cause, NO_RECORDINGS);
    else if (kept === "full") this.refuseItem(item, cause, TOO_MUCH_WAITS);
    return contextual(this.#context.context());
  }

  /** What makes it answer: results of calls, what the user wrote, or what the answer is asked with. Where there is neither, what it heard does, or nothing. */
  #ask(responseId: string): readonly WireMessage[] {
    const returned = this.#calls.take();
    const instructions = this.#askedWith.take(responseId);
    if (returned.length === 0) {
      const text = this.#context.written() || instructions;
      return text === "" ? [] : [JSON.stringify({ type: "user_message", text })];
    }
    const results = returned.map(({ id, output, missing }) => toolResult(id, output, missing));
    return [...contextual(this.#context.all()), ...results];
  }

  /** What waited for the end of an answer. */
  #released(): readonly WireMessage[] {
    const id = this.#conversation.answers.next();
    return id === null ? [] : this.#ask(id);
  }

  #heard(heard: Heard, event: JsonObject, out: UpstreamEvent[]): void {
    switch (heard) {
      case "conversation_initiation_metadata":
        return this.#begun(objectAt(event, `${heard}_event`), out);
      case "ping":
        pong(objectAt(event, "ping_event"), out);
        out.push({ type: "alive" });
        return;
      case "vad_score":
        out.push({ type: "alive" });
        return;
      case "audio":
        return this.#conversation.sound(objectAt(event, "audio_event"), this.#formats.output, out);
      case "agent_response":
        return this.#conversation.words(objectAt(event, "agent_response_event"), out);
      case "agent_chat_response_part":
        return this.#conversation.textPart(objectAt(event, "text_response_part"), out);
      case "agent_response_complete":
        return this.#conversation.complete(out);
      case "user_transcript":
        return this.#conversation.transcript(objectAt(event, "user_transcription_event"), out);
      case "tentative_user_transcript":
        return this.#conversation.tentative(out);
      case "interruption":
        return this.#conversation.interrupted(objectAt(event, "interruption_event"), out);
      case "client_tool_call":
        return this.#call(objectAt(event, "client_tool_call"), out);
      case "agent_tool_response":
        if (endsCall(objectAt(event, heard))) out.push({ type: "leaves" });
        return;
      case "error":
      case "client_error":
        return this.#fault(objectAt(event, "error_event") ?? event, out);
      default:
        return heard satisfies never;
    }
  }

  #begun(metadata: JsonObject | null, out: UpstreamEvent[]): void {
    if (this.ready) return;
    const { formats, unsupported } = formatsOf(metadata, this.#formats);
    if (unsupported !== null) {
      const error = formatFault(unsupported, this.redactor);
      out.push({ type: "error", error, fatal: true });
      return;
    }
    this.#formats = formats;
    this.ready = true;
    out.push({ type: "ready" });
  }

  #call(call: JsonObject | null, out: UpstreamEvent[]): void {
    const [name, id] = [nameAt(call, "tool_name"), nameAt(call, "tool_call_id")];
    if (name === null || id === null) return;
    if (this.#conversation.call(call, name, id, out))
      out.push({ type: "reply", data: toolResult(id, GIVEN_UP, true) });
    else this.#calls.called(id, name);
  }

  #fault(event: JsonObject, out: UpstreamEvent[]): void {
    const { error, fatal } = errorOf(event, this.redactor);
    if (failsAnswer(event) && this.#conversation.answers.running)
      out.push(...this.#conversation.answers.failed(error));
    else out.push({ type: "error", error, fatal });
  }
}

/** The agent has hung up: its close follows, when all is said. */
function endsCall(response: JsonObject | null): boolean {
  return textAt(response, "tool_name") === "end_call" && response?.["is_error"] !== true;
}

function pong(ping: JsonObject | null, out: UpstreamEvent[]): void {
  const id = idAt(ping);
  if (id !== null) out.push({ type: "reply", data: JSON.stringify({ type: "pong", event_id: id }) });
}

function contextual(text: string): readonly string[] {
  return text === "" ? [] : [JSON.stringify({ type: "contextual_update", text })];
}

function toolResult(id: string, result: string, isError: boolean): string {
  return JSON.stringify({ type: "client_tool_result", tool_call_id: id, result, is_error: isError });
}
