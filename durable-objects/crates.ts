/**
 * Where the parts of a snapshot are stored that are too large for one value, or that do not change: in crates, values
 * of a storage that takes 2 MB at most of each (Durable Objects limits, "Key and value combined"). A crate is written
 * once. A block that is stored already is not written again; a crate is thrown out when the last durable
 * snapshot needs nothing of it.
 */
import { sealedBytes } from "../src/audio/sealed.ts";
import { type Block, type Piece, type SizedPiece, textBytes } from "./pieces.ts";

export type Crate = readonly (Piece | Block)[];

/** Where the parts of a snapshot are: crate and index within for each. Blocks have their bytes besides. */
export interface Places {
  readonly pieces: readonly (readonly [crate: number, index: number])[];
  readonly blocks: readonly Place[];
  /** The crates that these are in, with their bytes. */
  readonly crates: readonly (readonly [crate: number, bytes: number])[];
}

type Place = readonly [crate: number, index: number, bytes: number];

export interface Shipment {
  readonly places: Places;
  readonly written: ReadonlyMap<number, Crate>;
  /** Bytes of the largest of these, about. */
  readonly largest: number;
  /** Needed neither by this snapshot nor by the last durable one. */
  readonly thrown: readonly number[];
}

const CRATE_BYTES = 1024 * 1024;
/**
 * A crate with less than this share in use is given up, and its blocks are written again: waste is bounded. A seventh,
 * because a call's audio leaves history, archive and outbox one after the other, and what stays longest, an outbox that
 * nobody acknowledges, is a quarter: it need not be written twice.
 */
const LEAST_IN_USE = 1 / 7;

export class Crates {
  #places = new BlockPlaces();
  /** Bytes of the crates that may be stored. */
  #bytes = new Map<number, number>();
  /** What the last durable snapshot needs. */
  #durable = new Set<number>();
  #next = 0;

  /** Places for all parts of a snapshot. To be followed by `stored` or `failed`. */
  pack(pieces: readonly SizedPiece[], blocks: readonly Block[]): Shipment {
    const lasting = new Packing(() => this.#number());
    const passing = new Packing(() => this.#number());
    const wasteful = this.#wasteful(blocks);
    const blockPlaces = blocks.map((block) => {
      const known = this.#places.get(block);
      if (known && this.#bytes.has(known[0]) && !wasteful.has(known[0])) return known;
      const bytes = bytesOf(block);
      const place: Place = [...lasting.put(block, bytes), bytes];
      this.#places.set(block, place);
      return place;
    });
    const piecePlaces = pieces.map(({ piece, bytes }) => passing.put(piece, bytes));
    this.#places.keep(blocks);
    const needed = new Set([...blockPlaces, ...piecePlaces].map(([crate]) => crate));
    const thrown = [...this.#bytes.keys()].filter((crate) => !needed.has(crate) && !this.#durable.has(crate));
    for (const crate of thrown) this.#bytes.delete(crate);
    for (const [crate, bytes] of [...lasting.bytes, ...passing.bytes]) this.#bytes.set(crate, bytes);
    const crates = Array.from(needed, (crate) => [crate, this.#bytes.get(crate) ?? 0] as const);
    return {
      places: { pieces: piecePlaces, blocks: blockPlaces, crates },
      written: new Map([...lasting.crates, ...passing.crates]),
      largest: Math.max(0, ...lasting.bytes.values(), ...passing.bytes.values()),
      thrown,
    };
  }

  #number(): number {
    this.#next += 1;
    return this.#next;
  }

  /** Crates that hold little besides what is not needed any more. */
  #wasteful(blocks: readonly Block[]): ReadonlySet<number> {
    const used = new Map<number, number>();
    for (const block of blocks) {
      const place = this.#places.get(block);
      if (place) used.set(place[0], (used.get(place[0]) ?? 0) + place[2]);
    }
    const wasteful = [...used].filter(
      ([crate, bytes]) => bytes < LEAST_IN_USE * (this.#bytes.get(crate) ?? 0),
    );
    return new Set(wasteful.map(([crate]) => crate));
  }

  /** What was packed last is durable. */
  stored(places: Places): void {
    this.#durable = new Set(places.crates.map(([crate]) => crate));
  }

  /** Nobody knows what of it is stored: nothing that is packed from now on relies on it. */
  failed(): void {
    this.#places = new BlockPlaces();
  }

  /** @param crates all there are. @throws when a part is missing. */
  unpack(places: Places, crates: ReadonlyMap<number, Crate>): { pieces: Piece[]; blocks: Block[] } {
    const part = (crate: number, index: number): Piece | Block => {
      const found = crates.get(crate)?.[index];
      if (found === undefined) throw new Error("a part of the snapshot is missing");
      return found;
    };
    const pieces = places.pieces.map(([crate, index]) => part(crate, index) as Piece);
    const blocks = places.blocks.map((place) => {
      const block = part(place[0], place[1]);
      this.#places.set(block, place);
      return block;
    });
    // Those that are needed by nothing were left over by a crash: the next snapshot throws them out.
    this.#bytes = new Map([...Array.from(crates.keys(), (crate) => [crate, 0] as const), ...places.crates]);
    this.#next = Math.max(0, ...crates.keys());
    this.stored(places);
    return { pieces, blocks };
  }
}

/** Where blocks are stored. Objects are known by themselves; texts while the last snapshot had them. */
class BlockPlaces {
  readonly #objects = new WeakMap<object, Place>();
  #texts = new Map<string, Place>();

  get(block: Block): Place | undefined {
    return typeof block === "string" ? this.#texts.get(block) : this.#objects.get(block);
  }

  set(block: Block, place: Place): void {
    if (typeof block === "string") this.#texts.set(block, place);
    else this.#objects.set(block, place);
  }

  /** Forgets the texts that are not among these. */
  keep(blocks: readonly Block[]): void {
    const former = this.#texts;
    this.#texts = new Map();
    for (const block of blocks) {
      const place = typeof block === "string" ? former.get(block) : undefined;
      if (place) this.set(block, place);
    }
  }
}

function bytesOf(block: Block): number {
  return typeof block === "string" ? textBytes(block) : (sealedBytes(block) ?? CRATE_BYTES);
}

/** Fills crates, one after the other. */
class Packing {
  readonly crates = new Map<number, (Piece | Block)[]>();
  readonly bytes = new Map<number, number>();
  readonly #number: () => number;
  #current = 0;

  constructor(number: () => number) {
    this.#number = number;
  }

  put(part: Piece | Block, bytes: number): readonly [crate: number, index: number] {
    const filled = this.bytes.get(this.#current);
    if (filled === undefined || filled + bytes > CRATE_BYTES) {
      this.#current = this.#number();
      this.crates.set(this.#current, []);
    }
    const crate = this.crates.get(this.#current) ?? [];
    crate.push(part);
    this.bytes.set(this.#current, (this.bytes.get(this.#current) ?? 0) + bytes);
    return [this.#current, crate.length - 1];
  }
}
