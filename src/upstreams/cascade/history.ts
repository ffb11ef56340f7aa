/**
 * The conversation that the text model is told with every request: the adapter's own, because no provider keeps one. Of what it
 * said it knows which words were spoken when, and forgets those that were not heard.
 */
import { isJsonObject, jsonSize, type Json } from "../../protocol/json.ts";
import { objectsAt, textAt } from "../json.ts";
import type { Item, JsonObject } from "../upstream.ts";

/** The oldest entries go first. */
const MAX_ENTRIES = 512;
const MAX_CHARS = 256 * 1024;
/** Pictures, which are told with every request: a camera shows one a second. */
const MAX_PICTURES = 8;
const MAX_PICTURE_CHARS = 2 * 1024 * 1024;
const MAX_MARKS = 512;
/** What is told of a turn in which nothing was understood. */
const INAUDIBLE = "[inaudible]";
/** Characters a second of speech, where the synthesiser has not said yet how long a sentence is. */
const CHARS_PER_MS = 0.015;
/** Parts of a request's messages that are neither of these are not told. */
const ROLES: ReadonlySet<string> = new Set(["user", "assistant", "system", "developer"]);

/** Up to `chars` of a message are spoken at `ms` of its audio. */
export type Mark = { readonly chars: number; readonly ms: number };

export type Entry =
  | { readonly kind: "message"; readonly role: string; readonly content: Json }
  /** A spoken turn; null: its words are not known yet. */
  | { readonly kind: "turn"; readonly words: string | null }
  /** What the model said. `marks` grow with its audio. */
  | { readonly kind: "said"; readonly text: string; readonly marks: readonly Mark[] }
  | {
      readonly kind: "call";
      readonly callId: string;
      readonly name: string;
      readonly args: string;
      /** See `ToolCall`. */
      readonly extra?: JsonObject;
    }
  | { readonly kind: "result"; readonly callId: string; readonly output: string };

type Placed = { readonly id: string; readonly entry: Entry };

export class History {
  #placed: Placed[] = [];

  /** @param previousId null: at the end; `"root"`, or one that is not there: at the front, or the end */
  add(id: string, entry: Entry, previousId: string | null = null): void {
    const at = previousId === null ? -1 : this.#placed.findIndex((one) => one.id === previousId);
    if (previousId === "root") this.#placed.unshift({ id, entry });
    else if (at < 0) this.#placed.push({ id, entry });
    else this.#placed.splice(at + 1, 0, { id, entry });
    this.#bound();
  }

