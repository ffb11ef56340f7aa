/** Scripted answers, word by word: what the tests of responses say for an upstream. */
import type { Call, Received } from "./call.ts";
import { voice } from "./signal.ts";

export const DONE = { reason: null, error: null, usage: null, metadata: null } as const;

/** The session's name of the last answer that this upstream was asked for. */
export function lastAsk(call: Call, peer = "up0.1"): string {
  const respond = call.commands(peer).findLast((command) => command.type === "respond");
  if (respond?.type !== "respond") throw new Error("nobody asked for a response");
  return respond.responseId;
}

export function begin(call: Call, key = "r", peer = "up0.1"): void {
  call.upstream({ type: "response.started", response: key, answers: lastAsk(call, peer) }, peer);
}

/** `ms` of a voice. */
export function say(
  call: Call,
  ms: number,
  at: { response?: string; item?: string; part?: number } = {},
  peer?: string,
) {
  const audio = new Uint8Array(voice(ms).buffer).toBase64();
  call.upstream({ type: "audio", response: "r", item: "i", ...at, audio }, peer);
}

export function finish(
  call: Call,
  usage: Record<string, number> | null = null,
  key = "r",
  peer?: string,
): void {
  call.upstream({ type: "response.done", response: key, status: "completed", ...DONE, usage }, peer);
}

/** The response in the last event of this type. */
export function response(call: Call, type = "response.done"): Received {
  return call.last(type)["response"] as Received;
}

/** The item in the last event of this type. */
export function item(call: Call, type: string): Received {
  return call.last(type)["item"] as Received;
}

export function byType(call: Call, type: string): readonly Received[] {
  return call.events.filter((event) => event.type === type);
}
