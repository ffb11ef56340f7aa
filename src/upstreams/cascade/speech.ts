/** What the synthesiser is asked, by its dialect, and how what comes of it is read. */
import type { JsonObject, UpstreamConfig } from "../upstream.ts";
import { cartesia } from "./cartesia.ts";
import { elevenLabs } from "./elevenlabs.ts";
import { JsonSpeech } from "./json-speech.ts";
import type { SpeechSettings } from "./settings.ts";
import { SpeakSocket } from "./speak-socket.ts";
import type { Speech } from "./speech-reader.ts";
import { SpeechStream } from "./speech-stream.ts";

export function speechOf(settings: SpeechSettings, text: string, speed: number): Speech {
  const { redactor, format, socket, adapter } = settings;
  if (adapter === "cartesia") return new JsonSpeech(cartesia(settings, speed), text);
  if (adapter === "elevenlabs") return new JsonSpeech(elevenLabs(settings, speed), text);
  if (socket) return new SpeakSocket(redactor, text);
  return new SpeechStream(redactor, adapter === "workers-ai-aura" ? format.rate : null);
}

/** Voices that client of OpenAI's dialect name stand for nothing elsewhere: a voice of the configuration goes before them. */
export function speechRequest(settings: SpeechSettings, config: UpstreamConfig, text: string): JsonObject {
  const { adapter, model, voice, format, socket, body } = settings;
  const spoken = { encoding: "linear16", sample_rate: format.rate };
  if (adapter === "deepgram-speak") return { model, ...spoken, ...body };
  // What is asked goes over the socket.
  if (adapter === "cartesia") return {};
  if (adapter === "elevenlabs")
    return { model_id: model, output_format: `pcm_${format.rate}`, auto_mode: true };
  const speaker = voice === null ? {} : { speaker: voice };
  // Over a socket 24 kHz are what Cloudflare documents where nothing is asked for; what it takes there it does not say.
  if (adapter === "workers-ai-aura")
    return socket ? { ...speaker, ...body } : { text, ...speaker, ...spoken, container: "wav", ...body };
  const asked = typeof config.voice === "string" && config.voice !== "" ? config.voice : "alloy";
  return {
    model,
    input: text,
    voice: voice ?? asked,
    response_format: "pcm",
    ...(config.speed === 1 ? {} : { speed: config.speed }),
    ...body,
  };
}
