/** Commands to client events of the OpenAI Realtime dialect. */
import type { AudioFormat } from "../audio/format.ts";
import { isJsonObject } from "../protocol/json.ts";
import { textAt } from "./json.ts";
import { ItemCommands } from "./openai-items.ts";
import type { ItemNames } from "./openai-names.ts";
import type { Ask, Responses } from "./openai-responses.ts";
import { SessionUpdates, wireItem, wireParams } from "./openai-session.ts";
import type { OpenAiSettings } from "./openai-settings.ts";
import { RESPONSE_METADATA } from "./openai-words.ts";
import type {
  Command,
  Json,
  JsonObject,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "./upstream.ts";

/** Ends of answers owed to the session that no provider message has carried yet. */
const MAX_OWED = 32;

type Unanswered = {
  readonly response: string;
  readonly answers: string;
  /** Null: cancelled. */
  readonly fault: { readonly code: string; readonly message: string } | null;
};

/** The configuration as a type that the compiler knows to be JSON. */
type PlainConfig = { readonly [K in keyof UpstreamConfig]: UpstreamConfig[K] };

export type EncoderState = {
  readonly owed: readonly Unanswered[];
  readonly numbered: number;
  readonly tail: string | null;
  readonly greeting: {
    readonly config: PlainConfig;
    readonly eventId: string;
    readonly bare: boolean;
  } | null;
  readonly transcribes: boolean;
  readonly sent: readonly (readonly [path: string, json: string])[];
};

export class Encoder {
  readonly #settings: OpenAiSettings;
  readonly #names: ItemNames;
  readonly #responses: Responses;
  readonly #updates: SessionUpdates;
  readonly #items: ItemCommands;
  #owed: Unanswered[] = [];
  #numbered = 0;
  #greeting: { readonly config: UpstreamConfig; eventId: string; bare: boolean } | null = null;
  #transcribes = false;

  constructor(settings: OpenAiSettings, names: ItemNames, responses: Responses) {
    this.#settings = settings;
    this.#names = names;
    this.#responses = responses;
    this.#updates = new SessionUpdates(settings);
    this.#items = new ItemCommands(settings, names, responses, (what) => this.#eventId(what));
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    this.#greeting = {
      config,
      eventId: this.#eventId("greet"),
      bare: Object.keys(config.extra).length === 0,
    };
    const update = this.#updates.next(config, this.#greeting.eventId);
    return update === null ? [] : [JSON.stringify(update)];
  }

  /** The event id of the first `session.update`. */
  get greetingId(): string | null {
    return this.#greeting?.eventId ?? null;
  }

  /** The provider took the greeting: it is not said again. */
  greeted(): void {
    this.#greeting = null;
  }

  /** The provider refused the greeting: the same without the client's extra keys, once; then null. */
  greetAgain(): WireMessage | null {
    const greeting = this.#greeting;
    if (greeting === null || greeting.bare) return null;
    greeting.bare = true;
    greeting.eventId = this.#eventId("greet");
    this.#updates.refused();
    const update = this.#updates.next(greeting.config, greeting.eventId, false);
    return update === null ? null : JSON.stringify(update);
  }

  get transcribes(): boolean {
    return this.#transcribes;
  }

  encode(command: Command, output: AudioFormat): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return [`{"type":"input_audio_buffer.append","audio":"${command.chunk.base64()}"}`];
      case "configure":
        return this.#configure(command.config);
      case "commit":
        return this.#commit(command.itemId);
      case "clear":
        return [message({ type: "input_audio_buffer.clear", event_id: this.#eventId("clear") })];
      case "respond":
        return this.#respond({
          responseId: command.responseId,
          eventId: this.#eventId("respond"),
          options: command.options,
          cancelled: false,
          again: false,
        });
      case "cancel":
        return this.#cancel(command.responseId);
      case "truncate":
      case "item":
      case "delete":
        return this.#items.encode(command, output);
      case "named":
        if (command.what === "item") this.#names.bind(command.id, command.key);
        else this.#responses.name(command.key, command.id);
        return [];
      case "keepalive": {
        const { keepalive } = this.#settings.quirks;
        return keepalive === null ? [] : [message(keepalive.message)];
      }
      default:
        return command satisfies never;
    }
  }

  /**
   * What has been waiting and may be sent now.
   * @param despite send the next `respond` although a response seems to run: its end may never be told
   */
  release(output: AudioFormat, despite = false): readonly WireMessage[] {
    const out: WireMessage[] = [];
    for (let ready = this.#names.release(); ready.length > 0; ready = this.#names.release()) {
      for (const command of ready) out.push(...this.#items.encode(command, output));
    }
    let anyway = despite;
    while (this.#responses.waiting && (anyway || this.#mayRespond(false))) {
      const ask = this.#responses.release();
      if (ask !== null) out.push(this.#create(ask));
      anyway = false;
    }
    return out;
  }

  /** Events for answers that ended without the provider ever hearing of them. */
  takeOwed(): readonly UpstreamEvent[] {
    if (this.#owed.length === 0) return [];
    const owed = this.#owed;
    this.#owed = [];
    return owed.flatMap(({ response, answers, fault }) => [
      { type: "response.started", response, answers },
      {
        type: "response.done",
        response,
        status: fault === null ? "cancelled" : "failed",
        reason: fault === null ? "client_cancelled" : null,
        error: fault,
        usage: null,
        metadata: null,
      },
    ]);
  }

  /** An ask that will not be answered: told as a response that begins and ends. */
  unanswered(ask: Ask, fault: UpstreamFault | null): void {
    if (this.#owed.length >= MAX_OWED) this.#owed.shift();
    this.#owed.push({
      response: `unanswered:${ask.eventId}`,
      answers: ask.responseId,
      fault: ask.cancelled || fault === null ? null : { ...fault },
    });
  }

  /** The model adds to the conversation: the last item is no longer one of ours. */
  modelSpeaks(): void {
    this.#items.appended(null);
  }

  cancelEvent(providerResponseId: string): WireMessage {
    const eventId = this.#eventId("cancel");
    return message({ type: "response.cancel", event_id: eventId, response_id: providerResponseId });
  }

  #configure(config: UpstreamConfig): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    const update = this.#updates.next(config, this.#eventId("configure"));
    return update === null ? [] : [JSON.stringify(update)];
  }

  #commit(itemId: string): readonly WireMessage[] {
    const eventId = this.#eventId("commit");
    this.#names.expect(itemId, eventId, null);
    this.#items.appended(itemId);
    return [message({ type: "input_audio_buffer.commit", event_id: eventId })];
  }

  #respond(ask: Ask): readonly WireMessage[] {
    if (this.#mayRespond(ask.options.outOfBand)) return [this.#create(ask)];
    const dropped = this.#responses.hold(ask);
    if (dropped !== null)
      this.unanswered(dropped, { code: "upstream_busy", message: "Too many answers wait." });
    return [];
  }

  #mayRespond(outOfBand: boolean): boolean {
    if (this.#names.holdsItems) return false;
    return outOfBand || this.#settings.quirks.abandonsResponses || !this.#responses.busy;
  }

  #create(ask: Ask): WireMessage {
    const { quirks } = this.#settings;
    const dropped = this.#responses.ask(ask);
    if (dropped !== null) this.unanswered(dropped, { code: "upstream_timeout", message: "No answer began." });
    if (!ask.options.outOfBand) this.#items.appended(null);
    const params = wireParams(ask.options.params, quirks.sessionShape);
    const input = params["input"];
    return message({
      type: "response.create",
      event_id: ask.eventId,
      response: {
        ...params,
        ...(Array.isArray(input) ? { input: input.map((item: Json) => this.#reference(item)) } : {}),
        ...(ask.options.outOfBand ? { conversation: "none" } : {}),
        ...(quirks.metadataEcho ? { metadata: { [RESPONSE_METADATA]: ask.responseId } } : {}),
      },
    });
  }

  #reference(item: Json): Json {
    if (!isJsonObject(item)) return item;
    const id = textAt(item, "id");
    if (item["type"] !== "item_reference" || id === null) {
      return wireItem(item, this.#settings.quirks.sessionShape) ?? item;
    }
    return { ...item, id: this.#names.provider(id) ?? id };
  }

  #cancel(responseId: string): readonly WireMessage[] {
    const waiting = this.#responses.withdraw(responseId);
    if (waiting !== null) {
      this.unanswered({ ...waiting, cancelled: true }, null);
      return [];
    }
    const pending = this.#responses.pendingAsk(responseId);
    if (pending !== null) {
      // Without the provider's id it would cancel whatever runs; it is sent when `response.created` names it.
      pending.cancelled = true;
      return [];
    }
    const open = this.#responses.find(responseId);
    return open === null || !this.#settings.quirks.cancel ? [] : [this.cancelEvent(open.id)];
  }

  snapshot(): EncoderState {
    const greeting = this.#greeting;
    return {
      owed: this.#owed,
      numbered: this.#numbered,
      tail: this.#items.tail,
      greeting: greeting === null ? null : { ...greeting },
      transcribes: this.#transcribes,
      sent: this.#updates.snapshot(),
    };
  }

  restore(state: EncoderState): void {
    this.#owed = [...state.owed];
    this.#numbered = state.numbered;
    this.#items.appended(state.tail);
    this.#greeting = state.greeting === null ? null : { ...state.greeting };
    this.#transcribes = state.transcribes;
    this.#updates.restore(state.sent);
  }

  #eventId(what: string): string {
    this.#numbered++;
    return `relay_${what}_${this.#numbered}`;
  }
}

function message(event: JsonObject): WireMessage {
  return JSON.stringify(event);
}
