/** A whole relay in workerd, its innocent caller and the attacks on it, one after the other. */
import { createHash, randomBytes } from "node:crypto";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, constants, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { cpuMs } from "../../bench/overhead/cpu.ts";
import { PROJECT } from "../relay/miniflare.ts";
import { freePort } from "../relay/processes.ts";
import { startRelay, type Relay } from "../relay/relay.ts";
import type { Attack, FromThread, Order, Seen } from "./attack.ts";
import { pause } from "./attacker.ts";
import { BareArm } from "./bare.ts";
import { Innocent, type Heard } from "./innocent.ts";

/** Calls and attacks before anything is measured: an isolate that serves calls is warm. */
const WARM_MS = 3000;
/** What an attack left in queues is its own as well. */
const TAIL_MS = 1000;
/** A thread that does not end by itself. */
const PATIENCE_MS = 30_000;

export interface Figures {
  readonly attack: string;
  readonly what: string;
  readonly spoken: boolean;
  readonly seen: Seen;
  /** Milliseconds of CPU of workerd in each second: of the innocent call alone, and of all. Null: the system does not tell. */
  readonly cpu: { readonly before: number | null; readonly during: number | null };
  /** That the latter is of. */
  readonly loudSeconds: number;
  /** Milliseconds of CPU that a Worker which does nothing takes for the same, at least; null: likewise. */
  readonly bareCpuMs: number | null;
  /** Megabytes of workerd. */
  readonly memory: { readonly before: number | null; readonly after: number | null };
  readonly innocent: { readonly before: Heard; readonly during: Heard };
}

export interface Stage {
  play(attack: Attack, seconds: number): Promise<Figures>;
  close(): Promise<void>;
}

/**
 * Local workerd syncs its databases to the disk on the thread that all sessions share, which takes longer than all else that
 * an attack does; on the platform storage is not the object's work. Where there is a file system in memory it is taken.
 */
async function storeInMemory(): Promise<void> {
  const folder = "/dev/shm";
  if (
    await access(folder, constants.W_OK).then(
      () => true,
      () => false,
    )
  )
    process.env["TMPDIR"] = folder;
}

/** Gives each attack a key of its own, so that none uses up another's sessions. */
export async function setStage(attacks: readonly Attack[], quietSeconds: number): Promise<Stage> {
  await storeInMemory();
  const mirror = fork(join(PROJECT, "bench/overhead/echo-server.ts"), [], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [mirrorPort]: unknown[] = await once(mirror, "message");
  const hostilePort = await freePort(0, "none");
  const keys = new Map(
    ["innocent", ...attacks.map(({ name }) => name)].map((id) => [id, randomBytes(24).toString("hex")]),
  );
  let relay: Relay;
  try {
    relay = await startRelay({
      direct: true,
      source: {
        entry: join(PROJECT, "src/worker.ts"),
        config: fileURLToPath(new URL("relay-config.ts", import.meta.url)),
      },
      vars: {
        MIRROR_URL: `http://127.0.0.1:${Number(mirrorPort)}/v1/realtime`,
        HOSTILE_URL: `http://127.0.0.1:${hostilePort}/v1/realtime`,
        RELAY_API_KEYS: JSON.stringify(
          Array.from(keys, ([id, key]) => ({
            id,
            sha256: createHash("sha256").update(key).digest("hex"),
            // The innocent has a call for each attack.
            ...(id === "innocent" && { limits: { sessions_per_minute: 10_000, concurrent: 1000 } }),
          })),
        ),
      },
    });
  } catch (error) {
    await end(mirror);
    throw error;
  }
  let bare: BareArm;
  try {
    bare = await BareArm.start();
  } catch (error) {
    await relay.close();
    await end(mirror);
    throw error;
  }
  const close = async (): Promise<void> => {
    await relay.close();
    await bare.close();
    await end(mirror);
  };
  const innocentKey = keys.get("innocent") ?? "";
  try {
    const warm = await Innocent.open(relay.wsUrl, innocentKey);
    await pause(WARM_MS);
    await warm.hangUp();
  } catch (error) {
    await close();
    throw error;
  }
  const play = async (attack: Attack, seconds: number): Promise<Figures> => {
    const innocent = await Innocent.open(relay.wsUrl, innocentKey);
    try {
      const order = {
        name: attack.name,
        seconds,
        url: relay.url,
        key: keys.get(attack.name) ?? "",
        hostilePort,
      };
      const figures = await beside(innocent, relay, attack, order, quietSeconds);
      return { ...figures, bareCpuMs: await bare.play(figures.seen.tape) };
    } finally {
      await innocent.hangUp();
    }
  };
  return { play, close };
}

/** The innocent call alone, then with the attack beside it. */
async function beside(
  innocent: Innocent,
  relay: Relay,
  attack: Attack,
  order: Order,
  quietSeconds: number,
): Promise<Omit<Figures, "bareCpuMs">> {
  const pid = relay.worker.pid();
  await pause(500);
  innocent.begin();
  const quiet = await cpuPerSecond(pid, () => pause(quietSeconds * 1000));
  const before = await innocent.heard();
  const memoryBefore = await memoryMb(pid);
  innocent.begin();
  const loud = await cpuPerSecond(pid, async () => {
    const seen = await inThread(order);
    await pause(TAIL_MS);
    return seen;
  });
  const during = await innocent.heard();
  return {
    attack: attack.name,
    what: attack.what,
    spoken: attack.spoken === true,
    seen: loud.result,
    cpu: { before: quiet.cpu, during: loud.cpu },
    loudSeconds: loud.seconds,
    memory: { before: memoryBefore, after: await memoryMb(pid) },
    innocent: { before, during },
  };
}

async function cpuPerSecond<Result>(
  pid: number,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly cpu: number | null; readonly seconds: number }> {
  const from = await cpuMs([pid]);
  const begun = performance.now();
  const result = await work();
  const to = await cpuMs([pid]);
  const seconds = (performance.now() - begun) / 1000;
  return { result, cpu: from === null || to === null ? null : (to - from) / seconds, seconds };
}

/** What of a process is in memory; null where the system does not tell. */
async function memoryMb(pid: number): Promise<number | null> {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1000);
  } catch {
    return null;
  }
}

/** @throws what the attack failed of: not the relay's fault. */
async function inThread(order: Order): Promise<Seen> {
  const worker = new Worker(new URL("thread.ts", import.meta.url), { workerData: order });
  const timer = setTimeout(() => void worker.terminate(), order.seconds * 1000 + PATIENCE_MS);
  try {
    return await new Promise((resolve, reject) => {
      worker.on("message", (message: FromThread) => {
        if (message.type === "seen") resolve(message.seen);
        else reject(new Error(`${order.name}: ${message.message}`));
      });
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new Error(`${order.name}: its thread ended with ${code}`)));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill();
  await exit;
}
