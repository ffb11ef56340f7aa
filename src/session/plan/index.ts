/** The strategies, by the name that a route gives its plan. */
import { hedge } from "./hedge.ts";
import type { Plan } from "./plan.ts";
import { RACE } from "./race.ts";
import { SINGLE } from "./single.ts";
import type { Strategy } from "./strategy.ts";
import { TAGGED } from "./tagged.ts";

export function strategyOf({ strategy, upstreams }: Pick<Plan, "strategy" | "upstreams">): Strategy {
  switch (strategy?.name) {
    case undefined:
      return upstreams.length > 1 ? TAGGED : SINGLE;
    case "race":
      return RACE;
    case "hedge":
      return hedge(strategy.hedgeMs);
  }
}
