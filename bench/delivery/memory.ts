/** What memory workerd has, from outside and from V8's own account. */
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { WebSocket } from "ws";

/** Resident memory of a process in MB (Linux). */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

/** V8's inspector of the Worker that was asked for it. */
export class Inspector {
  readonly #socket: WebSocket;
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** @param url as Miniflare gives it. @throws when no Worker is listed there. */
  static async open(url: URL): Promise<Inspector> {
    const listed = (await (await fetch(`http://${url.host}/json`)).json()) as {
      webSocketDebuggerUrl: string;
    }[];
    const target = listed[0]?.webSocketDebuggerUrl;
    if (target === undefined) throw new Error("the inspector lists no Worker");
    const socket = new WebSocket(target, { perMessageDeflate: false });
    await once(socket, "open");
    return new Inspector(socket);
  }

  /** After a garbage collection, in MB: V8's objects, and the memory behind its buffers. */
  async usage(): Promise<{ readonly heapMb: number; readonly buffersMb: number }> {
    await this.#ask("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await this.#ask("Runtime.getHeapUsage");
    return { heapMb: Number(usedSize) / 2 ** 20, buffersMb: Number(backingStorageSize) / 2 ** 20 };
  }

  async #ask(method: string): Promise<Readonly<Record<string, unknown>>> {
    this.#asked += 1;
    const id = this.#asked;
    const answered = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
      const take = (data: Buffer): void => {
        const message = JSON.parse(data.toString("utf8")) as {
          id?: number;
          result?: Record<string, unknown>;
        };
        if (message.id !== id) return;
        this.#socket.off("message", take);
        resolve(message.result ?? {});
      };
      this.#socket.on("message", take);
    });
    this.#socket.send(JSON.stringify({ id, method }));
    return answered;
  }

  close(): void {
    this.#socket.terminate();
  }
}
