/**
 * Deepgram Nova, `/v1/listen` (types of `@deepgram/sdk` 5.13). Needs `Authorization: Token KEY`. It says nothing before it has
 * heard something, numbers nothing, and tells of a phrase until it is final.
 */
import { objectAt, objectsAt, textAt } from "../json.ts";
import type { TranscriberDialect } from "./dialect.ts";
import { faultOf } from "./deepgram-flux.ts";

export const deepgramNova: TranscriberDialect = {
  address: { url: "wss://api.deepgram.com/v1/listen", modelMember: "model" },
  hello: false,
  model: "nova-3",
  query: { encoding: "linear16", sample_rate: "16000", interim_results: "true", smart_format: "true" },
  pieceMs: 80,
  audio: "binary",
  // It hangs up after some ten seconds in which nothing came.
  keepalive: { everyMs: 4000, message: '{"type":"KeepAlive"}' },
  maxSessionMs: null,
  finish: { message: '{"type":"Finalize"}', query: {} },
  read(event, segments) {
    switch (textAt(event, "type")) {
      case "Results": {
        const [best] = objectsAt(objectAt(event, "channel"), "alternatives");
        const text = textAt(best ?? null, "transcript");
        if (text === null) return null;
        return { type: "words", segment: String(segments), text, final: event["is_final"] === true };
      }
      case "Error":
        return faultOf(event);
      case null:
      default:
        return null;
    }
  },
};
