/**
 * After `npm install`: takes Node's C++ headers away, 67 MB of 211 that its packages bring and nobody here compiles with, and 3 MB of
 * Opus for Node, of which its WASM is used. Runs in the Node that npm runs in, so it is no TypeScript.
 */
import { readdirSync, rmSync } from "node:fs";

const modules = new URL("../../node_modules/", import.meta.url);
for (const name of readdirSync(modules)) {
  if (!/^node-(bin-)?(darwin|linux|win)-/.test(name)) continue;
  rmSync(new URL(`${name}/include`, modules), { recursive: true, force: true });
}
rmSync(new URL("@evan/opus/node", modules), { recursive: true, force: true });
