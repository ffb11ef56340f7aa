/** Providers that mean harm: what an operator dials may be broken into. */
import { once } from "node:events";
import { WebSocketServer, type WebSocket } from "ws";
import type { Attack } from "./attack.ts";
import { pause, type Attacker } from "./attacker.ts";
import { again } from "./floods.ts";

const AHEAD_BYTES = 1024 * 1024;

/** Greets as a provider does, then does harm to whoever dialled, until the attack is over. */
function provider(name: string, what: string, harm: () => string | null): Attack {
  return {
    name,
    what,
    spoken: true,
    run: async (attacker) => {
      const server = await listen(attacker, harm());
      const key = await attacker.secret("hostile");
      try {
        await again(attacker, { path: "/v1/realtime?model=hostile", key }, async (connection) => {
          connection.send('{"type":"response.create"}');
          while (connection.open && !attacker.over) await pause(20);
        });
      } finally {
        for (const client of server.clients) client.terminate();
        server.close();
      }
    },
  };
}

async function listen(attacker: Attacker, text: string | null): Promise<WebSocketServer> {
  const server = new WebSocketServer({
    host: "127.0.0.1",
    port: attacker.order.hostilePort,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("realtime") ? "realtime" : false),
  });
  await once(server, "listening");
  server.on("connection", (socket, request) => {
    attacker.count(request.socket);
    socket.on("error", () => socket.terminate());
    socket.on("close", (code) => attacker.ended(`provider's close ${code}`));
    socket.send(
      '{"type":"session.created","session":{"type":"realtime","object":"realtime.session","id":"sess_h"}}',
    );
    socket.once("message", () => socket.send('{"type":"session.updated","session":{"type":"realtime"}}'));
    if (text === null) endless(attacker, socket);
    else void flood(attacker, socket, text);
  });
  return server;
}

async function flood(attacker: Attacker, socket: WebSocket, text: string): Promise<void> {
  while (socket.readyState === socket.OPEN && !attacker.over) {
    if (socket.bufferedAmount > AHEAD_BYTES) {
      await pause(2);
      continue;
    }
    attacker.sent();
    socket.send(text);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One message in fragments, without an end. */
function endless(attacker: Attacker, socket: WebSocket): void {
  const part = "x".repeat(65_536);
  const more = async (): Promise<void> => {
    socket.send('{"type":"response.output_text.delta","delta":"', { fin: false });
    while (socket.readyState === socket.OPEN && !attacker.over) {
      if (socket.bufferedAmount > AHEAD_BYTES) await pause(2);
      else {
        attacker.sent();
        socket.send(part, { fin: false });
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  void more();
}

export const HOSTILE: readonly Attack[] = [
  provider(
    "provider-deep",
    "a provider whose messages have 100,000 levels",
    () => `{"type":"response.done","response":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
  ),
  provider(
    "provider-huge",
    "a provider whose messages have 10 MB",
    () => `{"type":"response.output_text.delta","delta":"${"x".repeat(10_000_000)}"}`,
  ),
  provider("provider-endless", "a provider whose message never ends", () => null),
  provider("provider-nonsense", "a provider that says tiny nonsense without a pause", () => '{"type":"x.y"}'),
  provider(
    "provider-errors",
    "a provider that reports errors without a pause",
    () =>
      '{"type":"error","error":{"type":"server_error","code":"x","message":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}',
  ),
];
