/** What of a session's configuration a server is told, which is when it is dialled and never after: PersonaPlex has a voice and a part. */
import { ownVoice } from "../common/foreign-voices.ts";
import type { UpstreamConfig } from "../upstream.ts";
import type { MoshiSettings } from "./settings.ts";

/** Of those that PersonaPlex brings. It asks for a voice in any case. */
const VOICE = "NATF2.pt";
/** The server looks for it among its files: a name, and no path. */
const VOICE_FILE = /^\w[\w-]{0,63}(?:\.\w{1,8})?$/;
/** Characters of a part in an address, of which its server reads 8190 bytes. */
const MOST_CHARS = 6000;

type Told = Pick<UpstreamConfig, "instructions" | "voice">;

export function personaQuery(
  { server }: MoshiSettings,
  config: Told | undefined,
): Readonly<Record<string, string>> {
  if (server === "moshi") return {};
  // An address has no halves of characters.
  const part = (config?.instructions ?? "").toWellFormed();
  return {
    voice_prompt: voiceFile(config?.voice) ?? VOICE,
    text_prompt: fits(part) ? part : "",
  };
}

/** Members that say something which it was not told with its address. */
export function untaken({ server }: MoshiSettings, config: UpstreamConfig): readonly string[] {
  const persona = server === "personaplex";
  const asked: readonly (readonly [string, boolean])[] = [
    ["instructions", config.instructions !== "" && !(persona && fits(config.instructions))],
    ["voice", ownVoice(config.voice) !== null && !(persona && voiceFile(config.voice) !== null)],
    ["speed", config.speed !== 1],
    ["tools", config.tools.length > 0],
    ["toolChoice", config.toolChoice !== "auto"],
    ["maxOutputTokens", config.maxOutputTokens !== "inf"],
  ];
  return asked.flatMap(([field, says]) => (says ? [field] : []));
}

const FIELDS = ["instructions", "voice", "speed", "tools", "toolChoice", "maxOutputTokens"] as const;

/** Members that are others now: nothing of a conversation changes once it was dialled. */
export function changed(before: UpstreamConfig, config: UpstreamConfig): readonly (typeof FIELDS)[number][] {
  return FIELDS.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(config[field]));
}

function voiceFile(voice: unknown): string | null {
  const name = ownVoice(voice);
  if (name === null || !VOICE_FILE.test(name)) return null;
  return name.includes(".") ? name : `${name}.pt`;
}

const fits = (part: string): boolean => encodeURIComponent(part.toWellFormed()).length <= MOST_CHARS;
