/**
 * How a door tells the object who comes: one header, set by the Worker on a request of its own making, so that
 * nothing a client sends can be taken for it. Secrets stay out of it: the object resolves the plan itself.
 *
 * A session configuration may be larger than a header should be; then it goes ahead by `prepare` under a ticket.
 */
import type { Dialect } from "../src/session/io.ts";
import type { JsonObject } from "../src/upstreams/upstream.ts";

export const SETUP_HEADER = "x-relay-setup";
/** Characters of the header's value. */
export const SETUP_HEADER_LIMIT = 7168;

/** What stays the same for the whole session, kept in the object's storage. */
export interface CallSetup {
  readonly id: string;
  readonly model: string;
  readonly intent: "conversation" | "transcription";
  readonly session: JsonObject;
  /** Id of the API key on whose account this runs. */
  readonly keyId: string;
  /** `jti` of the client secret that opened it, and that may go on with it; null: a key or a session token did. */
  readonly secret: string | null;
  /** It holds one of its key's places, to be given back at its end. */
  readonly leased: boolean;
  /** Opens this session once. `exp` in seconds since 1970: after it no door accepts the token any more. */
  readonly token: { readonly jti: string; readonly exp: number } | null;
}

/** One client connection. */
export interface Arrival {
  /** Null: only to a session that is already there. */
  readonly call: CallSetup | null;
  /** Null: nobody who is known, with `resume`. */
  readonly keyId: string | null;
  /** The resume token with which a client comes back; then neither key nor session token is asked for. */
  readonly resume: string | null;
  /** `jti` of the client secret with which it comes: good for a session of its own that has lost its client. */
  readonly secret: string | null;
  readonly dialect: Dialect;
  /** Subprotocol to answer with. */
  readonly protocol: string | null;
  /** `call.session` is `{}` and waits under this ticket. */
  readonly ticket: string | null;
}

export function encodeArrival(arrival: Arrival): string {
  return new TextEncoder().encode(JSON.stringify(arrival)).toBase64({ alphabet: "base64url" });
}

export function decodeArrival(header: string): Arrival {
  return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(header, { alphabet: "base64url" })));
}

/** Why the object would not take a connection; the door makes an HTTP answer of it. */
export type Refusal =
  | "token_used"
  | "resume_refused"
  | "session_not_found"
  | "session_ended"
  | "session_busy"
  | "session_unavailable";

/** Status that carries a refusal from the object to its door. */
export const REFUSAL_STATUS: Readonly<Record<Refusal, number>> = {
  token_used: 409,
  resume_refused: 409,
  session_not_found: 404,
  session_ended: 409,
  session_busy: 409,
  session_unavailable: 503,
};
