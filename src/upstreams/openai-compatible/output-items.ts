/** The items of answers: found or begun by what an event says of them, told to the session, ended as they ended. */
import type { DecoderParts, Sink } from "./context.ts";
import { indexAt, nameAt, objectsAt, textAt } from "../json.ts";
import { isWholeJson, readArguments, settleArguments } from "./calls.ts";
import { partField, partOf, type OutputItem, type Part, type ToolCall } from "./output-item.ts";
import { type OpenResponse, RESPONSE_LIMITS } from "./responses.ts";
import type { JsonObject, UpstreamEvent } from "../upstream.ts";

type Kind = OutputItem["kind"];
type DoneStatus = Extract<UpstreamEvent, { type: "response.done" }>["status"];
type ItemStatus = Extract<UpstreamEvent, { type: "item.done" }>["status"];

/** How an item came to its end. */
export interface Ending {
  /** The provider ended the item itself, not only its response. */
  readonly explicit: boolean;
  /** How its response ended; null: it goes on. */
  readonly response: DoneStatus | null;
}

/** Which item an event is about: by its name, else by its place in the response. */
export interface ItemMention {
  readonly id: string | null;
  readonly index: number | null;
}

/** Name of a call that never said what it calls. */
const UNNAMED = "unknown";
const MAX_NAME_SHOWN = 64;

export class OutputItems {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  /** The item of `kind` that is mentioned, begun if new; null: it ended, is of another kind, or has no room. */
  open(
    response: OpenResponse,
    mention: ItemMention,
    kind: Kind,
    whole: JsonObject | null,
  ): OutputItem | null {
    const known = this.#find(response, mention, kind);
    if (known !== null) {
      if (!known.open) return null;
      if (known.kind === kind) return known;
      this.#sink.malformed(`speaks of a ${known.kind} as of a ${kind}`);
      return null;
    }
    if (response.items.length >= RESPONSE_LIMITS.itemsOfOne) {
      if (!response.overfull)
        this.#sink.malformed(`has more than ${RESPONSE_LIMITS.itemsOfOne} items in one answer`);
      response.overfull = true;
      return null;
    }
    const index = mention.index ?? response.items.length;
    const item = this.#parts.responses.addItem(response, kind, mention.id, index);
    if (item.id !== null) this.#parts.names.bind(item.key, item.id);
    const started = { type: "item.started", response: item.response, item: item.key } as const;
    if (kind === "message") this.#sink.emit({ ...started, kind });
    if (kind === "other") this.#sink.emit({ ...started, kind, whole: whole ?? {} });
    return item;
  }

  /** The item that `whole` is, begun if new. `index`: where it stands in its response. */
  openWhole(response: OpenResponse, whole: JsonObject | null, index: number | null): OutputItem | null {
    if (whole === null) {
      this.#sink.malformed("has no item");
      return null;
    }
    const mention = { id: nameAt(whole, "id"), index };
    const guess = kindOf(whole);
    const known = nameAt(whole, "type") === null ? this.#find(response, mention, guess) : null;
    const kind = known?.kind ?? guess;
    if (kind === "other" && known === null && nameAt(whole, "type") === null) {
      this.#sink.malformed("has an item of no kind");
      return null;
    }
    const item = this.open(response, mention, kind, whole);
    if (item !== null && kind === "function_call") this.tellCall(item, whole);
    return item;
  }

  /** The part of a message that an event is about; null: there is no room for it. */
  part(item: OutputItem, event: JsonObject): Part | null {
    const part = partOf(item, indexAt(event, "content_index") ?? 0);
    if (part === null) this.#sink.malformed("has too many content parts in one item");
    return part;
  }

  /** Words of a part; `whole`: all of it, which is told only if nothing was. */
  tell(
    item: OutputItem,
    part: Part,
    kind: "transcript" | "text",
    words: string | null,
    whole: boolean,
  ): void {
    const before = kind === "transcript" ? part.saidTranscript : part.saidText;
    if (words === null || words === "" || (whole && before)) return;
    if (kind === "transcript") part.saidTranscript = true;
    else part.saidText = true;
    const of = { response: item.response, item: item.key, ...partField(part.index) };
    this.#sink.emit({ type: kind, ...of, delta: words });
  }

  /** A call is told once it is known what it calls, with what came of its arguments until then. */
  tellCall(item: OutputItem, source: JsonObject): void {
    const { call } = item;
    if (call === null) return;
    if (call.told) return this.#parts.calls.learned(call.callId, source);
    const name = nameAt(source, "name");
    if (name !== null) this.#tellCall(item, call, name, source);
  }

