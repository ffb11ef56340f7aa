/** Whose costs a session counts, as its plan has it. */
import type { Plan, PlannedUpstream } from "../state/plan.ts";
import type { Account, Role } from "./ledger.ts";

export interface CostPlan {
  readonly currency: string;
  /** In the order of the session's lines. */
  readonly accounts: readonly Account[];
}

/** Null: no upstream has a price. */
export function costPlanOf({ currency, upstreams, transcriber }: Plan): CostPlan | null {
  if (currency === undefined) return null;
  const accounts = upstreams.map((planned) => account(planned, planned.role ?? "speaker"));
  return { currency, accounts: transcriber ? [...accounts, account(transcriber, "transcriber")] : accounts };
}

function account({ name, prices, fallback }: PlannedUpstream, role: Role): Account {
  return { name, role, prices: prices ?? [null, ...(fallback ?? []).map(() => null)] };
}
