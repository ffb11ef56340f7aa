/**
 * Known kinds of faults, brought back one by one between the parts: each must be found within 2,000 scripts. Nothing of
 * the relay's source is changed for it, so that they outlive its rewriting.
 */
import { IN_ANSWERS } from "./answers.ts";
import { IN_REQUESTS } from "./requests.ts";
import type { Mutation } from "./tamper.ts";

export const MUTATIONS: readonly Mutation[] = [...IN_ANSWERS, ...IN_REQUESTS];

export function mutationNamed(name: string): Mutation {
  const mutation = MUTATIONS.find((known) => known.name === name);
  if (mutation === undefined) throw new RangeError(`there is no mutation ${name}`);
  return mutation;
}
