/** Clients of vLLM-Omni's duplex sessions (`/v1/realtime?duplex=1`). */
import type { Dialect } from "../dialect.ts";
import { openai } from "../openai.ts";
import { OmniCodec } from "./codec.ts";

export const vllmOmni: Dialect = { traits: openai.traits, codec: () => new OmniCodec() };
