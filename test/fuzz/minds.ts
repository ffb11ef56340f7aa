/** Text models of background minds, and what they write. */
import type { BackgroundPlan } from "../../src/session/state/background-plan.ts";
import { SECRET } from "./provider-grammar.ts";
import type { Manners } from "./services.ts";

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
const BODIES = [
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

export const MINDS: Manners = {
  peers: "background/",
  statuses: [200, 200, 200, 200, 401, 503],
  types: ["text/event-stream"],
  bodies: BODIES.map((body) => new TextEncoder().encode(body)),
};
