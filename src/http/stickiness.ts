/** How a door is told whose call it is, for experiments: whatever tells the application's callers apart. */
import * as v from "valibot";
import { stickyOf } from "../config/sticky.ts";
import { Problem } from "./problem.ts";

/** Characters. */
const CALLER_LIMIT = 256;
const WRONG = `expected 1 to ${CALLER_LIMIT} characters`;

/** `caller` of a body. */
export const caller = v.nullish(
  v.pipe(v.string(WRONG), v.minLength(1, WRONG), v.maxLength(CALLER_LIMIT, WRONG)),
);

/** Of `?caller=`. Null: nobody said. @throws Problem 400 */
export function stickyOfUrl(name: string | undefined): Promise<string | null> {
  const read = v.safeParse(caller, name);
  if (read.success) return stickyOf(read.output);
  throw new Problem("invalid_value", `Invalid 'caller': ${WRONG}.`, { param: "caller" });
}

/** A session has the arm that was drawn when it began. */
export function armDrawn(plan: { readonly name: string; readonly experiment?: string }): {
  readonly arm?: string;
} {
  return plan.experiment === undefined ? {} : { arm: plan.name };
}
