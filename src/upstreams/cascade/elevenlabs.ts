/**
 * ElevenLabs' `/v1/text-to-speech/{voice}/stream-input`, by the types of `@elevenlabs/elevenlabs-js` 2.73 and the use that
 * pipecat's and LiveKit's plugins make of it: a blank begins it, the text follows, an empty text is its end.
 */
import { saidFault } from "../channels/http-fault.ts";
import { objectAt, textAt } from "../json.ts";
import type { Json, JsonObject } from "../upstream.ts";
import type { SaidOfSpeech, SpeechDialect } from "./json-speech.ts";
import type { SpeechSettings } from "./settings.ts";
import { SPEECH_STAGE } from "./speech-reader.ts";

const CHAR_LIMIT = 4096;

export function elevenLabsUrl(voice: string): string {
  return `wss://api.elevenlabs.io/v1/text-to-speech/${encodeURIComponent(voice)}/stream-input`;
}

export function elevenLabs(settings: SpeechSettings, speed: number): SpeechDialect {
  const { body, bytesPerMs, redactor } = settings;
  const voiceSettings = speed === 1 ? {} : { voice_settings: { speed } };
  return {
    bytesPerMs,
    opening: (text) => [
      JSON.stringify({ text: " ", ...voiceSettings, ...body }),
      // A text ends with a blank.
      JSON.stringify({ text: `${text} `, flush: true }),
      '{"text":""}',
    ],
    read: (message) => {
      if (
        message["error"] !== undefined ||
        (message["message"] !== undefined && message["code"] !== undefined)
      )
        return { fault: saidFault(SPEECH_STAGE, faultText(message), redactor) };
      return {
        audio: textAt(message, "audio"),
        over: message["isFinal"] === true,
        ...charTimes(objectAt(message, "alignment")),
      };
    },
  };
}

/** `{ message, error, code }`: `error` is its name. */
function faultText(message: JsonObject): string {
  const words = textAt(message, "message") ?? textAt(message, "error") ?? "";
  return JSON.stringify({ error: { message: words, code: textAt(message, "error") } });
}

/** Milliseconds from the begin of the sound in the same message. */
function charTimes(alignment: JsonObject | null): SaidOfSpeech {
  const chars = alignment?.["chars"];
  const starts = alignment?.["charStartTimesMs"];
  const lengths = alignment?.["charDurationsMs"] ?? alignment?.["charsDurationsMs"];
  if (!Array.isArray(chars) || !Array.isArray(starts)) return {};
  const texts = chars.slice(0, CHAR_LIMIT).map((char) => (typeof char === "string" ? char : ""));
  return {
    times: (spoken, soundMs) =>
      spoken.chars(texts, (at) => soundMs + numberAt(starts, at) + numberAt(lengths, at)),
  };
}

function numberAt(list: Json | undefined, at: number): number {
  const value = Array.isArray(list) ? list[at] : undefined;
  return typeof value === "number" ? value : 0;
}
