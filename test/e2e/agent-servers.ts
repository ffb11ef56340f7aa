/**
 * Agents of providers as servers on loopback: the scripted servers of the adapters' tests, which refuse what the providers refuse,
 * with ears for when somebody speaks, a voice whose samples follow from its text, and a script of what they answer.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";

import { voiceOf } from "../../demo/stages.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { ScriptedDeepgramAgent } from "../upstreams/scripted-deepgram-agent.ts";
import { ScriptedElevenLabs } from "../upstreams/scripted-elevenlabs.ts";
import { LiveModel, type LiveScript } from "../support/live-model.ts";

const BYTES_PER_MS = 48;
const LOUD = 500;
const TURN_ENDS_MS = 500;
/** Odd on purpose. */
const PIECE_BYTES = 4001;

export interface Scripted {
  readonly say?: string;
  /** Milliseconds between pieces of its sound; absent: all at once. */
  readonly pieceMs?: number;
  readonly call?: { readonly name: string; readonly id: string; readonly args: JsonObject };
  /** After so many pieces the connection breaks. */
  readonly breakAfter?: number;
}

type Provider = ScriptedElevenLabs | ScriptedDeepgramAgent;

export interface AgentServers {
  readonly elevenLabsUrl: string;
  readonly deepgramUrl: string;
  readonly liveUrl: string;
  /** Words of turns to come. */
  readonly turns: string[];
  readonly script: Scripted[];
  readonly live: LiveScript[];
  /** Each connection that was made. */
  readonly elevenLabs: ScriptedElevenLabs[];
  readonly deepgram: ScriptedDeepgramAgent[];
  readonly models: LiveModel[];
  readonly requests: IncomingMessage[];
  close(): Promise<void>;
}

