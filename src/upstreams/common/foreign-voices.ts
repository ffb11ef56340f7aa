/** OpenAI's voices, which clients of that dialect ask for and other providers would refuse the session for. */
const OPENAI = /^(?:alloy|ash|ballad|coral|echo|fable|nova|onyx|sage|shimmer|verse|marin|cedar)$/;

/** A voice that a provider other than OpenAI may know, or null: it is left to the provider. */
export function ownVoice(voice: unknown): string | null {
  return typeof voice === "string" && voice !== "" && !OPENAI.test(voice) ? voice : null;
}
