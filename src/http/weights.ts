/** Weights of experiments that hold without a deploy: entries of the store of the keys (docs/plans.md). */
import * as v from "valibot";
import { entryOf } from "../../durable-objects/key-store.ts";
import type { RelayEnv } from "../../durable-objects/env.ts";
import type { RelayConfig } from "../config/define.ts";
import { type Experiment, reweighed, weight } from "../config/experiments.ts";

const stored = v.pipe(v.string(), v.parseJson(), v.record(v.string(), weight));

/** The configuration as it is in force now. What cannot be read, or does not fit, changes nothing. */
export async function weighed(config: RelayConfig, env: RelayEnv): Promise<RelayConfig> {
  if (config.experiments === undefined || env.RELAY_KEYS === undefined) return config;
  const now = Object.entries(config.experiments).map(
    async ([name, experiment]): Promise<[string, Experiment]> => [
      name,
      (await storedFor(env, name, experiment)) ?? experiment,
    ],
  );
  return { ...config, experiments: Object.fromEntries(await Promise.all(now)) };
}

/** Null: those of the file hold. */
async function storedFor(env: RelayEnv, name: string, experiment: Experiment): Promise<Experiment | null> {
  const text = await entryOf(env, `experiment:${name}`).catch(() => null);
  if (text === null) return null;
  const read = v.safeParse(stored, text);
  const found = read.success ? reweighed(experiment, read.output) : null;
  if (found === null) console.error("weights in RELAY_KEYS do not fit their experiment", name);
  return found;
}
