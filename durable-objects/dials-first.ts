import type { Action } from "../src/session/io.ts";

/** Both in their order. */
export function dialsFirst(
  actions: readonly Action[],
): readonly [dials: readonly Action[], others: readonly Action[]] {
  const dials = actions.filter((action) => action.type === "dial");
  return [dials, actions.filter((action) => action.type !== "dial")];
}
