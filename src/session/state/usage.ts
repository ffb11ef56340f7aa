/** What answers cost, in OpenAI's shape. Clients read its members without asking whether they are there. */
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";

const COUNTED = ["total_tokens", "input_tokens", "output_tokens"] as const;
const INPUT = ["text_tokens", "audio_tokens", "image_tokens", "cached_tokens"] as const;
const CACHED = ["text_tokens", "audio_tokens", "image_tokens"] as const;
const OUTPUT = ["text_tokens", "audio_tokens"] as const;

/** Sums over a session, by OpenAI's names. */
export type TokenSums = Record<string, number>;

function tokens(value: Json | undefined): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

/** No provider's figure is more, or less: sums of what it says stay numbers, and never fall. */
const MOST = 1e12;

export function counted(value: number): number {
  return Math.min(MOST, Math.max(0, value));
}

function counts(given: Json | undefined, names: readonly string[]): JsonObject {
  const known = isJsonObject(given) ? given : {};
  return { ...known, ...Object.fromEntries(names.map((name) => [name, tokens(known[name])])) };
}

/** The usage of a `response.done`: the provider's figures, and 0 where it gave none. */
export function wholeUsage(given: JsonObject | null): JsonObject {
  const usage = counts(given, COUNTED);
  const input = counts(usage["input_token_details"], INPUT);
  return {
    ...usage,
    total_tokens: total(given),
    input_token_details: { ...input, cached_tokens_details: counts(input["cached_tokens_details"], CACHED) },
    output_token_details: counts(usage["output_token_details"], OUTPUT),
  };
}

function total(usage: JsonObject | null): number {
  const given = usage?.["total_tokens"];
  return typeof given === "number"
    ? tokens(given)
    : tokens(usage?.["input_tokens"]) + tokens(usage?.["output_tokens"]);
}

/** Who it was spent by. */
interface SpentBy {
  readonly name: string;
  readonly usage: TokenSums;
}

interface Spender {
  readonly context: Context;
  /** Of the session. */
  readonly usage: TokenSums;
}

/** An upstream said what something cost. @param told whether the client knows of the answer; null: it is for none. */
export function spend(
  { context, usage: all }: Spender,
  usage: JsonObject,
  link: SpentBy,
  told: boolean | null,
): void {
  addUsage(all, usage);
  addUsage(link.usage, usage);
  const sum = counted(total(usage));
  if (told !== null && sum > 0) context.metric(told ? "tokens_told" : "tokens_untold", sum, link.name);
}

/** Adds what an answer, a transcript or a session cost; a transcript that is counted in seconds adds nothing. */
export function addUsage(sums: TokenSums, usage: JsonObject): void {
  const seconds = counted(tokens(usage["audio_seconds"]));
  if (seconds > 0) sums["audio_seconds"] = (sums["audio_seconds"] ?? 0) + seconds;
  if (!COUNTED.some((name) => typeof usage[name] === "number")) return;
  for (const name of COUNTED) {
    const added = name === "total_tokens" ? total(usage) : tokens(usage[name]);
    sums[name] = (sums[name] ?? 0) + counted(added);
  }
}
