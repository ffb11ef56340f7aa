/**
 * What is to be said to the provider and cannot be yet, in the one order in which it was given. A change of the conversation
 * waits for a name, an answer for a name or for the answer before it; and whatever waits holds back what was said after it
 * where the order matters: an answer is given with what was said before it was asked for, and with nothing else.
 */
import { jsonSize } from "../../protocol/json.ts";
import type { Ask } from "./asks.ts";
import type { Command } from "../upstream.ts";

export const WAIT_LIMITS = {
  /** Answers that wait. */
  asks: 16,
  /** Changes of the conversation that wait. */
  changes: 64,
  /** All that waits: audio comes in messages of 20 ms. */
  messages: 1024,
  /** Of all of it: 16 seconds of audio behind a turn that waits. */
  chars: 1024 * 1024,
} as const;

/** Commands that name an item the provider may not have named yet. */
export type NamingCommand = Extract<Command, { type: "item" | "delete" | "truncate" }>;

/** Commands about the caller's audio. */
export type BufferCommand = Extract<Command, { type: "commit" | "clear" }>;

export type WaitingMessage =
  | { readonly type: "ask"; readonly ask: Ask }
  /** `late`: the name did not come in time. An item goes without its place; nothing waits for a deletion or a cut. */
  | { readonly type: "change"; readonly command: NamingCommand; readonly late: boolean }
  /** `late`: of a commit that waited for its answer to be asked for; it goes without. */
  | { readonly type: "buffer"; readonly command: BufferCommand; readonly late?: true }
  | { readonly type: "audio"; readonly base64: string }
  | { readonly type: "update"; readonly data: string };

/** Kinds of what waits before a message. */
export interface Before {
  ask: boolean;
  /** What changes what an answer is given with. */
  change: boolean;
  audio: boolean;
}

export type WaitingState = {
  readonly entered: number;
  readonly messages: readonly (readonly [number: number, message: WaitingMessage])[];
};

interface Entry {
  readonly number: number;
  readonly chars: number;
  message: WaitingMessage;
}

export class Waiting {
  #entries: Entry[] = [];
  #entered = 0;
  #chars = 0;
  /** The entry that is being tried; null: none is. */
  #tried: number | null = null;

  get empty(): boolean {
    return this.#entries.length === 0;
  }

  add(message: WaitingMessage): void {
    this.#entries.push(this.#entry(message));
  }

  /** Before all others. */
  addFirst(message: WaitingMessage): void {
    this.#entries.unshift(this.#entry(message));
  }

  #entry(message: WaitingMessage): Entry {
    this.#entered += 1;
    // Counted and not written: an item may have megabytes of pictures or sound. All of it is JSON.
    const chars = jsonSize(message);
    this.#chars += chars;
    return { number: this.#entered, chars, message };
  }

  /** Tries all in their order: what `send` takes waits no longer. */
  pass(send: (message: WaitingMessage, before: Before) => boolean): void {
    const before: Before = { ask: false, change: false, audio: false };
    for (let at = 0; at < this.#entries.length;) {
      const message = this.#entries[at]?.message;
      this.#tried = at;
      if (message === undefined || send(message, before)) this.#remove(at);
      else {
        note(before, message);
        at += 1;
      }
    }
    this.#tried = null;
  }

  #remove(at: number): void {
    for (const { chars } of this.#entries.splice(at, 1)) this.#chars -= chars;
  }

  #take(matches: (message: WaitingMessage) => boolean): WaitingMessage | null {
    const at = this.#entries.findIndex(({ message }) => matches(message));
    const message = this.#entries[at]?.message ?? null;
    if (at >= 0) this.#remove(at);
    return message;
  }

  /** The oldest answer of too many that wait, taken out. */
  surplusAsk(): Ask | null {
    const taken = this.#count("ask") > WAIT_LIMITS.asks ? this.#take(({ type }) => type === "ask") : null;
    return taken?.type === "ask" ? taken.ask : null;
  }

  /** What must go now because too much waits, taken out: the oldest change of too many, or the oldest of all. */
  surplus(): WaitingMessage | null {
    if (this.#count("change") > WAIT_LIMITS.changes) return this.#take(({ type }) => type === "change");
    const full = this.#entries.length > WAIT_LIMITS.messages || this.#chars > WAIT_LIMITS.chars;
    return full ? this.#take(() => true) : null;
  }

  #count(type: WaitingMessage["type"]): number {
    return this.#entries.reduce((sum, { message }) => sum + (message.type === type ? 1 : 0), 0);
  }

  /** Takes an answer back: it was cancelled before it was ever asked for. */
  withdraw(responseId: string): Ask | null {
    const taken = this.#take((message) => message.type === "ask" && message.ask.responseId === responseId);
    return taken?.type === "ask" ? taken.ask : null;
  }

  /** What is tried, or anything that is given now, has this item before it, which is not with the provider yet. */
  creates(itemId: string): boolean {
    return this.#entries.slice(0, this.#tried ?? this.#entries.length).some(({ message }) => {
      if (message.type === "change")
        return message.command.type === "item" && message.command.item.id === itemId;
      return (
        message.type === "buffer" && message.command.type === "commit" && message.command.itemId === itemId
      );
    });
  }

  /** What comes next behind what is tried, but sound and what is taken from other items: that may go before it. */
  nextOf(command: BufferCommand): WaitingMessage | null {
    const rest = this.#entries.slice((this.#tried ?? -1) + 1);
    return (
      rest.find(({ message }) => message.type !== "audio" && !takesElsewhere(message, command))?.message ??
      null
    );
  }

  /** Number of the oldest of which `isUnnamed`; 0: there is none. */
  oldest(isUnnamed: (message: WaitingMessage) => boolean): number {
    return this.#entries.find(({ message }) => isUnnamed(message))?.number ?? 0;
  }

  /** No change waits for its name any more, and no commit for its answer. */
  late(): void {
    for (const entry of this.#entries) {
      const { message } = entry;
      if (message.type === "change" || message.type === "buffer") entry.message = { ...message, late: true };
    }
  }

  snapshot(): WaitingState {
    return {
      entered: this.#entered,
      messages: this.#entries.map(({ number, message }) => [number, copy(message)] as const),
    };
  }

  restore(state: WaitingState): void {
    this.#entered = state.entered;
    this.#entries = state.messages.map(([number, message]) => {
      return { number, chars: JSON.stringify(message).length, message: copy(message) };
    });
    this.#chars = this.#entries.reduce((sum, { chars }) => sum + chars, 0);
  }
}

/** A deletion or a cut of an item that is not the one that is committed. */
function takesElsewhere(message: WaitingMessage, command: BufferCommand): boolean {
  if (message.type !== "change" || message.command.type === "item") return false;
  return command.type === "commit" && message.command.itemId !== command.itemId;
}

function note(before: Before, message: WaitingMessage): void {
  switch (message.type) {
    case "ask":
      before.ask = true;
      break;
    case "change":
      before.change ||= !message.late;
      break;
    case "buffer":
      before.audio = true;
      before.change ||= message.command.type === "commit";
      break;
    case "audio":
      before.audio = true;
      break;
    case "update":
      before.change = true;
      break;
    default:
      message satisfies never;
  }
}

function copy(message: WaitingMessage): WaitingMessage {
  return message.type === "ask" ? { type: "ask", ask: { ...message.ask } } : message;
}
