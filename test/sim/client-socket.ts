/** The object's end of a client's connection, as workerd gives it to the driver. */
import type { ClientSocket } from "../../durable-objects/pending-clients.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { Connection } from "./connection.ts";
import type { OutputGate } from "./output-gate.ts";

export class RelayClientSocket implements ClientSocket {
  readonly connection: Connection;
  readonly #gate: OutputGate;
  #attachment: unknown = null;
  #closing = false;
  /** Bytes or characters behind the output gate. */
  #gated = 0;

  constructor(connection: Connection, gate: OutputGate) {
    this.connection = connection;
    this.#gate = gate;
  }

  get open(): boolean {
    return !this.#closing && this.connection.isOpen("near");
  }

  get bufferedAmount(): number {
    return this.#gated + this.connection.bufferedAmount("near");
  }

  /** The object left memory: what was behind its gate is gone. */
  left(): void {
    this.#gated = 0;
    this.#closing = false;
  }

  /** @throws Error when it is closed, as workerd's does. */
  send(data: WireMessage): void {
    if (!this.open) throw new Error("the socket is closed");
    const copy = typeof data === "string" ? data : data.slice();
    this.#gated += copy.length;
    this.#gate.pass(() => {
      this.#gated -= copy.length;
      this.connection.send("near", copy);
    });
  }

  close(code: number, reason: string): void {
    this.#closing = true;
    this.#gate.pass(() => this.connection.close("near", code, reason));
  }

  serializeAttachment(attachment: unknown): void {
    this.#attachment = structuredClone(attachment);
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment);
  }
}
