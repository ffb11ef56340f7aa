/**
 * The API keys in Workers KV, as durable-objects/key-store.ts reads them: `hash:<SHA-256 of the key>` → its id, and
 * `id:<id>` → what is known of it. A key is drawn here and never stored: only its hash is.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runWrangler } from "../relay/wrangler.ts";

const BINDING = "RELAY_KEYS";

export type LimitName =
  | "sessions_per_minute"
  | "concurrent"
  | "answers_per_minute"
  | "minutes_per_day"
  | "session_answers_per_minute"
  | "session_minutes"
  | "sessions_per_secret";

/** Null: no limit. One that is not there is that of relay.config.ts. */
export type Limits = { [name in LimitName]?: number | null };

/** In KV's metadata as well, so that a list needs no further question. */
export interface KeyRecord {
  readonly sha256: string;
  readonly operator?: true;
  readonly limits?: Limits;
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly metadata?: KeyRecord;
}

/** Keys of the deployed relay, or of this machine's (`local`: a folder, or null for that of `npm start`). All throw what wrangler says. */
export class KeyRecords {
  readonly #where: readonly string[];

  constructor(place: "remote" | { readonly local: string | null }) {
    const kept = place === "remote" ? ["--remote"] : ["--local"];
    if (place !== "remote" && place.local !== null) kept.push("--persist-to", place.local);
    this.#where = ["--binding", BINDING, ...kept];
  }

  /** By id, of those whose id begins with `prefix`. */
  async list(prefix = ""): Promise<ReadonlyMap<string, KeyRecord>> {
    const out = await runWrangler(["kv", "key", "list", "--prefix", `id:${prefix}`, ...this.#where]);
    const entries = JSON.parse(out.slice(out.indexOf("["))) as { name: string; metadata?: KeyRecord }[];
    const known = entries.flatMap(({ name, metadata }) =>
      metadata === undefined ? [] : [[name.slice("id:".length), metadata] as const],
    );
    return new Map(known);
  }

  /** Draws a key for `id`, in the place of `former` if there is one. Returns the key: nobody can ask for it again. */
  async draw(id: string, more: Omit<KeyRecord, "sha256">, former?: KeyRecord): Promise<string> {
    const key = `rk_${randomBytes(24).toString("hex")}`;
    const sha256 = createHash("sha256").update(key).digest("hex");
    await this.#put([{ key: `hash:${sha256}`, value: id }, entry(id, { sha256, ...more })]);
    if (former !== undefined) await this.#bulk("delete", [`hash:${former.sha256}`], ["--force"]);
    return key;
  }

  change(id: string, record: KeyRecord): Promise<void> {
    return this.#put([entry(id, record)]);
  }

  remove(id: string, { sha256 }: KeyRecord): Promise<void> {
    return this.#bulk("delete", [`id:${id}`, `hash:${sha256}`], ["--force"]);
  }

  #put(entries: readonly Entry[]): Promise<void> {
    return this.#bulk("put", entries, []);
  }

  /** In one request: a key is there whole or not at all. */
  async #bulk(
    what: "put" | "delete",
    entries: readonly (Entry | string)[],
    more: readonly string[],
  ): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "relay-keys-"));
    try {
      const file = join(folder, "entries.json");
      await writeFile(file, JSON.stringify(entries), { mode: 0o600 });
      await runWrangler(["kv", "bulk", what, file, ...more, ...this.#where]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

function entry(id: string, record: KeyRecord): Entry {
  return { key: `id:${id}`, value: JSON.stringify(record), metadata: record };
}
