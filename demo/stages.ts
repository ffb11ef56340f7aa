/**
 * The three stages of a cascade as servers on loopback, without a model: a transcriber that hears when somebody speaks and says
 * the words it was given, a text model that writes what a script says, and a synthesiser whose samples follow from the
 * text, so that a listener can be compared with it sample by sample. Each breaks as it is told to.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { WebSocketServer, type WebSocket } from "ws";
import { isJsonObject, parseJsonObject, type JsonObject } from "../src/protocol/json.ts";

const RATE_HZ = 24_000;
/** The transcriber hears 16 kHz; so much silence after speech is the end of a turn. */
const HEARD_BYTES_PER_MS = 32;
const TURN_ENDS_MS = 700;
const LOUD = 500;
/** A synthesiser says so many characters a second. */
const MS_PER_CHAR = 60;
/** Odd on purpose: networks cut where they like. */
const PIECE_BYTES = 4001;

/** What the text model does with one request. */
export interface Written {
  readonly say?: readonly string[];
  /** Milliseconds between pieces. */
  readonly everyMs?: number;
  readonly call?: { readonly name: string; readonly id: string; readonly args: string };
  /** After its words: the connection breaks, or nothing comes any more. */
  readonly ends?: "break" | "stall";
  /** Instead of a stream. */
  readonly status?: number;
  readonly json?: JsonObject;
}

/** How the synthesiser says a text. Default: at once and whole. */
export interface Voiced {
  readonly pieceMs?: number;
  /** The connection breaks after so many bytes. */
  readonly breakAfter?: number;
}

export interface Stages {
  readonly transcriberUrl: string;
  readonly textUrl: string;
  readonly speechUrl: string;
  /** Words of turns to come, in order. */
  readonly turns: string[];
  /** What the text model does with requests to come, in order; then it says "Yes." */
  readonly script: Written[];
  /** Likewise the synthesiser. */
  readonly voices: Voiced[];
  /** Bodies of the requests so far. */
  readonly asked: JsonObject[];
  readonly said: string[];
  /** Authorization headers that any stage saw. */
  readonly keys: ReadonlySet<string>;
  /** Requests that were given up before their end. */
  readonly givenUp: { text: number; speech: number };
  close(): Promise<void>;
}

/** The samples of a text, as s16le bytes at 24 kHz: a tone whose pitch follows from it. */
export function voiceOf(text: string): Uint8Array {
  const samples = Math.round((text.trim().length * MS_PER_CHAR * RATE_HZ) / 1000);
  const pitch = 0.02 + (text.trim().length % 7) * 0.004;
  const sound = Int16Array.from({ length: samples }, (_, n) => Math.round(6000 * Math.sin(n * pitch)));
  return new Uint8Array(sound.buffer);
}

class StageServers implements Stages {
  readonly turns: string[] = [];
  readonly script: Written[] = [];
  readonly voices: Voiced[] = [];
  readonly asked: JsonObject[] = [];
  readonly said: string[] = [];
  readonly keys = new Set<string>();
  readonly givenUp = { text: 0, speech: 0 };
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #open = new Set<Socket>();

  constructor() {
    this.#server = createServer((request, response) => {
      // A connection that breaks under an answer is what some scripts are about.
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on("connection", (socket) => {
      this.#open.add(socket);
      socket.on("close", () => this.#open.delete(socket));
    });
    this.#server.on("upgrade", (request, socket, head) => {
      this.#see(request);
      this.#sockets.handleUpgrade(request, socket, head, (accepted) => this.#transcribe(accepted));
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get #base(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get transcriberUrl(): string {
    return `ws://${this.#base}/v2/listen`;
  }

  get textUrl(): string {
    return `http://${this.#base}/v1/chat/completions`;
  }

  get speechUrl(): string {
    return `http://${this.#base}/v1/audio/speech`;
  }

  close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #see(request: IncomingMessage): void {
    this.keys.add(request.headers.authorization ?? "");
  }

  #transcribe(socket: WebSocket): void {
    let [turn, loud, quietMs] = [0, false, 0];
    const say = (event: string, transcript: string): void =>
      socket.send(JSON.stringify({ type: "TurnInfo", event, turn_index: turn, transcript, words: [] }));
    socket.send('{"type":"Connected","request_id":"r","sequence_id":0}');
    socket.on("message", (audio: Buffer, binary) => {
      if (!binary) return;
      const samples = new Int16Array(Uint8Array.from(audio).buffer);
      if (samples.some((sample) => Math.abs(sample) > LOUD)) {
        [loud, quietMs] = [true, 0];
        return;
      }
      quietMs += audio.length / HEARD_BYTES_PER_MS;
      if (!loud || quietMs < TURN_ENDS_MS) return;
      loud = false;
      const words = this.turns.shift() ?? "Hello?";
      say("Update", words.slice(0, words.length / 2));
      say("EndOfTurn", words);
      turn += 1;
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#see(request);
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = parseJsonObject(Buffer.concat(parts).toString()) ?? {};
    const stage = request.url?.includes("speech") ? "speech" : "text";
    response.on("close", () => {
      if (!response.writableFinished) this.givenUp[stage] += 1;
    });
    if (stage === "speech") await this.#speak(body, response);
    else await this.#write(body, response);
  }

  async #write(body: JsonObject, response: ServerResponse): Promise<void> {
    this.asked.push(body);
    const {
      say = [],
      everyMs = 0,
      call,
      ends,
      status = 200,
      json,
    } = this.script.shift() ?? { say: ["Yes."] };
    if (json !== undefined) {
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(json));
      return;
    }
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    const event = (delta: JsonObject, finish_reason: string | null = null): void => {
      const choices = [{ index: 0, delta, finish_reason }];
      response.write(`data: ${JSON.stringify({ object: "chat.completion.chunk", choices })}\n\n`);
    };
    for (const content of say) {
      event({ content });
      if (everyMs > 0) await wait(everyMs);
    }
    if (ends === "stall") return;
    if (ends === "break") {
      await wait(50);
      response.destroy();
      return;
    }
    const told = { type: "function", function: { name: call?.name ?? "", arguments: call?.args ?? "" } };
    if (call !== undefined) event({ tool_calls: [{ index: 0, id: call.id, ...told }] });
    event({}, call === undefined ? "stop" : "tool_calls");
    const usage = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 };
    response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
  }

  async #speak(body: JsonObject, response: ServerResponse): Promise<void> {
    const text = typeof body["input"] === "string" ? body["input"] : "";
    this.said.push(text);
    const { pieceMs = 0, breakAfter } = this.voices.shift() ?? {};
    const sound = voiceOf(text);
    response.writeHead(200, { "Content-Type": "audio/pcm" });
    for (let at = 0; at < sound.length && !response.destroyed; at += PIECE_BYTES) {
      response.write(sound.subarray(at, at + PIECE_BYTES));
      if (pieceMs > 0) await wait(pieceMs);
      if (breakAfter === undefined || at < breakAfter) continue;
      await wait(50);
      response.destroy();
      return;
    }
    response.end();
  }
}

export async function startStages(): Promise<Stages> {
  const stages = new StageServers();
  await stages.listen();
  return stages;
}

/** Messages of a request to the text model. */
export function messagesOf(request: JsonObject | undefined): readonly JsonObject[] {
  const messages = request?.["messages"];
  return Array.isArray(messages) ? messages.filter(isJsonObject) : [];
}
