/** What a session keeps in its object's SQLite: how it began, its last snapshot, and which token was used. */
import type { SessionSnapshot } from "../src/session/session.ts";
import { ABANDONED_MS, CallAlarm } from "./call-alarm.ts";
import { type CallSetup, readCallSetup } from "./call-setup.ts";
import type { CallStorage } from "./call-storage.ts";
import { Crates, type Crate, type Places } from "./crates.ts";
import { type Divided, Divider } from "./pieces.ts";

/** A moment of the session, with the sockets that it believes to have. */
export interface Moment {
  readonly peers: readonly string[];
  readonly session: SessionSnapshot;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** As it was found in the store, whatever build wrote it. */
export type FoundMoment = Omit<Moment, "session"> & { readonly session: unknown };

interface StoredMoment {
  /** Of these values, not of what is in the session. */
  readonly format: typeof FORMAT;
  readonly at: number;
  readonly peers: readonly string[];
  readonly session: Divided;
  readonly places: Places;
  /** What goes with it of its parts. */
  readonly own?: Crate;
}

interface UsedToken {
  readonly jti: string;
  readonly exp: number;
}

const FORMAT = 2;
const CALL = "call";
const USED = "used";
const MOMENT = "moment";
/** There while there is a session of which nothing is stored. */
const FLEETING = "fleeting";
/** There while the moment is the last word: the session slept, and nothing came since. */
const ASLEEP = "asleep";
/** There while what is stored cannot be read: since when, in milliseconds since 1970. */
const UNREAD = "unread";
const CRATE = "crate:";
/** Of one `put` or `delete` with several keys (Durable Objects, storage API). */
const KEYS_AT_ONCE = 128;
/**
 * Bytes of one value, of 2 MB that the platform takes with the key (Durable Objects, limits); workerd alone would take
 * 4 MiB. A write that the platform refuses ends the object; one that is not made does not.
 */
const VALUE_LIMIT = 1_900_000;
/** Of one place in a moment. */
const PLACE_BYTES = 64;
/** A door's clock may be behind the object's by so much: to it, a token that has expired here is still good. */
const DOOR_CLOCK_MS = 60_000;

/** How long what cannot be read is kept. */
const UNREAD_MS = 2 * ABANDONED_MS;

/** What was written did not become durable, and nobody knows what of it is there. */
export class WriteFailed extends Error {
  override readonly name = "WriteFailed";
}

export class CallStore {
  readonly alarm: CallAlarm;
  readonly #storage: CallStorage;
  #crates = new Crates();
  #divider = new Divider();
  /** How the session began, while that waits for its first snapshot. */
  #unstored: CallSetup | null = null;
  /** `mark` was stored. */
  #marked = false;
  /** A token was used up, and that is not known to be durable. */
  #unconfirmed = false;

  constructor(storage: CallStorage) {
    this.#storage = storage;
    this.alarm = new CallAlarm(storage);
  }

  /** @throws when what is stored is none. */
  get call(): CallSetup | null {
    const stored = this.#storage.kv.get(CALL);
    return stored === undefined ? null : readCallSetup(stored);
  }

  /** A session begins with its client. It is stored with its first snapshot: without one nothing could go on with it. */
  begin(call: CallSetup): void {
    this.#unstored = call;
  }

