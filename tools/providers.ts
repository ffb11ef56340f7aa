/** `node tools/providers.ts`: writes docs/providers.md anew, from the adapters and from what is known of their providers. */
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { KNOWN, known, LACKING, lacking, markdown, SUPPORTS, supports } from "../test/same-call/providers.ts";

const page = new URL("../docs/providers.md", import.meta.url);
const TABLES = [markdown(SUPPORTS, supports()), markdown(LACKING, lacking()), markdown(KNOWN, known())];

/** Text stays, and each table in its turn is written over. */
const text = await readFile(page, "utf8");
let nth = 0;
const written = text.replaceAll(/(?:^\|.*\n)+/gm, () => `${TABLES[nth++] ?? ""}\n`);
if (nth !== TABLES.length)
  throw new Error(`docs/providers.md has ${nth} tables and should have ${TABLES.length}`);
await writeFile(page, written);
execFileSync("npx", ["oxfmt", page.pathname], { stdio: "inherit" });
