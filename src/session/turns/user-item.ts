/** The item that the caller's present audio will become: its name, and what the client is told of it. */
import { ClientError } from "../../protocol/client-error.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { InputFlow } from "./input-flow.ts";
import type { ClientPort, Reactions } from "./ports.ts";

const UNVOICED = { unvoiced: true } as const;

interface UserItemParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly reactions: Pick<Reactions, "announced">;
}

export class UserItem {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #flow: InputFlow;
  readonly #reactions: UserItemParts["reactions"];
  #id: string;
  #last: string | null = null;
  #count = 0;

  constructor({ context, port, conversation, reactions }: UserItemParts, flow: InputFlow) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#flow = flow;
    this.#reactions = reactions;
    this.#id = context.newId("item");
    flow.record(this.#id);
  }

  get id(): string {
    return this.#id;
  }

  /** The item that the last turn became. */
  get last(): string | null {
    return this.#last;
  }

  /** User turns so far. */
  get count(): number {
    return this.#count;
  }

  /** What comes next is another item: this one is whole, or its name was told and came to nothing. */
  next(): void {
    this.#id = this.#context.newId("item");
    this.#flow.record(this.#id);
  }

  /** The same audio will be an item of another name. */
  renew(): void {
    this.#id = this.#context.newId("item");
    this.#flow.recorder.rename(this.#id);
  }

  /** A client may have made an item of this very name: what nobody was told of is called otherwise. */
  unique(): void {
    if (this.#conversation.find(this.#id)) this.next();
  }

  /** What was recorded of it so far is none of its. */
  forget(): void {
    this.#conversation.audio.delete(this.#id);
    this.#flow.record(this.#id);
  }

  /** So does its name: it was told, or words are known by it. */
  drop(): void {
    this.forget();
    this.next();
  }

  tellStarted(ticks: number): void {
    this.#port.emit({
      type: "input_audio_buffer.speech_started",
      audio_start_ms: Math.round(ticks / TICKS_PER_MS),
      item_id: this.#id,
    });
  }

  tellStopped(ticks: number): void {
    this.#port.emit({
      type: "input_audio_buffer.speech_stopped",
      audio_end_ms: Math.round(ticks / TICKS_PER_MS),
      item_id: this.#id,
    });
  }

  tellTimeout(fromTicks: number, toTicks: number): void {
    this.#port.emit({
      type: "input_audio_buffer.timeout_triggered",
      audio_start_ms: Math.round(fromTicks / TICKS_PER_MS),
      audio_end_ms: Math.round(toTicks / TICKS_PER_MS),
      item_id: this.#id,
    });
  }

  /** Up to a position it goes into the conversation, and the client is told; what comes is another one. @returns its id. */
  announce(endTicks: number, audioMs: number, voiced: boolean): string {
    this.#flow.recorded(endTicks);
    const id = this.#id;
    this.#count += 1;
    this.#last = id;
    this.next();
    const item = {
      id,
      object: "realtime.item",
      type: "message",
      status: "completed",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    };
    const entry = {
      item,
      origin: null,
      growing: false,
      truncatedMs: null,
      audioMs,
      ...(voiced ? {} : UNVOICED),
    };
    const previous = this.#conversation.insert(entry);
    this.#port.emit({ type: "input_audio_buffer.committed", previous_item_id: previous, item_id: id });
    this.#port.emit({ type: "conversation.item.added", previous_item_id: previous, item });
    this.#port.emit({ type: "conversation.item.done", previous_item_id: previous, item });
    this.#context.persistNow();
    this.#reactions.announced(id);
    return id;
  }

  snapshot(): UserItemSnapshot {
    return { id: this.#id, last: this.#last, count: this.#count };
  }

  restore(snapshot: UserItemSnapshot): void {
    this.#id = snapshot.id;
    this.#last = snapshot.last;
    this.#count = snapshot.count;
  }
}

/** OpenAI's refusal of a commit of next to nothing. */
export function tooShort(bufferedMs: number, leastMs: number): ClientError {
  return new ClientError(
    "input_audio_buffer_commit_empty",
    `Error committing input audio buffer: buffer too small. Expected at least ${leastMs}ms of audio, but buffer only has ${bufferedMs.toFixed(2)}ms of audio.`,
  );
}

export interface UserItemSnapshot {
  readonly id: string;
  readonly last: string | null;
  readonly count: number;
}
