/**
 * After `npm install`: takes Node's C++ headers away, 67 MB of 211 that its packages bring and nobody here compiles with. Runs
 * in the Node that npm runs in, so it is no TypeScript.
 */
import { readdirSync, rmSync } from "node:fs";

const modules = new URL("../../node_modules/", import.meta.url);
for (const name of readdirSync(modules)) {
  if (!/^node-(bin-)?(darwin|linux|win)-/.test(name)) continue;
  rmSync(new URL(`${name}/include`, modules), { recursive: true, force: true });
}
