/**
 * Plays calls in real time through the real relay on loopback: the project's Worker in workerd, `duplex.v1` over its
 * WebSocket, and a WebSocket server with the scripted voices behind it. Several calls at once; how late the simulated
 * clients were themselves is part of what is reported.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { startRelay, type Relay } from "../../test/support/relay.ts";
import { Caller } from "./caller.ts";
import type { PlayedCall } from "./core.ts";
import type { CallScript } from "./script.ts";
import { answerAudio, ScriptedVoice } from "./scripted-voice.ts";
import { Wire } from "./wire.ts";

const TICK_MS = 20;
const OPEN_LIMIT_MS = 15_000;
/** Between the starts of two calls, so that their frames do not all fall on one moment. */
const STAGGER_MS = 37;

/** The scripted voices, found by the session id that each call puts into its instructions. */
class VoiceServer {
  readonly #server = new WebSocketServer({
    host: "127.0.0.1",
    port: 0,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has("realtime") ? "realtime" : false),
  });
  readonly #calls = new Map<string, CallScript>();
  readonly voices = new Map<string, ScriptedVoice>();

  async listen(): Promise<string> {
    // Synthesised now rather than in a call.
    answerAudio(0, 0, 0, 1);
    this.#server.on("connection", (socket) => this.#serve(socket));
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/realtime`;
  }

  expect(script: CallScript): void {
    this.#calls.set(script.id, script);
  }

  #serve(socket: WebSocket): void {
    let timer: NodeJS.Timeout | null = null;
    const voice = new ScriptedVoice(
      (message) => socket.send(message),
      (id) => {
        const script = this.#calls.get(id) ?? null;
        if (script) this.voices.set(id, voice);
        return script;
      },
    );
    const plan = (): void => {
      if (timer) clearTimeout(timer);
      const { deadline } = voice;
      timer = deadline === null ? null : setTimeout(due, Math.max(0, deadline - performance.now()));
    };
    const due = (): void => {
      voice.tick(performance.now());
      plan();
    };
    socket.on("message", (data: Buffer) => {
      voice.receive(data.toString("utf8"), performance.now());
      plan();
    });
    socket.on("close", () => timer && clearTimeout(timer));
    socket.on("error", () => socket.terminate());
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

class LiveCall {
  readonly #relay: Relay;
  readonly #wire: Wire;
  readonly #voices: VoiceServer;
  readonly caller: Caller;
  readonly #socket: WebSocket;
  /** The socket's own. */
  #port = 0;
  #startMs = Number.NaN;
  #failure: string | null = null;
  readonly #lateMs: number[] = [];

  constructor(relay: Relay, wire: Wire, voices: VoiceServer, script: CallScript) {
    this.#relay = relay;
    this.#wire = wire;
    this.#voices = voices;
    voices.expect(script);
    this.#socket = this.#dial();
    this.caller = new Caller(script, (data) => this.#socket.send(data));
  }

  #dial(): WebSocket {
    const socket = new WebSocket(
      `ws://127.0.0.1:${this.#wire.port}/v1/realtime?model=demo`,
      ["realtime", "duplex.v1"],
      {
        headers: { authorization: `Bearer ${this.#relay.apiKey}` },
        perMessageDeflate: false,
      },
    );
    socket.on("message", (data: Buffer, binary) => {
      this.caller.receive(binary ? data : data.toString("utf8"), performance.now() - this.#startMs);
    });
    socket.on("upgrade", (response) => (this.#port = response.socket.localPort ?? 0));
    socket.on("error", (error) => (this.#failure ??= error.message));
    socket.on("close", (code) => (this.#failure ??= `closed with ${code}`));
    return socket;
  }

  async play(): Promise<PlayedCall> {
    const limit = performance.now() + OPEN_LIMIT_MS;
    while (!this.caller.ready && this.#failure === null) {
      if (performance.now() > limit) this.#failure = "no session.updated";
      await sleep(5);
    }
    if (this.#failure === null) await this.#talk();
    const failure = this.#failure;
    this.#socket.close();
    const { id } = this.caller.script;
    const voice = this.#voices.voices.get(id) ?? null;
    const passed = this.#wire.of(this.#port);
    return { caller: this.caller, voice, startMs: this.#startMs, lateMs: this.#lateMs, passed, failure };
  }

  async #talk(): Promise<void> {
    this.#startMs = performance.now();
    for (let due = this.#startMs; !this.caller.over && this.#failure === null; due += TICK_MS) {
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      this.#lateMs.push(performance.now() - due);
      this.caller.tick();
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export interface LoopbackOptions {
  /** Calls at once. */
  readonly parallel: number;
  readonly onPlayed: (call: PlayedCall, done: number, of: number) => void;
}

/** All calls, in the order given; starts and stops a relay of its own. */
export async function playOnLoopback(
  scripts: readonly CallScript[],
  options: LoopbackOptions,
): Promise<PlayedCall[]> {
  const voices = new VoiceServer();
  const demoUrl = await voices.listen();
  const relay = await startRelay({ demoUrl });
  const wire = await Wire.before(relay.port);
  const waiting = [...scripts];
  const played: PlayedCall[] = [];
  const line = async (index: number): Promise<void> => {
    await sleep(index * STAGGER_MS);
    for (let script = waiting.shift(); script; script = waiting.shift()) {
      const call = await new LiveCall(relay, wire, voices, script).play();
      played.push(call);
      options.onPlayed(call, played.length, scripts.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.parallel }, (_, index) => line(index)));
  } finally {
    await wire.close();
    await relay.close();
    await voices.close();
  }
  return played;
}
