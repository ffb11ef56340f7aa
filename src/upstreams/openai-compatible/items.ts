/** Commands that name items, in the provider's names: create, delete, truncate. */
import { durationMs, type ProviderFormat } from "../../audio/format.ts";
import { textAt } from "../json.ts";
import type { CallIds } from "./calls.ts";
import type { Ledger } from "./ledger.ts";
import type { ItemNames } from "./names.ts";
import type { Responses } from "./responses.ts";
import type { NamingCommand } from "./waiting.ts";
import { wireItem } from "./wire.ts";
import type { OpenAiSettings } from "./settings.ts";
import type { Command, JsonObject, WireMessage } from "../upstream.ts";

type ItemCommand = Extract<Command, { type: "item" }>;

/** Members of an item that name another item. */
const ITEM_REFERENCES = ["approval_request_id"] as const;

export interface ItemCommandsParts {
  readonly settings: OpenAiSettings;
  readonly names: ItemNames;
  readonly calls: CallIds;
  readonly responses: Responses;
  readonly ledger: Ledger;
}

export class ItemCommands {
  readonly #parts: ItemCommandsParts;
  /** The session item that is certainly the last of the provider's conversation. */
  #tail: string | null = null;

  constructor(parts: ItemCommandsParts) {
    this.#parts = parts;
  }

  get tail(): string | null {
    return this.#tail;
  }

  /** The provider's conversation now ends with this item; null: with something of the model's. */
  appended(itemId: string | null): void {
    this.#tail = itemId;
  }

  /** The provider did not take this item. */
  withdrawn(itemId: string): void {
    if (this.#tail === itemId) this.#tail = null;
  }

  /**
   * Wire messages of a command; null: it waits for a name.
   * @param late the name did not come in time: an item goes after its predecessor if that is known, else to the end
   */
  encode(command: NamingCommand, output: ProviderFormat, late: boolean): readonly WireMessage[] | null {
    if (command.type === "item") return this.#item(command, late);
    const { names } = this.#parts;
    const providerId = names.provider(command.itemId);
    if (providerId === undefined) return [];
    if (providerId === null) return null;
    if (command.type === "delete") {
      // An item of the same id may follow, and gets another name.
      names.forget(command.itemId);
      const eventId = this.#parts.ledger.sends({
        what: "delete",
        id: command.itemId,
        cause: command.cause ?? null,
      });
      return [JSON.stringify({ type: "conversation.item.delete", event_id: eventId, item_id: providerId })];
    }
    return this.#truncate(providerId, command, output);
  }

  #truncate(
    providerId: string,
    command: Extract<Command, { type: "truncate" }>,
    output: ProviderFormat,
  ): readonly WireMessage[] {
    const { settings, responses } = this.#parts;
    if (!settings.quirks.truncate) return [];
    const item = responses.item(providerId);
    const part = item?.parts.find(({ index }) => index === command.contentIndex);
    // A provider refuses to truncate past the end; an item that was never audible has nothing to cut.
    const most = item === null ? command.audioEndMs : durationMs(output, part?.audioBytes ?? 0);
    if (item !== null && most === 0) return [];
    return [
      JSON.stringify({
        type: "conversation.item.truncate",
        event_id: this.#parts.ledger.sends({
          what: "truncate",
          id: command.itemId,
          cause: command.cause ?? null,
        }),
        item_id: providerId,
        content_index: command.contentIndex,
        audio_end_ms: Math.max(0, Math.floor(Math.min(command.audioEndMs, most))),
      }),
    ];
  }

  #item(command: ItemCommand, late: boolean): readonly WireMessage[] | null {
    const { previousItemId: previous } = command;
    // It takes the place of one that cannot be deleted before it has a name there.
    if (!late && this.#parts.names.provider(command.item.id) === null) return null;
    const known = previous === null || previous === "root" ? previous : this.#parts.names.provider(previous);
    // After something this provider never had (another upstream's answer): at the end, rather than refused.
    const place = known ?? null;
    const atEnd = previous === null || previous === this.#tail || known === undefined;
    if (place !== null || atEnd) return this.#createItem(command, place, atEnd);
    return late ? this.#createItem(command, null, true) : null;
  }

  #createItem(command: ItemCommand, place: string | null, atEnd: boolean): readonly WireMessage[] {
    const { settings, calls } = this.#parts;
    const wire = wireItem(command.item, settings.quirks.sessionShape);
    if (wire === null) return [];
    const { id: _, ...item } = this.#named(calls.wireItem(wire));
    if (atEnd) this.#tail = command.item.id;
    const eventId = this.#parts.ledger.sends({
      what: "item",
      id: command.item.id,
      cause: command.cause ?? null,
    });
    return [
      JSON.stringify({
        type: "conversation.item.create",
        event_id: eventId,
        ...(place === null ? {} : { previous_item_id: place }),
        item: this.#identified(command.item.id, eventId, item),
      }),
    ];
  }

  #identified(itemId: string, eventId: string, item: JsonObject): JsonObject {
    const { settings, names } = this.#parts;
    const { acceptsItemIds, itemIdMaxLength } = settings.quirks;
    if (!acceptsItemIds) {
      names.expect(itemId, eventId, { type: textAt(item, "type") ?? "", role: textAt(item, "role") });
      return item;
    }
    const providerId = itemId.length <= itemIdMaxLength ? itemId : eventId;
    names.createdAs(itemId, eventId, providerId);
    return { id: providerId, ...item };
  }

  /** What names an item of the session, by the provider's name of it. */
  #named(item: JsonObject): JsonObject {
    let named = item;
    for (const member of ITEM_REFERENCES) {
      const itemId = textAt(item, member);
      const providerId = itemId === null ? null : this.#parts.names.provider(itemId);
      if (providerId) named = { ...named, [member]: providerId };
    }
    return named;
  }
}
