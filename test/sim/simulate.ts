/** Plays calls, seed by seed. */
import { SimulatedCall, type Outcome } from "./call.ts";
import { CAN_RESUME } from "./duplex-wire.ts";
import { FAULTS, faultsOf } from "./faults/index.ts";
import { addOutcome, emptyReport, type Report } from "./report.ts";

/** Every kind of fault that this checkout's relay is meant to survive. */
export const SURVIVABLE: readonly string[] = FAULTS.filter(
  (fault) => fault.onlyNamed !== true && (CAN_RESUME || fault.needsResume !== true),
).map((fault) => fault.name);

export interface Range {
  readonly from: number;
  readonly to: number;
  /** Only every so many-th seed from `from` on: how workers share a range. */
  readonly step: number;
  /** Faults to draw pairs from. */
  readonly among: readonly string[];
  /** Only calls with one of these faults are played; empty: all. */
  readonly having: readonly string[];
  /** Stops at the first failure. */
  readonly untilFailure: boolean;
}

/** One call. With `tracing` it says what happened. */
export function play(seed: number, among: readonly string[], tracing = false): Promise<Outcome> {
  return new SimulatedCall(seed, faultsOf(seed, among), tracing).run();
}

/** One call of so many virtual milliseconds, and what the session kept of it by then. */
export async function soak(
  seed: number,
  ms: number,
): Promise<Outcome & { readonly kept: readonly number[] }> {
  const call = new SimulatedCall(seed, [], false, ms);
  const kept: number[] = [];
  const look = (): void => {
    kept.push(call.relay.inspection.latestBytes);
    call.time.after(ms / 6, look);
  };
  call.time.after(ms / 6, look);
  return { ...(await call.run()), kept: kept.slice(0, 6) };
}

/** @param begins is told of each call before it is played, and the report of those before. */
export async function simulate(
  { from, to, step, among, having, untilFailure }: Range,
  cpu: () => number,
  begins: (seed: number, report: Report) => void = () => {},
): Promise<Report> {
  const report = emptyReport();
  const before = cpu();
  for (let seed = from; seed <= to; seed += step) {
    if (having.length > 0 && !faultsOf(seed, among).some((fault) => having.includes(fault))) continue;
    report.cpuSeconds = cpu() - before;
    begins(seed, report);
    const outcome = await play(seed, among);
    addOutcome(report, outcome);
    if (untilFailure && outcome.violation !== null) break;
  }
  report.cpuSeconds = cpu() - before;
  return report;
}
