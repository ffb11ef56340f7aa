/** How many functions of the relay's a step calls: what one message costs where caches are cold goes with them. */
import { Session } from "node:inspector/promises";

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
    }[];
  }[];
}

const OURS = /\/(?:src|durable-objects|wasm)\//;

/** @returns calls of functions of the relay's sources for each step, by V8's count; those that it has inlined too. */
export async function callsOf(steps: readonly (() => void)[], rounds: number): Promise<readonly number[]> {
  const inspector = new Session();
  inspector.connect();
  await inspector.post("Profiler.enable");
  await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  const calls: number[] = [];
  for (const step of steps) {
    await inspector.post("Profiler.takePreciseCoverage");
    for (let round = 0; round < rounds; round += 1) step();
    calls.push(sumOf(await inspector.post("Profiler.takePreciseCoverage")) / rounds);
  }
  inspector.disconnect();
  return calls;
}

function sumOf({ result }: Coverage): number {
  const functions = result.filter(({ url }) => OURS.test(url)).flatMap((script) => script.functions);
  return functions.reduce((sum, { ranges }) => sum + (ranges[0]?.count ?? 0), 0);
}
