/**
 * Takes apart what is too large for one stored value, or need not be stored again: a snapshot with seconds of audio and
 * a few pictures, or one with a thousand small messages. Sealed blocks are taken out as they are, long strings, views
 * and lists in pieces; where they belong is said by path, so that no content of a client's can be mistaken for a
 * reference.
 */
import { sealedBytes } from "../src/audio/sealed.ts";

export type Piece = string | Uint8Array | readonly unknown[];

type View = Uint8Array | Int16Array | Float32Array;

interface Reference {
  readonly path: readonly (string | number)[];
  readonly type: "block" | "string" | "list" | "Uint8Array" | "Int16Array" | "Float32Array";
  /** Among the blocks or the pieces. */
  readonly from: number;
  readonly to: number;
}

export interface Divided {
  /** The value, without what is in the pieces. Structured-clonable. */
  readonly rest: unknown;
  /** What is inside of a list comes before the list. */
  readonly references: readonly Reference[];
}

/** Characters or bytes that a leaf may have before it moves out; and, about, the bytes of a list. */
const LEAF_LIMIT = 64 * 1024;
/** Bytes, and half of it in characters (a string may take two bytes for each). */
const PIECE_BYTES = 1024 * 1024;

/** About what a value takes when it is stored, besides its text or bytes; rather too much. */
const OVERHEAD_BYTES = 32;

export function divide(
  value: unknown,
): Divided & { readonly pieces: readonly Piece[]; readonly blocks: readonly object[] } {
  const references: Reference[] = [];
  const pieces: Piece[] = [];
  const blocks: object[] = [];
  const refer = (path: Reference["path"], type: Reference["type"], parts: readonly Piece[]): void => {
    references.push({ path, type, from: pieces.length, to: pieces.length + parts.length });
    pieces.push(...parts);
  };
  /** Bytes of all that was walked and has not moved out, about. */
  let kept = 0;
  const list = (node: readonly unknown[], path: Reference["path"]): unknown => {
    const before = kept;
    const entries = node.map((each, index) => {
      const from = kept;
      return { value: walk(each, [...path, index]), bytes: kept - from };
    });
    if (kept - before <= LEAF_LIMIT) return entries.map((entry) => entry.value);
    kept = before;
    refer(path, "list", group(entries));
    return null;
  };
  const walk = (node: unknown, path: Reference["path"]): unknown => {
    kept += OVERHEAD_BYTES;
    if (typeof node === "string" && node.length > LEAF_LIMIT) {
      refer(
        path,
        "string",
        cut(node.length, PIECE_BYTES / 2, (from, to) => node.slice(from, to)),
      );
      return "";
    }
    if (typeof node === "string") kept += 2 * node.length;
    if (typeof node === "object" && node !== null && (sealedBytes(node) ?? Infinity) <= PIECE_BYTES) {
      references.push({ path, type: "block", from: blocks.length, to: blocks.length + 1 });
      blocks.push(node);
      return null;
    }
    if (isView(node)) {
      // A view on a larger buffer would drag all of it into the store.
      if (node.byteLength <= LEAF_LIMIT) {
        kept += node.byteLength;
        return node.slice();
      }
      const bytes = new Uint8Array(node.buffer, node.byteOffset, node.byteLength);
      refer(
        path,
        typeOf(node),
        cut(bytes.byteLength, PIECE_BYTES, (from, to) => bytes.slice(from, to)),
      );
      return null;
    }
    if (Array.isArray(node)) return list(node, path);
    if (typeof node === "object" && node !== null && Object.getPrototypeOf(node) === Object.prototype) {
      return Object.fromEntries(
        Object.entries(node).map(([key, each]) => {
          kept += 2 * key.length;
          return [key, walk(each, [...path, key])];
        }),
      );
    }
    return node;
  };
  return { rest: walk(value, []), references, pieces, blocks };
}

/** What `divide` was given. Takes over `divided.rest`. @throws when a piece is missing. */
export function join(
  divided: Divided,
  pieces: readonly (Piece | undefined)[],
  blocks: readonly object[],
): unknown {
  let whole = divided.rest;
  for (const { path, type, from, to } of divided.references.toReversed()) {
    const leaf = type === "block" ? blocks[from] : joinParts(type, pieces.slice(from, to), to - from);
    if (leaf === undefined) throw new Error("a block of the snapshot is missing");
    const last = path.at(-1);
    if (last === undefined) whole = leaf;
    else Object.defineProperty(at(whole, path.slice(0, -1)), last, { value: leaf, ...PLAIN });
  }
  return whole;
}

const PLAIN = { enumerable: true, configurable: true, writable: true } as const;

function at(root: unknown, path: Reference["path"]): object {
  let node: unknown = root;
  for (const key of path) {
    node =
      typeof node === "object" && node !== null && Object.hasOwn(node, key) ? Reflect.get(node, key) : null;
  }
  if (typeof node !== "object" || node === null) throw new Error("a piece of the snapshot has no place");
  return node;
}

function cut(length: number, size: number, slice: (from: number, to: number) => Piece): Piece[] {
  return Array.from({ length: Math.ceil(length / size) }, (_, n) => slice(n * size, (n + 1) * size));
}

/** Entries in a row, as many to a piece as it holds. */
function group(entries: readonly { readonly value: unknown; readonly bytes: number }[]): Piece[] {
  const groups: unknown[][] = [];
  let room = 0;
  for (const { value, bytes } of entries) {
    if (bytes > room || groups.length === 0) {
      groups.push([]);
      room = PIECE_BYTES;
    }
    groups.at(-1)?.push(value);
    room -= bytes;
  }
  return groups;
}

function joinParts(
  type: Exclude<Reference["type"], "block">,
  parts: readonly (Piece | undefined)[],
  count: number,
): unknown {
  if (type === "string") return joinText(parts, count);
  return type === "list" ? joinLists(parts, count) : view(type, joinBytes(parts, count));
}

function joinLists(parts: readonly (Piece | undefined)[], count: number): unknown[] {
  const lists = parts.filter((part) => Array.isArray(part));
  if (lists.length !== count) throw new Error("a piece of the snapshot is missing");
  return lists.flat();
}

function joinText(parts: readonly (Piece | undefined)[], count: number): string {
  const texts = parts.filter((part) => typeof part === "string");
  if (texts.length !== count) throw new Error("a piece of the snapshot is missing");
  return texts.join("");
}

function joinBytes(parts: readonly (Piece | undefined)[], count: number): Uint8Array<ArrayBuffer> {
  const arrays = parts.filter((part) => part instanceof Uint8Array);
  if (arrays.length !== count) throw new Error("a piece of the snapshot is missing");
  const bytes = new Uint8Array(arrays.reduce((sum, each) => sum + each.byteLength, 0));
  let offset = 0;
  for (const each of arrays) {
    bytes.set(each, offset);
    offset += each.byteLength;
  }
  return bytes;
}

function isView(node: unknown): node is View {
  return node instanceof Uint8Array || node instanceof Int16Array || node instanceof Float32Array;
}

function typeOf(view: View): "Uint8Array" | "Int16Array" | "Float32Array" {
  if (view instanceof Int16Array) return "Int16Array";
  return view instanceof Float32Array ? "Float32Array" : "Uint8Array";
}

function view(type: "Uint8Array" | "Int16Array" | "Float32Array", bytes: Uint8Array<ArrayBuffer>): View {
  if (type === "Int16Array") return new Int16Array(bytes.buffer);
  return type === "Float32Array" ? new Float32Array(bytes.buffer) : bytes;
}
