/** The session's name and token, with which it is asked for on another socket, and the relay's answer to that. */
import { openSocket, resumeTarget, type Target } from "./door.ts";
import type { CallEventMap } from "./events.ts";
import { arrayAt, objectAt, stringAt, type JsonObject } from "./json.ts";
import { aborted } from "./opening.ts";

export interface Resumption {
  readonly sessionId: string;
  /** Of the next time: each is good for one. */
  token: string;
}

/** Of a session as `session.created` describes it; null: its relay resumes none. */
export function resumptionOf(session: JsonObject): Resumption | null {
  const relay = objectAt(session, "relay");
  const sessionId = stringAt(relay, "session_id");
  const token = stringAt(relay, "resume_token");
  return sessionId === null || token === null ? null : { sessionId, token };
}

export function openAgain(
  target: Target,
  resumption: Resumption | null,
  signal: AbortSignal,
): Promise<WebSocket> {
  if (resumption === null) return Promise.reject(aborted());
  return openSocket(resumeTarget(target, resumption.sessionId, resumption.token), signal);
}

/** What `session.resumed` says; null: the session is lost. */
export function verdictOf(event: JsonObject): CallEventMap["resumed"] | null {
  const verdict = stringAt(event, "verdict");
  if (verdict !== "resumed" && verdict !== "partial") return null;
  const [from, to] = arrayAt(event, "forgotten");
  const forgotten = typeof from === "number" && typeof to === "number" ? ([from, to] as const) : null;
  return { verdict, missing: objectAt(event, "missing"), forgotten };
}
