/** Runs a Worker's source in workerd inside this process's care: no wrangler, up in a fraction of a second. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4WorkerOptions } from "miniflare";
import { bundleWorker } from "./bundle.ts";
import { descendants } from "./processes.ts";

export interface WorkerSettings {
  /** Source file of the Worker. */
  readonly entry: string;
  /** Source file taken in place of relay.config.ts. */
  readonly config?: string | undefined;
  /** Loopback port; 0: any free one. */
  readonly port: number;
  /** Environment variables of the Worker. */
  readonly vars: Readonly<Record<string, string>>;
  /** What wrangler.toml would say: durable objects, assets, compatibility date. */
  readonly options: Partial<V4WorkerOptions>;
  /** Let V8's inspector listen, on any free port. */
  readonly inspect?: boolean | undefined;
  /**
   * The Worker itself listens, as a deployed one does: nothing of Miniflare's stands before it. (Its entry is another Worker,
   * which negotiates compression whatever this one's flags say, and through which each byte passes once more.)
   */
  readonly direct?: boolean | undefined;
}

export interface RunningWorker {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly url: string;
  readonly port: number;
  /** What the Worker wrote to its console, oldest first, the last 1000 lines. */
  readonly logs: readonly string[];
  readonly miniflare: Miniflare;
  /** workerd's own process. Miniflare starts another one, on the same port and storage, when it dies. */
  pid(): number;
  close(): Promise<void>;
}

const LOG_LINES = 1000;

/** @throws a build failure, or workerd's refusal of the script. */
export async function runWorker(settings: WorkerSettings): Promise<RunningWorker> {
  // No request for the request.cf sample: tests and benches need no network.
  process.env["CLOUDFLARE_CF_FETCH_ENABLED"] ??= "false";
  const modules = await bundleWorker(settings.entry, settings.config);
  const storage = await mkdtemp(join(tmpdir(), "relay-"));
  const logs: string[] = [];
  const before = new Set(descendants(process.pid));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: settings.port,
      log: new Log(LogLevel.ERROR),
      cf: false,
      resourcePersistencePath: storage,
      ...(settings.inspect === true && { inspectorPort: 0 }),
      handleStructuredLogs: ({ message }) => {
        if (logs.length >= LOG_LINES) logs.shift();
        logs.push(message);
      },
      ...settings.options,
      ...(settings.direct === true && { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }),
      modules: modules.map((module) => ({ ...module })),
      bindings: { ...settings.options.bindings, ...settings.vars },
    }),
  );
  const close = async (): Promise<void> => {
    await miniflare.dispose();
    await rm(storage, { recursive: true, force: true });
  };
  try {
    const ready = await miniflare.ready;
    const { origin, port } = settings.direct === true ? await miniflare.unsafeGetDirectURL() : ready;
    const pid = (): number => {
      const found = descendants(process.pid).find((id) => !before.has(id) && isWorkerd(id));
      if (found === undefined) throw new Error("there is no workerd");
      return found;
    };
    return { url: origin, port: Number(port), logs, miniflare, pid, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function isWorkerd(pid: number): boolean {
  return spawnSync("ps", ["-o", "comm=", "-p", String(pid)], { encoding: "utf8" }).stdout.includes("workerd");
}

export const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
