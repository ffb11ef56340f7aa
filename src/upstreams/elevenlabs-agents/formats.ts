/** What an agent can do, and the audio formats that a conversation is begun with: its first message says them. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";
import { nameOf, plainFormat, statedFormat } from "../openai-compatible/formats.ts";
import type { Capabilities, JsonObject } from "../upstream.ts";
import type { AgentSettings } from "./settings.ts";

/** A client that sends no audio says so often that it is there: the agent does not ask after it. */
const KEEPALIVE_MS = 30_000;

export type StatedFormats = { readonly input: AudioFormat; readonly output: ProviderFormat };

type Stated =
  | { readonly formats: StatedFormats; readonly unsupported: null }
  | { readonly formats: null; readonly unsupported: string };

export function capabilitiesOf({ maxSessionMs }: AgentSettings, formats: StatedFormats): Capabilities {
  return {
    ...formats,
    turns: "server",
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

/** What is not stated is as before. */
export function formatsOf(metadata: JsonObject | null, before: StatedFormats): Stated {
  const heard = stated(metadata, "user_input_audio_format");
  const spoken = stated(metadata, "agent_output_audio_format");
  const input = heard === null ? before.input : heard.format === null ? null : plainFormat(heard.format);
  if (heard !== null && input === null) return { formats: null, unsupported: nameOf(heard) };
  if (spoken !== null && spoken.format === null) return { formats: null, unsupported: nameOf(spoken) };
  return {
    formats: { input: input ?? before.input, output: spoken?.format ?? before.output },
    unsupported: null,
  };
}

function stated(metadata: JsonObject | null, member: string): ReturnType<typeof statedFormat> {
  const name = metadata?.[member];
  // G.711 has one rate, and no name of it elsewhere.
  const known = name === "ulaw_8000" ? "ulaw" : name;
  return known === undefined ? null : statedFormat({ input_audio_format: known }, "input");
}
