/** Baseline: what one writes in an afternoon. A Node WebSocket proxy that passes every message on. */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const upstreamUrl = process.argv[2] ?? "";
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });

server.on("connection", (client) => {
  const upstream = new WebSocket(upstreamUrl, { perMessageDeflate: false });
  const early: [Buffer, boolean][] = [];
  client.on("message", (data: Buffer, binary) => {
    if (upstream.readyState === WebSocket.OPEN) upstream.send(data, { binary });
    else early.push([data, binary]);
  });
  upstream.on("open", () => early.splice(0).forEach(([data, binary]) => upstream.send(data, { binary })));
  upstream.on("message", (data: Buffer, binary) => client.send(data, { binary }));
  client.on("close", () => upstream.close());
  upstream.on("close", () => client.close());
  client.on("error", () => upstream.close());
  upstream.on("error", () => client.close());
});

server.on("listening", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
