/** Deepgram Flux, `/v2/listen` (types of `@deepgram/sdk` 5.13). Needs `Authorization: Token KEY`. */
import { indexAt, textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";
import type { Said, TranscriberDialect } from "./dialect.ts";

export const deepgramFlux: TranscriberDialect = {
  address: { url: "wss://api.deepgram.com/v2/listen", modelMember: "model" },
  hello: true,
  model: "flux-general-en",
  query: { encoding: "linear16", sample_rate: "16000" },
  // Deepgram's documentation advises it.
  pieceMs: 80,
  audio: "binary",
  keepalive: null,
  maxSessionMs: null,
  finish: null,
  read(event) {
    switch (textAt(event, "type")) {
      case "Connected":
        return { type: "ready" };
      case "TurnInfo":
        return turnOf(event);
      case "Error":
        return faultOf(event);
      case null:
      default:
        return null;
    }
  },
};

/** `TurnInfo`: the words of the turn so far. Its end need not repeat them: what says none takes none back. */
export function turnOf(event: JsonObject): Said {
  const turn = indexAt(event, "turn_index");
  const text = textAt(event, "transcript");
  if (turn === null || text === null) return null;
  const final = textAt(event, "event") === "EndOfTurn";
  return { type: "words", segment: String(turn), text: text === "" ? null : text, final };
}

export function faultOf(event: JsonObject): Said {
  const message = textAt(event, "description") ?? "";
  return { type: "fault", code: textAt(event, "code") ?? "upstream_error", message, fatal: true };
}
