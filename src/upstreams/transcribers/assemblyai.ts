/** AssemblyAI's streaming v3 (types of `assemblyai` 4.41). Needs `Authorization: KEY`. */
import { indexAt, textAt } from "../json.ts";
import type { TranscriberDialect } from "./dialect.ts";

/** Codes of its `Error` that another connection would meet as well: not authorised, no funds, wrong parameters. */
const FATAL: ReadonlySet<number> = new Set([1008, 4000, 4001, 4002, 4003]);

export const assemblyAi: TranscriberDialect = {
  address: { url: "wss://streaming.assemblyai.com/v3/ws", modelMember: "speech_model" },
  hello: true,
  model: "universal-streaming-english",
  query: { sample_rate: "16000", encoding: "pcm_s16le", format_turns: "true" },
  // 50 to 1000 ms are taken.
  pieceMs: 60,
  audio: "binary",
  keepalive: { everyMs: 5000, message: '{"type":"KeepAlive"}' },
  // Three hours (AssemblyAI's documentation).
  maxSessionMs: 10_800_000,
  finish: { message: '{"type":"ForceEndpoint"}', query: {} },
  read(event) {
    switch (textAt(event, "type")) {
      case "Begin":
        return { type: "ready" };
      case "Turn": {
        const turn = indexAt(event, "turn_order");
        const text = textAt(event, "transcript");
        if (turn === null || text === null) return null;
        // Each turn ends twice: as it was heard, and formatted.
        const final = event["end_of_turn"] === true && event["turn_is_formatted"] === true;
        return { type: "words", segment: String(turn), text, final };
      }
      case "Error": {
        const code = indexAt(event, "error_code");
        const fatal = code !== null && FATAL.has(code);
        return {
          type: "fault",
          code: fatal ? "permission_denied" : "upstream_error",
          message: textAt(event, "error") ?? "",
          fatal,
        };
      }
      case null:
      default:
        return null;
    }
  },
};
