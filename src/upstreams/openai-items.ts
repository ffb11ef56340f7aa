/** Commands that name items, in the provider's names: create, delete, truncate. */
import { type AudioFormat, durationMs } from "../audio/format.ts";
import { textAt } from "./json.ts";
import type { ItemNames, NamingCommand } from "./openai-names.ts";
import type { Responses } from "./openai-responses.ts";
import { wireItem } from "./openai-session.ts";
import type { OpenAiSettings } from "./openai-settings.ts";
import type { Command, JsonObject, WireMessage } from "./upstream.ts";

type ItemCommand = Extract<Command, { type: "item" }>;

export class ItemCommands {
  readonly #settings: OpenAiSettings;
  readonly #names: ItemNames;
  readonly #responses: Responses;
  readonly #eventId: (what: string) => string;
  /** The session item that is certainly the last of the provider's conversation. */
  #tail: string | null = null;

  constructor(
    settings: OpenAiSettings,
    names: ItemNames,
    responses: Responses,
    eventId: (what: string) => string,
  ) {
    this.#settings = settings;
    this.#names = names;
    this.#responses = responses;
    this.#eventId = eventId;
  }

  get tail(): string | null {
    return this.#tail;
  }

  /** The provider's conversation now ends with this item; null: with something of the model's. */
  appended(itemId: string | null): void {
    this.#tail = itemId;
  }

  /** Wire messages of a command; those that wait for a name come by `ItemNames.release`. */
  encode(command: NamingCommand, output: AudioFormat): readonly WireMessage[] {
    if (command.type === "item") return this.#item(command);
    const providerId = this.#names.provider(command.itemId);
    if (providerId === undefined) return [];
    if (providerId === null) {
      return this.#wait(command.itemId, command);
    }
    if (command.type === "delete") {
      // An item of the same id may follow, and gets another name.
      this.#names.forget(command.itemId);
      const eventId = this.#eventId("delete");
      return [JSON.stringify({ type: "conversation.item.delete", event_id: eventId, item_id: providerId })];
    }
    return this.#truncate(providerId, command, output);
  }

  #truncate(
    providerId: string,
    command: Extract<Command, { type: "truncate" }>,
    output: AudioFormat,
  ): readonly WireMessage[] {
    if (!this.#settings.quirks.truncate) return [];
    const item = this.#responses.item(providerId);
    // A provider refuses to truncate past the end; an item that was never audible has nothing to cut.
    const most = item === null ? command.audioEndMs : durationMs(output, item.audioBytes);
    if (item !== null && most === 0) return [];
    return [
      JSON.stringify({
        type: "conversation.item.truncate",
        event_id: this.#eventId("truncate"),
        item_id: providerId,
        content_index: command.contentIndex,
        audio_end_ms: Math.max(0, Math.floor(Math.min(command.audioEndMs, most))),
      }),
    ];
  }

  #item(command: ItemCommand): readonly WireMessage[] {
    const { previousItemId: previous } = command;
    const known = previous === null || previous === "root" ? previous : this.#names.provider(previous);
    // After something this provider never had (another upstream's answer): at the end, rather than refused.
    const place = known ?? null;
    const atEnd = previous === null || previous === this.#tail || known === undefined;
    if (place !== null || atEnd) return this.#createItem(command, place, atEnd);
    return this.#wait(previous, command);
  }

  #createItem(command: ItemCommand, place: string | null, atEnd: boolean): readonly WireMessage[] {
    const { quirks } = this.#settings;
    const { id, ...item } = wireItem(command.item, quirks.sessionShape) ?? {};
    if (id === undefined) return [];
    if (atEnd) this.#tail = command.item.id;
    const eventId = this.#eventId("item");
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
    const { acceptsItemIds, itemIdMaxLength } = this.#settings.quirks;
    if (!acceptsItemIds) {
      this.#names.expect(itemId, eventId, { type: textAt(item, "type") ?? "", role: textAt(item, "role") });
      return item;
    }
    const providerId = itemId.length <= itemIdMaxLength ? itemId : eventId;
    this.#names.bind(itemId, providerId);
    return { id: providerId, ...item };
  }

  /** Lets a command wait for a name. An item that gives way for it is added at the end instead. */
  #wait(itemId: string, command: NamingCommand): readonly WireMessage[] {
    const displaced = this.#names.hold(itemId, command);
    return displaced?.type === "item" ? this.#createItem(displaced, null, true) : [];
  }
}
