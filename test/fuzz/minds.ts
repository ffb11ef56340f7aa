/** Text models of background minds: each request is answered by something, hostile more often than not, when a snapshot is durable. */
import type { BackgroundPlan } from "../../src/session/state/background-plan.ts";
import type { Input, PeerId } from "../../src/session/io.ts";
import type { DialRequest } from "../../src/upstreams/upstream.ts";
import { SECRET } from "./provider-grammar.ts";

const MIND = "background/";

/** Under the name of a function that providers call. */
export const FUZZED_MIND: BackgroundPlan = {
  text: {
    adapter: "chat-completions",
    url: "https://mind.fuzz/",
    model: "m",
    headers: { Authorization: `Bearer ${SECRET}` },
  },
  name: "get_weather",
  description: "Weather.",
  instructions: "",
  tools: [],
  announce: true,
  staleMs: 20_000,
  atOnce: 3,
};

const said = (delta: object, finish: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const CALL = { tool_calls: [{ index: 0, id: "c", function: { name: "look", arguments: "{" } }] };
const BODIES: readonly string[] = [
  `${said({ content: "snow" })}data: [DONE]\n\n`,
  said({ content: "sn" }),
  `${said(CALL, "tool_calls")}data: [DONE]\n\n`,
  "data: {rubbish\n\n",
  'data: {"choices":[{"delta":{"content":{"content":[]}}}]}\n\n',
  `data: {"error":{"code":"invalid_api_key","message":"${SECRET}"}}\n\n`,
  `data: ${"[".repeat(5000)}\n\n`,
  "x".repeat(300_000),
  "",
];
const STATUSES = [200, 200, 200, 200, 401, 503] as const;

export class FuzzedMinds {
  readonly #open = new Set<PeerId>();
  #number = 0;

  /** @returns whether it is one of these. */
  dialled(peer: PeerId, request: DialRequest): boolean {
    if (!peer.startsWith(MIND)) return false;
    if (request.http === undefined || this.#open.has(peer)) throw new Error(`${peer} is dialled oddly`);
    this.#open.add(peer);
    return true;
  }

  /** @returns whether it is one of these. */
  closed(peer: PeerId): boolean {
    this.#open.delete(peer);
    return peer.startsWith(MIND);
  }

  answer(tell: (input: Input) => void): void {
    const waiting = Array.from(this.#open);
    for (const peer of waiting) {
      this.#number += 1;
      const status = STATUSES[this.#number % STATUSES.length] ?? 200;
      const body = BODIES[this.#number % BODIES.length] ?? "";
      const type = status === 200 ? "text/event-stream" : "application/json";
      tell({ type: "open", peer, head: { status, type } });
      if (this.#open.has(peer)) tell({ type: "message", peer, data: new TextEncoder().encode(body) });
      // Some say nothing more, and do not end.
      if (!this.#open.has(peer) || this.#number % 4 === 0) continue;
      this.#open.delete(peer);
      tell({ type: "close", peer, code: this.#number % 3 === 0 ? 1006 : 1000, reason: "" });
    }
  }
}
