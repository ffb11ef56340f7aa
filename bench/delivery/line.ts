/**
 * A TCP line that can be cut: as a black hole, in which nothing passes any more and no end is seen, or by either
 * end's own socket, whose end it passes on at once. It may add delay, so that a round trip is one of a network and not
 * of loopback. Between a client and the relay, or between the relay and a provider, which then is the far end.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** The far end of a connection that fell into the hole: what it said about it. */
export interface Hole {
  /** `performance.now()` at which it opened. */
  readonly at: number;
  /** The close frame that the far end sent into it; rejects when the connection ended without one. */
  readonly closed: Promise<{ readonly code: number; readonly afterMs: number }>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  black: boolean;
  onSwallowed: (chunk: Buffer) => void;
}

export class CutLine {
  readonly #server: Server;
  readonly #delayMs: number;
  readonly #sliced: boolean;
  readonly #pairs = new Set<Pair>();
  #down = false;

  private constructor(server: Server, targetPort: number, delayMs: number, sliced: boolean) {
    this.#server = server;
    this.#delayMs = delayMs;
    this.#sliced = sliced;
    server.on("connection", (client) => this.#accept(client, targetPort));
  }

  /** @param delayMs added in each direction. @param sliced everything passes in writes of one to seven bytes. */
  static async open(targetPort: number, delayMs = 0, sliced = false): Promise<CutLine> {
    const server = createServer({ noDelay: true });
    const line = new CutLine(server, targetPort, delayMs, sliced);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(near: Socket, targetPort: number): void {
    if (this.#down) {
      near.destroy();
      return;
    }
    const far = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { near, far, black: false, onSwallowed: () => {} };
    this.#pairs.add(pair);
    this.#carry(pair, near, far);
    this.#carry(pair, far, near);
    for (const socket of [near, far]) socket.on("error", () => socket.destroy());
    // Of a black hole not even the end passes: the other side must find out by itself.
    near.on("close", () => {
      if (!pair.black) far.destroy();
      else if (far.destroyed) this.#pairs.delete(pair);
    });
    far.on("close", () => {
      if (!pair.black) near.destroy();
      if (!pair.black || near.destroyed) this.#pairs.delete(pair);
    });
  }

  #carry(pair: Pair, from: Socket, to: Socket): void {
    const pass = (chunk: Buffer): void => {
      if (pair.black || to.destroyed) return;
      if (!this.#sliced) to.write(chunk);
      else for (const slice of slicesOf(chunk)) to.write(slice);
    };
    from.on("data", (chunk: Buffer) => {
      if (!pair.black && this.#delayMs === 0) pass(chunk);
      else if (!pair.black) setTimeout(pass, this.#delayMs, chunk);
      else if (from === pair.far) pair.onSwallowed(chunk);
    });
  }

  /**
   * Nothing passes on the present connection any more, what is under way included; new connections work.
   * @param fromPort of several connections the one that the far end sees coming from this port
   */
  blackHole(fromPort?: number): Hole {
    const pair = [...this.#pairs].findLast(
      ({ black, far }) => !black && (fromPort === undefined || far.localPort === fromPort),
    );
    if (pair === undefined) throw new Error("there is no connection to swallow");
    const at = performance.now();
    pair.black = true;
    const closed = new Promise<{ code: number; afterMs: number }>((resolve, reject) => {
      pair.onSwallowed = (chunk) => {
        const code = closeCodeAtEnd(chunk);
        if (code !== null) resolve({ code, afterMs: performance.now() - at });
      };
      pair.far.on("close", () => reject(new Error("the far end closed without a close frame")));
    });
    // Who does not ask need not be told.
    closed.catch(() => {});
    return { at, closed };
  }

  /** The network is gone: every connection breaks, and new ones too until `up`. */
  down(): void {
    this.#down = true;
    for (const { near } of this.#pairs) near.destroy();
  }

  up(): void {
    this.#down = false;
  }

  async close(): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

/** Pieces of one to seven bytes, of every length in turn. */
function* slicesOf(chunk: Buffer): Generator<Buffer> {
  let size = 1;
  for (let at = 0; at < chunk.length; at += size) {
    size = (size % 7) + 1;
    yield chunk.subarray(at, at + size);
  }
}

/** Code of the close frame of an application (4000 to 4999) that ends `chunk`: the last that a server sends, unmasked. */
function closeCodeAtEnd(chunk: Buffer): number | null {
  for (let at = Math.max(0, chunk.length - 127); at + 4 <= chunk.length; at += 1) {
    if (chunk[at] !== 0x88 || at + 2 + (chunk[at + 1] ?? 0) !== chunk.length) continue;
    const code = chunk.readUInt16BE(at + 2);
    if (code >= 4000 && code < 5000) return code;
  }
  return null;
}
