/**
 * What the doors ask of a session's object. Values cross as text: a session's JSON is of any depth, and the doors
 * hand it on as it is.
 *
 * Only grows, as call-setup.ts does: doors and objects of two releases talk to each other after a deploy. A method stays as
 * it is for a release after the last door that calls it.
 */
export interface VoiceSessionRpc {
  /** Upgrades a client. See call-setup.ts for the header that says who comes. */
  fetch(request: Request): Promise<Response>;
  /**
   * Hands in the session configuration of a call whose header would be too long, for the upgrade that names the
   * same `ticket`.
   */
  prepare(ticket: string, session: string): Promise<void>;
  /** Builds the session before its client comes. `setup`: a `CallSetup` as JSON. False: it was there already. */
  prewarm(setup: string): Promise<boolean>;
  /** `SessionState` as JSON, or null when this key has no such session here. Null: an operator asks. */
  state(keyId: string | null): Promise<string | null>;
  /** This key's session is here and has not ended. */
  alive(keyId: string): Promise<boolean>;
  /** Since when (ms since 1970) its client is gone, while it is waited for; null: it is there, or never came. */
  vacantSince(keyId: string): Promise<number | null>;
  /** Ends the session if its client is gone: its place is wanted. False: it is not to be had. */
  yieldPlace(keyId: string): Promise<boolean>;
  /** Ends the session. False when this key has no such session here. Null: an operator does. */
  terminate(keyId: string | null): Promise<boolean>;
  /** A session that nobody has opened begins no more until then (ms since 1970). False: it was begun before. */
  withdraw(until: number): Promise<boolean>;
}