  /** A session begins before its client, which may be long in coming: the object may leave memory meanwhile. */
  async prepare(call: CallSetup, now: number): Promise<void> {
    await Promise.all([this.#storage.put(CALL, call, { allowUnconfirmed: true }), this.alarm.guard(now)]);
  }

  /** The session that was here, if nothing of it is stored. Its `session` is empty. @throws as `call`. */
  get fleeting(): CallSetup | null {
    const stored = this.#storage.kv.get(FLEETING);
    return stored === undefined ? null : readCallSetup(stored);
  }

  /** There is this session, and nothing is to be known of it but whose it is: without that its place would stay taken. */
  async mark(call: CallSetup, now: number): Promise<void> {
    if (!this.#marked) {
      // What another build or another configuration of the route stored.
      if (this.#storage.kv.get(CALL) !== undefined) await this.#empty(this.used);
      const left: CallSetup = { ...call, session: {}, keyFingerprint: null, secret: null, token: null };
      await this.#storage.put(FLEETING, left, { allowUnconfirmed: true });
      this.#marked = true;
    }
    await this.alarm.guard(now);
  }

  /** The token that opened this session, while a door would still accept it. */
  get used(): UsedToken | null {
    return (this.#storage.kv.get(USED) as UsedToken | undefined) ?? null;
  }

  /** False when it was used before: two connections cannot both have it. Durable after `confirmed`. */
  consume(token: UsedToken): boolean {
    const { used } = this;
    // One is remembered. A stream's is made for each stream of a call: those before the last one are over.
    if (used?.jti === token.jti || token.exp < (used?.exp ?? 0)) return false;
    this.#unconfirmed = true;
    // It is read again at once; only the output gate is left open, so that what the session dials does not wait.
    void this.#storage.put(USED, { jti: token.jti, exp: token.exp }, { allowUnconfirmed: true });
    return true;
  }

  /** Resolves when whatever token was used up stays so. */
  async confirmed(): Promise<void> {
    if (!this.#unconfirmed) return;
    await this.#storage.sync();
    this.#unconfirmed = false;
  }

  /**
   * Unconfirmed, because the output gate would hold back what is sent meanwhile (one insert per frame gave a p99 of
   * 1.7 s). What a crash can lose is the last second, and the snapshot before it is whole: one put is atomic.
   * Resolves when it is durable; rejects when it was refused before it was written. One that the platform fails to write
   * does neither: that ends the object, and another one goes on from the last that is durable.
   * @throws WriteFailed where the runtime leaves that to its caller.
   */
  async save({ at, peers, session }: Moment): Promise<void> {
    const { rest, references, pieces, blocks, bytes } = this.#divider.divide(session);
    const { places, own, ownBytes, written, thrown, largest } = this.#crates.pack(pieces, blocks, bytes);
    try {
      const placed = places.pieces.length + places.blocks.length + places.crates.length;
      if (Math.max(largest, bytes + ownBytes + PLACE_BYTES * placed) > VALUE_LIMIT)
        throw new Error("a snapshot is too large");
      const stored: StoredMoment = {
        format: FORMAT,
        at,
        peers,
        session: { rest, references },
        places,
        own,
      };
      await Promise.all([this.#write(stored, written), ...this.#throwOut(thrown), this.alarm.guard(at)]);
      await this.#durable();
      this.#unstored = null;
      this.#crates.stored(places);
    } catch (error) {
      this.#crates.failed();
      throw error;
    }
  }

  async #durable(): Promise<void> {
    try {
      await this.#storage.sync();
    } catch (cause) {
      throw new WriteFailed("a write failed", { cause });
    }
  }

  /** Nothing refers to the new crates before the moment does, which comes last. */
  async #write(moment: StoredMoment, crates: ReadonlyMap<number, Crate>): Promise<void> {
    const entries: [string, StoredMoment | Crate | CallSetup][] = Array.from(crates, ([n, crate]) => [
      `${CRATE}${n}`,
      crate,
    ]);
    if (this.#unstored !== null) entries.push([CALL, this.#unstored]);
    if (this.#marked) {
      // Its client was one of which nothing is stored, and another one has taken its place.
      this.#marked = false;
      await this.#storage.delete(FLEETING, { allowUnconfirmed: true });
    }
    entries.push([MOMENT, moment]);
    for (const chunk of inChunks(entries)) {
      await this.#storage.put(Object.fromEntries(chunk), { allowUnconfirmed: true });
    }
  }

  /** What neither the new moment nor the last durable one refers to: safe whatever of all this reaches the disk. */
  #throwOut(crates: readonly number[]): Promise<void>[] {
    return inChunks(crates.map((n) => `${CRATE}${n}`)).map(async (keys) => {
      await this.#storage.delete(keys, { allowUnconfirmed: true });
    });
  }

  /** @throws when what is stored is not whole. */
  load(): FoundMoment | null {
    const stored = this.#storage.kv.get(MOMENT) as StoredMoment | undefined;
    if (stored === undefined) return null;
    const crates = Array.from(this.#storage.kv.list({ prefix: CRATE }), ([key, crate]) => {
      return [Number(key.slice(CRATE.length)), crate as Crate] as const;
    });
    if (stored.format !== FORMAT) throw new Error("a moment of another format");
    const { pieces, blocks } = this.#crates.unpack(stored.places, new Map(crates), stored.own ?? []);
    return {
      at: stored.at,
      peers: stored.peers,
      session: this.#divider.join(stored.session, pieces, blocks),
    };
  }

  /** What `load` gives is all there is to know: nothing was sent or received after it. */
  get asleep(): boolean {
    return this.#storage.kv.get(ASLEEP) === true;
  }

  /** @param current nothing happened since the last `save`. */
  sleep(current: boolean): void {
    if (current) void this.#storage.put(ASLEEP, true, { allowUnconfirmed: true });
  }

  /** Durable before anything that is sent afterwards leaves the object. */
  awake(): void {
    if (this.asleep) this.#storage.kv.delete(ASLEEP);
  }

  /**
   * Forgets the session and empties the database's pages, but the used token not before no door accepts it any more: then
   * call this again.
   */
  async wipe(now: number): Promise<void> {
    this.#crates = new Crates();
    this.#divider = new Divider();
    this.alarm.forget();
    this.#unstored = null;
    this.#marked = false;
    const used = this.used;
    const until = used === null ? now : used.exp * 1000 + DOOR_CLOCK_MS;
    if (used === null || until <= now) {
      // One commit: dying between them would leave what no alarm ever comes for.
      await Promise.all([this.#storage.deleteAlarm(), this.#storage.deleteAll()]);
      return;
    }
    await Promise.all([this.#empty(used), this.#storage.setAlarm(until)]);
  }

  /** What one turn writes is one commit: there is no moment at which the token is not known. */
  async #empty(used: UsedToken | null): Promise<void> {
    const emptied = this.#storage.deleteAll();
    if (used !== null) this.#storage.kv.put(USED, used);
    await emptied;
  }

  /**
   * What is stored cannot be read, by this build or at this moment: another one may (a rollback, the end of a fault of the
   * storage's). It stays as long as a session that nobody comes back to; then the alarm rings.
   */
  async keepUnread(now: number): Promise<void> {
    const since = this.#unreadSince ?? now;
    await this.#storage.put(UNREAD, since, { allowUnconfirmed: true });
    await this.alarm.set(since + UNREAD_MS);
  }

  /** It could be read after all. */
  read(): void {
    if (this.#unreadSince === undefined) return;
    void this.#storage.delete(UNREAD, { allowUnconfirmed: true });
  }

  /** The time of what cannot be read is over. */
  unreadOver(now: number): boolean {
    return now >= (this.#unreadSince ?? now) + UNREAD_MS;
  }

  get #unreadSince(): number | undefined {
    return this.#storage.kv.get(UNREAD) as number | undefined;
  }
}

function inChunks<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / KEYS_AT_ONCE) }, (_, n) =>
    list.slice(n * KEYS_AT_ONCE, (n + 1) * KEYS_AT_ONCE),
  );
}
