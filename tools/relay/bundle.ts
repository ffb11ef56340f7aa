/**
 * Bundles a Worker's source the way wrangler does, in memory: TypeScript into one ES module, `*.wasm` as compiled
 * modules, `*.bin` as data, `*.html`, `*.sql` and `*.txt` as text (wrangler's default module rules).
 */
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

type ModuleType = "ESModule" | "CompiledWasm" | "Data" | "Text";

export interface WorkerModule {
  readonly type: ModuleType;
  readonly path: string;
  readonly contents: Uint8Array<ArrayBuffer>;
}

const MODULE_TYPES: Readonly<Record<string, ModuleType>> = {
  wasm: "CompiledWasm",
  bin: "Data",
  html: "Text",
  sql: "Text",
  txt: "Text",
};

/**
 * Entry first, then the modules it imports.
 * @param config file that is taken in place of relay.config.ts
 * @param small for keeping: without names and without a map to the sources
 * @throws esbuild's BuildFailure, with its messages, on a bad source.
 */
export async function bundleWorker(
  entry: string,
  config?: string,
  small = false,
): Promise<readonly WorkerModule[]> {
  const modules: WorkerModule[] = [];
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2024",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*", "node:*"],
    sourcemap: small ? false : "inline",
    minify: small,
    logLevel: "silent",
    plugins: [importedFiles(modules), ...(config === undefined ? [] : [otherConfig(config)])],
  });
  const [script] = result.outputFiles;
  if (script === undefined) throw new Error(`${entry}: esbuild wrote no output`);
  return [{ type: "ESModule", path: "worker.js", contents: new Uint8Array(script.contents) }, ...modules];
}

/** Leaves imports of other than source files in place, under a flat name, and collects those files. */
function importedFiles(modules: WorkerModule[]): Plugin {
  return {
    name: "imported-files",
    setup(pluginBuild) {
      pluginBuild.onResolve({ filter: /\.(wasm|bin|html|sql|txt)(\?module)?$/ }, async (args) => {
        const file = resolve(args.resolveDir, args.path.replace(/\?module$/, ""));
        const path = basename(file);
        const type = MODULE_TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "Data";
        if (!modules.some((module) => module.path === path)) {
          modules.push({ type, path, contents: new Uint8Array(await readFile(file)) });
        }
        return { path: `./${path}`, external: true };
      });
    },
  };
}

/** Other routes than the project's own, for whoever needs them. */
function otherConfig(config: string): Plugin {
  return {
    name: "other-config",
    setup(pluginBuild) {
      pluginBuild.onResolve({ filter: /\/relay\.config\.ts$/ }, () => ({ path: config }));
    },
  };
}
