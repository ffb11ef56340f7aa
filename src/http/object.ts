/** The way to a session's object, and the upgrade through it. */
import {
  type Arrival,
  encodeArrival,
  encodeObserver,
  type ObserverArrival,
  type Refusal,
  SETUP_HEADER,
  SETUP_HEADER_LIMIT,
} from "../../durable-objects/call-setup.ts";
import type { RelayEnv } from "../../durable-objects/env.ts";
import { drawId } from "../../durable-objects/identifiers.ts";
import type { DoorContext } from "./door.ts";
import { LOCATION_HINTS, type LocationHint } from "./locations.ts";
import { Problem } from "./problem.ts";
import { checkSessionId, objectIdOf } from "./session-id.ts";

export type Stub = ReturnType<RelayEnv["VOICE_SESSION"]["get"]>;

/** @throws Problem 404 for what is no session's name, 422 where this runtime has no jurisdictions. */
export function sessionObject(env: RelayEnv, id: string, hint: string | null): Stub {
  const [namespace, objectId] = objectIdOf(env, id);
  const locationHint = LOCATION_HINTS.find((each): each is LocationHint => each === hint);
  return namespace.get(objectId, locationHint === undefined ? {} : { locationHint });
}

/** Of a session that a client names. @throws Problem as `sessionObject`, and 404 for a name that was never given. */
export async function namedObject(c: DoorContext, id: string): Promise<Stub> {
  await checkSessionId(c.env, c.req.url, id);
  return sessionObject(c.env, id, null);
}

/**
 * Hands the client's upgrade to the object, by a request of our own: no header of the client's goes along, least of
 * all its key.
 * @throws Problem when the object refuses.
 */
export async function connect(stub: Stub, arrival: Arrival): Promise<Response> {
  let header = encodeArrival(arrival);
  if (header.length > SETUP_HEADER_LIMIT && arrival.call !== null) {
    // A configuration that is too long for a header goes ahead. It is awaited: the order of a call and a request on one
    // stub is not to be relied on (workerd in the tests swapped them). Every other connection is spared the trip.
    const ticket = drawId();
    await stub.prepare(ticket, JSON.stringify(arrival.call.session));
    header = encodeArrival({ ...arrival, ticket, call: { ...arrival.call, session: {} } });
  }
  return upgraded(stub, header);
}

/** The same for an observer of the application's. @throws Problem when the object refuses. */
export function observe(stub: Stub, arrival: ObserverArrival): Promise<Response> {
  return upgraded(stub, encodeObserver(arrival));
}

async function upgraded(stub: Stub, header: string): Promise<Response> {
  const headers = { Upgrade: "websocket", [SETUP_HEADER]: header };
  const response = await stub.fetch("https://session/connect", { headers });
  if (response.status === 101) return response;
  const { refusal } = await response.json<{ refusal?: Refusal }>().catch(() => ({ refusal: undefined }));
  const reason = refusal ?? "session_unavailable";
  throw new Problem(reason, REFUSALS[reason]);
}

const REFUSALS: Readonly<Record<Refusal, string>> = {
  token_used: "A session's token opens it once: create another session.",
  resume_refused: "This resume token is not the session's present one: it was used before, or never given.",
  session_not_found: "No such session is open for this key or resume token.",
  session_ended: "This session has ended: create another one.",
  session_busy: "The client of this session is still connected: only an API key may take its place.",
  session_unavailable: "The session could not begin; the relay's log says why.",
};
