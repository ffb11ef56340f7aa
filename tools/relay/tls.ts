/**
 * A self-signed certificate for loopback and a TLS listener in front of a plain one. Official OpenAI clients only
 * ever open `wss:` (openai 7.57 `buildRealtimeURL`), so local use of them needs this.
 */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { generate } from "selfsigned";

export interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Valid for a year for 127.0.0.1, ::1 and localhost; it is its own authority. */
export async function createCertificate(): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    curve: "P-256",
    notAfterDate: new Date(Date.now() + 365 * 24 * 3600 * 1000),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  return { certPem: made.cert, keyPem: made.private };
}

export interface TlsFront {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens on `127.0.0.1:port` (0: any free port) and hands every request and upgrade to `127.0.0.1:targetPort`,
 * with `X-Forwarded-Proto: https` added so that the relay can name its own URLs rightly.
 * @throws the listener's error, e.g. EADDRINUSE.
 */
export async function startTlsFront(
  port: number,
  targetPort: number,
  certificate: Certificate,
): Promise<TlsFront> {
  const sockets = new Set<Duplex>();
  const server = createServer({ cert: certificate.certPem, key: certificate.keyPem });
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (incoming, response) => {
    const outgoing = forward(incoming, targetPort);
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    outgoing.on("error", () => {
      if (!response.headersSent) response.writeHead(502, { "content-type": "text/plain" });
      response.end("the relay behind this TLS listener does not answer\n");
    });
    incoming.pipe(outgoing);
  });
  server.on("upgrade", (incoming, socket, head) => upgrade(incoming, socket, head, targetPort));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function forward(incoming: IncomingMessage, port: number) {
  const headers = [...incoming.rawHeaders, "X-Forwarded-Proto", "https"];
  return request({
    host: "127.0.0.1",
    port,
    path: incoming.url,
    method: incoming.method,
    headers,
    setHost: false,
  });
}

function upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, port: number): void {
  const outgoing = forward(incoming, port);
  outgoing.on("error", () => socket.destroy());
  outgoing.on("upgrade", (answer, peer, peerHead) => {
    socket.write(statusAndHeaders(answer));
    peer.on("error", () => socket.destroy());
    socket.on("error", () => peer.destroy());
    peer.on("close", () => socket.destroy());
    socket.on("close", () => peer.destroy());
    if (peerHead.length > 0) socket.write(peerHead);
    if (head.length > 0) peer.write(head);
    peer.pipe(socket).pipe(peer);
  });
  outgoing.on("response", (answer) => {
    // The relay refused the upgrade: pass its status and body on, then hang up (the body's end is the connection's).
    socket.write(statusAndHeaders(answer));
    answer.pipe(socket);
  });
  outgoing.end();
}

function statusAndHeaders(answer: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? ""}`];
  const raw = answer.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    // A refusal's body is piped decoded, so its length is told by the end of the connection.
    if (answer.statusCode !== 101 && /^(transfer-encoding|connection)$/i.test(raw[i] ?? "")) continue;
    lines.push(`${raw[i]}: ${raw[i + 1]}`);
  }
  if (answer.statusCode !== 101) lines.push("Connection: close");
  return `${lines.join("\r\n")}\r\n\r\n`;
}
