/** Commands that ask for answers and take that back, in the provider's words: when one may be asked for, and what it refers to. */
import { isJsonObject } from "../../protocol/json.ts";
import { textAt } from "../json.ts";
import type { Caused, Command, Json, WireMessage } from "../upstream.ts";
import type { Ask } from "./asks.ts";
import type { HeldCommits } from "./held-commits.ts";
import type { ItemCommands, ItemCommandsParts } from "./items.ts";
import type { OwedEnds } from "./owed.ts";
import type { OpenResponse } from "./responses.ts";
import type { Before, Waiting } from "./waiting.ts";
import { wireItem, wireParams } from "./wire.ts";
import { RESPONSE_METADATA } from "./words.ts";

type RespondCommand = Extract<Command, { type: "respond" }>;

export interface AskCommandsParts extends ItemCommandsParts {
  readonly items: ItemCommands;
  readonly commits: HeldCommits;
  readonly waiting: Waiting;
  readonly owed: OwedEnds;
}

export class AskCommands {
  readonly #parts: AskCommandsParts;

  constructor(parts: AskCommandsParts) {
    this.#parts = parts;
  }

  of(command: RespondCommand): Ask {
    const { responseId, options } = command;
    const eventId = this.#parts.ledger.sends({
      what: "respond",
      id: responseId,
      cause: command.cause ?? null,
    });
    const state = { cancelled: false, again: false, lost: false };
    return { responseId, eventId, cause: command.cause ?? null, options, ...state };
  }

  /** It may be asked for now, with this before it. */
  may(ask: Ask, before: Before): boolean {
    const { responses, settings } = this.#parts;
    if (before.change || this.#namesOf(ask).includes(null)) return false;
    if (ask.options.outOfBand) return true;
    if (before.ask) return false;
    if (settings.quirks.abandonsResponses) return true;
    if (ask.again) return responses.active === null && !responses.asks.unseen;
    return !responses.busy;
  }

  /** The provider's names of the turns that it refers to. */
  #namesOf(ask: Ask): readonly (string | null | undefined)[] {
    return referredItems(ask).map((id) => this.#parts.names.provider(id));
  }

  /** It refers to a turn that the provider was given and has not named. */
  refersToUnnamed(ask: Ask): boolean {
    const { names, waiting } = this.#parts;
    return referredItems(ask).some((id) => names.provider(id) === null && !waiting.creates(id));
  }

  create(ask: Ask): readonly WireMessage[] {
    const { settings, items, commits } = this.#parts;
    const { quirks } = settings;
    this.#sent(ask);
    if (!ask.options.outOfBand) items.appended(null);
    const clear = commits.deaf ? [JSON.stringify({ type: "input_audio_buffer.clear" })] : [];
    const params = wireParams(ask.options.params, quirks.sessionShape);
    const input = params["input"];
    const create = JSON.stringify({
      type: "response.create",
      event_id: ask.eventId,
      response: {
        ...params,
        ...(Array.isArray(input) ? { input: input.map((item: Json) => this.#inputItem(item)) } : {}),
        ...(ask.options.outOfBand ? { conversation: "none" } : {}),
        ...(quirks.metadataEcho ? { metadata: { [RESPONSE_METADATA]: ask.responseId } } : {}),
      },
    });
    return [...clear, create];
  }

  #inputItem(item: Json): Json {
    if (!isJsonObject(item)) return item;
    const { names, calls, settings } = this.#parts;
    const id = referredItem(item);
    if (id !== null) return { ...item, id: names.provider(id) ?? id };
    const wire = wireItem(item, settings.quirks.sessionShape);
    return wire === null ? item : calls.wireItem(wire);
  }

  /** A commit that will be answered is the asking of it; what nobody asked for (null) is cancelled when it begins. */
  committed(eventId: string, ask: Ask | null): void {
    const { commits, items } = this.#parts;
    commits.committed();
    const nobodys = { responseId: eventId, cause: null, options: { params: {}, outOfBand: false } };
    const state = { cancelled: ask === null, again: ask?.again ?? false, lost: false };
    this.#sent({ ...(ask ?? nobodys), ...state, eventId });
    if (ask !== null) items.appended(null);
  }

  #sent(ask: Ask): void {
    const { responses, owed } = this.#parts;
    const dropped = responses.asks.sent(ask);
    if (dropped !== null) owed.add(dropped, { code: "upstream_timeout", message: "No answer began." });
  }

  cancel(response: OpenResponse, command: Caused): WireMessage {
    const eventId = this.#parts.ledger.sends({
      what: "cancel",
      id: response.answers ?? response.key,
      cause: command.cause ?? null,
    });
    return JSON.stringify({ type: "response.cancel", event_id: eventId, response_id: response.id });
  }

  /**
   * A cancel without the provider's id ends whatever runs: it is sent where that can only be this answer. Else the cancel
   * follows when `response.created` names it.
   */
  cancelUnnamed(ask: Ask, command: Caused): readonly WireMessage[] {
    const { responses, settings, ledger } = this.#parts;
    const { quirks, turns } = settings;
    const alone = responses.active === null && responses.asks.isOnly(ask) && !ask.options.outOfBand;
    if (!quirks.cancel || quirks.abandonsResponses || turns === "server" || !alone) return [];
    const eventId = ledger.sends({ what: "cancel", id: ask.responseId, cause: command.cause ?? null });
    return [JSON.stringify({ type: "response.cancel", event_id: eventId })];
  }
}

/** The item that an `item_reference` names; null: it is none. */
function referredItem(item: Json): string | null {
  return isJsonObject(item) && item["type"] === "item_reference" ? textAt(item, "id") : null;
}

function referredItems(ask: Ask): readonly string[] {
  const { input } = ask.options.params;
  return Array.isArray(input) ? input.map(referredItem).filter((id) => id !== null) : [];
}
