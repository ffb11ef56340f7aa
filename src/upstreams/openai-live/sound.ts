/** The format of a session's sound, which is one for both directions, and what is sent of it. */
import { type AudioFormat, bytesPerSample, sampleRateHz } from "../../audio/format.ts";
import { objectAt } from "../json.ts";
import { nameOf, plainFormat, statedFormat } from "../openai-compatible/formats.ts";
import type { JsonObject } from "../upstream.ts";

type Stated =
  | { readonly format: AudioFormat; readonly unsupported: null }
  | { readonly format: null; readonly unsupported: string };

/** What a session says that it speaks; where it says nothing, what it was asked for. */
export function formatOf(session: JsonObject | null, asked: AudioFormat): Stated {
  const format = objectAt(session, "audio")?.["format"] ?? null;
  const stated = statedFormat({ audio: { input: { format } } }, "input");
  if (stated === null) return { format: asked, unsupported: null };
  const plain = stated.format === null ? null : plainFormat(stated.format);
  return plain === null
    ? { format: null, unsupported: nameOf(stated) }
    : { format: plain, unsupported: null };
}

export const append = (base64: string): string => `{"type":"session.input_audio.append","audio":"${base64}"}`;

const SILENT = { "audio/pcm": 0, "audio/pcmu": 0xff, "audio/pcma": 0xd5 } as const;

export function silence(format: AudioFormat, ms: number): string {
  const samples = (sampleRateHz(format) * ms) / 1000;
  return append(new Uint8Array(samples * bytesPerSample(format)).fill(SILENT[format.type]).toBase64());
}
