/** Calls with a background mind: a text model whose requests are looked at, and answered piece by piece. */
import type { Action } from "../../src/session/io.ts";
import type { BackgroundPlan } from "../../src/session/state/background-plan.ts";
import { isJsonObject, parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectsAt, textAt } from "../../src/upstreams/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { Call, type CallOptions, type Received } from "./call.ts";
import { callsTools, store } from "./tools.ts";

export const TEXT_KEY = "sk-mind-0123456789abcdef0123456789";

export const MIND: BackgroundPlan = {
  text: {
    adapter: "chat-completions",
    url: "https://mind.test/v1/chat/completions",
    model: "thinker",
    headers: { Authorization: `Bearer ${TEXT_KEY}` },
  },
  name: "delegate",
  description: "Hands on.",
  instructions: "You work behind a voice.",
  tools: [],
  announce: true,
  staleMs: 60_000,
  atOnce: 4,
};

export function minded(plan: Partial<BackgroundPlan> = {}, options: CallOptions = {}): Call {
  return new Call({ background: { ...MIND, ...plan }, dialect: "duplex.v1", ...options });
}

/** The speaker hands a task on, is answered, and says that it is under way: then nobody speaks. */
export function handsOn(call: Call, task: string, more: JsonObject = {}): void {
  call.client({ type: "response.create" });
  wants(call, task, more);
  saysSo(call);
}

let named = 0;

/** Whoever was asked last hands a task on, and that is on record. */
export function wants(call: Call, task: string, more: JsonObject = {}, peer = "up0.1"): void {
  named += 1;
  const given = { name: "delegate", callId: `call${named}`, arguments: JSON.stringify({ task, ...more }) };
  callsTools(call, [given], { key: `k${named}`, peer });
  store(call);
}

/** The answer that goes on, and its playing. */
export function saysSo(call: Call, ms = 200, peer = "up0.1"): void {
  const samples = new Int16Array(24 * ms).fill(1000);
  call.answer(samples, "It is under way.", peer);
  call.advance(ms);
}

export type Dialled = Extract<Action, { type: "dial" }>;

/** Requests to the text model so far. */
export function thoughts(call: Call): readonly Dialled[] {
  return call.actions.filter(
    (action): action is Dialled => action.type === "dial" && action.peer.startsWith("background/"),
  );
}

/** The request of this number, from 0. */
export function thoughtAt(call: Call, number = 0): Dialled {
  const one = thoughts(call)[number];
  if (!one) throw new Error(`only ${thoughts(call).length} requests were made`);
  return one;
}

export function bodyOf({ request }: Dialled): JsonObject {
  return parseJsonObject(String(request.http?.body)) ?? {};
}

export const messagesOf = (one: Dialled): readonly JsonObject[] => objectsAt(bodyOf(one), "messages");

const bytes = (text: string): WireMessage => new TextEncoder().encode(text);

export const chunk = (delta: JsonObject, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

/** Of the request of this number, from 0. */
export class Thought {
  readonly #call: Call;
  readonly peer: string;

  constructor(call: Call, number = 0) {
    this.#call = call;
    this.peer = thoughtAt(call, number).peer;
  }

  get open(): boolean {
    return this.#call.open.has(this.peer);
  }

  begins(status = 200, type = "text/event-stream"): this {
    this.#call.input({ type: "open", peer: this.peer, head: { status, type } });
    return this;
  }

  brings(text: string): this {
    this.#call.input({ type: "message", peer: this.peer, data: bytes(text) });
    return this;
  }

  ends(code = 1000, reason = ""): void {
    this.#call.open.delete(this.peer);
    this.#call.input({ type: "close", peer: this.peer, code, reason });
  }

  says(words: string): void {
    this.begins()
      .brings(chunk({ content: words }))
      .brings(`${chunk({}, "stop")}data: [DONE]\n\n`);
  }

  calls(...wanted: readonly { readonly name: string; readonly args: string }[]): void {
    const tool_calls = wanted.map(({ name, args }, index) => {
      return { index, id: `c${index}`, type: "function", function: { name, arguments: args } };
    });
    this.begins()
      .brings(chunk({ tool_calls }))
      .brings(`${chunk({}, "tool_calls")}data: [DONE]\n\n`);
  }
}

/** What was told of tasks, in short: `placed gap`. */
export function steps(call: Call): readonly string[] {
  return tellings(call).map((event) => {
    const [, , what] = event.type.split(".");
    return [what, event["step"] ?? event["reason"]].filter(Boolean).join(" ");
  });
}

export const tellings = (call: Call): readonly Received[] =>
  call.events.filter(({ type }) => type.startsWith("relay.delegation."));

/** What the client was shown of notes to the speaker. */
export function notes(call: Call): readonly string[] {
  return call.events.flatMap(({ type, item }) => {
    const shown = isJsonObject(item as JsonObject) ? (item as JsonObject) : {};
    if (type !== "conversation.item.done" || shown["role"] !== "system") return [];
    return objectsAt(shown, "content").map((part) => textAt(part, "text") ?? "");
  });
}
