/**
 * The demo voice: a small, honest voice model behind the OpenAI Realtime GA dialect, for trying the relay without
 * any key and for its tests. `node demo/server.ts --help`; knobs and behaviour in README.md.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { parseArgs } from "node:util";
import { WebSocketServer, type WebSocket } from "ws";
import { REAL_CLOCK } from "./clock.ts";
import { Outbox } from "./faults.ts";
import { foreignTo } from "./guard.ts";
import { idDrawer } from "./ids.ts";
import { KnobError, readKnobs, type Knobs } from "./knobs.ts";
import { DemoSession } from "./session.ts";
import { speak, SPEAKER_PATH } from "./speaker.ts";
import { Stats } from "./stats.ts";
import { think, THINKER_PATH } from "./thinker.ts";
import { Voice } from "./voice.ts";

export interface DemoOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Loads the voice before the first caller needs it (about 200 ms, in its own thread). Default false. */
  readonly prewarm?: boolean;
}

export interface Demo {
  /** `ws://127.0.0.1:PORT/v1/realtime` */
  readonly url: string;
  readonly port: number;
  /** The counters of `GET /stats`, as of now. */
  readonly stats: Readonly<Stats>;
  /** Closes every connection with 1001 and stops the voice. */
  close(): Promise<void>;
}

const PATH = "/v1/realtime";
const MAX_CONNECTIONS = 512;
/** 15 MiB of base64 and the event around it. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
const JSON_TYPE = { "content-type": "application/json", "cache-control": "no-store" };
/** Clients that do not answer a close are dropped after this. */
const CLOSE_GRACE_MS = 500;

