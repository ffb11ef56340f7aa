/** The beta's and xAI's words of a recording in the words of the GA dialect, which the relay speaks to its clients. */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

const EVENTS: Readonly<Record<string, string>> = {
  "response.audio.delta": "response.output_audio.delta",
  "response.audio.done": "response.output_audio.done",
  "response.audio_transcript.delta": "response.output_audio_transcript.delta",
  "response.audio_transcript.done": "response.output_audio_transcript.done",
  "response.text.delta": "response.output_text.delta",
  "response.text.done": "response.output_text.done",
  "conversation.item.created": "conversation.item.added",
};

/** As it is when it is text, else as JSON. */
export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

export function gaType(event: JsonObject): string {
  const type = textOf(event["type"]);
  return EVENTS[type] ?? type;
}

const FORMATS: Readonly<Record<string, JsonObject>> = {
  pcm16: { type: "audio/pcm", rate: 24000 },
  g711_ulaw: { type: "audio/pcmu" },
  g711_alaw: { type: "audio/pcma" },
};

function formatOf(name: Json | undefined): JsonObject {
  const format = typeof name === "string" ? FORMATS[name] : undefined;
  return format === undefined ? {} : { format };
}

/** A vendor's own kinds of turn detection (`azure_semantic_vad`) are asked for as the dialect's plain one. */
function detectionOf(turn: Json): Json {
  if (!isJsonObject(turn) || turn["type"] === "server_vad" || turn["type"] === "semantic_vad") return turn;
  const { create_response: answers = true, interrupt_response: interrupts = true } = turn;
  return { type: "server_vad", create_response: answers, interrupt_response: interrupts };
}

/** What a client of the relay says to ask for the same session. */
export function gaSession(session: JsonObject): JsonObject {
  const {
    modalities,
    voice,
    turn_detection: turn,
    input_audio_format: input,
    output_audio_format: output,
    input_audio_transcription: transcription,
    input_audio_sampling_rate: _,
    audio,
    ...rest
  } = session;
  const nested = isJsonObject(audio) ? audio : {};
  const spoken = Array.isArray(modalities) && !modalities.includes("audio") ? "text" : "audio";
  return {
    ...rest,
    type: "realtime",
    ...(modalities === undefined ? {} : { output_modalities: [spoken] }),
    audio: {
      input: {
        ...formatOf(input),
        ...(transcription === undefined ? {} : { transcription }),
        ...(turn === undefined ? {} : { turn_detection: detectionOf(turn) }),
        ...(isJsonObject(nested["input"]) ? nested["input"] : {}),
      },
      output: {
        ...formatOf(output),
        ...(typeof voice === "string" ? { voice } : {}),
        ...(isJsonObject(nested["output"]) ? nested["output"] : {}),
      },
    },
  };
}
