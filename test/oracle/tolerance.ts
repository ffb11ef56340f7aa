/** Two events that stand at one place, made equal in what may lie between them. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import { objectOf } from "./fields.ts";

export interface Tolerance {
  /** Milliseconds between positions in the caller's audio. */
  readonly positions?: number;
  /** Words of the reference that stand for any others. */
  readonly words?: string;
  /** The reference's account of what it heard is not compared. */
  readonly proof?: boolean;
  /** Seconds in `[1.23 s of speech]` and in usage. */
  readonly seconds?: number;
  /** Tokens; of what is said so many, where this is given. */
  readonly tokens?: number;
  readonly spoken?: number;
  /** Hashes of audio are not compared. */
  readonly sha?: "any";
  /** Part of a length in bytes. */
  readonly bytes?: number;
  /** And so many bytes. */
  readonly moreBytes?: number;
  readonly samples?: number;
}

/** Where both have the same shape, what lies within the tolerance is made equal. */
export function relaxed(
  direct: JsonObject,
  through: JsonObject,
  tolerance: Tolerance,
): readonly [JsonObject, JsonObject] {
  return [direct, objectOf(towards(direct, through, tolerance, ""))];
}

function towards(direct: Json | undefined, through: Json, tolerance: Tolerance, key: string): Json {
  if (Array.isArray(through)) {
    return through.map((inner, at) =>
      towards(Array.isArray(direct) ? direct[at] : undefined, inner, tolerance, key),
    );
  }
  if (typeof through === "object" && through !== null) {
    const beside = objectOf(direct);
    const tokens = key === "output_token_details" ? (tolerance.spoken ?? tolerance.tokens) : tolerance.tokens;
    const inside = tokens === tolerance.tokens || tokens === undefined ? tolerance : { ...tolerance, tokens };
    return Object.fromEntries(
      Object.entries(through).map(([name, inner]) => [name, towards(beside[name], inner, inside, name)]),
    );
  }
  return direct !== undefined && within(direct, through, tolerance, key) ? direct : through;
}

function within(direct: Json, through: Json, tolerance: Tolerance, key: string): boolean {
  if (typeof direct !== typeof through) return false;
  if (tolerance.proof === true && key.startsWith("demo_input_")) return true;
  if (tolerance.sha === "any" && (key === "sha" || key === "demo_input_sha256")) return true;
  if (key === "demo_input_samples" && tolerance.samples !== undefined) {
    const ratio = Number(through) / Number(direct);
    return ratio > 0.3 && ratio <= tolerance.samples;
  }
  if (typeof direct === "string" && typeof through === "string") {
    if (direct === tolerance.words) return true;
    if (tolerance.seconds === undefined) return false;
    const [one, other] = [spoken(direct), spoken(through)];
    return one !== null && other !== null && Math.abs(one - other) <= tolerance.seconds;
  }
  if (typeof direct !== "number" || typeof through !== "number") return false;
  const far = Math.abs(direct - through);
  if (/^audio_(start|end)_ms$/.test(key)) return far <= (tolerance.positions ?? 0);
  if (key === "seconds") return far <= (tolerance.seconds ?? 0);
  if (key === "output_tokens") return far <= (tolerance.spoken ?? tolerance.tokens ?? 0);
  if (key.endsWith("tokens")) return far <= (tolerance.tokens ?? 0);
  if (key === "bytes") return far <= (tolerance.bytes ?? 0) * direct + (tolerance.moreBytes ?? 0);
  return false;
}

function spoken(words: string): number | null {
  const match = /^\[([\d.]+) s of speech\]$/.exec(words);
  return match === null ? null : Number(match[1]);
}
