/** Child processes that leave nothing behind: each is stopped by its id, with everything it started. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** How long a process may take to stop by itself. workerd ignores SIGTERM while sockets are open. */
const GRACE_MS = 2000;

export interface Started {
  readonly pid: number;
  /** The last lines it wrote, for an error message. */
  readonly tail: readonly string[];
  /** Resolves when it ends, by whatever cause. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with each line of its output. */
  readonly onLine: (line: string) => void;
}

const TAIL_LINES = 40;

export function startProcess(command: string, args: readonly string[], options: StartOptions): Started {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail: string[] = [];
  const onLine = (line: string): void => {
    if (tail.length >= TAIL_LINES) tail.shift();
    tail.push(line);
    options.onLine(line);
  };
  eachLine(child, onLine);
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  return { pid: child.pid ?? -1, tail, ended, stop: () => stopTree(child, ended) };
}

function eachLine(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    let rest = "";
    stream.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) onLine(line);
    });
  }
}

async function stopTree(child: ChildProcess, ended: Promise<string>): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const family = [...descendants(pid), pid];
  if (child.exitCode === null && child.signalCode === null) {
    if (process.platform === "win32")
      execFileSync("taskkill", ["/PID", String(pid), "/T", "/F"], { stdio: "ignore" });
    else child.kill("SIGTERM");
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, GRACE_MS).unref())]);
  }
  for (const id of family) killById(id);
}

function killById(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

/** Ids of all processes that `pid` started, directly or not; none on Windows, where taskkill walks the tree itself. */
export function descendants(pid: number): number[] {
  if (process.platform === "win32") return [];
  const children = new Map<number, number[]>();
  const listing = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  for (const line of (listing.stdout ?? "").split("\n")) {
    const [id, parent] = line.trim().split(/\s+/).map(Number);
    if (id !== undefined && parent !== undefined && id !== listing.pid)
      children.set(parent, [...(children.get(parent) ?? []), id]);
  }
  const found: number[] = [];
  for (const queue = [pid]; queue.length > 0;) {
    const next = children.get(queue.pop() ?? -1) ?? [];
    found.push(...next);
    queue.push(...next);
  }
  return found;
}

/** `wanted`, or any free port when it is 0. @throws when another process listens there, saying which variable to set. */
export async function freePort(wanted: number, variable: string): Promise<number> {
  const server = createServer();
  try {
    server.listen(wanted, "127.0.0.1");
    await once(server, "listening");
  } catch {
    throw new Error(`port ${wanted} is in use: set ${variable} to another port, or stop what listens there`);
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Polls `url` until it answers 2xx. @throws after `limitMs`, or as soon as `process` ends. */
export async function waitForHealth(url: string, started: Started, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  let end: string | null = null;
  void started.ended.then((how) => (end = how));
  let last = "no answer";
  while (performance.now() < deadline) {
    if (end !== null) throw new Error(`it ended before it was ready: ${String(end)}`);
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(1000) });
      if (response.ok) return;
      last = `HTTP ${response.status}`;
    } catch {
      last = "no answer";
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} was not ready within ${limitMs / 1000} s: ${last}`);
}
