/** What a client does to the items of the conversation. Every fault is a ClientError. */
import type { CommandMeans, CommandParts } from "./command-parts.ts";
import { type JsonObject, jsonSize } from "../../protocol/json.ts";
import { checkItem } from "./item-check.ts";
import { hasPart, isPicture, withoutAudio, type Entry } from "../memory/entry.ts";
import { type AudioPart, audioParts, isUnspoken, inFormat } from "../memory/item-audio.ts";
import type { Link } from "./ports.ts";
import type { Item } from "../../upstreams/upstream.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { isActive } from "../state/response.ts";

/** Characters of an item that is told to a client only when it has read what it was told before. */
const LARGE_ITEM = 65_536;

export class ItemCommands {
  readonly #parts: CommandParts;
  readonly #means: CommandMeans;

  constructor(parts: CommandParts, means: CommandMeans) {
    this.#parts = parts;
    this.#means = means;
  }

  create(given: JsonObject, previousItemId: string | null): void {
    const { context, conversation, config } = this.#parts;
    const { budget } = this.#means;
    const item = this.#checked(given);
    const kept = withoutAudio(item);
    const size = jsonSize(kept);
    this.#requireRoom(size);
    const audio = audioParts(item, config.inputFormat);
    const audioMs = audio.reduce((sum, { ms }) => sum + ms, 0);
    budget.requireAudio(audioMs, "item.content", context.now);
    conversation.requirePlace(item.id, previousItemId);
    const call = this.#callOf(item);
    this.#parts.tools?.refuseResult(call);
    // A camera that is on says nothing.
    if (kept["role"] === "user" && !isPicture(kept)) this.#parts.tools?.takeBack();
    budget.audio.take(audioMs, context.now);
    const receivers = this.#receivers(call);
    // What was asked for in advance does not know of it, and is told its turn before it.
    this.#parts.turns.takeBack();
    // A lost upstream is told the conversation when it is dialled: before this item is part of it.
    for (const link of receivers) link.ensure();
    const previous = this.#insert(entryOf(kept, audio, audioMs, call), audio, previousItemId);
    for (const link of receivers) {
      const told = inFormat(item, config.inputFormat, link.format, this.#parts.kernels);
      link.command({ type: "item", item: told, previousItemId });
    }
    this.#tellCreated(kept, previous, size);
    this.#parts.guard?.input?.changed();
    if (call) this.#parts.idle.anew();
    context.persist();
  }

  /** @throws ClientError when it is no item, or may not be one now. */
  #checked(given: JsonObject): Item {
    const { context, conversation, config } = this.#parts;
    this.#means.session.checkItem(given);
    const id = given["id"];
    const { itemSize, itemMediaSize, itemAudioMs } = context.limits;
    const names = {
      itemId: typeof id === "string" ? id : conversation.unused(() => context.newId("item")),
      newCallId: () => context.newId("call"),
    };
    const most = { size: itemSize, media: itemMediaSize };
    const item = checkItem(given, names, most, { format: config.inputFormat, ms: itemAudioMs });
    this.#refuseOpenTurn(item.id);
    this.#refuseGrowing(item.id);
    return item;
  }

