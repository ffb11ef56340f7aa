/** `duplex.v1` (docs/wire.md): OpenAI's events, and ours. */
import type { Dialect } from "./dialect.ts";

export const duplex: Dialect = { traits: { extended: true, holds: true, beats: true }, codec: null };
