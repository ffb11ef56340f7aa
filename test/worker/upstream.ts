/** Providers inside the test: what the object dials is answered here, in place of a network. */
import { vi } from "vitest";

export interface DialledUpstream {
  readonly url: string;
  readonly headers: Headers;
  readonly signal: AbortSignal | null;
  /** What is done with a redirect; absent: it is followed. */
  readonly redirect: RequestInit["redirect"];
  /** Accepts the upgrade and gives the provider's end of the socket. */
  accept(): ProviderSocket;
  refuse(status: number): void;
  fail(message: string): void;
  /** Cuts the connection without a word. */
  drop(): void;
}

export class ProviderSocket {
  readonly #socket: WebSocket;
  readonly #received: (string | Uint8Array)[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.#received.push(typeof data === "string" ? data : new Uint8Array(data));
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        socket.close();
        resolve({ code, reason });
      });
    });
    socket.accept();
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  async next(): Promise<string | Uint8Array> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Replaces `fetch` until `vi.unstubAllGlobals()`. `next` waits for a dial; several may be waiting. */
export function stubUpstreams(): {
  readonly next: () => Promise<DialledUpstream>;
  readonly count: () => number;
} {
  const dialled: DialledUpstream[] = [];
  let count = 0;
  let wake = (): void => {};
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    count += 1;
    let theirEnd: WebSocket | null = null;
    dialled.push({
      url,
      headers: new Headers(init.headers),
      signal: init.signal ?? null,
      redirect: init.redirect,
      accept() {
        const [theirs, ours] = Object.values(new WebSocketPair());
        if (theirs === undefined || ours === undefined) throw new Error("WebSocketPair has two ends");
        const provider = new ProviderSocket(ours);
        theirEnd = ours;
        resolve(new Response(null, { status: 101, webSocket: theirs }));
        return provider;
      },
      refuse: (status) => resolve(new Response("a key: sk-secret", { status })),
      drop: () => theirEnd?.close(),
      fail: (message) => reject(new TypeError(message)),
    });
    wake();
    return promise;
  });
  const next = async (): Promise<DialledUpstream> => {
    for (;;) {
      const first = dialled.shift();
      if (first !== undefined) return first;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { next, count: () => count };
}
