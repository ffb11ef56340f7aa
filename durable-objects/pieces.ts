/**
 * Takes apart what is too large for one stored value, or need not be stored again: a snapshot with seconds of audio and
 * a few pictures, or one with a thousand small messages. Sealed blocks and long texts, which never change, are taken out
 * as blocks; views, lists and objects of many members in pieces. In their place is a BigInt, which no JSON and no part of
 * a session holds, so that no content of a client's can be mistaken for a reference.
 */
import { sealedBytes } from "../src/audio/sealed.ts";

export type Piece = Uint8Array | readonly unknown[];
/** Known by its identity: an object, or a text as it is. */
export type Block = object | string;

/** What snapshots hold of these. */
const VIEWS = { Uint8Array, Int16Array, Uint16Array, Int32Array, Float32Array, Float64Array } as const;
const VIEW_NAMES = [
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
] as const satisfies readonly (keyof typeof VIEWS)[];
type ViewName = (typeof VIEW_NAMES)[number];
type View = Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array | Float64Array;

interface Reference {
  readonly type: "block" | "text" | "list" | "object" | ViewName;
  /** Among the blocks (`block`, `text`) or the pieces. */
  readonly from: number;
  readonly to: number;
}

export interface Divided {
  /** The value; a BigInt stands for the reference of that index. Structured-clonable. */
  readonly rest: unknown;
  readonly references: readonly Reference[];
}

export interface SizedPiece {
  readonly piece: Piece;
  /** About what it takes, rather too much. */
  readonly bytes: number;
}

export interface Division extends Divided {
  readonly pieces: readonly SizedPiece[];
  readonly blocks: readonly Block[];
  /** What `rest` and `references` take, rather too much. */
  readonly bytes: number;
}

/** Bytes of a piece or of what stays, and half of it in characters (a string may take two bytes for each). */
const PIECE_BYTES = 1024 * 1024;
/** Characters from which on a text is a block. */
const TEXT_LEAST = 16 * 1024;
/** Bytes that a view or a list may have before it moves out. */
const LEAF_LIMIT = 64 * 1024;
/** About what a value takes when it is stored, besides its text or bytes; rather too much. */
const OVERHEAD_BYTES = 32;
const REFERENCE_BYTES = 96;

interface Entry {
  readonly value: unknown;
  readonly bytes: number;
}

/** Bytes that a text takes at most. */
export function textBytes(text: string): number {
  return 2 * text.length;
}

/** Divides one snapshot after the other: the parts of a long text are the same strings as long as it is there. */
export class Divider {
  /** The texts of the last snapshot with their parts. */
  #texts = new Map<string, readonly string[]>();

  divide(value: unknown): Division {
    const division = new Dividing(this.#texts);
    const rest = division.walk(value);
    this.#texts = division.texts;
    const { references, pieces, blocks } = division;
    return { rest, references, pieces, blocks, bytes: division.kept + REFERENCE_BYTES * references.length };
  }

  /** What `divide` was given. @throws when a part is missing. */
  join(divided: Divided, pieces: readonly (Piece | undefined)[], blocks: readonly Block[]): unknown {
    const joining = new Joining(divided.references, pieces, blocks);
    const whole = joining.resolve(divided.rest);
    this.#texts = joining.texts;
    return whole;
  }
}

class Dividing {
  readonly references: Reference[] = [];
  readonly pieces: SizedPiece[] = [];
  readonly blocks: Block[] = [];
  readonly texts = new Map<string, readonly string[]>();
  readonly #known: ReadonlyMap<string, readonly string[]>;
  /** Bytes of all that was walked and has not moved out, about. */
  kept = 0;

  constructor(known: ReadonlyMap<string, readonly string[]>) {
    this.#known = known;
  }

  walk(node: unknown): unknown {
    this.kept += OVERHEAD_BYTES;
    if (typeof node === "string") return this.#text(node);
    if (typeof node !== "object" || node === null) return node;
    if ((sealedBytes(node) ?? Infinity) <= PIECE_BYTES) return this.#moveBlocks("block", [node]);
    const view = viewOf(node);
    if (view !== null) return this.#view(...view);
    if (Array.isArray(node)) return this.#list(node);
    return isPlain(node) ? this.#object(node) : node;
  }

  #text(text: string): unknown {
    if (text.length < TEXT_LEAST) {
      this.kept += textBytes(text);
      return text;
    }
    const parts =
      this.texts.get(text) ??
      this.#known.get(text) ??
      cut(text.length, PIECE_BYTES / 2, (from, to) => text.slice(from, to));
    this.texts.set(text, parts);
    return this.#moveBlocks("text", parts);
  }

