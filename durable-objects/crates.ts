/**
 * Where the parts of a snapshot are stored that are too large for one value, or that do not change: in crates, values
 * of a storage that takes 2 MB at most of each (Durable Objects limits, "Key and value combined"). A block that is in a
 * crate is not written again; a crate is thrown out, or its number used again, when the last durable snapshot needs
 * nothing of it.
 *
 * Every value that is written or deleted costs (rows written): what changes, and what is new and little, goes with the
 * snapshot itself, in its own crate, until there is enough of it for another.
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
  /** To be stored with the places: what is in the crate `OWN`. */
  readonly own: Crate;
  /** Bytes of it, about. */
  readonly ownBytes: number;
  readonly written: ReadonlyMap<number, Crate>;
  /** Bytes of the largest of these, about. */
  readonly largest: number;
  /** Needed neither by this snapshot nor by the last durable one. */
  readonly thrown: readonly number[];
}

const CRATE_BYTES = 1024 * 1024;
/** The number of a snapshot's own crate. */
const OWN = 0;
/** Bytes of a snapshot with its own crate. */
const OWN_BYTES = 1024 * 1024;
/** Bytes of blocks that go with a snapshot, and so are written again with the next. */
const YOUNG_BYTES = 400_000;
/** So often; unless there are less than these bytes of them. */
const YOUNG_SNAPSHOTS = 4;
const YOUNG_LEAST_BYTES = 65_536;
/** A crate that is not needed waits for so many snapshots for something to be put into it. */
const IDLE_SNAPSHOTS = 3;
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
  /** Crates that nothing needs, with the snapshots since. */
  readonly #idle = new Map<number, number>();
  /** What the last durable snapshot needs. */
  #durable = new Set<number>();
  #next = 0;
  /** Snapshots in a row with blocks of their own. */
  #carried = 0;

  /** Places for all parts of a snapshot, which takes `bytes` itself. To be followed by `stored` or `failed`. */
  pack(pieces: readonly SizedPiece[], blocks: readonly Block[], bytes = 0): Shipment {
    const young = this.#young(blocks);
    const youngBytes = young.reduce((sum, block) => sum + bytesOf(block), 0);
    const pieceBytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
    const own = new Packing(() => OWN);
    const fresh = new Packing(() => this.#number());
    const keepsYoung = this.#carries(youngBytes, bytes);
    const keepsPieces = bytes + pieceBytes + (keepsYoung ? youngBytes : 0) <= OWN_BYTES;
    const blockPlaces = this.#place(blocks, young, keepsYoung ? own : fresh, keepsYoung);
    // What passes does not stay for the sake of what lasts.
    const passing = keepsPieces ? own : new Packing(() => this.#number());
    const piecePlaces = pieces.map(({ piece, bytes: size }) => passing.put(piece, size));
    for (const packing of [fresh, passing]) {
      for (const [crate, size] of packing.bytes) if (crate !== OWN) this.#bytes.set(crate, size);
    }
    const needed = new Set([...blockPlaces, ...piecePlaces].map(([crate]) => crate));
    needed.delete(OWN);
    const written = new Map([...fresh.crates, ...passing.crates]);
    written.delete(OWN);
    return {
      places: {
        pieces: piecePlaces,
        blocks: blockPlaces,
        crates: Array.from(needed, (crate) => [crate, this.#bytes.get(crate) ?? 0] as const),
      },
      own: own.crates.get(OWN) ?? [],
      ownBytes: own.bytes.get(OWN) ?? 0,
      written,
      largest: Math.max(0, ...fresh.bytes.values(), ...passing.bytes.values()),
      thrown: this.#throwOut(needed),
    };
  }

  /** Where each block is, the young ones in `packing`. @param passing it does not last: the next snapshot places them again. */
  #place(
    blocks: readonly Block[],
    young: readonly Block[],
    packing: Packing,
    passing: boolean,
  ): readonly Place[] {
    const places = new Map<Block, Place>();
    for (const block of young) {
      const size = bytesOf(block);
      const place: Place = [...packing.put(block, size), size];
      places.set(block, place);
      if (!passing) this.#places.set(block, place);
    }
    const found = blocks.map((block) => {
      const place = places.get(block) ?? this.#places.get(block);
      if (place === undefined) throw new Error("a block without a place");
      return place;
    });
    this.#places.keep(blocks);
    return found;
  }

  #carries(youngBytes: number, bytes: number): boolean {
    this.#carried += 1;
    const old = this.#carried > YOUNG_SNAPSHOTS && youngBytes >= YOUNG_LEAST_BYTES;
    if (!old && youngBytes <= YOUNG_BYTES && bytes + youngBytes <= OWN_BYTES) return true;
    this.#carried = 0;
    return false;
  }

  /** Those that are in no crate, or in one that is given up; each once. */
  #young(blocks: readonly Block[]): readonly Block[] {
    const wasteful = this.#wasteful(blocks);
    return [...new Set(blocks)].filter((block) => {
      const known = this.#places.get(block);
      return known === undefined || !this.#bytes.has(known[0]) || wasteful.has(known[0]);
    });
  }

  /** @returns the crates to be deleted: nobody needed them for a while. */
  #throwOut(needed: ReadonlySet<number>): readonly number[] {
    for (const crate of this.#bytes.keys()) {
      if (needed.has(crate) || this.#durable.has(crate)) continue;
      this.#bytes.delete(crate);
      this.#idle.set(crate, 0);
    }
    const thrown: number[] = [];
    for (const [crate, snapshots] of this.#idle) {
      this.#idle.set(crate, snapshots + 1);
      if (snapshots >= IDLE_SNAPSHOTS) thrown.push(crate);
    }
    for (const crate of thrown) this.#idle.delete(crate);
    return thrown;
  }

  /** Of a crate: one that is not needed, which is written over, before another one. */
  #number(): number {
    for (const crate of this.#idle.keys()) {
      this.#idle.delete(crate);
      return crate;
    }
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

  /** @param crates all there are. @param own the snapshot's own. @throws when a part is missing. */
  unpack(
    places: Places,
    crates: ReadonlyMap<number, Crate>,
    own: Crate,
  ): { pieces: Piece[]; blocks: Block[] } {
    const part = (crate: number, index: number): Piece | Block => {
      const found = (crate === OWN ? own : crates.get(crate))?.[index];
      if (found === undefined) throw new Error("a part of the snapshot is missing");
      return found;
    };
    const pieces = places.pieces.map(([crate, index]) => part(crate, index) as Piece);
    const blocks = places.blocks.map((place) => {
      const block = part(place[0], place[1]);
      if (place[0] !== OWN) this.#places.set(block, place);
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
