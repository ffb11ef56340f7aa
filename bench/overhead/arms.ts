/** The four ways from a client to the echoing upstream, each in processes of its own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROJECT, runWorker } from "../../tools/relay/miniflare.ts";
import { descendants } from "../../tools/relay/processes.ts";
import { startRelay } from "../../tools/relay/relay.ts";

export interface Arm {
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether binary audio carries the relay's frame header and needs `duplex.v1`. */
  readonly relay: boolean;
  /** Of an answer it tells when something of it can be heard. */
  readonly tellsWhenHeard?: true;
  /** Processes whose work is this arm's; none for dialling directly. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

export interface Child {
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

/** A script of this folder in a process of its own. */
export async function startChild(file: string, ...args: string[]): Promise<Child> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port]: unknown[] = await once(child, "message");
  return {
    port: Number(port),
    pid: child.pid ?? -1,
    close: async () => {
      if (child.exitCode !== null) return;
      const exit = once(child, "exit");
      child.kill();
      await exit;
    },
  };
}

/** Upstream first; `close` of each ends what it started. `against`: the folder of another checkout, as an arm of its own. */
export async function startArms(against?: string): Promise<readonly Arm[]> {
  const echo = await startChild("echo-server.ts");
  const upstream = `http://127.0.0.1:${echo.port}/v1/realtime`;
  const arms: Arm[] = [];
  try {
    arms.push({ ...bare("direct", upstream), pids: [], close: () => echo.close() });
    const proxy = await startChild("node-proxy.ts", upstream.replace("http", "ws"));
    arms.push({
      ...bare("node proxy", `http://127.0.0.1:${proxy.port}`),
      pids: [proxy.pid],
      close: () => proxy.close(),
    });
    arms.push(await startPump(upstream));
    if (against !== undefined) arms.push(await startRelayArm("relay before", upstream, against));
    arms.push(await startRelayArm("relay", upstream));
  } catch (error) {
    for (const arm of arms) await arm.close();
    throw error;
  }
  return arms;
}

function bare(name: string, url: string) {
  return { name, url: url.replace("http", "ws"), headers: {}, relay: false };
}

/** @param upstreams so many at once: it sends to all of them, and gives back what the first says. */
export async function startPump(upstream: string, upstreams = 1): Promise<Arm> {
  const before = new Set(descendants(process.pid));
  const worker = await runWorker({
    entry: fileURLToPath(new URL("pump-worker.ts", import.meta.url)),
    port: 0,
    vars: { UPSTREAM: upstream, UPSTREAMS: String(upstreams) },
    options: {
      compatibilityDate: "2026-11-02",
      durableObjects: { PUMP: { className: "Pump", useSQLite: true } },
    },
  });
  return { ...bare("raw pump", worker.url), pids: newChildren(before), close: () => worker.close() };
}

/** @param routes its configuration, where it is not its folder's own. */
export async function startRelayArm(
  name: string,
  upstream: string,
  folder?: string,
  routes?: string,
): Promise<Arm> {
  const before = new Set(descendants(process.pid));
  const source = (folder !== undefined || routes !== undefined) && {
    entry: join(folder ?? PROJECT, "src/worker.ts"),
    config: routes ?? join(folder ?? PROJECT, "relay.config.ts"),
  };
  const relay = await startRelay({ demoUrl: upstream, ...(source ? { source } : {}) });
  // A checkout of before keys were drawn knows one key only.
  const drawn = folder === undefined || existsSync(join(folder, "tools/relay/dev-key.ts"));
  return {
    name,
    url: `${relay.wsUrl}/v1/realtime?model=demo`,
    headers: { authorization: `Bearer ${drawn ? relay.apiKey : "relay-dev"}` },
    relay: true,
    pids: newChildren(before),
    close: () => relay.close(),
  };
}

function newChildren(before: ReadonlySet<number>): number[] {
  return descendants(process.pid).filter((pid) => !before.has(pid));
}