  #bound(): void {
    this.#placed = withoutOldPictures(this.#placed);
    let chars = this.#placed.reduce((sum, { entry }) => sum + sizeOf(entry), 0);
    while (this.#placed.length > 1 && (this.#placed.length > MAX_ENTRIES || chars > MAX_CHARS)) {
      const gone = this.#placed.shift();
      if (gone !== undefined) chars -= sizeOf(gone.entry);
    }
  }

  get(id: string): Entry | null {
    return this.#placed.find((one) => one.id === id)?.entry ?? null;
  }

  set(id: string, entry: Entry): void {
    const at = this.#placed.findIndex((one) => one.id === id);
    if (at < 0) return;
    this.#placed[at] = { id, entry };
    this.#bound();
  }

  rename(id: string, to: string): void {
    this.#placed = this.#placed.map((one) => (one.id === id ? { ...one, id: to } : one));
  }

  delete(id: string): void {
    this.#placed = this.#placed.filter((one) => one.id !== id);
  }

  /** More of a message is said: its text so far; with a mark, all of that is spoken. */
  spoken(id: string, text: string, mark: Mark | null): void {
    const entry = this.get(id);
    if (entry?.kind !== "said") return;
    if (mark === null) this.set(id, { ...entry, text });
    else this.set(id, { kind: "said", text, marks: [...entry.marks.slice(1 - MAX_MARKS), mark] });
  }

  /** Only `ms` of a message's audio was heard: whole sentences by their times, and of one in proportion. */
  truncate(id: string, ms: number): void {
    const entry = this.get(id);
    if (entry?.kind !== "said") return;
    const text = heardOf(entry.text, entry.marks, ms);
    if (text === "") this.delete(id);
    else this.set(id, { ...entry, text });
  }

  /** As messages of a chat. Calls stand with the words before them, and each with its result, as the dialect demands. */
  messages(): readonly JsonObject[] {
    return messagesOf(this.#placed.map(({ entry }) => entry));
  }

  snapshot(): HistoryState {
    return [...this.#placed];
  }

  restore(state: HistoryState): void {
    this.#placed = [...state];
  }
}

export type HistoryState = readonly Placed[];

const isPicture = (part: Json): boolean => isJsonObject(part) && part["type"] === "image_url";

const partsIn = (content: Json): readonly Json[] => (Array.isArray(content) ? content : []);

const wordsIn = (content: Json): readonly Json[] => partsIn(content).filter((part) => !isPicture(part));

/** The newest pictures, as many as are told: what was said stays, also beside older ones. The newest of all stays in any case. */
function withoutOldPictures(placed: readonly Placed[]): Placed[] {
  let pictures = 0;
  let chars = 0;
  const kept = placed.toReversed().flatMap((one): readonly Placed[] => {
    const { id, entry } = one;
    if (entry.kind !== "message" || !partsIn(entry.content).some(isPicture)) return [one];
    const shown = partsIn(entry.content).filter(isPicture);
    pictures += shown.length;
    chars += jsonSize(shown);
    if (pictures === shown.length || (pictures <= MAX_PICTURES && chars <= MAX_PICTURE_CHARS)) return [one];
    const content = wordsIn(entry.content);
    return content.length > 0 ? [{ id, entry: { ...entry, content } }] : [];
  });
  return kept.toReversed();
}

function sizeOf(entry: Entry): number {
  switch (entry.kind) {
    case "message":
      return typeof entry.content === "string" ? entry.content.length : jsonSize(wordsIn(entry.content));
    case "turn":
      return entry.words?.length ?? 0;
    case "said":
      return entry.text.length + entry.marks.length * 24;
    case "call":
      return entry.args.length + entry.name.length + (entry.extra ? JSON.stringify(entry.extra).length : 0);
    case "result":
      return entry.output.length;
  }
}

function heardOf(text: string, marks: readonly Mark[], ms: number): string {
  let from: Mark = { chars: 0, ms: 0 };
  for (const mark of marks) {
    if (mark.ms > ms) return words(text, from.chars + share(from, mark, ms));
    from = mark;
  }
  return words(text, from.chars + (ms - from.ms) * CHARS_PER_MS);
}

/** Characters between two marks that are spoken by then. */
function share(from: Mark, to: Mark, ms: number): number {
  const long = Math.max(to.ms - from.ms, 1);
  return ((to.chars - from.chars) * Math.max(0, ms - from.ms)) / long;
}

/** Whole words of at most so many characters; in a script without spaces whole characters. */
function words(text: string, most: number): string {
  const end = Math.floor(most + 1e-6);
  if (end >= text.length) return text.trimEnd();
  const front = text.slice(0, end).replace(/[\ud800-\udbff]$/, "");
  if (/^[\p{L}\p{N}\p{M}'’-]/u.test(text.slice(end)) && /[\p{L}\p{N}\p{M}'’-]$/u.test(front)) {
    const space = front.search(/\s\S*$/u);
    if (space >= 0 || /^[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{N}]/u.test(text))
      return front.slice(0, Math.max(space, 0)).trimEnd();
  }
  return front.trimEnd();
}

/** An item of the session's as an entry; null: nothing of it can be told. */
export function entryOf(item: Item): Entry | null {
  const callId = textAt(item, "call_id") ?? "";
  switch (item.type) {
    case "message": {
      const role = textAt(item, "role") ?? "user";
      const content = objectsAt(item, "content").flatMap(partOf);
      if (content.length === 0 || !ROLES.has(role)) return null;
      const plain = content.every((part) => part["type"] === "text");
      const text = content.map((part) => textAt(part, "text") ?? "").join("\n");
      return {
        kind: "message",
        role: role === "developer" ? "system" : role,
        content: plain ? text : content,
      };
    }
    case "function_call":
      return {
        kind: "call",
        callId,
        name: textAt(item, "name") ?? "",
        args: textAt(item, "arguments") ?? "{}",
      };
    case "function_call_output":
      return { kind: "result", callId, output: textAt(item, "output") ?? "" };
    default:
      return null;
  }
}

function partOf(part: JsonObject): readonly JsonObject[] {
  const text = textAt(part, "text") ?? textAt(part, "transcript");
  if (text !== null) return text === "" ? [] : [{ type: "text", text }];
  const url = textAt(part, "image_url");
  return url === null ? [] : [{ type: "image_url", image_url: { url } }];
}

export function messagesOf(entries: readonly Entry[]): readonly JsonObject[] {
  const results = new Map<string, string>();
  for (const entry of entries) if (entry.kind === "result") results.set(entry.callId, entry.output);
  const out: JsonObject[] = [];
  for (let at = 0; at < entries.length; at += 1) {
    const entry = entries[at];
    if (entry === undefined || entry.kind === "result") continue;
    if (entry.kind !== "call") {
      out.push(messageOf(entry));
      continue;
    }
    const calls = [entry];
    for (let next = entries[at + 1]; next?.kind === "call"; next = entries[at + 1]) {
      calls.push(next);
      at += 1;
    }
    // A client can create two of one id, which the endpoint refuses: the newest counts.
    const told = [...new Map(calls.map((call) => [call.callId, call])).values()];
    out.push(...calling(out, told), ...told.map((call) => resultOf(call.callId, results)));
  }
  return out;
}

type Call = Extract<Entry, { kind: "call" }>;

/** The words before its calls and the calls are one message of the model's. */
function calling(out: JsonObject[], calls: readonly Call[]): readonly JsonObject[] {
  const tool_calls = calls.map(({ callId, name, args, extra }) => ({
    id: callId,
    type: "function",
    function: { name, arguments: args },
    ...(extra && { extra_content: extra }),
  }));
  const last = out.at(-1);
  const goesOn = isJsonObject(last) && last["role"] === "assistant" && last["tool_calls"] === undefined;
  if (goesOn) out.pop();
  return [{ role: "assistant", content: goesOn ? (last["content"] ?? null) : null, tool_calls }];
}

function resultOf(callId: string, results: ReadonlyMap<string, string>): JsonObject {
  const none = '{"error":"The application gave no result."}';
  return { role: "tool", tool_call_id: callId, content: results.get(callId) ?? none };
}

function messageOf(entry: Exclude<Entry, Call | { readonly kind: "result" }>): JsonObject {
  if (entry.kind === "message") return { role: entry.role, content: entry.content };
  if (entry.kind === "said") return { role: "assistant", content: entry.text };
  return { role: "user", content: entry.words === null || entry.words === "" ? INAUDIBLE : entry.words };
}
