/**
 * How many sessions an API key holds at this moment: one object per key that has such a limit, one row per session. A
 * place is a lease, so that whatever never gives it back (an object lost for good, a token nobody used) frees it by
 * running out.
 */
import { DurableObject } from "cloudflare:workers";
import type { RelayEnv } from "./env.ts";
import type { KeyLedgerRpc, Place } from "./key-ledger-rpc.ts";

export class KeyLedger extends DurableObject<RelayEnv> implements KeyLedgerRpc {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: RelayEnv) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS lease (session TEXT PRIMARY KEY, until INTEGER NOT NULL)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS barred (secret TEXT PRIMARY KEY, until INTEGER NOT NULL)");
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
}
