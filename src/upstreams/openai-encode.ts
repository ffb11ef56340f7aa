/** Commands to client events of the OpenAI Realtime dialect. */
import type { ProviderFormat } from "../audio/format.ts";
import { isJsonObject } from "../protocol/json.ts";
import { textAt } from "./json.ts";
import type { Ask } from "./openai-asks.ts";
import { ItemCommands, type ItemCommandsParts } from "./openai-items.ts";
import { type LedgerState, Ledger } from "./openai-ledger.ts";
import { OwedEnds, type OwedState } from "./openai-owed.ts";
import type { OpenResponse } from "./openai-responses.ts";
import { type UpdatesState, SessionUpdates } from "./openai-updates.ts";
import { wireItem, wireParams } from "./openai-wire.ts";
import { RESPONSE_METADATA } from "./openai-words.ts";
import type {
  Caused,
  Command,
  Json,
  JsonObject,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "./upstream.ts";

export type EncoderState = {
  readonly owed: OwedState;
  readonly ledger: LedgerState;
  readonly tail: string | null;
  readonly transcribes: boolean;
  readonly updates: UpdatesState;
};

type RespondCommand = Extract<Command, { type: "respond" }>;

export class Encoder {
  readonly ledger: Ledger;
  readonly updates: SessionUpdates;
  readonly #parts: ItemCommandsParts;
  readonly #items: ItemCommands;
  readonly #owed = new OwedEnds();
  #transcribes = false;

  constructor(parts: Omit<ItemCommandsParts, "ledger">) {
    this.ledger = new Ledger();
    this.#parts = { ...parts, ledger: this.ledger };
    this.updates = new SessionUpdates(parts.settings, (what) => this.ledger.next(what));
    this.#items = new ItemCommands(this.#parts);
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    const update = this.updates.next(config, null, true);
    return update === null ? [] : [message(update)];
  }

  get transcribes(): boolean {
    return this.#transcribes;
  }

  encode(command: Command, output: ProviderFormat): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        return [`{"type":"input_audio_buffer.append","audio":"${command.chunk.base64()}"}`];
      case "configure":
        return this.#configure(command.config, command.cause ?? null);
      case "commit":
        return this.#commit(command.itemId, command);
      case "clear":
        return [
          message({ type: "input_audio_buffer.clear", event_id: this.#eventId("clear", null, command) }),
        ];
      case "respond":
        return this.#respond(this.#askFor(command));
      case "cancel":
        return this.#cancel(command.responseId, command, output);
      case "truncate":
      case "item":
      case "delete":
        return this.#items.encode(command, output);
      case "named":
        if (command.what === "item") this.#parts.names.rename(command.key, command.id);
        else this.#parts.responses.name(command.key, command.id);
        return [];
      case "keepalive": {
        const { keepalive } = this.#parts.settings.quirks;
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
  release(output: ProviderFormat, despite = false): readonly WireMessage[] {
    const { names, responses } = this.#parts;
    const out: WireMessage[] = [];
    for (let ready = names.release(); ready.length > 0; ready = names.release()) {
      for (const command of ready) out.push(...this.#items.encode(command, output));
    }
    let anyway = despite;
    for (let next = responses.asks.waiting; next !== null; next = responses.asks.waiting) {
      if (!anyway && !this.#mayRespond(next)) break;
      responses.asks.release();
      out.push(this.#create(next));
      anyway = false;
    }
    return out;
  }

  /** Events for answers that ended without the provider ever hearing of them. */
  takeOwed(): readonly UpstreamEvent[] {
    return this.#owed.take();
  }

  /** An ask that will not be answered: told as a response that begins and ends. */
  unanswered(ask: Ask, fault: UpstreamFault | null): void {
    this.#owed.add(ask, fault);
  }

  /** The model adds to the conversation: the last item is no longer one of ours. */
  modelSpeaks(): void {
    this.#items.appended(null);
  }

  /** The provider did not take this item. */
  withdrawn(itemId: string): void {
    this.#items.withdrawn(itemId);
  }

  cancelEvent(response: OpenResponse, command: Caused): WireMessage {
    const eventId = this.#eventId("cancel", response.answers ?? response.key, command);
    return message({ type: "response.cancel", event_id: eventId, response_id: response.id });
  }

  #configure(config: UpstreamConfig, cause: string | null): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    const update = this.updates.next(config, cause, false);
    return update === null ? [] : [message(update)];
  }

  #commit(itemId: string, command: Caused): readonly WireMessage[] {
    const eventId = this.#eventId("commit", itemId, command);
    this.#parts.names.expect(itemId, eventId, null);
    this.#items.appended(itemId);
    return [message({ type: "input_audio_buffer.commit", event_id: eventId })];
  }

  #askFor(command: RespondCommand): Ask {
    const { responseId, options } = command;
    const eventId = this.#eventId("respond", responseId, command);
    const state = { cancelled: false, again: false, lost: false };
    return { responseId, eventId, cause: command.cause ?? null, options, ...state };
  }

  #respond(ask: Ask): readonly WireMessage[] {
    const { asks } = this.#parts.responses;
    const first = ask.options.outOfBand || asks.waiting === null;
    if (first && this.#mayRespond(ask)) return [this.#create(ask)];
    const dropped = asks.hold(ask);
    if (dropped !== null)
      this.unanswered(dropped, { code: "upstream_busy", message: "Too many answers wait." });
    return [];
  }

  #mayRespond(ask: Ask): boolean {
    const { names, responses, settings } = this.#parts;
    if (names.holds || this.#awaitsName(ask)) return false;
    if (ask.options.outOfBand || settings.quirks.abandonsResponses) return true;
    if (ask.again) return responses.active === null && !responses.asks.unseen;
    return !responses.busy;
  }

  /** It refers to a turn that the provider has not named yet. */
  #awaitsName(ask: Ask): boolean {
    const { input } = ask.options.params;
    if (!Array.isArray(input)) return false;
    return input.some((item: Json) => {
      const id = referredItem(item);
      return id !== null && this.#parts.names.provider(id) === null;
    });
  }

  #create(ask: Ask): WireMessage {
    const { settings, responses } = this.#parts;
    const { quirks } = settings;
    const dropped = responses.asks.sent(ask);
    if (dropped !== null) this.unanswered(dropped, { code: "upstream_timeout", message: "No answer began." });
    if (!ask.options.outOfBand) this.#items.appended(null);
    const params = wireParams(ask.options.params, quirks.sessionShape);
    const input = params["input"];
    return message({
      type: "response.create",
      event_id: ask.eventId,
      response: {
        ...params,
        ...(Array.isArray(input) ? { input: input.map((item: Json) => this.#inputItem(item)) } : {}),
        ...(ask.options.outOfBand ? { conversation: "none" } : {}),
        ...(quirks.metadataEcho ? { metadata: { [RESPONSE_METADATA]: ask.responseId } } : {}),
      },
    });
  }

  #inputItem(item: Json): Json {
    if (!isJsonObject(item)) return item;
    const { names, calls, settings } = this.#parts;
    const id = referredItem(item);
    if (id !== null) return { ...item, id: names.provider(id) ?? id };
    const wire = wireItem(item, settings.quirks.sessionShape);
    return wire === null ? item : calls.wireItem(wire);
  }

  #cancel(responseId: string, command: Caused, output: ProviderFormat): readonly WireMessage[] {
    const { names, responses, settings } = this.#parts;
    const waiting = responses.asks.withdraw(responseId);
    if (waiting !== null) {
      this.unanswered({ ...waiting, cancelled: true }, null);
      // If it waited for no answer, then for a place that is perhaps never named: what comes next does not.
      const unplaced = responses.busy ? [] : names.giveUpPlaces();
      const created = unplaced.flatMap((item) => this.#items.unplaced(item));
      return [...created, ...this.release(output)];
    }
    const pending = responses.asks.pending(responseId);
    if (pending !== null) {
      pending.cancelled = true;
      return this.#cancelUnnamed(pending, command);
    }
    const open = responses.find(responseId);
    if (open === null) return [];
    const again = open.cancelled;
    open.cancelled = true;
    const cancels = settings.quirks.cancel && !again ? [this.cancelEvent(open, command)] : [];
    return [...cancels, ...this.release(output)];
  }

  /**
   * A cancel without the provider's id ends whatever runs: it is sent where that can only be this answer. Else the cancel
   * follows when `response.created` names it.
   */
  #cancelUnnamed(ask: Ask, command: Caused): readonly WireMessage[] {
    const { responses, settings } = this.#parts;
    const { quirks, turns } = settings;
    const alone = responses.active === null && responses.asks.isOnly(ask) && !ask.options.outOfBand;
    if (!quirks.cancel || quirks.abandonsResponses || turns === "server" || !alone) return [];
    const eventId = this.#eventId("cancel", ask.responseId, command);
    return [message({ type: "response.cancel", event_id: eventId })];
  }

  snapshot(): EncoderState {
    return {
      owed: this.#owed.snapshot(),
      ledger: this.ledger.snapshot(),
      tail: this.#items.tail,
      transcribes: this.#transcribes,
      updates: this.updates.snapshot(),
    };
  }

  restore(state: EncoderState): void {
    this.#owed.restore(state.owed);
    this.ledger.restore(state.ledger);
    this.#items.appended(state.tail);
    this.#transcribes = state.transcribes;
    this.updates.restore(state.updates);
  }

  #eventId(what: "clear" | "respond" | "commit" | "cancel", id: string | null, command: Caused): string {
    const { id: eventId } = this.ledger.next(what);
    this.ledger.note(eventId, { what, id, cause: command.cause ?? null });
    return eventId;
  }
}

/** The item that an `item_reference` names; null: it is none. */
function referredItem(item: Json): string | null {
  return isJsonObject(item) && item["type"] === "item_reference" ? textAt(item, "id") : null;
}

function message(event: JsonObject): WireMessage {
  return JSON.stringify(event);
}
