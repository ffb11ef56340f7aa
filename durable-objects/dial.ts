/**
 * Opens sockets to upstreams. A Worker's `fetch` with `Upgrade` carries any header, which `new WebSocket` does not.
 */
import type { DialRequest, WireMessage } from "../src/upstreams/upstream.ts";

/** What the shell needs of a socket. */
export interface Socket {
  send(data: WireMessage): void;
  close(code: number, reason: string): void;
  readonly bufferedAmount: number;
}

/** `opened` at most once, then messages, and exactly one `closed` at the end. Nothing after `hangUp`. */
export interface DialEvents {
  opened(socket: Socket): void;
  message(data: WireMessage): void;
  /** `code` 0: never opened; `reason` says why without a secret. */
  closed(code: number, reason: string): void;
}

export interface Call {
  /** Ends the call, in whatever state it is. */
  hangUp(code: number, reason: string): void;
}

export type Dial = (request: DialRequest, events: DialEvents) => Call;

/** Six outgoing handshakes may be pending at once; a seventh would wait unseen (Durable Objects, limits). */
const PENDING_LIMIT = 6;

export class Dialler {
  readonly #timeoutMs: number;
  readonly #waiting: (() => void)[] = [];
  #pending = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  readonly dial: Dial = (request, events) => {
    const aborter = new AbortController();
    let socket: WebSocket | null = null;
    let over = false;
    const end = (code: number, reason: string): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      events.closed(code, reason);
    };
    const opened = (accepted: WebSocket): void => {
      clearTimeout(timer);
      if (over) {
        accepted.accept();
        hangUp(accepted, 1000, "");
        return;
      }
      socket = accepted;
      listen(accepted, events, () => over, end);
      events.opened(accepted);
    };
    const timer = setTimeout(() => {
      end(0, "timed out");
      aborter.abort();
    }, this.#timeoutMs);
    void this.#connect(request, aborter.signal)
      .then(opened)
      .catch((error: unknown) => end(0, describe(error)));
    return {
      hangUp(code, reason) {
        over = true;
        clearTimeout(timer);
        if (socket === null) aborter.abort();
        else hangUp(socket, code, reason);
      },
    };
  };

  async #connect(request: DialRequest, signal: AbortSignal): Promise<WebSocket> {
    // The first ones are dialled at once: a write that follows in this turn would hold the request back until it is durable.
    if (this.#pending < PENDING_LIMIT) this.#pending += 1;
    else await this.#turn();
    try {
      signal.throwIfAborted();
      return await upgrade(request, signal);
    } finally {
      this.#pending -= 1;
      this.#waiting.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    while (this.#pending >= PENDING_LIMIT)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    this.#pending += 1;
  }
}

/** Its message is fit for a client: static text or a status. */
class DialError extends Error {}

function describe(error: unknown): string {
  return error instanceof DialError ? error.message : "connection failed";
}

async function upgrade(request: DialRequest, signal: AbortSignal): Promise<WebSocket> {
  const headers = new Headers({ ...request.headers, Upgrade: "websocket" });
  if (request.protocols.length > 0) headers.set("Sec-WebSocket-Protocol", request.protocols.join(", "));
  // `fetch("ws:…")` throws. A redirect would carry the provider's key elsewhere.
  const url = request.url.replace(/^ws/i, "http");
  const response = await fetch(url, { headers, signal, redirect: "manual" });
  const socket = response.webSocket;
  if (socket === null) {
    await response.body?.cancel();
    throw new DialError(`HTTP ${response.status}`);
  }
  return socket;
}

function listen(
  socket: WebSocket,
  events: DialEvents,
  isOver: () => boolean,
  end: (code: number, reason: string) => void,
): void {
  // Before accept(): standard sockets deliver Blobs since compatibility date 2026-03-17.
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => {
    const data: string | ArrayBuffer = event.data;
    if (!isOver()) events.message(typeof data === "string" ? data : new Uint8Array(data));
  });
  socket.addEventListener("close", ({ code, reason }) => {
    hangUp(socket, 1000, "");
    end(code, reason);
  });
  socket.addEventListener("error", () => end(1006, "connection lost"));
  socket.accept();
}

/** Also completes the closing handshake; on a socket that is closed already it does nothing. */
function hangUp(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // workerd throws when the socket was never accepted, or is gone: then there is nothing to close.
  }
}
