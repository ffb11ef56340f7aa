/** docs/providers.md says what the adapters say. `node tools/providers.ts` writes it. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { FACTS } from "./facts.ts";
import { KNOWN, known, LACKING, lacking, SUPPORTS, supports, tablesOf } from "./providers.ts";
import { SUBJECTS } from "./subjects.ts";
import { TABLE } from "./table.ts";

test("[U308] docs/providers.md has what each adapter can, lacks and costs, as they are", async () => {
  const page = await readFile(new URL("../../docs/providers.md", import.meta.url), "utf8");
  const tables = tablesOf(page);
  expect(tables.get(SUPPORTS.join("|"))).toEqual(supports());
  expect(tables.get(LACKING.join("|"))).toEqual(lacking());
  expect(tables.get(KNOWN.join("|"))).toEqual(known());
});

test("[U308] nothing is said there of a provider that the same call is not held with, nor of a memory that is not tried", () => {
  const names = TABLE.map(({ name }) => name);
  expect(Object.keys(FACTS).toSorted()).toEqual(names.toSorted());
  const tried = new Set(
    SUBJECTS.filter(({ native }) => native).map(({ provider }) => provider.options.adapter),
  );
  const told = TABLE.filter(({ name, provider }) => {
    const memory = FACTS[name]?.memory ?? null;
    return memory !== null && provider.options.adapter !== "cascade";
  });
  expect(new Set(told.map(({ provider }) => provider.options.adapter))).toEqual(tried);
});
