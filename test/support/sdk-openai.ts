/**
 * Calls held by the official `openai` package, unmodified, in its two forms: `OpenAIRealtimeWS` (npm `ws`, key in
 * the Authorization header) and `OpenAIRealtimeWebSocket` (the runtime's own WebSocket, key in a subprotocol).
 */
import OpenAI from "openai";
import type { OpenAIRealtimeError } from "openai/realtime/internal-base";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import { base64, pieces } from "./sdk-audio.ts";
import { EventLog } from "./sdk-events.ts";
import type { SdkTarget } from "./sdk-target.ts";

export interface DialOptions {
  readonly apiKey?: string;
  /** Default: the target's. */
  readonly model?: string;
  /** A transcription session in place of a model. */
  readonly intent?: "transcription";
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface OpenAICall {
  readonly log: EventLog<RealtimeServerEvent>;
  /** What the SDK gave to its `error` listener. */
  readonly errors: readonly OpenAIRealtimeError[];
  send(event: RealtimeClientEvent): void;
  /** Appends audio in pieces of 100 ms as fast as the socket takes them. */
  speak(bytes: Uint8Array): void;
  /** Closes as the SDK does and waits for the other side's close. */
  hangUp(): Promise<Closed>;
}

export interface OpenAIForm {
  readonly name: string;
  /** Resolves when the socket is open; rejects with the SDK's error. */
  readonly dial: (target: SdkTarget, options?: DialOptions) => Promise<OpenAICall>;
}

export function openAIClient(target: SdkTarget, apiKey = target.apiKey): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${target.httpsUrl}/v1`, maxRetries: 0 });
}

function connection(
  target: SdkTarget,
  options: DialOptions,
): { model: string } | { intent: "transcription" } {
  return options.intent === undefined ? { model: options.model ?? target.model } : { intent: options.intent };
}

/** Both forms share the emitter; they differ in how the socket tells of its end. */
function hold(
  socket: OpenAIRealtimeWS | OpenAIRealtimeWebSocket,
  closed: Promise<Closed>,
  errors: OpenAIRealtimeError[],
): OpenAICall {
  const log = new EventLog<RealtimeServerEvent>();
  socket.on("event", (event) => log.push(event));
  socket.on("error", (error) => {
    errors.push(error);
    if (error.error === undefined) log.end(`the SDK failed: ${error.message}`);
  });
  void closed.then(({ code, reason }) => log.end(`closed with ${code} ${reason}`));
  return {
    log,
    errors,
    send: (event) => socket.send(event),
    speak(bytes) {
      for (const piece of pieces(bytes)) {
        socket.send({ type: "input_audio_buffer.append", audio: base64(piece) });
      }
    },
    hangUp() {
      socket.close();
      return closed;
    },
  };
}

const overWs: OpenAIForm = {
  name: "OpenAIRealtimeWS",
  dial: async (target, options = {}) => {
    const client = openAIClient(target, options.apiKey);
    const rt = new OpenAIRealtimeWS(
      { ...connection(target, options), options: { ca: target.caPem } },
      client,
    );
    const closed = new Promise<Closed>((resolve) =>
      rt.socket.on("close", (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() })),
    );
    const errors: OpenAIRealtimeError[] = [];
    const call = hold(rt, closed, errors);
    await new Promise<void>((resolve, reject) => {
      rt.socket.once("open", resolve);
      rt.socket.once("error", reject);
    });
    return call;
  },
};

const overNative: OpenAIForm = {
  name: "OpenAIRealtimeWebSocket",
  dial: async (target, options = {}) => {
    const rt = new OpenAIRealtimeWebSocket(connection(target, options), openAIClient(target, options.apiKey));
    const { socket } = rt;
    const closed = new Promise<Closed>((resolve) =>
      socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason })),
    );
    const errors: OpenAIRealtimeError[] = [];
    const call = hold(rt, closed, errors);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", ({ code }) =>
        reject(new Error(`closed with ${code} before it opened`)),
      );
    });
    return call;
  },
};

export const OPENAI_FORMS: readonly OpenAIForm[] = [overWs, overNative];

/** Sends a user's text and asks for a response. */
export function ask(
  call: OpenAICall,
  text: string,
  response?: { output_modalities: ("text" | "audio")[] },
): void {
  call.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  });
  call.send({ type: "response.create", ...(response === undefined ? {} : { response }) });
}

/** Id of the response an event belongs to, or undefined. */
function responseOf(event: RealtimeServerEvent): string | undefined {
  if (event.type === "response.created" || event.type === "response.done") return event.response.id;
  return "response_id" in event && event.type.startsWith("response.") ? event.response_id : undefined;
}

/**
 * The `response.*` types of one response in order, without the prefix; deltas of any kind are one `delta`, and
 * repeats are one entry.
 */
export function responseScript(call: OpenAICall, responseId: string): readonly string[] {
  const script: string[] = [];
  for (const event of call.log.events) {
    if (responseOf(event) !== responseId) continue;
    const type = event.type.replace("response.", "");
    const entry = type.endsWith(".delta") ? "delta" : type;
    if (script.at(-1) !== entry) script.push(entry);
  }
  return script;
}

/** All output audio of one response so far. */
export function responseAudio(call: OpenAICall, responseId: string): readonly Uint8Array[] {
  return call.log
    .all("response.output_audio.delta")
    .filter((event) => event.response_id === responseId)
    .map((event) => new Uint8Array(Buffer.from(event.delta, "base64")));
}

/** Waits until one response has sent this much audio (24 kHz PCM). */
export async function heard(call: OpenAICall, ms: number): Promise<{ itemId: string; responseId: string }> {
  let bytes = 0;
  for (;;) {
    const delta = await call.log.next("response.output_audio.delta");
    bytes += Buffer.byteLength(delta.delta, "base64");
    if (bytes / 48 >= ms) return { itemId: delta.item_id, responseId: delta.response_id };
  }
}
