/**
 * The conversation for a connection that has to be told what was said before it came: words as text, and the caller's
 * own audio where it has no words yet, so that an unanswered turn is not lost with the upstream that heard it. What then
 * changes in an item of before its time (it ends, is cut, deleted, gets words) is told as well, at its place: told
 * twice, it hears only what changed. An upstream is told of its own answers and calls alone (SPEC R5).
 */
import { bytesPerSample, sampleRateHz } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { asText, heardOnly, lengthOf } from "./as-text.ts";
import type { Connection } from "./connection.ts";
import type { Recovery, Voices } from "./ports.ts";
import { LEAST_MS, replayAudio } from "./replay-audio.ts";
import type { Conversation } from "../memory/conversation.ts";
import { cutAt, type Entry } from "../memory/entry.ts";
import { isUnspoken, withRecording } from "../memory/item-audio.ts";

/** What the caller said that can not be told any more, because its audio is not kept. */
export interface Untold {
  readonly itemIds: readonly string[];
  readonly ms: number;
}

/** Kinds of an upstream's items that another one can be told of. */
const SHARED: ReadonlySet<string> = new Set(["message", "function_call"]);

/** What a connection knows of an item: nothing, nothing though it should, its sound, or `said:…` and `cut:…` words. */
const NOTHING = "";
const MISSING = "missing";
const SOUND = "sound";
/** An answer of its own, of which it knows more than was heard. */
const WHOLE = "whole";

/** The connection has the item. */
export function isKnown(told: string): boolean {
  return told !== NOTHING && told !== MISSING;
}

/** The later two are read when they are asked for: they are made later. */
interface ReplayParts {
  readonly context: Context;
  readonly conversation: Conversation;
  readonly kernels: AudioKernels;
  readonly voices: Pick<Voices, "knowsAll">;
  readonly recovery: Pick<Recovery, "asks">;
}

export class Replay {
  readonly #context: Context;
  readonly #conversation: Conversation;
  readonly #kernels: AudioKernels;
  readonly #parts: ReplayParts;
  /** Items that the connection which is being told the conversation is not told by their sound. */
  #tooMuch: ReadonlySet<string> = new Set();

  constructor(parts: ReplayParts) {
    this.#context = parts.context;
    this.#conversation = parts.conversation;
    this.#kernels = parts.kernels;
    this.#parts = parts;
  }

  /**
   * Tells the connection what of the conversation it was not told yet, or was told otherwise.
   * @returns what it could not be told, or null.
   */
  fill(connection: Connection): Untold | null {
    const itemIds: string[] = [];
    let untoldMs = 0;
    this.#forgetGone(connection);
    this.#tooMuch = this.#beyond(connection);
    for (const entry of this.#conversation.entries) {
      const ms = this.#tell(connection, entry);
      if (ms > 0) itemIds.push(entry.item.id);
      untoldMs += ms;
    }
    this.#tooMuch = new Set();
    return itemIds.length > 0 ? { itemIds, ms: Math.round(untoldMs) } : null;
  }

  /** What one knew that broke off is known to the next one to the same provider, which goes on with its memory. */
  inherit(connection: Connection, former: Connection): void {
    for (const entry of this.#conversation.entries) {
      const { id } = entry.item;
      if (former.knows.later.has(id)) connection.knows.later.add(id);
      else if (this.#knows(former, entry))
        connection.knows.told.set(id, former.knows.told.get(id) ?? this.#stateOf(former, entry));
    }
  }

  /** An item of before this connection's time changed; `whole`: or one that it made, of which it remembers too much. */
  changed(connection: Connection, itemId: string, whole = false): void {
    // Its own answer, which it did not cut off as it was told to: it forgets it, and is told what was heard.
    if (whole && this.#conversation.find(itemId) && connection.knows.disown(itemId))
      connection.knows.told.set(itemId, WHOLE);
    if (!connection.knows.told.has(itemId) && !connection.knows.later.has(itemId)) return;
    const entry = this.#conversation.find(itemId);
    if (entry) this.#tell(connection, entry);
  }

  /** What was still growing when this connection was told the conversation, and has ended since. */
  ended(connection: Connection): void {
    for (const itemId of connection.knows.later) {
      const entry = this.#conversation.find(itemId);
      if (!entry) connection.knows.later.delete(itemId);
      else if (!entry.growing) this.#tell(connection, entry);
    }
  }

  /**
   * What of the caller's audio a connection is not told, because it takes more bytes there than are kept of it here (G.711
   * has a sixth of 24 kHz PCM): the oldest.
   */
  #beyond({ capabilities: { input } }: Connection): ReadonlySet<string> {
    const { wordlessBytes, backlogSize } = this.#context.limits;
    const beyond = new Set<string>();
    const perMs = (sampleRateHz(input) / 1000) * bytesPerSample(input);
    let room = wordlessBytes;
    // An item has its audio in base64, and waits with all other commands.
    let itemRoom = backlogSize / 4;
    for (const entry of this.#conversation.entries.toReversed()) {
      const created = isUnspoken(entry);
      if (entry.origin !== null || entry.audioMs === 0) continue;
      if (!created && lengthOf(entry.item) !== null) continue;
      const bytes = entry.audioMs * perMs;
      room -= bytes;
      if (created) itemRoom -= bytes;
      if (room < 0 || (created && itemRoom < 0)) beyond.add(entry.item.id);
    }
    return beyond;
  }

  #forgetGone(connection: Connection): void {
    for (const id of connection.knows.told.keys()) {
      // The command itself forgets it, and is none where the connection never had the item.
      if (this.#conversation.find(id)) continue;
      this.#context.uncaused(() => connection.command({ type: "delete", itemId: id }));
    }
  }

  /** The relay's own doing, whatever the client wants just now. @returns as `#bring` does. */
  #tell(connection: Connection, entry: Entry): number {
    return this.#context.uncaused(() => this.#bring(connection, entry));
  }

  /** Makes it know the item as it is. @returns milliseconds of what the caller said that it could not be told. */
  #bring(connection: Connection, entry: Entry): number {
    const { id } = entry.item;
    if (entry.growing && this.#concerns(connection, entry)) {
      connection.knows.later.add(id);
      return 0;
    }
    connection.knows.later.delete(id);
    const told = connection.knows.told.get(id);
    // Who heard it needs no words for it.
    if (told === SOUND) return 0;
    const state = this.#stateOf(connection, entry);
    if (told === state) return 0;
    if (told !== undefined && isKnown(told)) connection.command({ type: "delete", itemId: id });
    connection.knows.told.set(id, state);
    if (state === SOUND) return this.#sound(connection, entry);
    const item = state === NOTHING ? null : asText(entry);
    if (!item) return 0;
    this.#item(connection, item);
    // Beside its text, audio that is not kept any more is not told.
    return isUnspoken(entry) ? entry.audioMs : 0;
  }

