/** OpenAI Realtime as it was before GA: clients of 2024, and Azure's. */
import type { Dialect } from "../dialect.ts";
import { openai } from "../openai.ts";
import { BetaCodec } from "./codec.ts";

export const openaiBeta: Dialect = { traits: openai.traits, codec: () => new BetaCodec() };
