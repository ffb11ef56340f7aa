/**
 * The order of server events that official SDKs depend on (openai-realtime.md §5, §10): what is announced before what,
 * what ends once, and what may not come after an end. One instance per session, whatever connections carried it.
 */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { ABOUT_DELIVERY } from "./duplex-wire.ts";
import { fields, text } from "./fields.ts";

interface ItemState {
  readonly response: string;
  part: "none" | "open" | "done";
  done: boolean;
  audioDone: boolean;
  /** Of a call, as far as they were told. */
  arguments: string;
  /** And to their end. */
  called: boolean;
}

/** Of a world. */
export interface OrderHost {
  readonly checks: { fail(name: string, detail: string): void };
  readonly scenario: { readonly faults: readonly string[] };
}

export class EventOrder {
  readonly #world: OrderHost;
  readonly #responses = new Map<string, "active" | "done">();
  readonly #items = new Map<string, ItemState>();
  readonly #conversation = new Map<string, "added" | "done">();
  /** Its items as a client puts them, each behind the one that it is said to follow (LiveKit's `RemoteChatContext`). */
  #placed: readonly string[] = [];
  readonly #eventIds = new Set<string>();
  readonly #speech = new Map<string, "started" | "stopped" | "committed">();
  /** What a turn was said to follow when it was committed. */
  readonly #committed = new Map<string, Json>();
  #created = false;

  constructor(world: OrderHost) {
    this.#world = world;
  }

