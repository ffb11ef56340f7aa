import type { Budgets } from "./api-key.ts";

/** What doors and sessions ask of a key's ledger. Only grows, as voice-session-rpc.ts does. */
export interface KeyLedgerRpc {
  /** A place for this session until `until` (ms since 1970). One that has a place keeps it, for longer if asked. */
  take(session: string, until: number, limit: number, secret?: string | null): Promise<Place>;
  /** The first so many sessions that have a place, those first that have had it longest. */
  holders(most: number): Promise<readonly string[]>;
  /** Gives the place back; nothing when it has none. */
  release(session: string): Promise<void>;
  /** A client secret (its `jti`) gets no place until then. */
  bar(secret: string, until: number): Promise<void>;
  /**
   * What the session used since it last said so is written down, and it gets a share of what is left, in place of the one
   * that it had.
   * @param want `nothing`: it only says what it used, or only wants to know what there is.
   */
  draw(session: string, used: Used, budgets: Budgets, want: "share" | "nothing"): Promise<Grant>;
  /**
   * The secret opens this session; `kept`: it had done so before. False: it has opened `most` others. Forgotten at `until`,
   * when it has expired.
   */
  openBy(secret: string, session: string, until: number, most: number): Promise<boolean | "kept">;
  /** It did not. */
  notOpened(secret: string, session: string): Promise<void>;
}

export interface Used {
  readonly answers: number;
  readonly talkMs: number;
}

/** A session's share. Null: it is not counted. */
export interface Grant {
  readonly answers: number | null;
  readonly talkMs: number | null;
  /** When there may be more of each, in milliseconds since 1970. */
  readonly answersAt: number;
  readonly talkAt: number;
}

/** `kept`: it had one already. `none`: all are taken. `barred`: this secret gets none. */
export type Place = "taken" | "kept" | "none" | "barred";