  #tellCall(item: OutputItem, call: ToolCall, name: string, source: JsonObject): void {
    call.callId = this.#parts.calls.sessionId(item, source);
    call.told = true;
    const of = { response: item.response, item: item.key };
    this.#sink.emit({ type: "item.started", ...of, kind: "function_call", name, callId: call.callId });
    if (call.deltas !== "") this.#sink.emit({ type: "arguments", ...of, delta: call.deltas });
  }

  /** Ends an item as the provider did. `whole`: its own last word on it. */
  end(item: OutputItem, whole: JsonObject | null, ending: Ending): void {
    if (!item.open) return;
    if (item.kind === "message") this.#tellContent(item, whole);
    const done = { type: "item.done", response: item.response, item: item.key } as const;
    const status = endStatus(textAt(whole, "status"), ending);
    if (item.kind === "message") this.#sink.emit({ ...done, status });
    // One that has lost its kind is as it was told at its begin.
    const kept = nameAt(whole, "type") === null ? null : whole;
    if (item.kind === "other")
      this.#sink.emit({ ...done, status, ...(kept === null ? {} : { whole: kept }) });
    if (item.call !== null) this.#sink.emit({ ...done, ...this.#endCall(item, item.call, whole, ending) });
    item.open = false;
    for (const part of item.parts) part.odd = -1;
  }

  /** Words that came only with the finished item. */
  #tellContent(item: OutputItem, whole: JsonObject | null): void {
    for (const [index, content] of objectsAt(whole, "content").entries()) {
      const transcript = textAt(content, "transcript");
      const text = textAt(content, "text");
      if (!transcript && !text) continue;
      const part = partOf(item, index);
      if (part === null) return this.#sink.malformed("has too many content parts in one item");
      this.tell(item, part, "transcript", transcript, true);
      this.tell(item, part, "text", text, true);
    }
  }

  #endCall(
    item: OutputItem,
    call: ToolCall,
    whole: JsonObject | null,
    ending: Ending,
  ): { status: ItemStatus; arguments: string } {
    if (!call.told) this.#forceCall(item, call, whole);
    const last = readArguments(whole?.["arguments"]);
    if (last.fault !== null) this.argumentsFault(call, last.fault);
    const own = textAt(whole, "status");
    const settled = settleArguments(last.text, call.done, call.deltas);
    const finished = call.done !== null || last.text !== "" || whole?.["arguments"] === "";
    this.#parts.responses.argumentChars -= call.deltas.length;
    call.deltas = "";
    const status = endStatus(own, ending);
    if (status === "incomplete" || call.faulty) return { status: "incomplete", arguments: settled };
    if (settled === "") {
      // Only a call that is said to be over has no arguments; another was cut off before the first.
      const over = (ending.explicit || ending.response === "completed") && (own === "completed" || finished);
      return over ? { status, arguments: "{}" } : { status: "incomplete", arguments: "" };
    }
    if (isWholeJson(settled)) return { status, arguments: settled };
    this.#sink.malformed("ends a call whose arguments are not whole JSON");
    return { status: "incomplete", arguments: settled };
  }

  /** A call that ends without having said what it calls is shown, and no tool can run for it. */
  #forceCall(item: OutputItem, call: ToolCall, whole: JsonObject | null): void {
    const name = textAt(whole, "name") ?? "";
    this.#sink.malformed(name === "" ? "has a call without a name" : "has a call whose name is too long");
    call.faulty = true;
    this.#tellCall(item, call, name.slice(0, MAX_NAME_SHOWN) || UNNAMED, whole ?? {});
  }

  argumentsFault(call: ToolCall, fault: string): void {
    if (!call.faulty) this.#sink.malformed(`has arguments of a call that are ${fault}`);
    call.faulty = true;
  }

  /** By name, else by place; what is said without either belongs to what is going on. */
  #find(response: OpenResponse, { id, index }: ItemMention, kind: Kind): OutputItem | null {
    const { items } = response;
    if (id !== null) {
      const nameless = (item: OutputItem): boolean =>
        item.id === null && item.kind === kind && (index === null ? item.open : item.index === index);
      return items.find((item) => item.id === id) ?? items.find(nameless) ?? null;
    }
    if (index !== null) return items.find((item) => item.index === index) ?? null;
    return items.findLast((item) => item.open && item.kind === kind) ?? null;
  }
}

function kindOf(whole: JsonObject): Kind {
  const type = nameAt(whole, "type");
  if (type === "message" || type === "function_call") return type;
  if (type !== null) return "other";
  if ("call_id" in whole || "arguments" in whole) return "function_call";
  return "role" in whole || "content" in whole ? "message" : "other";
}

/** The item's own status; else that it was ended; else how its response ended. */
function endStatus(own: string | null, { explicit, response }: Ending): ItemStatus {
  if (own === "completed") return "completed";
  if (own !== null && own !== "in_progress") return "incomplete";
  return explicit || response === "completed" ? "completed" : "incomplete";
}
