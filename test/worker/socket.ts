/** A client's socket whose messages and close are waited for, never slept for. */
import { HOST } from "./doors.ts";
import { exports } from "cloudflare:workers";

export type ServerEvent = { readonly type: string; readonly [field: string]: unknown };
export type Received = ServerEvent | Uint8Array;

export class ClientSocket {
  readonly protocol: string | null;
  readonly #socket: WebSocket;
  readonly #received: Received[] = [];
  readonly #closed: Promise<{ readonly code: number; readonly reason: string }>;
  #wake: () => void = () => {};
  #ended = false;
  #lastSequence = 0;

  constructor(socket: WebSocket, protocol: string | null) {
    this.#socket = socket;
    this.protocol = protocol;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      this.#received.push(typeof data === "string" ? JSON.parse(data) : new Uint8Array(data));
      this.#wake();
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener("close", ({ code, reason }) => {
        this.#ended = true;
        this.#wake();
        resolve({ code, reason });
      });
    });
    socket.accept();
  }

  /** `server_event_seq` of the last event taken. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  get closed(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#closed;
  }

  send(data: object | Uint8Array | string): void {
    this.#socket.send(data instanceof Uint8Array || typeof data === "string" ? data : JSON.stringify(data));
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** The next message that is not yet taken. @throws when the socket closes first. */
  async next(): Promise<Received> {
    for (;;) {
      const message = this.#received.shift();
      if (message !== undefined) return message;
      if (this.#ended) throw new Error("the socket closed before the message came");
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Drops messages until an event of this type. */
  async event(type: string): Promise<ServerEvent> {
    for (;;) {
      const message = await this.next();
      if (message instanceof Uint8Array) continue;
      this.#lastSequence = Number(message["server_event_seq"] ?? 0);
      if (message.type === type) return message;
    }
  }
}

/** @throws with the status when the upgrade is refused. */
export async function connect(path: string, headers: Record<string, string> = {}): Promise<ClientSocket> {
  const response = await upgrade(path, headers);
  if (response.webSocket === null) throw new Error(`${response.status} ${await response.text()}`);
  return new ClientSocket(response.webSocket, response.headers.get("Sec-WebSocket-Protocol"));
}

export function upgrade(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const url = new URL(path, HOST);
  url.protocol = url.protocol.replace("ws", "http");
  return exports.default.fetch(new Request(url, { headers: { Upgrade: "websocket", ...headers } }));
}

/** Close code and error code of a socket that was accepted to be told why it is refused. */
export async function turnedAway(
  path: string,
  headers: Record<string, string>,
): Promise<readonly [number, unknown]> {
  const socket = await connect(path, headers);
  const { error } = (await socket.event("error")) as { readonly error?: { readonly code?: unknown } };
  return [(await socket.closed).code, error?.code];
}
