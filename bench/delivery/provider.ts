/** The provider's end: a WebSocket server whose every connection is a scripted voice, found by the call's name. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { answerAudio, ScriptedVoice } from "../turns/scripted-voice.ts";
import type { AnswerScript, CallScript } from "../turns/script.ts";

export class ProviderServer {
  readonly #server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
  readonly #scripts = new Map<string, CallScript>();
  /** By the name of the call, each of them an answering machine with a memory of what it heard. */
  readonly voices = new Map<string, ScriptedVoice>();
  /** Connections so far. */
  dialled = 0;

  /** @returns the URL for `DEMO_URL`. */
  async listen(): Promise<string> {
    // Synthesised now rather than in a call.
    answerAudio(0, 0, 0, 1);
    this.#server.on("connection", (socket) => this.#serve(socket));
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/realtime`;
  }

  /** `name` must be the call's instructions. */
  expect(name: string, seed: number, answers: readonly AnswerScript[]): void {
    const room = { echoDb: null, echoLateMs: 0, bed: new Int16Array(0) };
    this.#scripts.set(name, {
      id: name,
      seed,
      group: "turns",
      session: {},
      cues: [],
      answers,
      endsWith: "answer_heard",
      acks: false,
      prebufferMs: 0,
      room,
    });
  }

  #serve(socket: WebSocket): void {
    this.dialled += 1;
    let timer: NodeJS.Timeout | undefined;
    const voice = new ScriptedVoice(
      (message) => socket.send(message),
      (name) => {
        const script = this.#scripts.get(name) ?? null;
        if (script !== null) this.voices.set(name, voice);
        return script;
      },
    );
    const plan = (): void => {
      clearTimeout(timer);
      const { deadline } = voice;
      if (deadline !== null) timer = setTimeout(due, Math.max(0, deadline - performance.now()));
    };
    const due = (): void => {
      voice.tick(performance.now());
      plan();
    };
    socket.on("message", (data: Buffer) => {
      voice.receive(data.toString("utf8"), performance.now());
      plan();
    });
    socket.on("close", () => clearTimeout(timer));
    socket.on("error", () => socket.terminate());
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}
