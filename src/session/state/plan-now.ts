/** Which strategy and which upstreams of a plan hold now, as it is said and shown on the wire. */

export interface PlanNow {
  readonly strategy: "single" | "failover" | "race" | "hedge" | "panel";
  readonly hedge_ms?: number;
  readonly upstreams: readonly string[];
}

/** What `relay.plan.update` says: without upstreams, those that take part now. */
export type PlanGiven = Pick<PlanNow, "strategy"> & {
  readonly hedge_ms?: number | undefined;
  readonly upstreams?: readonly string[] | undefined;
};
