/** The object's end of a client's connection, as workerd gives it to the driver. */
import type { ClientSocket } from "../../durable-objects/pending-clients.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { Connection } from "./connection.ts";

export class RelayClientSocket implements ClientSocket {
  readonly connection: Connection;
  #attachment: unknown = null;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  get open(): boolean {
    return this.connection.isOpen("near");
  }

  get bufferedAmount(): number {
    return this.connection.bufferedAmount("near");
  }

  /** @throws Error when it is closed, as workerd's does. */
  send(data: WireMessage): void {
    if (!this.connection.send("near", data)) throw new Error("the socket is closed");
  }

  close(code: number, reason: string): void {
    this.connection.close("near", code, reason);
  }

  serializeAttachment(attachment: unknown): void {
    this.#attachment = structuredClone(attachment);
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#attachment);
  }
}
