/** The costs of a session, where its plan has prices. */
import { Costs, type CostParts } from "./costs.ts";
import { costPlanOf } from "./plan.ts";
import type { Plan } from "../state/plan.ts";

/** Null: no upstream has a price. */
export function countCosts(parts: CostParts, plan: Plan): Costs | null {
  const priced = costPlanOf(plan);
  return priced && new Costs(parts, priced);
}
