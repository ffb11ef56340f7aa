/**
 * When messages of the relay reach this machine's end of the wire. All calls, and the voices behind the relay, are played by one
 * thread, in which a message may wait for what another call is doing; so a thread that does nothing else passes on the bytes
 * between the callers and the relay, and notes when these went by.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** What is looked for in what the relay sends, and what it is called. Frames of a server are not masked. */
const MARKS = [
  ["interrupt", Buffer.from('"decision":"interrupt"')],
  ["cleared", Buffer.from('"output_audio_buffer.cleared"')],
] as const;
const LONGEST = Math.max(...MARKS.map(([, text]) => text.length));

export interface Passed {
  /** The caller's own port. */
  readonly port: number;
  readonly what: (typeof MARKS)[number][0];
  /** By the clock of that thread. */
  readonly at: number;
}

/** Passes on what comes to a port of its own, and tells what went by. */
export class Wire {
  readonly #worker: Worker;
  /** It takes the relay's place. */
  readonly port: number;
  readonly #passed = new Map<number, Passed[]>();

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
    worker.on("message", (passed: Passed) => {
      this.#passed.set(passed.port, [...this.of(passed.port), passed]);
    });
  }

  static async before(relayPort: number): Promise<Wire> {
    const worker = new Worker(new URL(import.meta.url), { workerData: relayPort });
    const [port]: unknown[] = await once(worker, "message");
    return new Wire(worker, Number(port));
  }

  /** What went to a caller, in order. */
  of(port: number): readonly Passed[] {
    return this.#passed.get(port) ?? [];
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Tells of every mark in what the relay sends, also where it comes in two pieces. */
function watch(from: Socket, tell: (what: Passed["what"], at: number) => void): void {
  let tail: Buffer = Buffer.alloc(0);
  from.on("data", (data: Buffer) => {
    const at = performance.now();
    const all = Buffer.concat([tail, data]);
    const found = MARKS.flatMap(([what, text]) => {
      const places: { readonly what: Passed["what"]; readonly place: number }[] = [];
      for (let place = all.indexOf(text); place >= 0; place = all.indexOf(text, place + 1))
        // One that lies in the tail as a whole was told before.
        if (place + text.length > tail.length) places.push({ what, place });
      return places;
    });
    for (const { what } of found.toSorted((a, b) => a.place - b.place)) tell(what, at);
    tail = all.subarray(Math.max(0, all.length - LONGEST + 1));
  });
}

function post(message: Passed | number): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(message);
}

function serve(relayPort: number): void {
  const server = createServer({ noDelay: true }, (caller) => {
    const { remotePort = 0 } = caller;
    const relay = connect({ host: "127.0.0.1", port: relayPort, noDelay: true });
    watch(relay, (what, at) => post({ port: remotePort, what, at }));
    for (const [one, other] of [
      [caller, relay],
      [relay, caller],
    ] as const) {
      one.pipe(other);
      one.on("error", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1", () => post((server.address() as AddressInfo).port));
}

if (!isMainThread) serve(Number(workerData));
