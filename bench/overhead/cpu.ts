/** CPU time of processes, threads included. */
import { readdir, readFile } from "node:fs/promises";

/**
 * Milliseconds on a CPU so far, or null where the system does not tell (Linux only). From `schedstat` (nanoseconds)
 * rather than `stat` (hundredths of a second): a measuring slice lasts about a second. Ended threads are not counted.
 */
export async function cpuMs(pids: readonly number[]): Promise<number | null> {
  let total = 0;
  for (const pid of pids) {
    try {
      for (const thread of await readdir(`/proc/${pid}/task`)) {
        const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
        total += Number(text.split(" ")[0]) / 1e6;
      }
    } catch {
      return null;
    }
  }
  return total;
}
