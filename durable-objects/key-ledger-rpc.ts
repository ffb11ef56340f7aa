/** What doors and sessions ask of a key's ledger. */
export interface KeyLedgerRpc {
  /** A place for this session until `until` (ms since 1970). One that has a place keeps it, for longer if asked. */
  take(session: string, until: number, limit: number, secret?: string | null): Promise<Place>;
  /** The first so many sessions that have a place, those first that have had it longest. */
  holders(most: number): Promise<readonly string[]>;
  /** Gives the place back; nothing when it has none. */
  release(session: string): Promise<void>;
  /** A client secret (its `jti`) gets no place until then. */
  bar(secret: string, until: number): Promise<void>;
}

/** `kept`: it had one already. `none`: all are taken. `barred`: this secret gets none. */
export type Place = "taken" | "kept" | "none" | "barred";
