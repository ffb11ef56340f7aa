/** One kind of thing that goes wrong. */
import type { SimulatedCall } from "../call.ts";
import type { Random } from "../random.ts";
import type { Scenario } from "../world.ts";

export interface Fault {
  /** `where.what`. */
  readonly name: string;
  /** Whether such a call can have it at all. Absent: every call. */
  fits?(scenario: Scenario): boolean;
  /** Only a client that can take up a lost connection survives it. */
  readonly needsResume?: true;
  /** It is drawn only where it is named (`--faults`): all seeds keep the calls that they are. */
  readonly onlyNamed?: true;
  /** Plans it; when it really strikes it says so to `call.checks.strike`. */
  arm(call: SimulatedCall, random: Random): void;
}

export const hasProvider = (scenario: Scenario): boolean =>
  scenario.upstreams.some((upstream) => upstream.kind !== "echo");
export const isDuplex = (scenario: Scenario): boolean => scenario.dialect === "duplex.v1";
