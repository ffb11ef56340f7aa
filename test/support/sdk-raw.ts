/** A client without manners: a bare `ws` socket to the relay that can say anything at all. */
import { connect, type Socket } from "node:net";
import type { RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { WebSocket } from "ws";
import { FRAME_AUDIO, readFrameHeader, type FrameHeader } from "../../src/protocol/frame.ts";
import { EventLog } from "./sdk-events.ts";

/** `duplex.v1`: how an upstream fares. */
interface RelayUpstreamEvent {
  readonly type: "relay.upstream";
  readonly upstream: string;
  readonly status: "dialling" | "ready" | "closed" | "idle";
  readonly cause?: string;
  readonly code?: string;
  readonly reason?: string;
}

/** `duplex.v1`: who gave an answer. */
interface RelayRaceEvent {
  readonly type: "relay.race";
  readonly plan: string;
  readonly upstream: string | null;
  readonly others: readonly { readonly upstream: string; readonly outcome: string }[];
}

/** `duplex.v1`: how the upstreams answer from now on. */
interface RelayPlanUpdatedEvent {
  readonly type: "relay.plan.updated";
  readonly plan: { readonly strategy: string; readonly upstreams: readonly string[] };
}

/** `duplex.v1`: what a guard decided. */
interface RelayGuardEvent {
  readonly type: "relay.guard";
  readonly decision: string;
  readonly category: string | null;
}

/** `duplex.v1`, and observers: what was spent. */
interface RelayCostEvent {
  readonly type: "relay.cost";
  readonly response_id: string;
  readonly cost: number;
  readonly upstreams: readonly object[];
}

/** Observers: how an upstream did that is tried out. */
interface RelayShadowEvent {
  readonly type: "relay.shadow";
  readonly upstream: string;
  readonly outcome: string;
  readonly response_id: string | null;
  readonly after_ms: number | null;
  readonly speaker_after_ms: number | null;
}

export type RawEvent =
  | RealtimeServerEvent
  | RelayUpstreamEvent
  | RelayRaceEvent
  | RelayPlanUpdatedEvent
  | RelayGuardEvent
  | RelayCostEvent
  | RelayShadowEvent;

export interface AudioFrame extends FrameHeader {
  readonly payload: Uint8Array;
}

export interface RawCall {
  readonly log: EventLog<RawEvent>;
  readonly frames: readonly AudioFrame[];
  /** The subprotocol the relay chose; empty: none. */
  readonly protocol: string;
  /** An object is sent as JSON text, a string as text, bytes as binary. */
  send(message: object | string | Uint8Array): void;
  /** Resolves when `enough` holds of the frames that came, rejects when the socket ends first. */
  framesUntil(enough: (frames: readonly AudioFrame[]) => boolean): Promise<void>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  /** The TCP connection under the WebSocket, to write what no WebSocket library would. */
  readonly tcp: Socket;
  hangUp(): Promise<void>;
}

export interface RawDial {
  readonly apiKey?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** HTTP answer to a refused upgrade. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
  }
}

/** @throws Refused when the upgrade was answered otherwise. */
export async function dialRaw(url: string, dial: RawDial = {}): Promise<RawCall> {
  const headers = {
    ...(dial.apiKey === undefined ? {} : { Authorization: `Bearer ${dial.apiKey}` }),
    ...dial.headers,
  };
  const { hostname, port } = new URL(url);
  const tcp = connect(Number(port), hostname);
  const socket = new WebSocket(url, [...(dial.protocols ?? [])], {
    headers,
    perMessageDeflate: false,
    createConnection: () => tcp,
  });
  const log = new EventLog<RawEvent>();
  const frames: AudioFrame[] = [];
  const watchers = new Set<() => void>();
  socket.on("message", (data: Buffer, binary) => {
    if (binary) frames.push(readFrame(new Uint8Array(data)));
    else log.push(JSON.parse(data.toString()) as RawEvent);
    for (const watcher of watchers) watcher();
  });
  let over = false;
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on("close", (code, reason) => {
      over = true;
      log.end(`closed with ${code} ${reason.toString()}`);
      for (const watcher of watchers) watcher();
      resolve({ code, reason: reason.toString() });
    }),
  );
  await opened(socket);
  return {
    log,
    frames,
    protocol: socket.protocol,
    closed,
    tcp,
    send(message) {
      socket.send(
        typeof message === "string" || message instanceof Uint8Array ? message : JSON.stringify(message),
      );
    },
    framesUntil: (enough) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          if (!enough(frames) && !over) return;
          watchers.delete(watch);
          if (enough(frames)) resolve();
          else reject(new Error(`the socket closed after ${frames.length} audio frames`));
        };
        watchers.add(watch);
        watch();
      }),
    async hangUp() {
      socket.close(1000);
      await closed;
    },
  };
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("open", resolve);
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        reject(new Refused(response.statusCode ?? 0, Buffer.concat(parts).toString()));
        socket.terminate();
      });
    });
  });
}

function readFrame(bytes: Uint8Array): AudioFrame {
  const header = readFrameHeader(bytes);
  if (header === null || header.kind !== FRAME_AUDIO)
    throw new Error(`not an audio frame: ${bytes.byteLength} bytes`);
  return { ...header, payload: bytes.subarray(8) };
}

/** A text turn: proof that the call goes on. @returns what the assistant wrote. */
export async function textTurn(call: RawCall, text = "Hello."): Promise<string> {
  const metadata = { text_turn: String(call.log.events.length) };
  call.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  });
  call.send({ type: "response.create", response: { output_modalities: ["text"], metadata } });
  const { response } = await call.log.any(
    "response.done",
    (event) => event.response.metadata?.["text_turn"] === metadata.text_turn,
  );
  if (response.status !== "completed") throw new Error(`the text turn ended ${response.status}`);
  return call.log
    .all("response.output_text.done")
    .filter(({ response_id }) => response_id === response.id)
    .map((event) => event.text)
    .join(" ");
}
