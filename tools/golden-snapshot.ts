/**
 * Writes `test/fixtures/snapshots/v<version>`: snapshots of calls in several states as this build makes them. Once for each
 * `SNAPSHOT_VERSION`, before it is released; a released one's are never written again.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { SNAPSHOT_VERSION } from "../src/session/session.ts";
import { GOLDEN_CALLS, play, writeSnapshot } from "../test/support/golden.ts";

const folder = new URL(`../test/fixtures/snapshots/v${SNAPSHOT_VERSION}/`, import.meta.url);
await mkdir(folder, { recursive: true });
for (const golden of GOLDEN_CALLS) {
  await writeFile(new URL(`${golden.name}.json`, folder), `${writeSnapshot(play(golden))}\n`);
}
