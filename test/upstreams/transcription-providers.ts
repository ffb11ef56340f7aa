/** What streaming transcribers say, in the words of their providers' own types. */
import type { JsonObject } from "../../src/protocol/json.ts";

interface Provider {
  readonly adapter: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the URL must have. */
  readonly url: RegExp;
  readonly pieceBytes: number;
  readonly hello: JsonObject;
  /** What it says of a segment while it lasts, and at its end. */
  words(segment: number, text: string): JsonObject;
  end(segment: number, text: string): readonly JsonObject[];
  readonly refusal: JsonObject;
  /** Its end may say none of the words that it is the end of. */
  readonly endsBare: boolean;
}

export const PROVIDERS: readonly Provider[] = [
  {
    adapter: "deepgram-flux",
    headers: { Authorization: "Token 0123456789abcdef0123456789abcdef01234567" },
    url: /^https:\/\/api\.deepgram\.com\/v2\/listen\?encoding=linear16&sample_rate=16000&model=flux-general-en$/,
    pieceBytes: 2560,
    hello: { type: "Connected", request_id: "r", sequence_id: 0 },
    words: (turn_index, transcript) => ({
      type: "TurnInfo",
      event: "Update",
      turn_index,
      transcript,
      words: [],
    }),
    end: (turn_index, transcript) => [
      { type: "TurnInfo", event: "EagerEndOfTurn", turn_index, transcript, words: [] },
      { type: "TurnInfo", event: "EndOfTurn", turn_index, transcript, words: [], trigger: "model" },
    ],
    endsBare: true,
    refusal: { type: "Error", sequence_id: 1, code: "INTERNAL_SERVER_ERROR", description: "gone" },
  },
  {
    adapter: "assemblyai",
    headers: { Authorization: "0123456789abcdef0123456789abcdef" },
    url: /^https:\/\/streaming\.assemblyai\.com\/v3\/ws\?sample_rate=16000&encoding=pcm_s16le&format_turns=true&speech_model=universal/,
    pieceBytes: 1920,
    hello: { type: "Begin", id: "s", expires_at: 1 },
    words: (turn_order, transcript) => ({
      type: "Turn",
      turn_order,
      transcript,
      end_of_turn: false,
      turn_is_formatted: false,
    }),
    end: (turn_order, transcript) => [
      {
        type: "Turn",
        turn_order,
        transcript: transcript.toLowerCase(),
        end_of_turn: true,
        turn_is_formatted: false,
      },
      { type: "Turn", turn_order, transcript, end_of_turn: true, turn_is_formatted: true },
    ],
    endsBare: false,
    refusal: { type: "Error", error_code: 4002, error: "Insufficient funds" },
  },
  {
    adapter: "elevenlabs-scribe",
    headers: { "xi-api-key": "sk_0123456789abcdef0123456789abcdef" },
    url: /^https:\/\/api\.elevenlabs\.io\/v1\/speech-to-text\/realtime\?audio_format=pcm_16000&commit_strategy=vad&model_id=scribe_v2_realtime$/,
    pieceBytes: 1920,
    hello: { message_type: "session_started", session_id: "s", config: {} },
    words: (_, text) => ({ message_type: "partial_transcript", text }),
    end: (_, text) => [{ message_type: "committed_transcript", text }],
    endsBare: false,
    refusal: { message_type: "quota_exceeded", error: "You are out of credits" },
  },
];