export async function startAgents(): Promise<AgentServers> {
  const server = createServer();
  const protocols = { handleProtocols: (offered: Set<string>) => offered.values().next().value ?? false };
  const sockets = new WebSocketServer({ server, ...protocols });
  const made = {
    turns: [] as string[],
    script: [] as Scripted[],
    live: [] as LiveScript[],
    elevenLabs: [] as ScriptedElevenLabs[],
    deepgram: [] as ScriptedDeepgramAgent[],
    models: [] as LiveModel[],
    requests: [] as IncomingMessage[],
  };
  sockets.on("connection", (socket, request) => {
    made.requests.push(request);
    if (request.url?.startsWith("/elevenlabs")) {
      const provider = new ScriptedElevenLabs({ input: "pcm_24000", output: "pcm_24000" });
      made.elevenLabs.push(provider);
      new ElevenLabsAgent(socket, provider, made).listen();
    } else if (request.url?.startsWith("/v1/live")) {
      const model = new LiveModel(socket, made);
      made.models.push(model);
      socket.on("message", (data: Buffer) => model.receive(data.toString("utf8")));
    } else {
      const provider = new ScriptedDeepgramAgent();
      made.deepgram.push(provider);
      new DeepgramVoiceAgent(socket, provider, made).listen();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    ...made,
    elevenLabsUrl: `ws://127.0.0.1:${port}/elevenlabs`,
    deepgramUrl: `ws://127.0.0.1:${port}/deepgram`,
    liveUrl: `ws://127.0.0.1:${port}/v1/live/sessions`,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Shared = Pick<AgentServers, "turns" | "script">;

abstract class Agent<Of extends Provider> {
  readonly socket: WebSocket;
  readonly provider: Of;
  readonly shared: Shared;
  #pieces: NodeJS.Timeout | null = null;

  constructor(socket: WebSocket, provider: Of, shared: Shared) {
    this.socket = socket;
    this.provider = provider;
    this.shared = shared;
  }

  listen(): void {
    this.send(this.provider.opened());
    this.socket.on("message", (data: Buffer, binary) => {
      const message = binary ? new Uint8Array(data) : data.toString("utf8");
      this.send(this.provider.receive(message));
      this.heard(message);
    });
    this.socket.on("close", () => this.stop());
  }

  send(messages: readonly WireMessage[]): void {
    for (const message of messages) this.socket.send(message);
  }

  /** What it does with a message that its provider takes. */
  abstract heard(message: WireMessage): void;
  abstract words(text: string): readonly WireMessage[];
  abstract sound(bytes: Uint8Array): readonly WireMessage[];
  abstract ends(): readonly WireMessage[];
  abstract calls(call: NonNullable<Scripted["call"]>): readonly WireMessage[];

  answer(): void {
    const { say, call, pieceMs = 0, breakAfter } = this.shared.script.shift() ?? { say: "Yes." };
    if (call !== undefined) this.send(this.calls(call));
    if (say === undefined) return;
    this.send(this.words(say));
    const sound = voiceOf(say);
    let at = 0;
    let n = 0;
    const next = (): void => {
      if (n++ === breakAfter) return this.socket.terminate();
      this.send(this.sound(sound.subarray(at, at + PIECE_BYTES)));
      at += PIECE_BYTES;
      if (at >= sound.length) this.send(this.ends());
      else if (pieceMs === 0) next();
      else this.#pieces = setTimeout(next, pieceMs);
    };
    next();
  }

  /** @returns whether it was speaking. */
  stop(): boolean {
    const speaking = this.#pieces !== null;
    if (this.#pieces !== null) clearTimeout(this.#pieces);
    this.#pieces = null;
    return speaking;
  }
}

/** Takes the turns: hears speech by its level, and its end by silence. */
class ElevenLabsAgent extends Agent<ScriptedElevenLabs> {
  #speaking = false;
  #quietBytes = 0;

  heard(message: WireMessage): void {
    const event: JsonObject = JSON.parse(String(message));
    if (typeof event["user_audio_chunk"] === "string")
      this.#listen(Uint8Array.fromBase64(event["user_audio_chunk"]));
    if (event["type"] === "user_message" || event["type"] === "client_tool_result") {
      this.provider.eventId += 1;
      this.answer();
    }
  }

  #listen(bytes: Uint8Array): void {
    if (isLoud(bytes)) {
      this.#quietBytes = 0;
      if (this.#speaking) return;
      this.#speaking = true;
      this.send([this.stop() ? this.provider.interruption() : this.provider.tentative("…")]);
      return;
    }
    this.#quietBytes += bytes.length;
    if (!this.#speaking || this.#quietBytes < TURN_ENDS_MS * BYTES_PER_MS) return;
    this.#speaking = false;
    this.send([this.provider.transcript(this.shared.turns.shift() ?? "Hm?")]);
    this.answer();
  }

  words(text: string): readonly WireMessage[] {
    return [this.provider.words(text)];
  }

  sound(bytes: Uint8Array): readonly WireMessage[] {
    return this.provider.audio(bytes, [bytes.length]);
  }

  ends(): readonly WireMessage[] {
    return [this.provider.complete()];
  }

  calls({ name, id, args }: NonNullable<Scripted["call"]>): readonly WireMessage[] {
    return [this.provider.toolCall(name, id, args)];
  }
}

/** Is told where turns end. */
class DeepgramVoiceAgent extends Agent<ScriptedDeepgramAgent> {
  #started = false;

  heard(message: WireMessage): void {
    if (typeof message !== "string") {
      if (this.#started || !isLoud(message)) return;
      this.#started = true;
      this.stop();
      this.send([this.provider.userStarted()]);
      return;
    }
    const { type }: JsonObject = JSON.parse(message);
    if (type === "ForceEndTurn") {
      this.#started = false;
      this.send([this.provider.user(this.shared.turns.shift() ?? "Hm?")]);
    }
    if (type === "ForceEndTurn" || type === "InjectUserMessage" || type === "FunctionCallResponse")
      this.answer();
  }

  words(text: string): readonly WireMessage[] {
    return [this.provider.agent(text)];
  }

  sound(bytes: Uint8Array): readonly WireMessage[] {
    return this.provider.audio(bytes, [bytes.length]);
  }

  ends(): readonly WireMessage[] {
    this.stop();
    return [this.provider.done()];
  }

  calls({ name, id, args }: NonNullable<Scripted["call"]>): readonly WireMessage[] {
    return [this.provider.call(name, id, JSON.stringify(args))];
  }
}

function isLoud(bytes: Uint8Array): boolean {
  const whole = bytes.slice(0, bytes.length & ~1);
  return new Int16Array(whole.buffer).some((sample) => Math.abs(sample) > LOUD);
}
