/** An upgrade at the object: its two ends, and what it is answered with. */
import { REFUSAL_STATUS, type Refusal } from "./call-setup.ts";

export function socketPair(): { readonly theirs: WebSocket; readonly ours: WebSocket } {
  const [theirs, ours] = Object.values(new WebSocketPair());
  if (theirs === undefined || ours === undefined) throw new Error("WebSocketPair has two ends");
  return { theirs, ours };
}

/** @param protocol subprotocol to answer with. */
export function upgraded(theirs: WebSocket, protocol: string | null): Response {
  const headers = new Headers();
  if (protocol !== null) headers.set("Sec-WebSocket-Protocol", protocol);
  return new Response(null, { status: 101, webSocket: theirs, headers });
}

export function refuse(refusal: Refusal): Response {
  return Response.json({ refusal }, { status: REFUSAL_STATUS[refusal] });
}