/** @throws the listener's error, e.g. EADDRINUSE. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const host = options.host ?? "127.0.0.1";
  const stats = new Stats();
  const voice = new Voice();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    // Exactly one subprotocol, never the entry that carries a key; none when none was offered.
    handleProtocols: (offered) => (offered.has("realtime") ? "realtime" : false),
  });
  const server = createServer((request, response) => {
    const foreign = foreignTo(host, request);
    if (foreign === null && isPosted(request, THINKER_PATH))
      think(request, response).catch(() => response.destroy());
    else if (foreign === null && isPosted(request, SPEAKER_PATH))
      speak(request, response, voice).catch(() => response.destroy());
    else if (foreign === null) answerHttp(request, response, stats);
    else response.writeHead(403, JSON_TYPE).end(errorBody("origin_refused", foreign));
  });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => socket.destroy());
    const foreign = foreignTo(host, request);
    if (foreign === null) upgrade({ request, socket, head, sockets, stats, voice });
    else refuse(socket, stats, 403, "origin_refused", foreign);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, host, resolve);
  });
  // Whatever is wrong with the voice is told to the first caller who asks for it.
  if (options.prewarm === true) voice.say("Hello! ", "slt", 1, 24_000).catch(() => undefined);
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the demo voice has no port");
  const { port } = address;
  const name = host.includes(":") ? `[${host}]` : host;
  return {
    url: `ws://${name}:${port}${PATH}`,
    port,
    stats,
    async close() {
      await closeSockets(sockets);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await voice.close();
    },
  };
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly sockets: WebSocketServer;
  readonly stats: Stats;
  readonly voice: Voice;
}

function upgrade({ request, socket, head, sockets, stats, voice }: Upgrade): void {
  const url = URL.parse(request.url ?? "/", "http://demo");
  if (url?.pathname !== PATH)
    return refuse(socket, stats, 404, "not_found", `The demo voice listens at ${PATH}.`);
  let knobs: Knobs;
  try {
    knobs = readKnobs(url.searchParams, request.headers);
  } catch (error) {
    if (!(error instanceof KnobError)) throw error;
    return refuse(socket, stats, 400, "invalid_knob", error.message);
  }
  if (knobs.refuse !== null)
    return refuse(socket, stats, knobs.refuse, "refused", "Refused by the knob refuse.");
  if (sockets.clients.size >= MAX_CONNECTIONS) {
    return refuse(socket, stats, 503, "too_many_connections", `At most ${MAX_CONNECTIONS} connections.`);
  }
  sockets.handleUpgrade(request, socket, head, (accepted) => {
    serve(accepted, url.searchParams, knobs, stats, voice);
  });
}

function serve(socket: WebSocket, query: URLSearchParams, knobs: Knobs, stats: Stats, voice: Voice): void {
  const drawId = idDrawer(knobs.seed);
  const session = new DemoSession({
    intent: query.get("intent") === "transcription" ? "transcription" : "realtime",
    model: (query.get("model") ?? "demo-voice").slice(0, 200),
    knobs,
    outbox: new Outbox(socket, knobs, drawId),
    drawId,
    voice,
    clock: REAL_CLOCK,
    stats,
  });
  stats.connections_total += 1;
  stats.connections_open += 1;
  socket.on("message", (data, isBinary) => {
    session.receive(isBinary || !Buffer.isBuffer(data) ? null : data.toString("utf8"));
  });
  // `ws` closes the connection itself, with the code that fits; there is nothing left to do.
  socket.on("error", () => undefined);
  socket.on("close", () => {
    stats.connections_open -= 1;
    session.end();
  });
  session.start();
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  503: "Service Unavailable",
};

function refuse(socket: Duplex, stats: Stats, status: number, code: string, message: string): void {
  stats.connections_refused += 1;
  const body = errorBody(code, message);
  const retry = status === 429 || status === 503 ? "Retry-After: 1\r\n" : "";
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? "Refused"}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${retry}Connection: close\r\n\r\n${body}`,
  );
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ error: { type: "invalid_request_error", code, message, param: null } });
}

function isPosted({ method, url }: IncomingMessage, path: string): boolean {
  return method === "POST" && URL.parse(url ?? "/", "http://demo")?.pathname === path;
}

function answerHttp(request: IncomingMessage, response: ServerResponse, stats: Stats): void {
  const pathname = URL.parse(request.url ?? "/", "http://demo")?.pathname;
  const send = (status: number, body: string): void => {
    response.writeHead(status, JSON_TYPE).end(body);
  };
  if (request.method !== "GET") send(405, errorBody("method_not_allowed", "Only GET is answered here."));
  else if (pathname === "/stats") send(200, JSON.stringify(stats));
  else if (pathname === "/healthz") send(200, JSON.stringify({ status: "ok" }));
  else if (pathname === PATH) send(426, errorBody("upgrade_required", "This is a WebSocket endpoint."));
  else send(404, errorBody("not_found", `The demo voice listens at ${PATH}; counters are at /stats.`));
}

async function closeSockets(sockets: WebSocketServer): Promise<void> {
  const closing = [...sockets.clients].map(
    (socket) =>
      new Promise<void>((resolve) => {
        const grace = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
        socket.once("close", () => {
          clearTimeout(grace);
          resolve();
        });
        socket.close(1001, "the demo voice is shutting down");
      }),
  );
  sockets.close();
  await Promise.all(closing);
}

const HELP = `The demo voice of the edge duplex relay: speaks the OpenAI Realtime dialect, needs no key.

  node demo/server.ts [--port 8788] [--host 127.0.0.1]

  --port   port to listen at; 0 takes a free one and prints it (default 8788, or DEMO_PORT)
  --host   address to listen at (default 127.0.0.1)
  --help   this text

Knobs per connection (pace, delays, faults): demo/README.md. Counters: GET /stats.
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: "string" }, host: { type: "string" }, help: { type: "boolean" } },
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const port = Number(values.port ?? process.env["DEMO_PORT"] ?? 8788);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error("--port must be a number from 0 to 65535");
  const demo = await startDemo({ port, host: values.host ?? "127.0.0.1", prewarm: true });
  process.stdout.write(`demo voice on ${demo.url}\n`);
  const stop = (): void => {
    demo.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
