/** What an upstream says of the items of a response, once its turn has come. */
import { durationMs } from "../../audio/format.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Command, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { LaneEvent } from "../state/upstream-said.ts";
import {
  type Ending,
  speaks,
  type OutputItem,
  type OutputPart,
  type ResponseRecord,
} from "../state/response.ts";
import type { ResponseWriter } from "./response-writer.ts";

export interface OutputItemsHost {
  command(stream: number, command: Command): void;
  /** The item is one of the conversation from now on. */
  began(response: ResponseRecord, item: OutputItem): void;
  /** The session's name of the item that this upstream calls so. */
  itemNamed(stream: number, key: string): string | null;
  /** The response is more than the session holds. */
  onTooMuch(response: ResponseRecord, fault: UpstreamFault): void;
}

type ItemEvent = Exclude<LaneEvent, { type: "response.done" }>;
type ItemStarted = Extract<ItemEvent, { readonly type: "item.started" }>;
type ItemAudio = Extract<ItemEvent, { readonly type: "audio" }>;
type ItemDone = Extract<ItemEvent, { readonly type: "item.done" }>;

export class OutputItems {
  readonly #context: Context;
  readonly #writer: ResponseWriter;
  readonly #host: OutputItemsHost;

  constructor(context: Context, writer: ResponseWriter, host: OutputItemsHost) {
    this.#context = context;
    this.#writer = writer;
    this.#host = host;
  }

