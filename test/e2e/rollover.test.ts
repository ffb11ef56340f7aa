/** A short run of the benchmark's rollovers: what it would find in minutes, a loss, is to be found here in seconds. */
import { expect, test } from "vitest";
import { rollover } from "../../bench/delivery/rollover.ts";

test("[L22][L141] calls roll over through the whole relay, and no sample is lost, with transcripts or without", async () => {
  const { figures } = await rollover({ seed: 1, full: false, few: 2, say: () => {} });
  // Whether a gap was found in time is the benchmark's affair, on a machine that does nothing else.
  expect(figures).toMatchObject({
    calls: 4,
    caller_to_provider: { lost: 0, twice: 0, foreign_or_disordered: 0 },
    failures: [],
  });
  expect(String(figures["faults"])).not.toContain("not kept");
});