  #view(name: ViewName, view: View): unknown {
    if (view.byteLength <= LEAF_LIMIT) {
      this.kept += view.byteLength;
      // A view on a larger buffer would drag all of it into the store.
      return view.slice();
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const parts = cut(bytes.byteLength, PIECE_BYTES, (from, to) => bytes.slice(from, to));
    return this.#move(
      name,
      parts.map((piece) => ({ piece, bytes: piece.byteLength })),
    );
  }

  #list(list: readonly unknown[]): unknown {
    const before = this.kept;
    const entries = list.map((each) => this.#entry(() => this.walk(each)));
    if (this.kept - before <= LEAF_LIMIT) return entries.map(({ value }) => value);
    this.kept = before;
    return this.#move("list", group(entries));
  }

  #object(object: object): unknown {
    const before = this.kept;
    const entries = Object.entries(object).map(([key, each]) =>
      // A name that a client chose may be as long as its message.
      this.#entry(() => [this.#text(key), this.walk(each)] as const),
    );
    const named = entries.every(({ value: [key] }) => typeof key === "string");
    if (named && this.kept - before <= PIECE_BYTES)
      return Object.fromEntries(entries.map(({ value }) => value));
    this.kept = before;
    return this.#move("object", group(entries));
  }

  #entry<T>(walk: () => T): { readonly value: T; readonly bytes: number } {
    const from = this.kept;
    const value = walk();
    this.kept += OVERHEAD_BYTES;
    return { value, bytes: this.kept - from };
  }

  #move(type: Reference["type"], parts: readonly SizedPiece[]): bigint {
    const from = this.pieces.length;
    this.pieces.push(...parts);
    return this.#refer({ type, from, to: this.pieces.length });
  }

  #moveBlocks(type: "block" | "text", parts: readonly Block[]): bigint {
    const from = this.blocks.length;
    this.blocks.push(...parts);
    return this.#refer({ type, from, to: this.blocks.length });
  }

  #refer(reference: Reference): bigint {
    return BigInt(this.references.push(reference) - 1);
  }
}

class Joining {
  readonly texts = new Map<string, readonly string[]>();
  readonly #references: readonly Reference[];
  readonly #pieces: readonly (Piece | undefined)[];
  readonly #blocks: readonly Block[];

  constructor(
    references: readonly Reference[],
    pieces: readonly (Piece | undefined)[],
    blocks: readonly Block[],
  ) {
    this.#references = references;
    this.#pieces = pieces;
    this.#blocks = blocks;
  }

  resolve(node: unknown): unknown {
    if (typeof node === "bigint") return this.#leaf(this.#references[Number(node)]);
    if (Array.isArray(node)) return node.map((each) => this.resolve(each));
    if (typeof node !== "object" || node === null || !isPlain(node)) return node;
    return Object.fromEntries(Object.entries(node).map(([key, each]) => [key, this.resolve(each)]));
  }

  #leaf(reference: Reference | undefined): unknown {
    if (reference === undefined) throw new Error("a reference of the snapshot is missing");
    const { type, from, to } = reference;
    const parts = (type === "block" || type === "text" ? this.#blocks : this.#pieces).slice(from, to);
    if (parts.length < to - from) throw new Error("a part of the snapshot is missing");
    switch (type) {
      case "block":
        return parts[0];
      case "text":
        return this.#text(parts);
      case "list":
        return lists(parts).map((each) => this.resolve(each));
      case "object":
        return Object.fromEntries(lists(parts).map((each) => this.#pair(each)));
      case "Uint8Array":
      case "Int16Array":
      case "Uint16Array":
      case "Int32Array":
      case "Float32Array":
      case "Float64Array":
        return new VIEWS[type](joinBytes(parts).buffer);
    }
  }

  #pair(entry: unknown): readonly [string, unknown] {
    const [key, value]: readonly unknown[] = Array.isArray(entry) ? entry : [];
    const name = this.resolve(key);
    if (typeof name !== "string") throw new Error("a name in the snapshot is no text");
    return [name, this.resolve(value)];
  }

  #text(parts: readonly unknown[]): string {
    const texts = parts.filter((part) => typeof part === "string");
    if (texts.length < parts.length) throw new Error("a part of the snapshot is missing");
    const [first = ""] = texts;
    const text = texts.length === 1 ? first : texts.join("");
    this.texts.set(text, texts);
    return text;
  }
}

function cut<T>(length: number, size: number, slice: (from: number, to: number) => T): T[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, n) => slice(n * size, (n + 1) * size));
}

/** Entries in a row, as many to a piece as it holds. */
function group(entries: readonly Entry[]): SizedPiece[] {
  const groups: { piece: unknown[]; bytes: number }[] = [];
  for (const { value, bytes } of entries) {
    const last = groups.at(-1);
    if (last === undefined || last.bytes + bytes > PIECE_BYTES) groups.push({ piece: [value], bytes });
    else {
      last.piece.push(value);
      last.bytes += bytes;
    }
  }
  return groups;
}

function lists(parts: readonly unknown[]): unknown[] {
  const found = parts.filter((part) => Array.isArray(part));
  if (found.length < parts.length) throw new Error("a part of the snapshot is missing");
  return found.flat();
}

function joinBytes(parts: readonly unknown[]): Uint8Array<ArrayBuffer> {
  const arrays = parts.filter((part) => part instanceof Uint8Array);
  if (arrays.length < parts.length) throw new Error("a part of the snapshot is missing");
  const bytes = new Uint8Array(arrays.reduce((sum, each) => sum + each.byteLength, 0));
  let offset = 0;
  for (const each of arrays) {
    bytes.set(each, offset);
    offset += each.byteLength;
  }
  return bytes;
}

function isPlain(node: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === Object.prototype || prototype === null;
}

/** Null: it is none of these. */
function viewOf(node: object): readonly [ViewName, View] | null {
  for (const name of VIEW_NAMES) if (node instanceof VIEWS[name]) return [name, node];
  return null;
}
