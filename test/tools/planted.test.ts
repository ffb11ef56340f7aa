/** Faults that are planted on purpose are found by exact texts of the sources: one that is not there plants nothing. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { REMOVALS } from "../defences/index.ts";
import { PLANTS } from "../fuzz/plants.ts";
import { MUTATIONS } from "../sim/mutations.ts";

test.each([
  ["the simulator's mutations", MUTATIONS],
  ["the fuzzer's plants", PLANTS],
  ["the defences' removals", REMOVALS],
])("[T42] the text of each of %s occurs once in its file", (_, planted) => {
  const wrong = planted.flatMap(({ file, what, from }) => {
    const count = readFileSync(file, "utf8").split(from).length - 1;
    return count === 1 ? [] : [`${file}: ${what} (${count} times)`];
  });
  expect(wrong).toEqual([]);
});
