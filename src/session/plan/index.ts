/** The strategies, by the name that a route gives its plan. */
import { FAILOVER } from "./failover.ts";
import { hedge } from "./hedge.ts";
import { PANEL } from "./panel.ts";
import { isShadow, type Plan, type StrategyChoice } from "../state/plan.ts";
import { RACE } from "./race.ts";
import { ALONE, SINGLE } from "./single.ts";
import type { Strategy } from "../state/strategy.ts";
import { TAGGED } from "./tagged.ts";

export function strategyOf({ strategy, upstreams }: Pick<Plan, "strategy" | "upstreams">): Strategy {
  if (strategy !== undefined) return oneVoiceBy(strategy);
  return upstreams.filter((each) => !isShadow(each)).length > 1 ? TAGGED : SINGLE;
}

/** `single`: of those that are one voice one alone. */
export function oneVoiceBy(choice: StrategyChoice | { readonly name: "single" }): Strategy {
  switch (choice.name) {
    case "single":
      return ALONE;
    case "race":
      return RACE;
    case "failover":
      return FAILOVER;
    case "panel":
      return PANEL;
    case "hedge":
      return hedge(choice.hedgeMs);
  }
}
