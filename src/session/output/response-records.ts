/** The responses of a session, in order of creation, and who made which item. */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import { maySpeak } from "./output-items.ts";
import type { ResponseDefaults } from "./response-defaults.ts";
import { isActive, type OutputItem, type OwnSound, type ResponseRecord } from "../state/response.ts";
import type { Link } from "./ports.ts";

/** Of a response: what whoever asked wants of it. */
function wanted({ conversation, ...params }: ResponseParams, defaults: ResponseDefaults) {
  const { metadata = null, ...rest } = params;
  const outOfBand = conversation === "none";
  return {
    outOfBand,
    // What came from a JSON schema is JSON.
    params: rest as JsonObject,
    inputFormat: defaults.inputFormat,
    metadata,
    modality: params.output_modalities?.[0] ?? defaults.modality,
    maxOutputTokens: params.max_output_tokens ?? defaults.maxOutputTokens,
    conversationId: outOfBand ? null : defaults.conversationId,
    output: defaults.output,
    format: defaults.format,
  };
}

/** Of a response that has just been asked for: nothing has come yet. */
function begun(now: number) {
  return {
    phase: "requested",
    untold: false,
    attempts: 0,
    askedAt: now,
    progressAt: now,
    waiting: false,
    silentMs: 0,
    audible: false,
    items: [],
    upstreamMetadata: null,
    usage: null,
    reason: null,
    fault: null,
  } satisfies Partial<ResponseRecord>;
}

export class ResponseRecords {
  readonly #context: Context;
  #records = new Map<string, ResponseRecord>();
  #count = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Made so far. */
  get count(): number {
    return this.#count;
  }

  [Symbol.iterator](): Iterator<ResponseRecord> {
    return this.#records.values();
  }

  get active(): readonly ResponseRecord[] {
    return [...this.#records.values()].filter((response) => response.announced && isActive(response));
  }

  /** Of these such as somebody was asked for: what the relay plays by itself takes nobody's place. */
  get running(): number {
    return this.active.filter(({ own }) => own === undefined).length;
  }

  /** One has ended, and its client is told of that later. */
  get ending(): boolean {
    for (const response of this.#records.values()) if (response.untold) return true;
    return false;
  }

  /** One of this stream's is under way, known to the client or not. */
  busy(stream: number): boolean {
    for (const response of this.#records.values())
      if (response.stream === stream && isActive(response)) return true;
    return false;
  }

  get(id: string): ResponseRecord | undefined {
    return this.#records.get(id);
  }

  delete(response: ResponseRecord): void {
    this.#records.delete(response.id);
  }

  /** Ended ones beyond the bound, oldest first. */
  get surplus(): readonly ResponseRecord[] {
    const ended = [...this.#records.values()].filter((response) => !isActive(response));
    return ended.slice(0, -this.#context.limits.finishedResponses);
  }

  /** An item of one of them, with its response. */
  find(is: (item: OutputItem, response: ResponseRecord) => boolean) {
    for (const response of this.#records.values()) {
      const item = response.items.find((candidate) => is(candidate, response));
      if (item) return { response, item };
    }
    return null;
  }

  /**
   * An item that is announced and still growing, of which the client may have heard something or will; or that ended before
   * it said anything.
   */
  truncatable(itemId: string): boolean {
    const found = this.find((item) => item.id === itemId);
    if (found === null) return false;
    const { item, response } = found;
    if (isActive(response) && maySpeak(response, item)) return true;
    return item.kind === "message" && item.parts.length === 0 && response.modality === "audio";
  }

  /** The client heard no more of it: an item that still grows is sent no further. */
  truncated(itemId: string, contentIndex: number, audioEndMs: number): void {
    const item = this.find(({ id }) => id === itemId)?.item;
    if (item?.done === false) item.cut = { contentIndex, audioEndMs };
  }

  create(
    link: Link,
    defaults: ResponseDefaults,
    asked: boolean,
    params: ResponseParams,
    made: { readonly announced: boolean; readonly channel: number; readonly own?: OwnSound },
  ): ResponseRecord {
    const { announced, channel, own } = made;
    this.#count += 1;
    const response: ResponseRecord = {
      id: this.#context.newId("resp"),
      ordinal: this.#count,
      stream: link.index,
      ...(channel !== link.index && { channel }),
      upstream: own ? "relay" : link.name,
      ...(own && { own }),
      asked,
      announced,
      ...(asked && this.#context.cause !== null && { cause: this.#context.cause }),
      connection: link.serving,
      ...wanted(params, defaults),
      ...begun(this.#context.now),
    };
    this.#records.set(response.id, response);
    return response;
  }

  snapshot(): ResponseRecordsSnapshot {
    return { count: this.#count, records: [...this.#records.values()].map(copy) };
  }

  restore(snapshot: ResponseRecordsSnapshot): void {
    this.#count = snapshot.count;
    this.#records = new Map(snapshot.records.map((kept) => [kept.id, copy(kept)]));
  }
}

function copy(response: ResponseRecord): ResponseRecord {
  return {
    ...response,
    items: response.items.map((item) => ({ ...item, parts: item.parts.map((part) => ({ ...part })) })),
  };
}

export interface ResponseRecordsSnapshot {
  readonly count: number;
  readonly records: readonly ResponseRecord[];
}
