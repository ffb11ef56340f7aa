/** The streaming transcribers that there are, by the names of their adapters. */
import { assemblyAi } from "./assemblyai.ts";
import { deepgramFlux } from "./deepgram-flux.ts";
import { deepgramNova } from "./deepgram-nova.ts";
import type { TranscriberDialect } from "./dialect.ts";
import { elevenLabsScribe } from "./elevenlabs-scribe.ts";
import { workersAiFlux } from "./workers-ai-flux.ts";

export const TRANSCRIBERS: ReadonlyMap<string, TranscriberDialect> = new Map([
  ["assemblyai", assemblyAi],
  ["deepgram-flux", deepgramFlux],
  ["deepgram-nova", deepgramNova],
  ["elevenlabs-scribe", elevenLabsScribe],
  ["workers-ai-flux", workersAiFlux],
]);
