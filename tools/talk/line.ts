/** The socket of a call: opens it with a key, keeps what arrives until somebody listens, and knows why it closed. */
import { WebSocket } from "ws";
import { parseJsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";

export class LineError extends Error {
  override readonly name = "LineError";
}

const OPEN_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 2000;

export type Message = string | Uint8Array;

interface CloseInfo {
  readonly code: number;
  readonly reason: string;
}

export class Line {
  readonly #socket: WebSocket;
  readonly #early: Message[] = [];
  #listener: ((message: Message) => void) | null = null;
  #wake: () => void = () => {};
  #onClose: (info: CloseInfo) => void = () => {};
  closed: CloseInfo | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      const message = isBinary ? new Uint8Array(data) : data.toString("utf8");
      if (this.#listener !== null) this.#listener(message);
      else this.#early.push(message);
      this.#wake();
    });
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString("utf8") };
      this.#wake();
      this.#onClose(this.closed);
    });
    socket.on("error", () => {});
  }

  onClose(listener: (info: CloseInfo) => void): void {
    this.#onClose = listener;
    if (this.closed !== null) listener(this.closed);
  }

  /** Ends it without a word. */
  terminate(): void {
    this.#socket.terminate();
  }

  /**
   * @param offered further subprotocols, which the server does not choose.
   * @throws LineError saying what the server answered.
   */
  static open(
    url: string,
    key: string,
    protocol: "duplex.v1" | "realtime",
    offered: readonly string[] = [],
  ): Promise<Line> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, [protocol, ...offered], {
        headers: { authorization: `Bearer ${key}` },
        handshakeTimeout: OPEN_LIMIT_MS,
        perMessageDeflate: false,
      });
      const line = new Line(socket);
      socket.once("open", () => {
        if (socket.protocol === protocol) resolve(line);
        else {
          socket.close();
          reject(new LineError(doesNotSpeak(protocol)));
        }
      });
      socket.once("error", (error) =>
        reject(
          new LineError(
            NO_SUBPROTOCOL.test(error.message)
              ? doesNotSpeak(protocol)
              : `cannot reach ${withoutQuery(url)}: ${reasonOf(error)}`,
          ),
        ),
      );
      socket.once("unexpected-response", (_request, response) => {
        // Kept alive by the server, it would keep this process alive.
        const { socket: connection } = response;
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => {
          connection.destroy();
          const detail = textAt(parseJsonObject(body), "detail") ?? body.slice(0, 200);
          reject(new LineError(`the server answered HTTP ${response.statusCode}: ${detail}`));
        });
      });
    });
  }

  send(message: Message): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message);
  }

  /** Hands over what has arrived and everything to come. */
  listen(listener: (message: Message) => void): void {
    this.#listener = listener;
    for (const message of this.#early.splice(0)) listener(message);
  }

  /** Waits for an event among those that arrived `early`, leaving all for the listener. @throws LineError on an error event, a close or silence. */
  async until(type: string, early: readonly Message[] = this.#early): Promise<void> {
    const deadline = performance.now() + OPEN_LIMIT_MS;
    for (let seen = 0; ;) {
      for (; seen < early.length; seen++) {
        const message = early[seen];
        const event = typeof message === "string" ? parseJsonObject(message) : null;
        const found = textAt(event, "type");
        if (found === type) return;
        if (found === "error")
          throw new LineError(textAt(objectAt(event, "error"), "message") ?? "unknown error");
      }
      if (this.closed !== null)
        throw new LineError(`the server hung up: ${this.closed.code} ${this.closed.reason}`);
      const left = deadline - performance.now();
      if (left <= 0) throw new LineError(`no ${type} within ${OPEN_LIMIT_MS / 1000} s`);
      await this.#change(left);
    }
  }

  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Closes with 1000 and waits for the other side, but not for long. */
  async hangUp(): Promise<void> {
    if (this.closed !== null) return;
    this.#socket.close(1000, "call over");
    const deadline = performance.now() + CLOSE_LIMIT_MS;
    while (this.closed === null && performance.now() < deadline)
      await this.#change(deadline - performance.now());
    this.#socket.terminate();
  }
}

/** What `ws` says of a server that chooses none of those that were offered. */
const NO_SUBPROTOCOL = /^Server sent (?:no|an invalid) subprotocol$/;

function doesNotSpeak(protocol: string): string {
  const other = protocol === "duplex.v1" ? ": with --json-audio it may answer" : "";
  return `the server does not speak ${protocol}${other}`;
}

/** A URL for messages: its query may hold a token. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*/, "");
}

function reasonOf(error: Error): string {
  if ("code" in error && error.code === "ECONNREFUSED") return "nobody listens there (npm start?)";
  return error.message;
}
