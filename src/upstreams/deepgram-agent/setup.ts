/** The session's configuration in Deepgram's words: the first message, and what of it can change in mid-call. */
import { ownVoice } from "../common/foreign-voices.ts";
import { mergeDeep, objectAt, textAt } from "../json.ts";
import type { Capabilities, JsonObject, UpstreamConfig } from "../upstream.ts";
import type { DeepgramAgentSettings } from "./settings.ts";

const INPUT_HZ = 16_000;
const OUTPUT_HZ = 24_000;
/** Deepgram asks for a message every eight seconds where no audio is sent. */
const KEEPALIVE_MS = 5000;
/** What Aura takes (types of `@deepgram/sdk` 5.13); another one would end the session. */
const SPEEDS = { least: 0.7, most: 1.5 } as const;

export function capabilitiesOf({ turns, maxSessionMs }: DeepgramAgentSettings): Capabilities {
  return {
    input: { type: "audio/pcm", rate: INPUT_HZ },
    output: { type: "audio/pcm", rate: OUTPUT_HZ },
    turns,
    cancel: true,
    truncate: false,
    text: true,
    tools: true,
    transcription: true,
    outOfBand: false,
    confirms: false,
    resumption: false,
    maxSessionMs,
    keepaliveMs: KEEPALIVE_MS,
  };
}

export function settingsMessage(settings: DeepgramAgentSettings, config: UpstreamConfig): JsonObject {
  const message: JsonObject = {
    type: "Settings",
    flags: { history: false },
    audio: {
      input: { encoding: "linear16", sample_rate: INPUT_HZ },
      output: { encoding: "linear16", sample_rate: OUTPUT_HZ, container: "none" },
    },
    agent: {
      listen: settings.listen,
      think: thinkOf(settings, config, ""),
      speak: speakOf(settings, config),
    },
  };
  return mergeDeep(message, settings.settings);
}

/** @param context what was said before, for which Deepgram's conversation has no other place. */
export function thinkOf(
  { think }: DeepgramAgentSettings,
  config: UpstreamConfig,
  context: string,
): JsonObject {
  const before = context === "" ? "" : `What was said before in this call:\n${context}`;
  const prompt = [config.instructions, before].filter((text) => text !== "").join("\n\n");
  const functions = functionsOf(config);
  return {
    ...think,
    ...(prompt === "" ? {} : { prompt }),
    ...(functions.length === 0 ? {} : { functions }),
  };
}

export function speakOf({ speak }: DeepgramAgentSettings, config: UpstreamConfig): JsonObject {
  if (textAt(objectAt(speak, "provider"), "type") !== "deepgram") return speak;
  const model = voiceOf(config);
  const { speed } = config;
  const paced = speed !== 1 && speed >= SPEEDS.least && speed <= SPEEDS.most;
  return mergeDeep(speak, {
    provider: { ...(model === null ? {} : { model }), ...(paced ? { speed } : {}) },
  });
}

/** Members of the configuration that say something and that no agent of Deepgram's can be told. */
export function untaken(settings: DeepgramAgentSettings, config: UpstreamConfig): readonly string[] {
  const speaks = speakOf(settings, config);
  const provider = objectAt(speaks, "provider");
  const asked: readonly (readonly [string, boolean])[] = [
    ["modality", config.modality === "text"],
    ["maxOutputTokens", config.maxOutputTokens !== "inf"],
    ["toolChoice", config.toolChoice !== "auto" && config.toolChoice !== "none"],
    ["voice", ownVoice(config.voice) !== null && provider?.["model"] !== config.voice],
    ["speed", config.speed !== 1 && provider?.["speed"] !== config.speed],
  ];
  return asked.flatMap(([field, says]) => (says ? [field] : []));
}

/** A voice of Deepgram's own families. */
function voiceOf(config: UpstreamConfig): string | null {
  const voice = ownVoice(config.voice);
  return voice !== null && /^(?:aura|flux)-/.test(voice) ? voice : null;
}

/** Functions without an endpoint are the client's. */
function functionsOf(config: UpstreamConfig): readonly JsonObject[] {
  if (config.toolChoice === "none") return [];
  return config.tools.flatMap((tool) => {
    const name = textAt(tool, "name");
    if (textAt(tool, "type") !== "function" || name === null) return [];
    const description = textAt(tool, "description");
    const parameters = objectAt(tool, "parameters");
    return [
      {
        name,
        ...(description === null ? {} : { description }),
        ...(parameters === null ? {} : { parameters }),
      },
    ];
  });
}
