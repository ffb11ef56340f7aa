/** The text model of a cascade by itself: what it is asked, and how its answer is read, for who needs words and no voice. */
import type { ChannelOpening, JsonObject, UpstreamConfig, UpstreamOptions } from "../upstream.ts";
import { chatRequest } from "./chat-request.ts";
import { type Entry, History } from "./history.ts";
import { textOf } from "./settings.ts";
import { TextStream } from "./text-stream.ts";

export interface TextModel {
  /** A request, with its deadlines and bounds. */
  opening(asked: TextAsk): ChannelOpening;
  reader(): TextStream;
  /** How a fault of its connection is told, without a secret. */
  readonly redactor: ConstructorParameters<typeof TextStream>[0];
}

export interface TextAsk {
  readonly instructions: string;
  readonly entries: readonly Entry[];
  /** Functions, as OpenAI's session names them. */
  readonly tools: readonly JsonObject[];
  /** It may call them: where it may not any more, it is told of them all the same, for it has called some. */
  readonly calls: boolean;
}

/** Of an answer in the endpoint's own tokens, where its `settings.body` says nothing else. */
const USUAL_TOKENS = 2048;
/** Whatever it brings. */
const LASTS_MS = 120_000;
const MOST_BYTES = 8 * 1024 * 1024;

const CONFIG: UpstreamConfig = {
  kind: "conversation",
  instructions: "",
  modality: "text",
  tools: [],
  toolChoice: "auto",
  maxOutputTokens: USUAL_TOKENS,
  voice: "",
  speed: 1,
  transcription: null,
  turnDetection: null,
  extra: {},
};

/** @throws UpstreamOptionsError naming the field. */
export function textModelOf(options: UpstreamOptions): TextModel {
  const settings = textOf(options);
  return {
    redactor: settings.redactor,
    reader: () => new TextStream(settings.redactor),
    opening({ instructions, entries, tools, calls }) {
      const history = new History();
      for (const [at, entry] of entries.entries()) history.add(String(at), entry);
      const config = { ...CONFIG, instructions, tools, toolChoice: calls ? "auto" : "none" };
      const asked = chatRequest(settings, config, history, { params: {}, outOfBand: true });
      return {
        request: settings.dial(asked),
        openMs: settings.answerMs,
        idleMs: settings.idleMs,
        lastsMs: LASTS_MS,
        most: MOST_BYTES,
      };
    },
  };
}
