/** A provider: a WebSocket server whose every connection is a scripted voice, found by the call's name. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { MarkedVoice, type VoiceScript } from "./voice.ts";

interface Connection {
  readonly voice: MarkedVoice;
  readonly socket: WebSocket;
  /** The port that the connection came from: a line knows it by that. */
  readonly fromPort: number;
}

export class ProviderServer {
  readonly #server: WebSocketServer;
  readonly #who: number;
  readonly #scripts = new Map<string, VoiceScript>();
  /** By the name of the call, in the order in which they came. */
  readonly #connections = new Map<string, Connection[]>();
  #dialled = 0;

  /** @param who which provider this is, for its watermark. @param port 0: any free one. */
  constructor(who = 0, port = 0) {
    this.#who = who;
    this.#server = new WebSocketServer({ host: "127.0.0.1", port, perMessageDeflate: false });
    this.#server.on("connection", (socket, request) => this.#serve(socket, request.socket.remotePort ?? 0));
  }

  async listen(): Promise<this> {
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For `fetch` in a Worker, which takes no `ws:` URL. */
  get url(): string {
    return realtimeUrl(this.port);
  }

  /** Connections so far. */
  get dialled(): number {
    return this.#dialled;
  }

  /** `name` must be the call's instructions. */
  expect(name: string, script: VoiceScript): void {
    this.#scripts.set(name, script);
  }

  /** Every connection of the call, the present one last. */
  voices(name: string): readonly MarkedVoice[] {
    return (this.#connections.get(name) ?? []).map(({ voice }) => voice);
  }

  /** The call has a connection here that is open. */
  serves(name: string): boolean {
    const last = this.#connections.get(name)?.at(-1);
    return last !== undefined && last.socket.readyState === last.socket.OPEN;
  }

  /** The call's present connection: it breaks. */
  reset(name: string): void {
    this.#last(name).socket.terminate();
  }

  close(name: string, code: number): void {
    this.#last(name).socket.close(code);
  }

  /** It accepts everything and says nothing any more. */
  stall(name: string): void {
    this.#last(name).voice.mute = true;
  }

  fromPort(name: string): number {
    return this.#last(name).fromPort;
  }

  #last(name: string): Connection {
    const last = this.#connections.get(name)?.at(-1);
    if (last === undefined) throw new Error(`the provider does not know ${name}`);
    return last;
  }

  #serve(socket: WebSocket, fromPort: number): void {
    this.#dialled += 1;
    let timer: NodeJS.Timeout | undefined;
    const voice = new MarkedVoice(
      this.#who,
      (message) => socket.send(message),
      (name) => {
        const script = this.#scripts.get(name) ?? null;
        if (script === null) return null;
        const before = this.#connections.get(name) ?? [];
        voice.connection = before.length;
        this.#connections.set(name, [...before, { voice, socket, fromPort }]);
        return script;
      },
    );
    const plan = (): void => {
      clearTimeout(timer);
      const { deadline } = voice;
      if (deadline !== null && socket.readyState === socket.OPEN)
        timer = setTimeout(due, Math.max(0, deadline - performance.now()));
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

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }
}

export function realtimeUrl(port: number): string {
  return `http://127.0.0.1:${port}/v1/realtime`;
}
