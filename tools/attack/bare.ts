/**
 * What of an attack is workerd's own: the same requests, upgrades and messages at a Worker that does nothing with them, in
 * the same minute on the same machine. A lower bound: of connections that the relay ended only those messages count that it
 * must have read.
 */
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unstable_readConfig } from "wrangler";
import { WebSocket } from "ws";
import { cpuMs } from "../../bench/overhead/cpu.ts";
import { PROJECT, runWorker, type RunningWorker } from "../relay/miniflare.ts";
import type { Tape } from "./attack.ts";
import { pause } from "./attacker.ts";

const AT_ONCE = 4;
const AHEAD_BYTES = 1024 * 1024;
/** What is still in queues when the last of it was sent. */
const TAIL_MS = 200;

export class BareArm {
  readonly #worker: RunningWorker;

  private constructor(worker: RunningWorker) {
    this.#worker = worker;
  }

  static async start(): Promise<BareArm> {
    const config = unstable_readConfig({ config: join(PROJECT, "wrangler.toml") }, { hideWarnings: true });
    const worker = await runWorker({
      entry: fileURLToPath(new URL("bare-worker.ts", import.meta.url)),
      port: 0,
      direct: true,
      vars: {},
      options: {
        compatibilityDate: config.compatibility_date ?? "",
        compatibilityFlags: config.compatibility_flags,
        durableObjects: { BARE: { className: "Bare", useSQLite: true } },
      },
    });
    const arm = new BareArm(worker);
    // An isolate that has served is warm, as the relay's is.
    await arm.#play({ upgrades: 50, returns: 50, requests: [[0, 50]], messages: [[100, 5000]] });
    return arm;
  }

  /** Milliseconds of CPU that it takes; null: the system does not tell. */
  async play(tape: Tape): Promise<number | null> {
    const pids = [this.#worker.pid()];
    const from = await cpuMs(pids);
    await this.#play(tape);
    await pause(TAIL_MS);
    const to = await cpuMs(pids);
    return from === null || to === null ? null : to - from;
  }

  async #play({ upgrades, returns, requests, messages }: Tape): Promise<void> {
    await each(upgrades, async () => (await this.#open("/")).terminate());
    await each(returns, async () => (await this.#open("/?back")).terminate());
    for (const [bytes, count] of requests) await each(count, () => this.#ask(bytes));
    const some = messages.length === 0 ? null : await this.#open("/?back");
    if (some === null) return;
    for (const [size, count] of messages) await flood(some, "x".repeat(size), count);
    some.close();
    await once(some, "close");
  }

  async #open(path: string): Promise<WebSocket> {
    const socket = new WebSocket(this.#worker.url.replace(/^http/, "ws") + path, {
      perMessageDeflate: false,
    });
    await once(socket, "open");
    return socket;
  }

  async #ask(bytes: number): Promise<void> {
    const asked = request(this.#worker.url, { method: bytes > 0 ? "POST" : "GET", agent: false });
    const answered = new Promise<void>((resolve) => {
      asked.on("response", (response) => response.resume().on("close", resolve));
      // Answered before all of it was sent.
      asked.on("error", () => resolve());
    });
    asked.end(bytes > 0 ? "x".repeat(bytes) : undefined);
    await answered;
  }

  async close(): Promise<void> {
    await this.#worker.close();
  }
}

/** So many times, a few at a time. */
async function each(count: number, work: () => Promise<void>): Promise<void> {
  let left = count;
  const some = async (): Promise<void> => {
    while ((left -= 1) >= 0) await work();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
}

async function flood(socket: WebSocket, text: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 1) {
    while (socket.bufferedAmount > AHEAD_BYTES) await pause(1);
    socket.send(text);
    if (sent % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
