/**
 * What a client received, without names, numbers and times of chance: names say where a thing stands (`R2.0`: the
 * first output of the second response), and the deltas of one part are one event.
 */
import { createHash, type Hash } from "node:crypto";
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { objectOf, textOf } from "./fields.ts";
import type { Received } from "./client.ts";

export interface Normal {
  readonly type: string;
  /** Connection and stretch of the script, `1/3`. */
  readonly place: string;
  /** Steps of the script that were taken by then. Not compared. */
  readonly step: number;
  readonly value: JsonObject;
  /** Orders of which this event is part: two streams are equal when each of their threads is. */
  readonly threads: readonly string[];
}

/** Names that clients of scripts give begin so, and are kept. */
const OWN_NAME = /^mine/;

/** Deltas are text or audio in base64. */
interface Growing {
  readonly index: number;
  text: string;
  readonly audio: { readonly hash: Hash; bytes: number } | null;
}

export function normal(received: readonly Received[]): readonly Normal[] {
  const events: Normal[] = [];
  const growing = new Map<string, Growing>();
  const names = new Names();
  for (const { call, event } of received) names.learn(call, event);
  for (const { call, stretch, step, event } of received) {
    const { type: rawType, event_id: _eventId, delta, ...rest } = event;
    const type = textOf(rawType);
    const value = names.rewrite(call, rest) as JsonObject;
    const key = `${call} ${type} ${JSON.stringify(value)}`;
    const known = typeof delta === "string" ? growing.get(key) : undefined;
    if (known !== undefined && typeof delta === "string") grow(known, delta);
    else {
      if (typeof delta === "string") {
        const audio =
          type === "response.output_audio.delta" ? { hash: createHash("sha256"), bytes: 0 } : null;
        const begun: Growing = { index: events.length, text: "", audio };
        grow(begun, delta);
        growing.set(key, begun);
      }
      events.push({ type, place: `${call}/${stretch}`, step, value, threads: threadsOf(type, value) });
    }
  }
  for (const { index, text, audio } of growing.values()) {
    const event = events[index];
    if (event === undefined) continue;
    const whole: Json =
      audio === null ? text : { bytes: audio.bytes, sha: audio.hash.digest("hex").slice(0, 12) };
    events[index] = { ...event, value: { ...event.value, delta: whole } };
  }
  return events;
}

function grow(growing: Growing, delta: string): void {
  if (growing.audio === null) growing.text += delta;
  else {
    const bytes = Buffer.from(delta, "base64");
    growing.audio.hash.update(bytes);
    growing.audio.bytes += bytes.byteLength;
  }
}

/** Every stream that an event is part of. */
function threadsOf(type: string, value: JsonObject): string[] {
  const threads: string[] = [];
  const response = value["response_id"] ?? objectOf(value["response"])["id"];
  const item = value["item_id"] ?? objectOf(value["item"])["id"];
  if (typeof response === "string") threads.push(`response ${response}`);
  if (typeof item === "string") threads.push(`item ${item}`);
  if (type.startsWith("session.")) threads.push("session");
  if (type.startsWith("input_audio_buffer.")) threads.push("input");
  if (/^conversation\.item\.(added|deleted|truncated)$/.test(type)) threads.push("conversation");
  if (/^response\.(created|done)$/.test(type) && objectOf(value["response"])["conversation_id"] !== null) {
    threads.push("responses");
  }
  if (type === "error") {
    const cause = objectOf(value["error"])["event_id"];
    threads.push(typeof cause === "string" ? `error ${cause}` : "errors");
  }
  if (threads.length === 0) threads.push(type);
  return threads;
}

class Names {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  learn(call: number, event: JsonObject): void {
    const { type, item, response, item_id, output_index, response_id } = event;
    if (type === "session.created" || type === "session.updated") {
      this.#name(call, objectOf(event["session"])["id"], "session");
    } else if (type === "conversation.created") {
      this.#name(call, objectOf(event["conversation"])["id"], "conversation");
    } else if (type === "response.created") {
      const { id, metadata, conversation_id } = objectOf(response);
      const tag = objectOf(metadata)["tag"];
      this.#name(call, id, typeof tag === "string" ? `R(${tag})` : () => this.#count(call, "R"));
      this.#name(call, conversation_id, "conversation");
    } else if (type === "response.output_item.added") {
      const { id, call_id } = objectOf(item);
      const name = `${this.#names.get(`${call} ${textOf(response_id)}`) ?? "R?"}.${typeof output_index === "number" ? output_index : "?"}`;
      this.#name(call, id, name);
      this.#name(call, call_id, `call ${name}`);
    } else if (type === "conversation.item.added") {
      this.#name(call, objectOf(item)["id"], () => this.#count(call, "I"));
    } else if (/^input_audio_buffer\.(speech_started|committed|timeout_triggered)$/.test(textOf(type))) {
      this.#name(call, item_id, () => this.#count(call, "I"));
    }
  }

  rewrite(call: number, value: Json): Json {
    if (typeof value === "string") return this.#names.get(`${call} ${value}`) ?? value;
    if (Array.isArray(value)) return value.map((inner) => this.rewrite(call, inner));
    if (!isJsonObject(value)) return value;
    const rewritten: Record<string, Json> = {};
    // Members have no order.
    for (const key of Object.keys(value).sort()) {
      const inner = value[key];
      if (inner === undefined || key === "expires_at") continue;
      rewritten[key] =
        key === "audio" && typeof inner === "string" ? digest(inner) : this.rewrite(call, inner);
    }
    return rewritten;
  }

  #name(call: number, id: Json | undefined, name: string | (() => string)): void {
    if (typeof id !== "string" || OWN_NAME.test(id)) return;
    const key = `${call} ${id}`;
    if (!this.#names.has(key)) this.#names.set(key, typeof name === "string" ? name : name());
  }

  #count(call: number, kind: string): string {
    const count = (this.#counts.get(`${call} ${kind}`) ?? 0) + 1;
    this.#counts.set(`${call} ${kind}`, count);
    return `${kind}${count}`;
  }
}

/** Audio of an item that was asked for. */
function digest(base64: string): Json {
  const bytes = Buffer.from(base64, "base64");
  return { bytes: bytes.byteLength, sha: createHash("sha256").update(bytes).digest("hex").slice(0, 12) };
}
