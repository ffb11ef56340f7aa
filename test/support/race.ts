/** Calls with two upstreams that are one voice, and what became of their answers. */
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { DONE } from "./answering.ts";
import { Call, type CallOptions } from "./call.ts";
import { concat, silence, voice } from "./signal.ts";
import type { SentCommand } from "./wire-upstream.ts";

export const TURN = concat(silence(600), voice(1200), silence(900));
export const wire = (name: string): PlannedUpstream => ({ name, options: { adapter: "wire" } });
/** Peers of the two. */
export const [A, B] = ["up0.1", "up1.1"] as const;
export const base64 = (samples: Int16Array) => new Uint8Array(samples.buffer).toBase64();

/** Two upstreams, "one" and "two", that are one voice. */
export function race(options: CallOptions = {}): Call {
  return new Call({
    upstreams: [wire("one"), wire("two")],
    strategy: { name: "race" },
    dialect: "duplex.v1",
    ...options,
  });
}

export function asked(call: Call): Call {
  call.speak(TURN);
  return call;
}

export const typesOf = (call: Call, peer: string) =>
  call.commandTypes(peer).filter((type) => type !== "audio");
export const last = (call: Call, peer: string) => call.commands(peer).at(-1);
export const count = (call: Call, type: string) => call.types().filter((one) => one === type).length;
export const usage = (total_tokens: number) => ({
  total_tokens,
  input_tokens: 0,
  output_tokens: total_tokens,
});

export function say(call: Call, peer: string, ms: number, transcript = ""): void {
  if (transcript !== "")
    call.upstream({ type: "transcript", response: "r", item: "i", delta: transcript }, peer);
  call.upstream({ type: "audio", response: "r", item: "i", audio: base64(voice(ms)) }, peer);
}

/** It calls a tool at once. */
export function calls(call: Call, peer: string, callId: string): void {
  const respond = call.commands(peer).findLast(({ type }) => type === "respond");
  if (respond?.type !== "respond") throw new Error("nobody asked");
  const response = `t${callId}`;
  call.upstream({ type: "response.started", response, answers: respond.responseId }, peer);
  const item = { response, item: `i${callId}` };
  call.upstream({ type: "item.started", ...item, kind: "function_call", name: "look", callId }, peer);
  call.upstream({ type: "item.done", ...item, status: "completed", arguments: "{}" }, peer);
  call.upstream({ type: "response.done", response, status: "completed", ...DONE }, peer);
}

export function lose(call: Call, peer: string): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code: 1006, reason: "" });
}

/** What an upstream was told of answers that were not its own. */
export function told(call: Call, peer: string): readonly string[] {
  return call.commands(peer).flatMap((command: SentCommand) => {
    if (command.type !== "item") return [];
    const { item } = command;
    const content = item["content"] as readonly { readonly text?: string }[] | undefined;
    return [content ? content.map(({ text }) => text ?? "").join("|") : item.type];
  });
}
