/** Exactly OpenAI Realtime GA: what the session writes where nothing else was negotiated. */
import type { Dialect } from "./dialect.ts";

export const openai: Dialect = { traits: { extended: false, holds: false, beats: false }, codec: null };
