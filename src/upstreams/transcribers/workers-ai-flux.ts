/**
 * Deepgram Flux on Workers AI, by the Worker's binding: `run("@cf/deepgram/flux", { encoding, sample_rate }, { websocket: true })`
 * (types of `@cloudflare/workers-types` 5, and Cloudflare's own `@cloudflare/voice`). Inputs are text, numbers too.
 */
import { textAt } from "../json.ts";
import { faultOf, turnOf } from "./deepgram-flux.ts";
import type { TranscriberDialect } from "./dialect.ts";

const EVENTS: ReadonlySet<string> = new Set([
  "StartOfTurn",
  "Update",
  "EagerEndOfTurn",
  "TurnResumed",
  "EndOfTurn",
]);

export const workersAiFlux: TranscriberDialect = {
  address: null,
  model: "@cf/deepgram/flux",
  query: { encoding: "linear16", sample_rate: "16000" },
  // Cloudflare documents the events of turns alone: nobody says that Deepgram's hello is passed on.
  hello: false,
  pieceMs: 80,
  audio: "binary",
  // It is reported to hang up after some ten seconds of nothing.
  keepalive: { everyMs: 5000, message: null },
  maxSessionMs: null,
  finish: null,
  read(event) {
    if (textAt(event, "type") === "Error") return faultOf(event);
    // As Cloudflare documents them, they have no `type`.
    if (!EVENTS.has(textAt(event, "event") ?? "")) return null;
    return turnOf(event);
  },
};
