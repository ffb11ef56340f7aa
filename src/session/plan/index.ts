/** The strategies, by the name that a route gives its plan. */
import { FAILOVER } from "./failover.ts";
import { hedge } from "./hedge.ts";
import { PANEL } from "./panel.ts";
import { isShadow, type Plan } from "./plan.ts";
import { RACE } from "./race.ts";
import { SINGLE } from "./single.ts";
import type { Strategy } from "./strategy.ts";
import { TAGGED } from "./tagged.ts";

export function strategyOf({ strategy, upstreams }: Pick<Plan, "strategy" | "upstreams">): Strategy {
  switch (strategy?.name) {
    case undefined:
      return upstreams.filter((each) => !isShadow(each)).length > 1 ? TAGGED : SINGLE;
    case "race":
      return RACE;
    case "failover":
      return FAILOVER;
    case "panel":
      return PANEL;
    case "hedge":
      return hedge(strategy.hedgeMs);
  }
}
