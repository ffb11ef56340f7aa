/**
 * What an API key has, of what it may have at once, in a minute or in a day: one object per key that has such a limit. A
 * place is a lease, so that whatever never gives it back (an object lost for good, a token nobody used) frees it by
 * running out.
 *
 * Answers and minutes are given out ahead, a small share to each live session, and what is given out counts as used: so no
 * frame and no answer waits for this object, and all sessions together never have more than the limit.
 */
import { DurableObject } from "cloudflare:workers";
import type { RelayEnv } from "./env.ts";
import type { Grant, KeyLedgerRpc, Place, Used } from "./key-ledger-rpc.ts";
import type { Budgets } from "./api-key.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A session's share: the answer to a turn and to what its tools said; talk until it asks again, and longer. */
const SHARE_ANSWERS = 2;
const SHARE_TALK_MS = MINUTE_MS;
/** A session that is awake asks at least once a minute: whoever does not is gone, and so is its share. */
const SHARE_MS = 2.5 * MINUTE_MS;

const TABLES = `
  CREATE TABLE IF NOT EXISTS lease (session TEXT PRIMARY KEY, until INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS answers (at INTEGER NOT NULL, count INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS talk (day INTEGER PRIMARY KEY, ms INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS share
    (session TEXT PRIMARY KEY, answers INTEGER NOT NULL, ms INTEGER NOT NULL, until INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS opened
    (secret TEXT, session TEXT, until INTEGER NOT NULL, PRIMARY KEY (secret, session));
  CREATE TABLE IF NOT EXISTS barred (secret TEXT PRIMARY KEY, until INTEGER NOT NULL);
`;

export class KeyLedger extends DurableObject<RelayEnv> implements KeyLedgerRpc {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec(TABLES);
  }

  async take(session: string, until: number, limit: number, secret: string | null = null): Promise<Place> {
    const now = Date.now();
    const barred = this.#sql.exec("SELECT 1 FROM barred WHERE secret = ? AND until > ?", secret, now);
    if (barred.toArray().length > 0) return "barred";
    this.#sql.exec("DELETE FROM lease WHERE until <= ?", now);
    const kept = this.#sql.exec("UPDATE lease SET until = max(until, ?) WHERE session = ?", until, session);
    if (kept.rowsWritten > 0) return "kept";
    const { count } = this.#sql.exec<{ count: number }>("SELECT count(*) AS count FROM lease").one();
    if (count >= limit) return "none";
    this.#sql.exec("INSERT INTO lease (session, until) VALUES (?, ?)", session, until);
    return "taken";
  }

  async holders(most: number): Promise<readonly string[]> {
    const rows = this.#sql.exec<{ session: string }>(
      "SELECT session FROM lease ORDER BY rowid LIMIT ?",
      most,
    );
    return Array.from(rows, ({ session }) => session);
  }

  async bar(secret: string, until: number): Promise<void> {
    this.#sql.exec("DELETE FROM barred WHERE until <= ?", Date.now());
    this.#sql.exec("INSERT OR REPLACE INTO barred (secret, until) VALUES (?, ?)", secret, until);
  }

  async release(session: string): Promise<void> {
    this.#sql.exec("DELETE FROM lease WHERE session = ?", session);
  }

  async draw(session: string, used: Used, budgets: Budgets, want: "share" | "nothing"): Promise<Grant> {
    const now = Date.now();
    const day = Math.floor(now / DAY_MS);
    this.#use(used, now, day);
    this.#sql.exec("DELETE FROM share WHERE until <= ? OR session = ?", now, session);
    const given = this.#sql
      .exec<{ answers: number; ms: number }>(
        "SELECT coalesce(sum(answers), 0) AS answers, coalesce(sum(ms), 0) AS ms FROM share",
      )
      .one();
    const asked = this.#sql
      .exec<{ count: number; first: number | null }>(
        "SELECT coalesce(sum(count), 0) AS count, min(at) AS first FROM answers",
      )
      .one();
    const talked = this.#sql
      .exec<{ ms: number }>("SELECT coalesce(sum(ms), 0) AS ms FROM talk WHERE day = ?", day)
      .one();
    const { answersPerMinute, minutesPerDay } = budgets;
    const answers = answersPerMinute === null ? null : answersPerMinute - asked.count - given.answers;
    const talkMs = minutesPerDay === null ? null : minutesPerDay * MINUTE_MS - talked.ms - given.ms;
    const grant = {
      answers: share(answers, SHARE_ANSWERS),
      talkMs: share(talkMs, SHARE_TALK_MS),
      answersAt: (asked.first ?? now) + MINUTE_MS,
      talkAt: (day + 1) * DAY_MS,
    };
    const taken = (grant.answers ?? 0) + (grant.talkMs ?? 0) > 0;
    if (want === "share" && taken) {
      const values = [session, grant.answers ?? 0, grant.talkMs ?? 0, now + SHARE_MS];
      this.#sql.exec("INSERT INTO share (session, answers, ms, until) VALUES (?, ?, ?, ?)", ...values);
    }
    return grant;
  }

  #use({ answers, talkMs }: Used, now: number, day: number): void {
    this.#sql.exec("DELETE FROM answers WHERE at <= ?", now - MINUTE_MS);
    this.#sql.exec("DELETE FROM talk WHERE day < ?", day);
    if (answers > 0) this.#sql.exec("INSERT INTO answers (at, count) VALUES (?, ?)", now, answers);
    if (talkMs <= 0) return;
    const added = "ON CONFLICT (day) DO UPDATE SET ms = ms + excluded.ms";
    this.#sql.exec(`INSERT INTO talk (day, ms) VALUES (?, ?) ${added}`, day, Math.round(talkMs));
  }

  async openBy(secret: string, session: string, until: number, most: number): Promise<boolean | "kept"> {
    this.#sql.exec("DELETE FROM opened WHERE until <= ?", Date.now());
    const others = "SELECT count(*) AS count FROM opened WHERE secret = ? AND session <> ?";
    const { count } = this.#sql.exec<{ count: number }>(others, secret, session).one();
    if (count >= most) return false;
    const row = "INSERT OR IGNORE INTO opened (secret, session, until) VALUES (?, ?, ?)";
    return this.#sql.exec(row, secret, session, until).rowsWritten > 0 || "kept";
  }

  async notOpened(secret: string, session: string): Promise<void> {
    this.#sql.exec("DELETE FROM opened WHERE secret = ? AND session = ?", secret, session);
  }
}

function share(left: number | null, most: number): number | null {
  return left === null ? null : Math.max(0, Math.min(left, most));
}
