/**
 * The far side of workerd's own binding of Workers AI, without a model: the binding's requests come here as Miniflare hands them to
 * Cloudflare (`MF-URL`, `MF-Header-…`). Flux hears when somebody speaks and says the words that it was given, the text model
 * writes what a script says in Workers AI's events, Aura's samples follow from the text. Inputs that Cloudflare's schemas refuse
 * are refused; each model breaks as it is told to.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { WebSocketServer, type WebSocket } from "ws";
import { voiceOf } from "../../demo/stages.ts";
import { type JsonObject, parseJsonObject } from "../../src/protocol/json.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { wavFile } from "../upstreams/cascade/workers-ai-wire.ts";
import { faultOf } from "./workers-ai-inputs.ts";

/** Of the transcriber: 16 kHz, and so much silence after speech is the end of a turn. */
const HEARD_BYTES_PER_MS = 32;
const TURN_ENDS_MS = 700;
const LOUD = 500;
/** Odd on purpose: networks cut where they like. */
const PIECE_BYTES = 4001;

/** What the text model does with one request. */
export interface Written {
  readonly say?: readonly string[];
  readonly everyMs?: number;
  readonly call?: { readonly name: string; readonly arguments: JsonObject };
  /** The connection breaks after its words, when something was said of them. */
  readonly breaks?: true;
  /** Instead of a stream. */
  readonly refusal?: { readonly status: number; readonly body: JsonObject };
}

/** How Aura says a text. Default: at once and whole. */
export interface Voiced {
  readonly pieceMs?: number;
  readonly breakAfter?: number;
  /** It answers with MP3, whatever was asked for. */
  readonly mp3?: true;
}

interface Run {
  readonly model: string;
  readonly inputs: JsonObject;
  readonly options: JsonObject;
}

export class WorkersAi {
  /** Words of turns to come, in order. */
  readonly turns: string[] = [];
  readonly script: Written[] = [];
  readonly voices: Voiced[] = [];
  readonly runs: Run[] = [];
  /** Inputs that were refused, and why. */
  readonly refused: string[] = [];
  readonly givenUp = { text: 0, speech: 0 };
  /** How handshakes to come are refused. */
  readonly closedTo: { readonly status: number; readonly body: JsonObject }[] = [];
  /** Texts that were said whole. */
  #voiced = 0;
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
      const refusal = this.#taken(request, "") ?? this.closedTo.shift() ?? null;
      if (refusal === null)
        this.#sockets.handleUpgrade(request, socket, head, (one) => this.#transcribe(one));
      else {
        const body = JSON.stringify(refusal.body);
        socket.end(
          `HTTP/1.1 ${refusal.status} No\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
      }
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`);
  }

  close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  clear(): void {
    for (const list of [this.turns, this.script, this.voices, this.runs, this.refused, this.closedTo])
      list.length = 0;
    this.#voiced = 0;
    this.givenUp.text = 0;
    this.givenUp.speech = 0;
  }

  of(model: string): readonly JsonObject[] {
    return this.runs.filter((run) => run.model.includes(model)).map(({ inputs }) => inputs);
  }

  /** Notes what is asked. @returns how it is refused, or null. */
  #taken({ headers }: IncomingMessage, posted: string): { status: number; body: JsonObject } | null {
    const url = new URL(String(headers["mf-url"]));
    const asked = parseJsonObject(posted || (url.searchParams.get("body") ?? "")) ?? {};
    const model = String(headers["mf-header-cf-consn-model-id"]);
    const [inputs, options] = [asked["inputs"] as JsonObject, asked["options"] as JsonObject];
    this.runs.push({ model, inputs, options });
    const known = url.pathname === "/run" && url.searchParams.get("version") === "3";
    const fault = known ? faultOf(model, inputs) : `no such door: ${url.href}`;
    if (fault === null) return null;
    this.refused.push(fault);
    return { status: 400, body: { internalCode: 5006, name: "Invalid input", description: fault } };
  }

  #transcribe(socket: WebSocket): void {
    let [turn_index, loud, quietMs] = [0, false, 0];
    const say = (event: string, transcript: string): void =>
      socket.send(
        JSON.stringify({ request_id: "r", sequence_id: 0, event, turn_index, transcript, words: [] }),
      );
    socket.on("message", (audio: Buffer, binary) => {
      if (!binary) return;
      const samples = new Int16Array(Uint8Array.from(audio).buffer);
      if (samples.some((sample) => Math.abs(sample) > LOUD)) {
        if (!loud) say("StartOfTurn", "");
        [loud, quietMs] = [true, 0];
        return;
      }
      quietMs += audio.length / HEARD_BYTES_PER_MS;
      if (!loud || quietMs < TURN_ENDS_MS) return;
      loud = false;
      const words = this.turns.shift() ?? "Hello?";
      say("Update", words.slice(0, words.length / 2));
      say("EagerEndOfTurn", words);
      say("EndOfTurn", "");
      turn_index += 1;
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const posted: Buffer[] = [];
    for await (const piece of request) posted.push(piece as Buffer);
    const refusal = this.#taken(request, Buffer.concat(posted).toString());
    if (refusal !== null) return refuse(response, refusal);
    const { model = "", inputs } = this.runs.at(-1) ?? {};
    const stage = model.includes("aura") ? "speech" : "text";
    response.on("close", () => {
      if (!response.writableFinished) this.givenUp[stage] += 1;
    });
    if (stage === "speech") await this.#speak(textAt(inputs ?? null, "text") ?? "", response);
    else await this.#write(response);
  }

  async #write(response: ServerResponse): Promise<void> {
    const { say = [], everyMs = 0, call, breaks, refusal } = this.script.shift() ?? { say: ["Yes."] };
    if (refusal !== undefined) return refuse(response, refusal);
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const event = (members: JsonObject): boolean => response.write(`data: ${JSON.stringify(members)}\n\n`);
    for (const words of say) {
      event({ response: words, p: "abcd" });
      if (everyMs > 0) await wait(everyMs);
    }
    if (breaks) {
      // Not before something was said: until then it would be no loss, but a failure.
      while (this.#voiced === 0) await wait(20);
      await wait(500);
      response.destroy();
      return;
    }
    if (call !== undefined) event({ response: null, tool_calls: [call] });
    event({ response: "", usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 } });
    response.end("data: [DONE]\n\n");
  }

  async #speak(text: string, response: ServerResponse): Promise<void> {
    const { pieceMs = 0, breakAfter, mp3 } = this.voices.shift() ?? {};
    // Cloudflare's schema gives this type, whatever was asked for.
    response.writeHead(200, { "Content-Type": "audio/mpeg" });
    const sound = mp3
      ? Uint8Array.of(0xff, 0xf3, 0x64, 0xc4)
      : wavFile(voiceOf(text), { length: 0x7fff_ffff });
    for (let at = 0; at < sound.length && !response.destroyed; at += PIECE_BYTES) {
      response.write(sound.subarray(at, at + PIECE_BYTES));
      if (pieceMs > 0) await wait(pieceMs);
      if (breakAfter === undefined || at < breakAfter) continue;
      await wait(50);
      response.destroy();
      return;
    }
    response.end();
    this.#voiced += 1;
  }
}

function refuse(response: ServerResponse, { status, body }: { status: number; body: JsonObject }): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
