/** One socket: what comes over it, read, and the pulse that says whether anybody is at its other end. */
import { readFrameHeader, type FrameHeader } from "../protocol/frame.ts";
import { RelayError } from "./error.ts";
import type { CloseInfo } from "./events.ts";
import { parseJsonObject, type JsonObject } from "./json.ts";
import type { Data } from "./outbox.ts";
import { Pulse, type PulseHooks } from "./pulse.ts";

/** Ten seconds of 24 kHz audio that the network did not take: what follows waits here, where it is bounded. */
const MAX_UPLINK_BYTES = 480_000;

export interface LineHooks extends PulseHooks {
  text(event: JsonObject): void;
  /** A binary message, and `data` with its header. */
  frame(header: FrameHeader, data: ArrayBuffer): void;
  /** What came is neither. */
  error(error: RelayError): void;
  closed(close: CloseInfo): void;
}

export class Line {
  readonly #hooks: LineHooks;
  readonly #socket: WebSocket;
  readonly #pulse: Pulse;
  #left = false;

  constructor(socket: WebSocket, hooks: LineHooks) {
    this.#hooks = hooks;
    this.#socket = socket;
    this.#pulse = new Pulse(hooks);
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (this.#left) return;
      this.#pulse.received();
      if (typeof data === "string") this.#text(data);
      else this.#binary(data);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      if (!this.#left) hooks.closed({ code, reason });
    });
  }

  #text(data: string): void {
    const event = parseJsonObject(data);
    if (event !== null) this.#hooks.text(event);
    else this.#nonsense("The relay sent text that is not a JSON object");
  }

  #binary(data: ArrayBuffer): void {
    const header = readFrameHeader(new Uint8Array(data));
    if (header !== null) this.#hooks.frame(header, data);
    else this.#nonsense("The relay sent a binary message without a header");
  }

  #nonsense(message: string): void {
    this.#hooks.error(new RelayError("protocol", message));
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** The network takes more. */
  get takes(): boolean {
    return this.open && this.#socket.bufferedAmount <= MAX_UPLINK_BYTES;
  }

  send(data: Data): void {
    this.#socket.send(data);
    this.#pulse.sent();
  }

  /** See `Pulse`. */
  clock(): void {
    this.#pulse.clock();
  }

  probe(): void {
    this.#pulse.probe();
  }

  /** Nothing of it is heard from now on; whoever leaves it closes it. */
  leave(): void {
    this.#left = true;
    this.#pulse.stop();
  }

  close(code: number, reason?: string): void {
    this.#socket.close(code, reason);
  }
}
