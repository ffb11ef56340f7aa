/** What no message of the relay may be, whatever it was sent. */
import { isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";
import { readFrameHeader } from "../../src/protocol/frame.ts";
import { SECRET } from "./provider-grammar.ts";

/** A promise that was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly check: string;

  constructor(check: string, detail: string) {
    super(detail.slice(0, 600));
    this.check = check;
  }
}

const ITEM = ["response_id:string", "item_id:string", "output_index:number"];
const TOOL = ["response_id:string", "item_id:string", "call_id:string", "name:string"];
const CONTENT = [...ITEM, "content_index:number"];

/** Members that every event of a type has, as `path:kind`. `kind` with a question mark: or null. */
const SHAPES: Readonly<Record<string, readonly string[]>> = {
  error: [
    "error.type:string",
    "error.code:string",
    "error.message:string",
    "error.param:string?",
    "error.event_id:text?",
  ],
  "session.created": ["session.id:string", "session.model:string", "session.audio:object"],
  "session.updated": ["session.id:string", "session.model:string", "session.audio:object"],
  "session.resumed": ["verdict:string", "last_received:number"],
  "session.ack": ["last_received:number"],
  "input_audio_buffer.speech_started": ["item_id:string", "audio_start_ms:number"],
  "input_audio_buffer.speech_stopped": ["item_id:string", "audio_end_ms:number"],
  "input_audio_buffer.committed": ["item_id:string", "previous_item_id:string?"],
  "conversation.item.added": ["item.id:string", "item.type:string", "previous_item_id:string?"],
  "conversation.item.done": ["item.id:string", "item.type:string", "previous_item_id:string?"],
  "conversation.item.retrieved": ["item.id:string", "item.type:string"],
  "conversation.item.truncated": ["item_id:string", "content_index:number", "audio_end_ms:number"],
  "response.created": ["response.id:string", "response.status:string", "response.output:list"],
  "response.done": [
    "response.id:string",
    "response.status:string",
    "response.output:list",
    "response.usage:object?",
  ],
  "response.output_item.added": [
    "response_id:string",
    "output_index:number",
    "item.id:string",
    "item.type:string",
  ],
  "response.output_item.done": [
    "response_id:string",
    "output_index:number",
    "item.id:string",
    "item.type:string",
  ],
  "response.content_part.added": [...CONTENT, "part:object"],
  "response.content_part.done": [...CONTENT, "part:object"],
  "response.output_audio.delta": [...CONTENT, "delta:string"],
  "response.output_audio.done": CONTENT,
  "response.output_audio_transcript.delta": [...CONTENT, "delta:text"],
  "response.output_audio_transcript.done": [...CONTENT, "transcript:text"],
  "response.output_text.delta": [...CONTENT, "delta:text"],
  "response.output_text.done": [...CONTENT, "text:text"],
  "response.function_call_arguments.delta": [...ITEM, "call_id:string", "delta:text"],
  "response.function_call_arguments.done": [...ITEM, "call_id:string", "arguments:text"],
  "response.mcp_call_arguments.delta": [...ITEM, "delta:text"],
  "response.mcp_call_arguments.done": [...ITEM, "arguments:text"],
  "response.mcp_call.in_progress": ["item_id:string", "output_index:number"],
  "response.mcp_call.completed": ["item_id:string", "output_index:number"],
  "response.mcp_call.failed": ["item_id:string", "output_index:number"],
  "mcp_list_tools.in_progress": ["item_id:string"],
  "mcp_list_tools.completed": ["item_id:string"],
  "mcp_list_tools.failed": ["item_id:string"],
  "conversation.item.deleted": ["item_id:string"],
  "conversation.item.input_audio_transcription.delta": [
    "item_id:string",
    "content_index:number",
    "delta:text",
  ],
  "conversation.item.input_audio_transcription.completed": [
    "item_id:string",
    "content_index:number",
    "transcript:text",
  ],
  "conversation.item.input_audio_transcription.failed": ["item_id:string", "error:object"],
  "input_audio_buffer.dtmf_event_received": ["event:text"],
  "overlap.decision": ["decision:string"],
  "relay.upstream": ["upstream:string", "status:string"],
  "relay.tool.started": TOOL,
  "relay.tool.completed": [...TOOL, "after_ms:number"],
  "relay.tool.failed": [...TOOL, "after_ms:number", "reason:string"],
  "relay.say.queued": ["say_id:string"],
  "relay.say.started": ["say_id:string", "response_id:string"],
  "relay.say.completed": ["say_id:string", "response_id:string", "played_ms:number"],
  "relay.say.interrupted": ["say_id:string", "response_id:string", "played_ms:number"],
  "relay.say.dropped": ["say_id:string", "reason:string"],
  "relay.cost": ["response_id:string", "turn:number", "currency:string", "upstreams:list"],
  "relay.shadow": ["upstream:string", "outcome:string"],
  "relay.delegation.started": ["delegation_id:string", "call_id:string", "task:string"],
  "relay.delegation.progress": ["delegation_id:string", "step:string", "after_ms:number"],
  "relay.delegation.done": ["delegation_id:string", "after_ms:number"],
  "relay.delegation.failed": ["delegation_id:string", "after_ms:number", "reason:string"],
  "relay.delegation.placed": ["delegation_id:string", "after_ms:number", "reason:string"],
  "relay.delegation.dropped": ["delegation_id:string", "after_ms:number", "reason:string"],
  "relay.race": ["plan:string", "response_id:string", "after_ms:number"],
  "relay.plan.updated": ["plan:object"],
  "relay.end.cancelled": [],
  "rate_limits.updated": ["rate_limits:list"],
};
const EXACT: ReadonlySet<string> = new Set([
  ...Object.keys(SHAPES),
  "session.heartbeat",
  "relay.detector",
  "relay.audio_dropped",
  "relay.audio_forgotten",
  "output_audio_buffer.cleared",
]);
/** Of the dialect, the relay's own or passed on. */
const DIALECT = /^(?:response|conversation|input_audio_buffer|mcp_\w+)\./;
/** A provider's own word about an item that the client knows. */
const OTHERS = /^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+$/;
const RELAYS_OWN = /^(?:error|session|transcription_session|relay|overlap|output_audio_buffer)\./;
/** Told to clients of `duplex.v1` only. */
const EXTENSION = /^(?:relay\.|overlap\.|session\.(?:resumed|ack|heartbeat)$)/;
const UNNUMBERED: ReadonlySet<string> = new Set([
  "session.ack",
  "session.heartbeat",
  "session.resumed",
  "session.created",
]);

const CONSISTS_OF: readonly (readonly [type: RegExp, kind: string])[] = [
  [/^response\.(?:output_)?audio\.(?:delta|done)$/, "message"],
  [/^response\.function_call_arguments\.(?:delta|done)$/, "function_call"],
];

const SECRET_PART = SECRET.slice(8);
const SECRET_BASE64 = btoa(`Bearer ${SECRET}`).slice(12);

/** Whatever bytes a provider says are sound: it says its own key back as noise, if it will. */
const SOUND = /^\{"type":"[\w.]*audio\.delta"/;

export function holdsSecret(text: string): boolean {
  return text.includes(SECRET_PART) || (text.includes(SECRET_BASE64) && !SOUND.test(text));
}

/** Looks at all that one client is told. */
export class ClientWatch {
  readonly #extended: boolean;
  readonly #names = new Set<string>();
  /** Kinds of items, by id. */
  readonly #items = new Map<string, string>();

  constructor(extended: boolean) {
    this.#extended = extended;
  }

  /** @returns the event, or null for a frame. @throws Violation */
  message(data: string | Uint8Array): JsonObject | null {
    if (typeof data !== "string") {
      this.#frame(data);
      return null;
    }
    if (holdsSecret(data)) throw new Violation("secret", `the client is told the provider's key: ${data}`);
    const event = parseJsonObject(data);
    if (event === null) throw new Violation("json", `the client is sent what is no JSON object: ${data}`);
    const type = event["type"];
    if (typeof type !== "string" || !isKnown(type, event)) {
      throw new Violation("type", `the client is sent an event of no known type: ${data}`);
    }
    if (EXTENSION.test(type) && !this.#extended)
      throw new Violation("dialect", `a plain client is sent ${data}`);
    this.#named(event, type, data);
    this.#shaped(event, type, data);
    this.#placed(event, data);
    this.#kinds(event, type, data);
    return event;
  }

  #frame(data: Uint8Array): void {
    if (!this.#extended) throw new Violation("dialect", "a plain client is sent a binary message");
    if (readFrameHeader(data)?.kind !== 1) throw new Violation("frame", "a frame of no kind");
  }

  #named(event: JsonObject, type: string, data: string): void {
    const name = event["event_id"];
    if (name === undefined && UNNUMBERED.has(type)) return;
    if (typeof name !== "string") throw new Violation("event_id", `an event without a name: ${data}`);
    if (this.#names.has(name)) throw new Violation("event_id", `two events have one name: ${data}`);
    this.#names.add(name);
  }

  /** Sound and calls are of items that are such. */
  #kinds(event: JsonObject, type: string, data: string): void {
    const { item } = event;
    if (isJsonObject(item) && typeof item["id"] === "string" && typeof item["type"] === "string") {
      this.#items.set(item["id"], item["type"]);
    }
    const of = CONSISTS_OF.find(([kind]) => kind.test(type))?.[1];
    const about = event["item_id"];
    const kind = typeof about === "string" ? this.#items.get(about) : undefined;
    if (of !== undefined && kind !== undefined && kind !== of)
      throw new Violation("kind", `what only a ${of} has is said of a ${kind}: ${data}`);
  }

  /** What is said of an answer is of one that the client was told of. */
  #placed(event: JsonObject, data: string): void {
    const id = event["response_id"];
    if (typeof id === "string" && !this.#isOwn(id))
      throw new Violation("place", `an answer that nobody told the client of: ${data}`);
  }

  /** As the relay draws names (`World`). */
  #isOwn(id: string): boolean {
    return id.startsWith("resp_drawn");
  }

  #shaped(event: JsonObject, type: string, data: string): void {
    if (!Object.hasOwn(SHAPES, type)) return;
    for (const rule of SHAPES[type] ?? []) {
      const [path = "", kind = ""] = rule.split(":");
      if (!isKind(at(event, path), kind)) throw new Violation("shape", `${rule} does not hold: ${data}`);
    }
  }
}

