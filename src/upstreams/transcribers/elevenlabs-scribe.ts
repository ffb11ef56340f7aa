/** ElevenLabs Scribe, realtime (types of `@elevenlabs/types` 0.23). Needs `xi-api-key`. */
import { nameAt, textAt } from "../json.ts";
import type { TranscriberDialect } from "./dialect.ts";

/** What it says when something is wrong; the first of these ends the connection for good. */
const FATAL: ReadonlySet<string> = new Set([
  "auth_error",
  "quota_exceeded",
  "unaccepted_terms",
  "invalid_request",
]);
const FAULTS: ReadonlySet<string> = new Set([
  "error",
  "commit_throttled",
  "transcriber_error",
  "rate_limited",
  "input_error",
  "queue_overflow",
  "resource_exhausted",
  "session_time_limit_exceeded",
  "chunk_size_exceeded",
  "insufficient_audio_activity",
]);

export const elevenLabsScribe: TranscriberDialect = {
  address: { url: "wss://api.elevenlabs.io/v1/speech-to-text/realtime", modelMember: "model_id" },
  hello: true,
  model: "scribe_v2_realtime",
  query: { audio_format: "pcm_16000", commit_strategy: "vad" },
  pieceMs: 60,
  audio: (base64) =>
    `{"message_type":"input_audio_chunk","audio_base_64":"${base64}","commit":false,"sample_rate":16000}`,
  keepalive: null,
  maxSessionMs: null,
  finish: {
    message: '{"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":16000}',
    query: { commit_strategy: "manual" },
  },
  read(event, segments) {
    const type = nameAt(event, "message_type");
    if (type === "session_started") return { type: "ready" };
    const text = textAt(event, "text");
    if (text !== null && (type === "partial_transcript" || type === "committed_transcript"))
      return { type: "words", segment: String(segments), text, final: type === "committed_transcript" };
    const fatal = FATAL.has(type ?? "");
    if (type === null || !(fatal || FAULTS.has(type))) return null;
    return { type: "fault", code: type, message: textAt(event, "error") ?? "", fatal };
  },
};
