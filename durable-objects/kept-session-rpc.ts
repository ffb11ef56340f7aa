/** What doors ask of a kept session configuration. */
export interface KeptSessionRpc {
  /** Keeps this JSON until then (ms since 1970). */
  keep(session: string, until: number): Promise<void>;
  /** Null: nothing is kept, or not any more. */
  kept(): Promise<string | null>;
}
