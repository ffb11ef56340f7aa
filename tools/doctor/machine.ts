/** Node, npm, and what has to be built before an upload. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { demand, line, type Line } from "./line.ts";

/** `engines` of package.json, and what reads `allowScripts`. */
const NODE_LEAST = 20;
const NPM_BEST = 11;
const BUILT = [
  "wasm/build/silero.wasm",
  "wasm/build/resampler.wasm",
  "wasm/build/bands.wasm",
  "public/sdk.js",
];

export function machineLines(project: string): readonly Line[] {
  const node = Number(process.versions.node.split(".")[0]);
  const missing = BUILT.filter((file) => !existsSync(join(project, file)));
  return [
    demand(
      "machine",
      "Node",
      node >= NODE_LEAST,
      [process.version, process.version],
      `install Node ${NODE_LEAST} or newer`,
    ),
    npmLine(),
    demand(
      "machine",
      "build",
      missing.length === 0,
      ["kernels and page are built", `not built: ${missing.join(", ")}`],
      "npm run build (npm run deploy does it by itself)",
      "warning",
    ),
  ];
}

function npmLine(): Line {
  const { status, stdout } = spawnSync("npm", ["--version"], {
    encoding: "utf8",
    timeout: 20_000,
    shell: process.platform === "win32",
  });
  if (status !== 0) return line("machine", "npm", "unknown", "npm does not run here", "install npm");
  const version = stdout.trim();
  return demand(
    "machine",
    "npm",
    Number(version.split(".")[0]) >= NPM_BEST,
    [version, `${version} runs the install scripts of every package`],
    `npm ${NPM_BEST} or newer runs those alone that package.json allows`,
    "warning",
  );
}
