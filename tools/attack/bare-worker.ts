/** The least that a Worker with one Durable Object per session can do with what an attack sends: take it, and be silent. */
import { DurableObject } from "cloudflare:workers";

interface Env {
  readonly BARE: DurableObjectNamespace<Bare>;
}

export class Bare extends DurableObject<Env> {
  override async fetch(): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(): void {
    // It was read.
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

/** With `back` the same object over and over, as a session that is come back to. */
export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    if (request.headers.get("Upgrade") !== "websocket") return new Response(null, { status: 404 });
    const back = new URL(request.url).searchParams.has("back");
    return env.BARE.get(back ? env.BARE.idFromName("back") : env.BARE.newUniqueId()).fetch(request);
  },
};
