/**
 * Refusing a client that comes back. A browser shows its page neither status nor body of a refused upgrade, only 1006,
 * which looks like a network that is down and is worth trying again. So the socket is accepted, says why, and closes.
 */
import { drawId } from "../../durable-objects/identifiers.ts";
import { sendableCloseReason } from "../../durable-objects/close-code.ts";
import type { DoorContext } from "./door.ts";
import { negotiate } from "./credentials.ts";
import { Problem, type ProblemCode } from "./problem.ts";
import { isRefusal } from "./refusals.ts";

/** Not here, or not any more. */
const NOT_FOUND = 4004;
/** Here, but not for this client. */
const REFUSED = 4003;

const CLOSE_CODES: { readonly [code in ProblemCode]?: number } = {
  session_not_found: NOT_FOUND,
  session_ended: NOT_FOUND,
  resume_refused: REFUSED,
  session_busy: REFUSED,
};

/** @throws Problem what is no refusal of the session's: it stays an HTTP answer. */
export async function orTurnAway(c: DoorContext, knock: () => Promise<Response>): Promise<Response> {
  try {
    return await knock();
  } catch (error) {
    const code = error instanceof Problem ? CLOSE_CODES[error.code] : undefined;
    if (!(error instanceof Problem) || code === undefined) throw error;
    isRefusal(c);
    return turnAway(c, error, code);
  }
}

function turnAway(c: DoorContext, problem: Problem, code: number): Response {
  const [theirs, ours] = Object.values(new WebSocketPair());
  if (theirs === undefined || ours === undefined) throw new Error("WebSocketPair has two ends");
  ours.accept();
  const event = { type: "error", event_id: `event_${drawId()}`, error: problem.toError() };
  ours.send(JSON.stringify(event));
  ours.close(code, sendableCloseReason(problem.message));
  const headers = new Headers();
  const { protocol } = negotiate(c.req.raw);
  if (protocol !== null) headers.set("Sec-WebSocket-Protocol", protocol);
  return new Response(null, { status: 101, webSocket: theirs, headers });
}
