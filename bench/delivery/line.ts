/**
 * A TCP line between one client and the relay that can be cut: as a black hole, in which nothing passes any more and
 * no end is seen, or by the client's own socket, whose end it passes on at once. It may add delay, so that a round
 * trip is one of a network and not of loopback.
 */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** The relay's end of a connection that fell into the hole: what it said about it. */
export interface Hole {
  /** `performance.now()` at which it opened. */
  readonly at: number;
  /** The close frame that the relay sent into it; rejects when the connection ended without one. */
  readonly closed: Promise<{ readonly code: number; readonly afterMs: number }>;
}

interface Pair {
  readonly client: Socket;
  readonly relay: Socket;
  black: boolean;
  onSwallowed: (chunk: Buffer) => void;
}

export class CutLine {
  readonly #server: Server;
  readonly #delayMs: number;
  readonly #pairs = new Set<Pair>();

  private constructor(server: Server, targetPort: number, delayMs: number) {
    this.#server = server;
    this.#delayMs = delayMs;
    server.on("connection", (client) => this.#accept(client, targetPort));
  }

  /** @param delayMs added in each direction. */
  static async open(targetPort: number, delayMs = 0): Promise<CutLine> {
    const server = createServer({ noDelay: true });
    const line = new CutLine(server, targetPort, delayMs);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket, targetPort: number): void {
    const relay = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    const pair: Pair = { client, relay, black: false, onSwallowed: () => {} };
    this.#pairs.add(pair);
    this.#carry(pair, client, relay);
    this.#carry(pair, relay, client);
    for (const socket of [client, relay]) socket.on("error", () => socket.destroy());
    client.on("close", () => {
      // Even that does not pass: the relay must find out by itself.
      if (!pair.black) relay.destroy();
    });
    relay.on("close", () => {
      this.#pairs.delete(pair);
      if (!pair.black) client.destroy();
    });
  }

  #carry(pair: Pair, from: Socket, to: Socket): void {
    const pass = (chunk: Buffer): void => {
      if (!pair.black && !to.destroyed) to.write(chunk);
    };
    from.on("data", (chunk: Buffer) => {
      if (!pair.black && this.#delayMs === 0) pass(chunk);
      else if (!pair.black) setTimeout(pass, this.#delayMs, chunk);
      else if (from === pair.relay) pair.onSwallowed(chunk);
    });
  }

  /** Nothing passes on the present connection any more, what is under way included; new connections work. */
  blackHole(): Hole {
    const pair = [...this.#pairs].findLast(({ black }) => !black);
    if (pair === undefined) throw new Error("there is no connection to swallow");
    const at = performance.now();
    pair.black = true;
    const closed = new Promise<{ code: number; afterMs: number }>((resolve, reject) => {
      pair.onSwallowed = (chunk) => {
        const code = closeCodeAtEnd(chunk);
        if (code !== null) resolve({ code, afterMs: performance.now() - at });
      };
      pair.relay.on("close", () => reject(new Error("the relay's connection ended without a close frame")));
    });
    // Who does not ask need not be told.
    closed.catch(() => {});
    return { at, closed };
  }

  async close(): Promise<void> {
    for (const { client, relay } of this.#pairs) {
      client.destroy();
      relay.destroy();
    }
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
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