  #item(connection: Connection, item: Item): void {
    connection.command({ type: "item", item, previousItemId: this.#place(connection, item.id) });
  }

  /** What the connection is to know of an item that is not growing. */
  #stateOf(connection: Connection, entry: Entry): string {
    if (!this.#concerns(connection, entry) || isCutCall(entry.item)) return NOTHING;
    const cut = cutAt(entry);
    if (cut !== null) {
      const heard = heardOnly(entry);
      return heard === null ? NOTHING : `cut:${cut}:${lengthOf(heard)}`;
    }
    if (this.#asksAbout(connection, entry)) return SOUND;
    const length = lengthOf(entry.item);
    if (isUnspoken(entry) && (length === null || this.#recording(connection, entry))) return SOUND;
    if (length !== null) return `said:${length}`;
    return entry.origin === null && connection.capabilities.turns !== "none" ? SOUND : NOTHING;
  }

  /** Its words would be no question to this one, which is to answer it and can be told its sound. */
  #asksAbout({ capabilities, identity }: Connection, entry: Entry): boolean {
    const { audio, entries } = this.#conversation;
    if (capabilities.answersSound !== true || entry.origin !== null || entry.audioMs === 0) return false;
    if (!this.#parts.recovery.asks(identity.link) || !audio.has(entry.item.id)) return false;
    return entries.lastIndexOf(entry) > entries.findLastIndex(({ origin }) => origin !== null);
  }

  /**
   * The caller's words are for everyone; an answer and what belongs to a call are for the upstream that made it, and for all
   * where they are one voice. What only a provider knows (`mcp_call`) is its own.
   */
  #concerns(connection: Connection, { item, origin, answers }: Entry): boolean {
    const { link } = connection.identity;
    if (origin !== null)
      return origin === link || (this.#parts.voices.knowsAll(link) && SHARED.has(item.type));
    const call = answers === undefined ? undefined : this.#conversation.find(answers);
    return (
      !call ||
      ((this.#parts.voices.knowsAll(link) || (call.origin ?? link) === link) && !isCutCall(call.item))
    );
  }

  /** After which item one goes: null, the end, where the connection knows of nothing that comes after it. */
  #place(connection: Connection, itemId: string): string | null {
    const { entries } = this.#conversation;
    const at = entries.findIndex((entry) => entry.item.id === itemId);
    const knows = (entry: Entry) => this.#knows(connection, entry);
    if (entries.findLastIndex(knows) <= at) return null;
    return entries.slice(0, at).findLast(knows)?.item.id ?? "root";
  }

  #knows(connection: Connection, entry: Entry): boolean {
    const { id } = entry.item;
    const told = connection.knows.told.get(id);
    if (told !== undefined) return isKnown(told);
    // The first of a link has nothing to be told: it hears all as it happens.
    const live = connection.knows.live || connection.identity.number === 1;
    if (!live || connection.knows.later.has(id)) return false;
    // What came since it serves, it heard as it happened.
    return entry.origin === null ? this.#concerns(connection, entry) : connection.knows.owns(id);
  }

  /** @returns how many milliseconds of it could not be told. */
  #sound(connection: Connection, entry: Entry): number {
    const created = this.#recording(connection, entry);
    if (created) {
      this.#item(connection, created);
      return 0;
    }
    const { answersSound, turns } = connection.capabilities;
    const spoken = (turns === "client" || answersSound === true) && !this.#tooMuch.has(entry.item.id);
    const toldMs = spoken ? replayAudio(connection, this.#conversation, entry, this.#kernels) : 0;
    const untoldMs = entry.audioMs - toldMs;
    if (toldMs === 0) connection.knows.told.set(entry.item.id, MISSING);
    // The recording ends a hop later or sooner than the turn.
    return untoldMs > LEAST_MS ? untoldMs : 0;
  }

  /** Audio that a client put into an item, in the connection's format. */
  #recording(connection: Connection, entry: Entry): Item | null {
    if (this.#tooMuch.has(entry.item.id)) return null;
    return withRecording(this.#conversation, entry, connection.capabilities.input, this.#kernels);
  }
}

/** A call that broke off in its arguments: no tool ran for it, and nobody can make anything of half of them. */
function isCutCall(item: Item): boolean {
  if (item.type !== "function_call") return false;
  return item["status"] === "incomplete" || item["status"] === "in_progress";
}
