/** Baseline: the least a Worker with one Durable Object per session can do. It reads nothing that passes. */
import { DurableObject } from "cloudflare:workers";

interface Env {
  PUMP: DurableObjectNamespace<Pump>;
  UPSTREAM: string;
}

export class Pump extends DurableObject<Env> {
  #upstream: WebSocket | null = null;

  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    const { webSocket } = await fetch(this.env.UPSTREAM, { headers: { Upgrade: "websocket" } });
    if (webSocket === null) return new Response("no upstream", { status: 502 });
    webSocket.binaryType = "arraybuffer";
    webSocket.accept();
    webSocket.addEventListener("message", ({ data }) => server.send(data));
    webSocket.addEventListener("close", () => server.close());
    this.#upstream = webSocket;
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(_: WebSocket, message: string | ArrayBuffer): void {
    this.#upstream?.send(message);
  }

  override webSocketClose(socket: WebSocket): void {
    this.#upstream?.close();
    socket.close();
  }
}

export default {
  fetch: (request: Request, env: Env) => env.PUMP.get(env.PUMP.newUniqueId()).fetch(request),
};
