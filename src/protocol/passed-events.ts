/**
 * A provider's events that the relay has no part in and hands on: what a client of OpenAI's reads in them must be there, in
 * the type that it has (types of `openai` 7, resources/realtime), and every name must be one that the client was told.
 */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** Which answer and item an event is about, as the client knows them; null: it belongs to no answer that is known. */
export interface PassedAddress {
  readonly response_id: string | null;
  readonly item_id: string | null;
  readonly output_index: number | null;
}

export interface PassedEvent {
  readonly type: string;
  readonly [member: string]: Json;
}

type Kind = "text" | "object" | "index";

interface Shape {
  /** The provider's own. */
  readonly says: Readonly<Record<string, Kind>>;
  /** Where it is. A `content_index` that is missing is 0. */
  readonly at: readonly ("item_id" | "response_id" | "output_index" | "content_index")[];
}

const CONTENT = ["item_id", "response_id", "output_index", "content_index"] as const;
const ITEM = ["item_id", "response_id", "output_index"] as const;

/** Of the types that a client knows: others it passes over, whatever is in them. */
const SHAPES: Readonly<Record<string, Shape>> = {
  "response.output_audio_transcript.delta": { says: { delta: "text" }, at: CONTENT },
  "response.output_audio_transcript.done": { says: { transcript: "text" }, at: CONTENT },
  "response.output_text.delta": { says: { delta: "text" }, at: CONTENT },
  "response.output_text.done": { says: { text: "text" }, at: CONTENT },
  "response.content_part.added": { says: { part: "object" }, at: CONTENT },
  "response.content_part.done": { says: { part: "object" }, at: CONTENT },
  "response.mcp_call_arguments.delta": { says: { delta: "text" }, at: ITEM },
  "response.mcp_call_arguments.done": { says: { arguments: "text" }, at: ITEM },
  "response.mcp_call.in_progress": { says: {}, at: ["item_id", "output_index"] },
  "response.mcp_call.completed": { says: {}, at: ["item_id", "output_index"] },
  "response.mcp_call.failed": { says: {}, at: ["item_id", "output_index"] },
  "mcp_list_tools.in_progress": { says: {}, at: ["item_id"] },
  "mcp_list_tools.completed": { says: {}, at: ["item_id"] },
  "mcp_list_tools.failed": { says: {}, at: ["item_id"] },
  "input_audio_buffer.dtmf_event_received": { says: { event: "text" }, at: [] },
};

/** Types of the beta that have another name now. */
const RENAMED: Readonly<Record<string, string>> = {
  "response.audio_transcript.delta": "response.output_audio_transcript.delta",
  "response.audio_transcript.done": "response.output_audio_transcript.done",
  "response.text.delta": "response.output_text.delta",
  "response.text.done": "response.output_text.done",
};

function own<T>(table: Readonly<Record<string, T>>, type: string): T | null {
  return Object.hasOwn(table, type) ? (table[type] ?? null) : null;
}

/** What an event of `type` lacks that a client reads in it, as `has no …` continues; null: nothing. */
export function lackOf(event: JsonObject, type: string): string | null {
  const says = own(SHAPES, own(RENAMED, type) ?? type)?.says ?? {};
  return Object.keys(says).find((name) => !isKind(event[name], says[name])) ?? null;
}

/** The event under the client's names; null: it has a place that is not known, and its type has one. */
export function passedEvent(event: JsonObject, address: PassedAddress): PassedEvent | null {
  const { type: given, event_id: _, server_event_seq: __, ...members } = event;
  if (typeof given !== "string" || lackOf(event, given) !== null) return null;
  const type = own(RENAMED, given) ?? given;
  const at = own(SHAPES, type)?.at ?? [];
  const named: Record<string, Json> & { type: string } = { ...members, type };
  for (const name of ["response_id", "output_index", "item_id"] as const) {
    const known = address[name];
    if (known !== null && (name in members || name === "item_id" || at.includes(name))) named[name] = known;
    // A provider's name says nothing to the client, or something else.
    else if (name !== "output_index" || !isKind(members[name], "index")) delete named[name];
  }
  if (at.includes("content_index") && !isKind(named["content_index"], "index")) named["content_index"] = 0;
  return at.every((name) => name in named) ? named : null;
}

function isKind(value: Json | undefined, kind: Kind | undefined): boolean {
  if (kind === "object") return isJsonObject(value);
  return kind === "text" ? typeof value === "string" : Number.isInteger(value) && Number(value) >= 0;
}