  /** Responses that were announced and never ended. */
  get unfinished(): readonly string[] {
    return [...this.#responses].filter(([, state]) => state === "active").map(([id]) => id);
  }

  /** Items of the conversation that are whole. */
  get finishedItems(): readonly string[] {
    return [...this.#conversation].filter(([, state]) => state === "done").map(([id]) => id);
  }

  /** The conversation as the client has it: names in order. */
  get placed(): readonly string[] {
    return this.#placed;
  }

  /** What was under way is over without a word of it. */
  forget(): void {
    for (const id of this.#responses.keys()) this.#responses.set(id, "done");
    for (const item of this.#items.values()) item.done = true;
    for (const id of this.#conversation.keys()) this.#conversation.set(id, "done");
    for (const id of this.#speech.keys()) this.#speech.set(id, "committed");
  }

  /** Another client, which is greeted. */
  anew(): void {
    for (const known of [this.#responses, this.#items, this.#conversation, this.#speech]) known.clear();
    this.#placed = [];
    this.#committed.clear();
    this.#created = false;
  }

  take(event: JsonObject): void {
    const type = text(event["type"]);
    this.#identify(type, event);
    if (type.startsWith("response.")) this.#response(type, event);
    else if (type.startsWith("conversation.item.")) this.#item(type, event);
    else if (type.startsWith("input_audio_buffer.")) this.#input(type, event);
  }

  #identify(type: string, event: JsonObject): void {
    const id = event["event_id"];
    if (ABOUT_DELIVERY.has(type) && id === undefined) return;
    if (typeof id !== "string" || id === "") this.#fail(`${type} has no event_id`);
    else if (this.#eventIds.has(id)) this.#fail(`${type} has the event_id of another event, ${id}`);
    else this.#eventIds.add(id);
    if (type === "session.created") {
      if (this.#created) this.#fail(`${type} again`);
      this.#created = true;
    } else if (!this.#created) this.#fail(`${type} before session.created`);
  }

  #response(type: string, event: JsonObject): void {
    if (type === "response.created" || type === "response.done") {
      this.#beginOrEnd(type, text(fields(event["response"])["id"]));
      return;
    }
    const id = text(event["response_id"]);
    if (this.#responses.get(id) !== "active") this.#fail(`${type} of ${id}, which is not running`);
    if (type === "response.output_item.added") this.#added(text(fields(event["item"])["id"]), id);
    else if (type === "response.output_item.done") this.#itemDone(fields(event["item"]));
    else this.#content(type, event);
  }

  #beginOrEnd(type: string, id: string): void {
    const state = this.#responses.get(id);
    if (type === "response.created") {
      if (state !== undefined) this.#fail(`response.created of ${id} again`);
      this.#responses.set(id, "active");
      return;
    }
    if (state !== "active") {
      this.#world.checks.fail("response-ends", `response.done of ${id}, which is ${state ?? "unknown"}`);
    }
    for (const [itemId, item] of this.#items) {
      if (item.response === id && !item.done)
        this.#fail(`response.done of ${id} before its item ${itemId} ended`);
    }
    this.#responses.set(id, "done");
  }

  #added(itemId: string, response: string): void {
    if (this.#items.has(itemId)) this.#fail(`output_item.added of ${itemId} again`);
    this.#items.set(itemId, {
      response,
      part: "none",
      done: false,
      audioDone: false,
      arguments: "",
      called: false,
    });
  }

  #itemDone({ id, type, arguments: whole }: JsonObject): void {
    const itemId = text(id);
    const item = this.#items.get(itemId);
    if (!item || item.done)
      return this.#fail(`output_item.done of ${itemId}, which is ${item ? "done" : "unknown"}`);
    if (item.part === "open") this.#fail(`output_item.done of ${itemId} before content_part.done`);
    if (type === "function_call" && whole !== item.arguments)
      this.#fail(`the call ${itemId} ends with ${text(whole)}, and was told ${item.arguments}`);
    item.done = true;
  }

  /** Audio of an item, as a delta or as a binary message. */
  audio(itemId: string): void {
    const item = this.#items.get(itemId);
    if (item?.part !== "open" || item.audioDone) this.#fail(`audio of ${itemId} outside of its content part`);
  }

  #content(type: string, event: JsonObject): void {
    const itemId = text(event["item_id"]);
    const item = this.#items.get(itemId);
    if (!item || item.done) return this.#fail(`${type} of ${itemId}, which is ${item ? "done" : "unknown"}`);
    if (item.response !== event["response_id"]) this.#fail(`${type} of ${itemId} in another response`);
    if (typeof event["output_index"] !== "number") this.#fail(`${type} without output_index`);
    if (type.startsWith("response.function_call_arguments.")) return this.#arguments(itemId, item, event);
    if (type === "response.content_part.added") {
      if (item.part !== "none") this.#fail(`content_part.added of ${itemId} again`);
      item.part = "open";
    } else if (item.part !== "open") this.#fail(`${type} of ${itemId} outside of its content part`);
    else if (type === "response.output_audio.done") item.audioDone = true;
    else if (type === "response.content_part.done") item.part = "done";
  }

  /** What was told in pieces is what is told as a whole: of this, and of the item. */
  #arguments(itemId: string, item: ItemState, { delta, arguments: whole }: JsonObject): void {
    if (item.called) this.#fail(`more of the arguments of ${itemId} after their end`);
    if (typeof delta === "string") item.arguments += delta;
    else if (!this.#saysAll(text(whole), item.arguments))
      this.#fail(`the arguments of ${itemId} are told as ${text(whole)} and in pieces as ${item.arguments}`);
    else {
      item.arguments = text(whole);
      item.called = true;
    }
  }

  /** A provider may say the rest of them with their end alone, but not where it is there to say them piece by piece. */
  #saysAll(whole: string, told: string): boolean {
    const all = this.#world.scenario.faults.includes("provider.calls_in_pieces");
    return all ? whole === told : whole.startsWith(told);
  }

  #item(type: string, event: JsonObject): void {
    if (type === "conversation.item.deleted")
      this.#placed = this.#placed.filter((id) => id !== event["item_id"]);
    if (type !== "conversation.item.added" && type !== "conversation.item.done") return;
    const id = text(fields(event["item"])["id"]);
    const state = this.#conversation.get(id);
    const expected = type === "conversation.item.added" ? undefined : "added";
    if (state !== expected) this.#fail(`${type} of ${id}, which is ${state ?? "unknown"}`);
    this.#conversation.set(id, type === "conversation.item.added" ? "added" : "done");
    const previous = event["previous_item_id"];
    if (typeof previous === "string" && !this.#conversation.has(previous)) {
      this.#fail(`${type} of ${id} after ${previous}, which was never announced`);
    }
    if (type !== "conversation.item.added") return;
    this.#place(id, previous);
    const committed = this.#committed.get(id);
    if (committed !== undefined && committed !== (previous ?? null))
      this.#fail(`${id} was committed behind ${text(committed)}, and follows ${text(previous)}`);
  }

  /** One that follows nobody is the first. */
  #place(id: string, previous: Json | undefined): void {
    const at = typeof previous === "string" ? this.#placed.indexOf(previous) + 1 : 0;
    if (at === 0 && typeof previous === "string")
      this.#fail(`${id} is said to follow ${previous}, which is gone`);
    this.#placed = this.#placed.toSpliced(at, 0, id);
  }

  #input(type: string, event: JsonObject): void {
    const id = text(event["item_id"]);
    const state = this.#speech.get(id);
    if (type === "input_audio_buffer.speech_started") {
      if (state !== undefined) this.#fail(`speech_started of ${id} again`);
      this.#speech.set(id, "started");
    } else if (type === "input_audio_buffer.speech_stopped") {
      if (state !== "started") this.#fail(`speech_stopped of ${id} without a start`);
      this.#speech.set(id, "stopped");
    } else if (type === "input_audio_buffer.committed") {
      if (state === "committed") this.#fail(`committed of ${id} again`);
      this.#committed.set(id, event["previous_item_id"] ?? null);
      this.#speech.set(id, "committed");
    }
  }

  #fail(detail: string): void {
    this.#world.checks.fail("event-order", detail);
  }
}