  handle(response: ResponseRecord, event: ItemEvent): void {
    let item = response.items.find((candidate) => candidate.key === event.item);
    if (event.type === "item.started") {
      if (item || (event.kind === "other" && !this.#small(response, event.whole))) return;
      this.#add(response, event.item, event);
      return;
    }
    // A duplex stream that paused goes on under the same key: its item begins anew.
    if (!item && event.type === "audio") item = this.#add(response, event.item, null);
    if (!item || item.done) return;
    this.#goesOn(response, item, event);
  }

  #goesOn(response: ResponseRecord, item: OutputItem, event: Exclude<ItemEvent, ItemStarted>): void {
    switch (event.type) {
      case "audio":
        return this.#sounds(response, item, event);
      case "audio.refused":
        this.#writer.unheard(item, event.ms, "");
        // A stream goes on behind the gap; of an answer nothing is heard after it, for its model knows of no gaps.
        if (response.asked) cutHere(item, event.part);
        return;
      case "part.started":
        if (item.kind === "message" && !item.cut && this.#roomFor(response, item, event.part, event.kind)) {
          this.#writer.part(response, item, event.part, event.kind);
        }
        return;
      case "part.done":
        // What was cut off ends with its item.
        if (!item.cut) this.#writer.partDone(response, item, event.part);
        return;
      case "transcript":
        return this.#said(response, item, event.part, "audio", event.delta);
      case "text":
        return this.#said(response, item, event.part, "text", event.delta);
      case "arguments":
        if (this.#fits(response, event.delta.length)) this.#writer.arguments(response, item, event.delta);
        return;
      case "item.event":
        if (item.kind === "other") this.#writer.itemEvent(response, item, event.event);
        return;
      case "item.done":
        return this.#done(response, item, event);
    }
  }

  #sounds(response: ResponseRecord, item: OutputItem, { part, format, bytes }: ItemAudio): void {
    if (item.cut) this.#writer.unheard(item, durationMs(format, bytes.byteLength), "");
    else if (item.kind === "message" && this.#roomFor(response, item, part, "audio"))
      this.#writer.audio(response, item, part ?? 0, format, bytes);
  }

  #said(
    response: ResponseRecord,
    item: OutputItem,
    part: number | undefined,
    kind: OutputPart["kind"],
    delta: string,
  ): void {
    if (item.kind !== "message" || !this.#fits(response, delta.length)) return;
    if (item.cut && kind === "audio") return this.#writer.unheard(item, 0, delta);
    if (!this.#roomFor(response, item, part, kind)) return;
    this.#writer.text(response, item, part ?? 0, kind, delta);
  }

  #done(response: ResponseRecord, item: OutputItem, event: ItemDone): void {
    if (item.kind === "other" && event.whole) {
      if (!this.#small(response, event.whole)) return;
      item.whole = this.#named(response, event.whole);
    }
    // Arguments that came in pieces are not taken back by an end that repeats none.
    if (event.arguments !== undefined && event.arguments !== "") {
      if (!this.#fits(response, event.arguments.length - item.arguments.length)) return;
      item.arguments = event.arguments;
    }
    this.end(response, item, event.status);
    // Forgotten, the tool would be called again.
    if (item.kind !== "message") this.#context.persistNow();
  }

  /** Ends the item; of one that the client truncated while it grew, the upstream is told that nothing more was heard. */
  end(response: ResponseRecord, item: OutputItem, status: "completed" | "incomplete"): void {
    if (item.done) return;
    this.#writer.itemDone(response, item, item.cut ? "incomplete" : status);
    this.#cutThere(response, item);
  }

  /** Its response ends, and the item with it. */
  close(response: ResponseRecord, item: OutputItem, phase: Ending["phase"]): void {
    // That a call is whole its provider alone can say.
    const whole = phase === "completed" && item.kind !== "function_call";
    const breaks = !item.done && phase === "failed";
    this.end(response, item, whole ? "completed" : "incomplete");
    if (breaks) this.#writer.brokeOff(item);
  }

  /** Audio came after the end of its response here, so nobody hears it. */
  crossed(response: ResponseRecord, key: string, part = 0): void {
    const item = response.items.find((candidate) => candidate.key === key);
    if (item?.kind === "message") cutHere(item, part);
  }

  /** The upstream has ended it as well: of what it said meanwhile it is told, where nobody else has told it. */
  endedThere(response: ResponseRecord): void {
    for (const item of response.items) {
      if (this.#writer.isWhole(item)) this.#cutThere(response, item);
    }
  }

  /** What is out of band its model never remembered: it would refuse the truncation. */
  #cutThere(response: ResponseRecord, item: OutputItem): void {
    if (!item.cut || response.outOfBand) return;
    this.#host.command(response.stream, { type: "truncate", itemId: item.id, ...item.cut });
  }

  #add(response: ResponseRecord, key: string, event: ItemStarted | null): OutputItem {
    const call = event?.kind === "function_call" ? event : null;
    const item: OutputItem = {
      id: this.#writer.newItemId(),
      key,
      kind: event?.kind ?? "message",
      name: call?.name ?? "",
      callId: call?.callId ?? "",
      outputIndex: response.items.length,
      parts: [],
      arguments: "",
      whole: event?.kind === "other" ? this.#named(response, event.whole) : null,
      done: false,
      status: "in_progress",
      cut: null,
    };
    response.items.push(item);
    this.#host.began(response, item);
    this.#writer.itemStarted(response, item);
    return item;
  }

  /** The provider's object; what it says of another item it says under the session's name. */
  #named(response: ResponseRecord, whole: JsonObject): JsonObject {
    const asked = whole["approval_request_id"];
    const id = typeof asked === "string" ? this.#host.itemNamed(response.stream, asked) : null;
    return id === null ? whole : { ...whole, approval_request_id: id };
  }

  #small(response: ResponseRecord, whole: JsonObject): boolean {
    const size = JSON.stringify(whole).length;
    return (
      size <= this.#context.limits.otherItemSize || this.#tooMuch(response, `An item has ${size} characters.`)
    );
  }

  /** The part is there, or one more may begin. */
  #roomFor(
    response: ResponseRecord,
    item: OutputItem,
    part = 0,
    kind: OutputPart["kind"] = "audio",
  ): boolean {
    const { parts } = this.#context.limits;
    if (item.parts.length < parts) return true;
    if (item.parts.some((one) => one.key === part && one.kind === kind)) return true;
    return this.#tooMuch(response, `An item has more than ${parts} parts.`);
  }

  #fits(response: ResponseRecord, added: number): boolean {
    const limit = this.#context.limits.responseTextSize;
    let size = Math.max(0, added);
    for (const item of response.items) {
      size += item.arguments.length;
      for (const part of item.parts) size += part.text.length;
    }
    return size <= limit || this.#tooMuch(response, `The response is longer than ${limit} characters.`);
  }

  #tooMuch(response: ResponseRecord, message: string): false {
    this.#host.onTooMuch(response, { code: "upstream_output_too_long", message });
    return false;
  }
}

/** Of its part `contentIndex`, as its upstream counts, no more is heard than was sent until now, and none of a later part. */
function cutHere(item: OutputItem, contentIndex: number): void {
  const part = item.parts.find(({ kind, key }) => kind === "audio" && key === contentIndex);
  item.cut ??= { contentIndex, audioEndMs: Math.floor(part?.audioMs ?? 0) };
}

/** It is announced, and nothing of it has come yet: it may turn out to be speech. */
export function maySpeak(response: ResponseRecord, item: OutputItem): boolean {
  if (item.kind !== "message" || item.done) return false;
  return speaks(item) || (item.parts.length === 0 && response.modality === "audio");
}
