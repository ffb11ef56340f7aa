/**
 * A storage in which what a session says lies sealed, where its route wants that: how it began, its snapshots and their
 * crates. Everything else passes as it is. Values are sealed on the way to the disk, off the path of frames, and opened
 * all at once by a resume token, when the object that had the key is gone.
 */
import { goodTokens } from "../src/session/delivery/resume-tokens.ts";
import { type CallSetup, readCallSetup } from "./call-setup.ts";
import type { CallStorage } from "./call-storage.ts";
import { type Sealed, SealKey } from "./seal-key.ts";
import { fromBytes, toBytes } from "./value-bytes.ts";

const MOMENT = "moment";
const SECRET = /^(?:call|moment|crate:\d+)$/;

/** Stays readable beside the snapshot: whose session it is, and how its key can be had. */
interface Label {
  readonly call: CallSetup;
  readonly at: number;
  readonly wraps: readonly Sealed[];
}

interface Row extends Sealed {
  readonly label?: Label;
}

type Unconfirmed = Parameters<CallStorage["delete"]>[1];

export class SealedStorage implements CallStorage {
  readonly #inner: CallStorage;
  /** Null: nothing is sealed from now on, or nothing can be opened yet. */
  #key: Promise<SealKey> | null = null;
  #label: { readonly call: CallSetup; tokens: readonly string[]; at: number } | null = null;
  /** What was opened, until it has been read. */
  #opened: ReadonlyMap<string, unknown> = new Map();
  /** Whatever is on its way to the disk when all is deleted does not arrive. */
  #generation = 0;

  constructor(inner: CallStorage) {
    this.#inner = inner;
  }

  /** Seals what is stored from now on. To be called before each snapshot: by its `tokens` it may be opened. */
  seal(call: CallSetup, tokens: readonly string[], at: number): void {
    this.#key ??= SealKey.draw();
    const left = { ...call, session: {}, keyFingerprint: null, secret: null, token: null };
    this.#label = { call: left, tokens: goodTokens(tokens), at };
  }

  /** Of a sealed session that nobody has opened yet. @throws when it is none. */
  get locked(): { readonly call: CallSetup; readonly at: number } | null {
    const row = this.#inner.kv.get(MOMENT);
    if (this.#key !== null || !isRow(row) || row.label === undefined) return null;
    return { call: readCallSetup(row.label.call), at: row.label.at };
  }

  /** @returns whether this token opens what is stored. @throws when what is stored is not whole. */
  async unlock(token: string): Promise<boolean> {
    const row = this.#inner.kv.get(MOMENT);
    const key = isRow(row) ? await SealKey.from(token, row.label?.wraps ?? []) : null;
    if (key === null) return false;
    const rows = Array.from(this.#inner.kv.list({ prefix: "" })).filter(([, value]) => isRow(value));
    const opened = rows.map(async ([name, value]) => {
      return [name, fromBytes(await key.open(value as Row, name))] as const;
    });
    this.#opened = new Map(await Promise.all(opened));
    this.#key = Promise.resolve(key);
    return true;
  }

  /** What was opened could not be used: it waits for its client's token again. */
  lock(): void {
    this.#key = null;
    this.#opened = new Map();
  }

  /** It was read. */
  forget(): void {
    this.#opened = new Map();
  }

  readonly kv: CallStorage["kv"] = {
    get: (name) => this.#clear(name, this.#inner.kv.get(name)),
    list: (options) =>
      Array.from(this.#inner.kv.list(options), ([name, value]) => [name, this.#clear(name, value)] as const),
    put: (name, value) => this.#inner.kv.put(name, value),
    delete: (name) => this.#inner.kv.delete(name),
  };

  #clear(name: string, value: unknown): unknown {
    return isRow(value) ? this.#opened.get(name) : value;
  }

  async put(first: string | Record<string, unknown>, second: unknown, third?: Unconfirmed): Promise<void> {
    const [entries, options] =
      typeof first === "string" ? [{ [first]: second }, third] : [first, second as Unconfirmed];
    const unconfirmed = options ?? { allowUnconfirmed: true };
    if (this.#key === null || !Object.keys(entries).some((name) => SECRET.test(name)))
      return this.#inner.put(entries, unconfirmed);
    const [generation, label] = [this.#generation, this.#label];
    // As they are now, whatever comes of them while they are sealed.
    const plain = Object.entries(entries).map(
      ([name, value]) => [name, value, bytesOf(name, value)] as const,
    );
    const key = await this.#key;
    const wraps = label === null ? [] : await key.wraps(label.tokens);
    const sealed = plain.map(async ([name, value, bytes]) => {
      if (bytes === null) return [name, value] as const;
      const row: Row = await key.seal(bytes, name);
      if (name !== MOMENT || label === null) return [name, row] as const;
      return [name, { ...row, label: { call: label.call, at: label.at, wraps } }] as const;
    });
    const rows = Object.fromEntries(await Promise.all(sealed));
    if (generation !== this.#generation) throw new Error("wiped meanwhile");
    return this.#inner.put(rows, unconfirmed);
  }

  delete(names: string | string[], options: Unconfirmed): Promise<unknown> {
    return this.#inner.delete(names, options);
  }

  setAlarm(at: number, options?: Unconfirmed): Promise<void> {
    return this.#inner.setAlarm(at, options);
  }

  deleteAlarm(): Promise<void> {
    return this.#inner.deleteAlarm();
  }

  deleteAll(): Promise<void> {
    this.#generation += 1;
    this.#opened = new Map();
    return this.#inner.deleteAll();
  }

  sync(): Promise<void> {
    return this.#inner.sync();
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && "sealed" in value && "iv" in value;
}

/** Null: it is no secret. */
function bytesOf(name: string, value: unknown): Uint8Array<ArrayBuffer> | null {
  return SECRET.test(name) ? toBytes(value) : null;
}
