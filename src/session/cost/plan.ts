/** Whose costs a session counts, as its plan has it. */
import type { Plan, PlannedUpstream } from "../state/plan.ts";
import type { Account, Role } from "./ledger.ts";
import type { OwnRole } from "./meter.ts";
import type { Price } from "../state/price.ts";

export interface CostPlan {
  readonly currency: string;
  /** In the order of the session's lines, and behind them who works for the relay itself. */
  readonly accounts: readonly Account[];
}

/** Null: no upstream has a price. */
export function costPlanOf({ currency, upstreams, transcriber, speech, background }: Plan): CostPlan | null {
  if (currency === undefined) return null;
  const own = (role: OwnRole, { price }: { readonly price?: Price }): Account => {
    return { name: role, role, prices: [price ?? null] };
  };
  return {
    currency,
    accounts: [
      ...upstreams.map((planned) => account(planned, planned.role ?? "speaker")),
      ...(transcriber ? [account(transcriber, "transcriber")] : []),
      ...(speech ? [own("speech", speech)] : []),
      ...(background ? [own("background", background)] : []),
    ],
  };
}

function account({ name, prices, fallback }: PlannedUpstream, role: Role): Account {
  return { name, role, prices: prices ?? [null, ...(fallback ?? []).map(() => null)] };
}
