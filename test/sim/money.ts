/** What open connections cost: by the relay's account, and by the providers'. */
import { compareBill } from "./bill.ts";
import type { SimulatedCall } from "./call.ts";

/** There and back, to both sides. */
export function slackMs(call: SimulatedCall): number {
  const { clientQuality, providerQuality } = call.scenario;
  return (
    2 * (clientQuality.delayMs + clientQuality.jitterMs + providerQuality.delayMs + providerQuality.jitterMs)
  );
}

/** `upstream_open_ms`: to the millisecond where neither clock nor object was tampered with. */
function told(call: SimulatedCall): void {
  if (call.scenario.faults.some((fault) => fault.startsWith("platform."))) return;
  const known = [...call.providers.keys()].reduce((sum, name) => sum + call.relay.openMs(name), 0);
  const metric = call.checks.figures.get("metric_upstream_open_ms") ?? 0;
  if (Math.abs(metric - known) > 1) {
    call.checks.fail(
      "money",
      `${metric.toFixed(0)} ms were counted, and ${known.toFixed(0)} ms connections were open`,
    );
  }
}

/** The relay's own account of open upstreams is the providers', and its metric is its account. */
export function money(call: SimulatedCall): void {
  told(call);
  compareBill(call);
  for (const provider of call.providers.values()) {
    if (provider.calls.some((one) => one.holed)) continue;
    const billed = provider.openMs(call.time.now);
    const known = call.relay.openMs(provider.name);
    call.checks.count("upstream_open_ms", billed);
    const slack = provider.calls.length * (slackMs(call) + 4000 * Number(call.unsteady)) + 50;
    // A goodbye comes after all that was said, which a slow line has still to carry.
    if (billed - known > slack + provider.goodbyesWaitedMs || known - billed > slack) {
      call.checks.fail(
        "money",
        `${provider.name} was open for ${billed.toFixed(0)} ms, by the relay's account ${known.toFixed(0)} ms`,
      );
    }
  }
}
