/** Cartesia's `wss://api.cartesia.ai/tts/websocket`, by the types of `@cartesia/cartesia-js` 4.2: one context for each text. */
import { saidFault } from "../channels/http-fault.ts";
import { objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../upstream.ts";
import type { SaidOfSpeech, SpeechDialect } from "./json-speech.ts";
import type { SpeechSettings } from "./settings.ts";
import { SPEECH_STAGE } from "./speech-reader.ts";

/** Of the wire that this is written for; a header of the route goes before it. */
export const CARTESIA_VERSION = "2026-08-14";
export const CARTESIA_URL = "wss://api.cartesia.ai/tts/websocket";
const CONTEXT = "1";
const WORD_LIMIT = 1024;

export function cartesia(settings: SpeechSettings, speed: number): SpeechDialect {
  const { model, voice, format, body, bytesPerMs, redactor } = settings;
  return {
    bytesPerMs,
    opening: (transcript) => [
      JSON.stringify({
        model_id: model,
        transcript,
        voice: { mode: "id", id: voice },
        output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: format.rate },
        context_id: CONTEXT,
        continue: false,
        add_timestamps: true,
        ...(speed === 1 ? {} : { generation_config: { speed } }),
        ...body,
      }),
    ],
    read: (message) => read(message, (said) => saidFault(SPEECH_STAGE, said, redactor)),
  };
}

function read(message: JsonObject, faultOf: (said: string) => SaidOfSpeech["fault"]): SaidOfSpeech {
  switch (textAt(message, "type")) {
    case "chunk":
      return { audio: textAt(message, "data") };
    case "timestamps":
      return wordTimes(objectAt(message, "word_timestamps"));
    case "done":
      return { over: true };
    case "error": {
      const words = textAt(message, "message") ?? textAt(message, "title") ?? textAt(message, "error");
      const code = textAt(message, "error_code") ?? statusOf(message["status_code"]);
      const fault = faultOf(JSON.stringify({ error: { message: words ?? "", code } }));
      return fault === undefined ? {} : { fault };
    }
    case null:
    default:
      return {};
  }
}

function statusOf(status: Json | undefined): string | null {
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 429) return "rate_limit_exceeded";
  return typeof status === "number" && status >= 500 ? "server_error" : null;
}

/** Seconds from the begin of the context. */
function wordTimes(times: JsonObject | null): SaidOfSpeech {
  const [words, ends] = [times?.["words"], times?.["end"]];
  if (!Array.isArray(words) || !Array.isArray(ends)) return {};
  return {
    times: (spoken) => {
      for (const [at, word] of words.slice(0, WORD_LIMIT).entries()) {
        const end = ends[at];
        if (typeof word === "string" && typeof end === "number") spoken.word(word.trim(), end * 1000);
      }
    },
  };
}
