/**
 * Asks a remote model whether a turn is over. Every question settles within a second; why one failed is of interest to
 * nobody but the counters, and what was said is never logged.
 */
import type { EndOfTurnModel } from "../src/session/state/plan.ts";
import type { Services } from "./asked.ts";
import { runModel } from "./model-dial.ts";
import { shortJson } from "./short-json.ts";
import { within } from "./within.ts";

/** A verdict is of use for a quarter of a second; this only bounds what is left behind. */
const MOST_MS = 1000;
const MOST_ANSWER_BYTES = 4096;
const RATE_HZ = 16_000;
const WAV_HEADER_BYTES = 44;

type Consult = Services["consult"];

/** @param env where the binding is that the plan names. */
export function createConsult(model: EndOfTurnModel | undefined, env: object): Consult {
  if (model === undefined) return () => Promise.reject(new Error("the plan names no end-of-turn model"));
  if (model.adapter === "http") return (samples) => askOverHttp(model, samples);
  return (samples) => askWorkersAi(model, env, samples);
}

/**
 * Cloudflare's smart-turn takes raw samples in base64 with their type and answers `{ is_complete, probability }`
 * (developers.cloudflare.com/workers-ai/models/smart-turn-v2, and the types of `@cloudflare/workers-types`).
 */
async function askWorkersAi(
  { binding, model }: Extract<EndOfTurnModel, { adapter: "workers-ai" }>,
  env: object,
  samples: Int16Array,
): Promise<number> {
  const floats = Float32Array.from(samples, (sample) => sample / 32_768);
  const audio = new Uint8Array(floats.buffer).toBase64();
  const inputs = { audio, dtype: "float32" };
  return within(MOST_MS, async (signal) =>
    answerOf(await runModel({ binding, model, inputs, gives: "response" }, env, signal)),
  );
}

async function answerOf(response: Response): Promise<number> {
  return probabilityOf(await shortJson(response, MOST_ANSWER_BYTES));
}

async function askOverHttp(
  { url, headers }: Extract<EndOfTurnModel, { adapter: "http" }>,
  samples: Int16Array,
): Promise<number> {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "Content-Type": "audio/wav" },
    body: wavOf(samples),
    // Not followed: the headers may hold a secret.
    redirect: "manual",
    signal: AbortSignal.timeout(MOST_MS),
  });
  return answerOf(response);
}

function probabilityOf(answer: unknown): number {
  const probability: unknown =
    typeof answer === "object" && answer !== null ? Reflect.get(answer, "probability") : undefined;
  if (typeof probability !== "number" || !(probability >= 0 && probability <= 1)) {
    throw new Error("the answer has no probability");
  }
  return probability;
}

/** Mono PCM of 16 bits. */
function wavOf(samples: Int16Array): Uint8Array {
  const file = new Uint8Array(WAV_HEADER_BYTES + samples.byteLength);
  const view = new DataView(file.buffer);
  const words: readonly (readonly [number, string])[] = [
    [0, "RIFF"],
    [8, "WAVE"],
    [12, "fmt "],
    [36, "data"],
  ];
  for (const [at, word] of words) file.set(new TextEncoder().encode(word), at);
  view.setUint32(4, file.byteLength - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE_HZ, true);
  view.setUint32(28, RATE_HZ * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(40, samples.byteLength, true);
  file.set(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength), WAV_HEADER_BYTES);
  return file;
}
