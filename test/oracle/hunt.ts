/** Plays scripts until each mutation was found. */
import { draw } from "./draw.ts";
import { MUTATIONS } from "./mutations/index.ts";
import type { Mutation } from "./mutations/tamper.ts";
import { verdictOf } from "./judge.ts";
import { playDirect, playThrough } from "./play.ts";

export interface Hunt {
  /** Number of the script that found it, by the mutation's name. */
  readonly found: ReadonlyMap<string, number>;
  readonly missed: readonly string[];
}

/** Scripts that differ without any mutation prove nothing: they are left out. */
export async function hunt(
  seed: number,
  most: number,
  among: readonly Mutation[] = MUTATIONS,
): Promise<Hunt> {
  const found = new Map<string, number>();
  for (let number = 1; number <= most && found.size < among.length; number += 1) {
    const script = draw(seed, number);
    const direct = await playDirect(script);
    if (verdictOf(script, direct, await playThrough(script)).mismatches.length > 0) continue;
    for (const mutation of among) {
      const { name } = mutation;
      if (found.has(name)) continue;
      const { mismatches, known } = verdictOf(
        script,
        direct,
        await playThrough(script, mutation.tampering()),
      );
      if (mismatches.length > 0 && known === null) found.set(name, number);
    }
  }
  return { found, missed: among.map(({ name }) => name).filter((name) => !found.has(name)) };
}
