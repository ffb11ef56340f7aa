/** The services that a plan names, as a session asks them. */
import type { Plan } from "../src/session/state/plan.ts";
import type { Services } from "./asked.ts";
import { createConsult } from "./consult.ts";
import { createModerate } from "./moderate.ts";
import { createWebhooks, type Whose } from "./webhook.ts";

/** @param env where the bindings are that the plan names. */
export function createServices({ endOfTurn, guard, tools }: Plan, env: object, whose: Whose): Services {
  return {
    consult: createConsult(endOfTurn, env),
    moderate: createModerate(guard, env),
    tool: createWebhooks(tools ?? [], whose),
  };
}
