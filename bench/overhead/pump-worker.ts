/** Baseline: the least a Worker with one Durable Object per session can do. It reads nothing that passes. */
import { DurableObject } from "cloudflare:workers";

interface Env {
  PUMP: DurableObjectNamespace<Pump>;
  UPSTREAM: string;
  /** So many connections to it: all are sent what the client says, and the first one's answers are given back. */
  UPSTREAMS: string;
}

export class Pump extends DurableObject<Env> {
  readonly #upstreams: WebSocket[] = [];

  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    while (this.#upstreams.length < Number(this.env.UPSTREAMS)) {
      const url = this.#upstreams.length === 0 ? this.env.UPSTREAM : `${this.env.UPSTREAM}?answers=no`;
      const { webSocket } = await fetch(url, { headers: { Upgrade: "websocket" } });
      if (webSocket === null) return new Response("no upstream", { status: 502 });
      this.#upstreams.push(webSocket);
    }
    for (const [at, upstream] of this.#upstreams.entries()) {
      upstream.binaryType = "arraybuffer";
      upstream.accept();
      if (at === 0) upstream.addEventListener("message", ({ data }) => server.send(data));
      upstream.addEventListener("close", () => server.close());
    }
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(_: WebSocket, message: string | ArrayBuffer): void {
    for (const upstream of this.#upstreams) upstream.send(message);
  }

  override webSocketClose(socket: WebSocket): void {
    for (const upstream of this.#upstreams) upstream.close();
    socket.close();
  }
}

export default {
  fetch: (request: Request, env: Env) => env.PUMP.get(env.PUMP.newUniqueId()).fetch(request),
};
