/** What Gemini Live has. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";
import type { Capabilities } from "../upstream.ts";
import type { GeminiSettings } from "./settings.ts";

const INPUT: AudioFormat = { type: "audio/pcm", rate: 16_000 };

export function capabilitiesOf(
  { turns, maxSessionMs }: GeminiSettings,
  output: ProviderFormat,
): Capabilities {
  return {
    input: INPUT,
    output,
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
    keepaliveMs: null,
  };
}