  #requireRoom(size: number): void {
    this.#parts.kept.require(size, "item");
    if (size > LARGE_ITEM) this.#parts.backpressure.requireRoom();
  }

  /** @returns the item before it. */
  #insert(entry: Entry, audio: readonly AudioPart[], previousItemId: string | null): string | null {
    const { conversation, config } = this.#parts;
    const { id } = entry.item;
    const previous = conversation.insert(entry, previousItemId);
    for (const { bytes } of audio) conversation.audio.append(id, config.inputFormat, bytes, true);
    conversation.audio.close(id);
    if (!isUnspoken(entry)) conversation.audio.worded(id);
    return previous;
  }

  #tellCreated(item: Item, previous: string | null, size: number): void {
    const { port } = this.#parts;
    const tell = (): void =>
      port.emitShown(
        "item",
        item,
        ["added", "done"].map((what) => ({
          type: `conversation.item.${what}`,
          previous_item_id: previous,
        })),
      );
    if (size > LARGE_ITEM) port.retelling(tell);
    else tell();
  }

  /** A tool's result belongs to the upstream that called it, unless all are one voice; everything else is for all. */
  #receivers(call: Entry | undefined): readonly Link[] {
    const { links, voices } = this.#parts;
    const origin = call?.origin ?? null;
    if (origin === null || links[origin] === undefined) return links;
    return links.filter(({ index }) => index === origin || voices.knowsAll(index));
  }

  /**
   * The call that a tool's result answers: of calls with its `call_id` that have none yet the latest of each upstream, and
   * of those the first. An upstream that begins its numbers anew means its latest; two that use the same number at the
   * same time are answered in the order in which they called.
   */
  #callOf(item: Item): Entry | undefined {
    if (item.type !== "function_call_output") return undefined;
    const { entries } = this.#parts.conversation;
    const answered = new Set(entries.map(({ answers }) => answers));
    const calls = entries.filter(
      (entry) => entry.item.type === "function_call" && entry.item["call_id"] === item["call_id"],
    );
    const open = calls.filter((call) => !answered.has(call.item.id));
    return open.find((call, at) => !open.slice(at + 1).some(sameOrigin(call))) ?? calls.at(-1);
  }

  /** The turn that is being spoken has this name already; it is in the conversation when it ends. */
  #refuseOpenTurn(itemId: string): void {
    if (itemId !== this.#parts.turns.openItem) return;
    throw new ClientError(
      "item_create_duplicate_item_id",
      `The turn that is being spoken is '${itemId}'.`,
      "item.id",
    );
  }

  /** An answer that still grows says more under this name, though the client deleted what it had said. */
  #refuseGrowing(itemId: string): void {
    const response = this.#parts.responses.ofItem(itemId);
    if (response === null || !isActive(response)) return;
    const message = `An item of the response that is under way is '${itemId}'.`;
    throw new ClientError("item_create_duplicate_item_id", message, "item.id");
  }

  delete(itemId: string): void {
    const { conversation, port, links, context } = this.#parts;
    conversation.require(itemId, "delete");
    this.#parts.turns.takeBack();
    conversation.remove(itemId);
    for (const link of links) link.command({ type: "delete", itemId });
    port.emit({ type: "conversation.item.deleted", item_id: itemId });
    this.#parts.guard?.input?.changed();
    context.persist();
  }

  retrieve(itemId: string): void {
    const { context, conversation, port, backpressure } = this.#parts;
    const { budget } = this.#means;
    const entry = conversation.require(itemId, "retrieve");
    backpressure.requireRoom();
    budget.requireTelling(context.now);
    const { written } = port.socket;
    const tell = (): void =>
      port.emit({ type: "conversation.item.retrieved", item: conversation.withAudio(entry) });
    port.audience.privately(() => port.retelling(tell));
    budget.told.charge(port.socket.written - written, context.now);
  }

  truncate(itemId: string, contentIndex: number, audioEndMs: number): void {
    const { conversation, bargeIn, playout, context } = this.#parts;
    const entry = conversation.require(itemId, "truncate");
    if (entry.item.type !== "message" || entry.item["role"] !== "assistant") {
      throw new ClientError("invalid_value", "Only assistant message items can be truncated.", "item_id");
    }
    const { fromMs, ms } = this.#spoken(entry, contentIndex);
    const leftMs = entry.truncatedMs === null ? ms : Math.min(ms, Math.max(0, entry.truncatedMs - fromMs));
    if (Math.floor(audioEndMs) > Math.ceil(leftMs)) {
      throw new ClientError(
        "invalid_value",
        `Audio content of ${Math.floor(leftMs)}ms is already shorter than ${Math.floor(audioEndMs)}ms`,
        "audio_end_ms",
      );
    }
    this.#parts.turns.takeBack();
    this.#parts.tools?.takeBack();
    playout.cutAt(itemId, fromMs + audioEndMs, context.now);
    bargeIn.truncate(entry, fromMs + audioEndMs);
    this.#parts.idle.anew();
  }

  /** Where an audio part lies in the audio of its item; one that is announced and empty is taken for its first. */
  #spoken(entry: Entry, contentIndex: number): { readonly fromMs: number; readonly ms: number } {
    const { id } = entry.item;
    let fromMs = 0;
    for (const { index, ms } of entry.audioParts ?? []) {
      if (index === contentIndex) return { fromMs, ms };
      fromMs += ms;
    }
    const only = contentIndex === 0 && entry.audioParts === undefined;
    if (only && (hasAudio(entry.item) || this.#parts.responses.truncatable(id))) {
      return { fromMs: 0, ms: entry.audioMs };
    }
    throw new ClientError(
      "invalid_value",
      `Item '${id}' has no audio content at index ${contentIndex}.`,
      "content_index",
    );
  }
}

function entryOf(item: Item, audio: readonly AudioPart[], audioMs: number, call: Entry | undefined): Entry {
  return {
    item,
    origin: null,
    growing: false,
    truncatedMs: null,
    audioMs,
    ...(audio.length > 0 && { audioParts: audio.map(({ index, ms }) => ({ index, key: index, ms })) }),
    ...(call && { answers: call.item.id }),
    ...(audioMs > 0 && hasTranscript(item) && { claimed: true }),
  };
}

function sameOrigin({ origin }: Entry): (other: Entry) => boolean {
  return (other) => other.origin === origin;
}

function hasAudio(item: Item): boolean {
  return hasPart(item, ({ type }) => type === "output_audio");
}

/** That there are no words is something to say of sound, too. */
function hasTranscript(item: Item): boolean {
  return hasPart(item, ({ type, transcript }) => type === "input_audio" && typeof transcript === "string");
}