function isKnown(type: string, event: JsonObject): boolean {
  if (EXACT.has(type) || DIALECT.test(type)) return true;
  return typeof event["item_id"] === "string" && OTHERS.test(type) && !RELAYS_OWN.test(type);
}

function at(event: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = event;
  for (const key of path.split("."))
    value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function isKind(value: Json | undefined, kind: string): boolean {
  if (kind.endsWith("?")) return value === null || value === undefined || isKind(value, kind.slice(0, -1));
  if (kind === "list") return Array.isArray(value);
  if (kind === "object") return isJsonObject(value);
  if (kind === "text") return typeof value === "string";
  if (kind === "string") return typeof value === "string" && value !== "";
  return typeof value === "number" && Number.isFinite(value);
}

export interface Size {
  readonly bytes: number;
  readonly longestList: number;
  readonly where: string;
}

/** How much a snapshot is, and its longest list. @throws Violation when it holds a key. */
/** Characters of a text that a snapshot stores once, however often it stands there. */
const LONG_TEXT = 1024;

export function sizeOf(snapshot: unknown): Size {
  let bytes = 0;
  let longestList = 0;
  let where = "";
  /** Two links that wait to tell the same item hold, and store, one text. */
  const texts = new Set<string>();
  const visit = (value: unknown, path: string, depth: number): void => {
    bytes += 8;
    if (typeof value === "string") {
      const again = value.length > LONG_TEXT && texts.has(value);
      if (value.length > LONG_TEXT) texts.add(value);
      if (!again) bytes += value.length * 2;
      if (holdsSecret(value))
        throw new Violation("secret", `the snapshot holds the provider's key at ${path}`);
    } else if (ArrayBuffer.isView(value)) bytes += value.byteLength;
    else if (typeof value === "object" && value !== null && depth < 80) {
      const list = Array.isArray(value) || value instanceof Map || value instanceof Set;
      const inner = value instanceof Map ? [...value] : value instanceof Set ? [...value] : value;
      const keys = Object.keys(inner);
      // What waits for a dial has a bound of its own (`limits.backlogCommands`).
      if (
        list &&
        !path.includes(".backlog.") &&
        keys.length > longestList &&
        typeof Reflect.get(inner, "0") !== "number"
      ) {
        longestList = keys.length;
        where = path;
      }
      for (const key of keys) {
        bytes += key.length * 2;
        visit(Reflect.get(inner, key), depth < 7 ? `${path}.${key}` : path, depth + 1);
      }
    }
  };
  visit(snapshot, "snapshot", 0);
  return { bytes, longestList, where };
}
