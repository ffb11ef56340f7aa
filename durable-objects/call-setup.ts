/**
 * How a door tells the object who comes: one header, set by the Worker on a request of its own making, so that
 * nothing a client sends can be taken for it. Secrets stay out of it: the object resolves the plan itself. Instructions do
 * not, and the runtime's logs mask a header only by its name: one with "secret" in it.
 *
 * A session configuration may be larger than a header should be; then it goes ahead by `prepare` under a ticket.
 *
 * After a deploy the doors are new at once and an object with a call under way stays old, for hours; a rollback makes it
 * the other way round. So all of this only grows: a member that is added is optional here, with what its absence meant,
 * and none is ever taken away or given another meaning.
 */
import * as v from "valibot";
import { dialectNames } from "../src/dialects/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../src/protocol/json.ts";

export const SETUP_HEADER = "x-relay-secret-setup";
/** What doors of before 0.2 call it. */
const FORMER_HEADER = "x-relay-setup";
/** Of what a door says. For people and logs: an object reads what it knows of whatever version. */
const SETUP_VERSION = 2;
/** Characters of the header's value. */
export const SETUP_HEADER_LIMIT = 7168;

const callSetup = v.object({
  id: v.string(),
  model: v.string(),
  intent: v.picklist(["conversation", "transcription"]),
  session: v.custom<JsonObject>((value) => isJsonObject(value as Json)),
  /** Id of the API key on whose account this runs. */
  keyId: v.string(),
  /** Its fingerprint (key-store.ts); null: nobody said, and it is not asked whether the key still is. */
  keyFingerprint: v.nullish(v.string(), null),
  /** Fields of the session that its client may not change. */
  locked: v.optional(v.array(v.string()), []),
  /** Kinds of tools that its client may bring; null: any. */
  toolTypes: v.nullish(v.array(v.string()), null),
  /** `jti` of the client secret that opened it, and that may go on with it; null: a key or a session token did. */
  secret: v.nullish(v.string(), null),
  /** What its key allows one session; absent: as much as its route does. */
  answersPerMinute: v.nullish(v.number()),
  sessionMinutes: v.nullish(v.number()),
  /** It holds one of its key's places, to be given back at its end. */
  leased: v.optional(v.boolean(), false),
  /** What its door says to the dialect of its clients. */
  dialectSettings: v.exactOptional(v.custom<JsonObject>((value) => isJsonObject(value as Json))),
  /** The route that was drawn of an experiment; absent: its model leads to one. */
  arm: v.exactOptional(v.string()),
  /** Opens this session once. `exp` in seconds since 1970: after it no door accepts the token any more. */
  token: v.nullish(v.object({ jti: v.string(), exp: v.number() }), null),
});

const drawn = v.object({
  budgets: v.object({ answersPerMinute: v.nullable(v.number()), minutesPerDay: v.nullable(v.number()) }),
  grant: v.object({
    answers: v.nullable(v.number()),
    talkMs: v.nullable(v.number()),
    answersAt: v.number(),
    talkAt: v.number(),
  }),
});

const arrival = v.object({
  version: v.optional(v.number(), 1),
  /** Null: only to a session that is already there. */
  call: v.nullish(callSetup, null),
  /** Null: nobody who is known, with `resume`. */
  keyId: v.nullish(v.string(), null),
  /** The resume token with which a client comes back; then neither key nor session token is asked for. */
  resume: v.nullish(v.string(), null),
  /** `jti` of the client secret with which it comes: good for a session of its own that has lost its client. */
  secret: v.nullish(v.string(), null),
  dialect: v.picklist(dialectNames),
  /** Subprotocol to answer with. */
  protocol: v.nullish(v.string(), null),
  /** `call.session` is `{}` and waits under this ticket. */
  ticket: v.nullish(v.string(), null),
  /** Of a new session: its first share of its key's budgets; null: the key has none. Absent: nobody has asked. */
  drawn: v.optional(v.nullable(drawn)),
});

/** Of a door that lets an observer in. Its dialect is none of a client's: an object that knows no observers refuses it. */
const OBSERVER = "control";

const observerArrival = v.object({
  dialect: v.literal(OBSERVER),
  /** Null: an operator comes, to whom all sessions are. */
  keyId: v.nullable(v.string()),
  audio: v.boolean(),
  /** Subprotocol to answer with. */
  protocol: v.nullable(v.string()),
  /** The key by which it comes, asked for again while it is there; null: it is not. */
  by: v.nullish(v.object({ id: v.string(), fingerprint: v.string() }), null),
});

/** Who comes as an observer of the application's. */
export type ObserverArrival = Readonly<Omit<v.InferOutput<typeof observerArrival>, "dialect">>;

/** What stays the same for the whole session, kept in the object's storage. */
export type CallSetup = Readonly<v.InferOutput<typeof callSetup>>;

/** One client connection. */
export type Arrival = Readonly<Omit<v.InferOutput<typeof arrival>, "version" | "call">> & {
  readonly call: CallSetup | null;
};

export function encodeArrival(said: Arrival): string {
  return encoded(said);
}

export function encodeObserver(said: ObserverArrival): string {
  return encoded({ dialect: OBSERVER, ...said });
}

function encoded(said: object): string {
  const text = JSON.stringify({ version: SETUP_VERSION, ...said });
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url" });
}

/** Who comes. Null: no door of any version says such a thing. */
export function readArrival(
  headers: Headers,
): { readonly client: Arrival } | { readonly observer: ObserverArrival } | null {
  const said = decoded(headers.get(SETUP_HEADER) ?? headers.get(FORMER_HEADER));
  // Each is read as what it is: a schema that fails makes an error with a stack, which costs more than all the rest.
  if (isObserver(said)) {
    const observer = v.safeParse(observerArrival, said);
    return observer.success ? { observer: observer.output } : null;
  }
  const client = v.safeParse(arrival, said);
  return client.success ? { client: client.output } : null;
}

function isObserver(said: unknown): boolean {
  return typeof said === "object" && said !== null && "dialect" in said && said.dialect === OBSERVER;
}

function decoded(header: string | null): unknown {
  try {
    const bytes = Uint8Array.fromBase64(header ?? "", { alphabet: "base64url" });
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}

/** As a door or an object of any version wrote it. @throws when it is none. */
export function readCallSetup(value: unknown): CallSetup {
  return v.parse(callSetup, value);
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

/** What a client secret leaves open, the URL says: only the same call is gone on with. */
export function sameTarget(asked: CallSetup, present: CallSetup | undefined): boolean {
  return asked.model === present?.model && asked.intent === present.intent;
}
