/** The synthesiser of a cascade by itself: what it is asked, and how its sound is read, for who has sentences and no answer. */
import type { ChannelOpening, UpstreamConfig, UpstreamOptions } from "../upstream.ts";
import { isSpeakable } from "./sentences.ts";
import { voiceOf } from "./settings.ts";
import { speechOf, speechRequest } from "./speech.ts";
import type { Speech } from "./speech-reader.ts";

export { SPEECH_STAGE, type Speech } from "./speech-reader.ts";
export { isSpeakable };

export interface Synthesiser {
  readonly rateHz: number;
  /** How a fault of its connection is told, without a secret. */
  readonly redactor: Parameters<typeof speechOf>[0]["redactor"];
  /** A request for a text of at most so much sound, with its deadlines and bounds. */
  opening(text: string, mostMs: number): ChannelOpening;
  reader(text: string): Speech;
}

/** Whatever it brings: a voice says a sentence faster than anybody hears it. */
const LASTS_MS = 30_000;
/** Bytes beside the samples: base64 is 4 for 3, and where it gives times each word has some hundred. */
const MOST_OVERHEAD = 2;
const LEAST_BYTES = 65_536;

/** Its own voice at its own speed, whatever a session says of its agent's. */
const CONFIG: UpstreamConfig = {
  kind: "conversation",
  instructions: "",
  modality: "audio",
  tools: [],
  toolChoice: "none",
  maxOutputTokens: "inf",
  voice: null,
  speed: 1,
  transcription: null,
  turnDetection: null,
  extra: {},
};

/** @throws UpstreamOptionsError naming the field. */
export function synthesiserOf(options: UpstreamOptions): Synthesiser {
  const settings = voiceOf(options);
  return {
    rateHz: settings.format.rate,
    redactor: settings.redactor,
    reader: (text) => speechOf(settings, text, CONFIG.speed),
    opening: (text, mostMs) => ({
      request: settings.dial(speechRequest(settings, CONFIG, text)),
      openMs: settings.answerMs,
      idleMs: settings.idleMs,
      lastsMs: LASTS_MS,
      most: LEAST_BYTES + mostMs * settings.bytesPerMs * MOST_OVERHEAD,
    }),
  };
}
