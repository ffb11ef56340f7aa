/**
 * Opens sockets to upstreams, makes their HTTP requests, and asks the Worker's own bindings. A Worker's `fetch` with `Upgrade` carries any header, which `new WebSocket` does not.
 */
import type { DialRequest, ResponseHead, WireMessage } from "../src/upstreams/upstream.ts";
import { headOf, readBody, request as ask } from "./http-dial.ts";
import { DialError, refusalOf, runModel } from "./model-dial.ts";

/** What the shell needs of a socket. */
export interface Socket {
  send(data: WireMessage): void;
  close(code: number, reason: string): void;
  readonly bufferedAmount: number;
}

/** `opened` at most once, then messages, and exactly one `closed` at the end. Nothing after `hangUp`. */
export interface DialEvents {
  /** Of an HTTP request: its response has begun, and there is no socket. */
  opened(socket: Socket | null, head?: ResponseHead): void;
  message(data: WireMessage): void;
  /** `code` 0: never opened; `reason` says why without a secret. */
  closed(code: number, reason: string): void;
}

export interface Call {
  /** Ends the call, in whatever state it is. */
  hangUp(code: number, reason: string): void;
}

export type Dial = (request: DialRequest, events: DialEvents) => Call;

/** Six outgoing handshakes and requests without a response may be pending at once; a seventh would wait unseen (Durable Objects, limits). */
const PENDING_LIMIT = 6;
/** A model may think for long before its response begins; who asked hangs up when that is too long for him. */
const RESPONSE_MS = 60_000;

/** It brings a response, and no socket. */
export function isResponse({ http, run }: DialRequest): boolean {
  return http !== undefined || run?.gives === "response";
}

export class Dialler {
  readonly #timeoutMs: number;
  readonly #bindings: object;
  readonly #waiting: (() => void)[] = [];
  #pending = 0;

  /** @param bindings where those are that a request names */
  constructor(timeoutMs: number, bindings: object) {
    this.#timeoutMs = timeoutMs;
    this.#bindings = bindings;
  }

  readonly dial: Dial = (request, events) => {
    const responds = isResponse(request);
    const talk = new Talk(events, responds ? RESPONSE_MS : this.#timeoutMs);
    const talked = responds
      ? this.#next(talk.signal, (signal) => this.#ask(request, signal)).then((got) => talk.responded(got))
      : this.#next(talk.signal, (signal) => this.#upgrade(request, signal)).then((got) => talk.opened(got));
    talked.catch((error: unknown) => talk.failed(error));
    return talk;
  };

  async #ask(request: DialRequest, signal: AbortSignal): Promise<Response> {
    return request.run ? runModel(request.run, this.#bindings, signal) : ask(request, signal);
  }

  async #upgrade(request: DialRequest, signal: AbortSignal): Promise<WebSocket> {
    if (request.run === undefined) return upgrade(request, signal);
    const response = await runModel(request.run, this.#bindings, signal);
    if (response.webSocket === null) throw await refusalOf(response);
    return response.webSocket;
  }

  async #next<T>(signal: AbortSignal, dial: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // The first ones are dialled at once: a write that follows in this turn would hold the request back until it is durable.
    if (this.#pending < PENDING_LIMIT) this.#pending += 1;
    else await this.#turn();
    try {
      signal.throwIfAborted();
      return await dial(signal);
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

/**
 * Messages that come after we hung up: what was on its way. A provider that goes on is read, at some 5 µs a message, for as
 * long as it does not answer the close: its connection is cut.
 */
const MOST_LATE = 1000;

/** One dial, to its end. */
class Talk implements Call {
  readonly #events: DialEvents;
  readonly #aborter = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  #socket: WebSocket | null = null;
  /** A response has begun. */
  #begun = false;
  #over = false;

  constructor(events: DialEvents, timeoutMs: number) {
    this.#events = events;
    this.#timer = setTimeout(() => {
      this.#end(0, "timed out");
      this.#aborter.abort();
    }, timeoutMs);
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  opened(socket: WebSocket): void {
    clearTimeout(this.#timer);
    if (this.#over) {
      socket.accept();
      return hangUp(socket, 1000, "");
    }
    this.#socket = socket;
    this.#listen(socket);
    this.#events.opened(socket);
  }

  async responded(response: Response): Promise<void> {
    clearTimeout(this.#timer);
    this.#begun = true;
    if (!this.#over) this.#events.opened(null, headOf(response));
    await readBody(response, (bytes) => {
      if (!this.#over) this.#events.message(bytes);
      return !this.#over;
    });
    this.#end(1000, "");
  }

  failed(error: unknown): void {
    this.#end(this.#begun ? 1006 : 0, describe(error));
  }

  hangUp(code: number, reason: string): void {
    this.#over = true;
    clearTimeout(this.#timer);
    if (this.#socket === null) this.#aborter.abort();
    else hangUp(this.#socket, code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#events.closed(code, reason);
  }

  #listen(socket: WebSocket): void {
    let late = 0;
    // Before accept(): standard sockets deliver Blobs since compatibility date 2026-03-17.
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      const data: string | ArrayBuffer = event.data;
      if (!this.#over) this.#events.message(typeof data === "string" ? data : new Uint8Array(data));
      else if ((late += 1) === MOST_LATE) this.#aborter.abort();
    });
    socket.addEventListener("close", ({ code, reason }) => {
      hangUp(socket, 1000, "");
      this.#end(code, reason);
    });
    socket.addEventListener("error", () => this.#end(1006, "connection lost"));
    socket.accept();
  }
}

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

/** Also completes the closing handshake; on a socket that is closed already it does nothing. */
function hangUp(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // workerd throws when the socket was never accepted, or is gone: then there is nothing to close.
  }
}
