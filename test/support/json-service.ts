/** A service over real HTTP that answers what a test says, and keeps what it was asked. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly authorization: string;
  readonly body: Buffer;
}

export interface JsonService {
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** @param answer is asked for each request; `afterMs`: so long does its sender wait. */
export async function startJsonService(
  answer: (asked: Asked) => {
    readonly status?: number;
    readonly afterMs?: number;
    readonly body: string;
  },
): Promise<JsonService> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const one = { authorization: request.headers.authorization ?? "", body: Buffer.concat(parts) };
      asked.push(one);
      const { status = 200, afterMs = 0, body } = answer(one);
      const say = () => response.writeHead(status, { "Content-Type": "application/json" }).end(body);
      setTimeout(say, afterMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
