/** What the relay itself is told, under `session.relay`. */

/** What settings have their defaults by: what the client negotiated, and says of its player. */
export interface ClientKind {
  readonly extended: boolean;
  readonly holds: boolean;
  readonly ducks: boolean;
}

export interface RelaySettings {
  readonly leadMs: number | null;
  readonly confirmMs: number;
  readonly dismissMs: number;
  readonly eagerMs: number | null;
  /** How agents give way while a sound over them is judged, where it can be done. */
  readonly overAgent: "duck" | "hold";
  readonly duckDb: number;
}
