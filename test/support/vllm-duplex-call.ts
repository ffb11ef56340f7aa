/** A call in virtual time with a duplex session of vLLM-Omni's behind it, whose sockets break off as a test wants. */
import { CLIENT } from "../../src/session/io.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamOptions, WireMessage } from "../../src/upstreams/upstream.ts";
import { type DuplexServerOptions, ScriptedVllmDuplex } from "../upstreams/scripted-vllm-duplex.ts";
import type { DuplexSession } from "../upstreams/vllm-duplex-voice.ts";
import { Call, type CallOptions } from "./call.ts";

const STEP_MS = 20;
const SAMPLES = 24 * STEP_MS;

export class VllmDuplexCall {
  readonly sessions = new Map<string, DuplexSession>();
  /** Each socket that was opened. */
  readonly servers: ScriptedVllmDuplex[] = [];
  readonly call: Call;
  /** New sockets are refused. */
  down = false;
  readonly #options: DuplexServerOptions;
  readonly #peers = new Map<string, ScriptedVllmDuplex>();
  readonly #read = new Map<string, number>();

  /** @param own the upstream's own voice and instructions */
  constructor(
    options: DuplexServerOptions = {},
    call: CallOptions = {},
    settings: JsonObject = {},
    own: Pick<UpstreamOptions, "voice" | "instructions"> = {},
  ) {
    this.#options = options;
    const upstream = {
      name: "duplex",
      options: {
        adapter: "vllm-omni-duplex",
        url: "wss://provider.example/v1/realtime",
        model: "MiniCPM-o-4_5",
        settings,
        ...own,
      },
    };
    this.call = new Call({ upstreams: [upstream], createUpstream, connect: false, ...call });
    this.call.connect(call.dialect ?? "realtime");
    this.pass(STEP_MS);
  }

  get server(): ScriptedVllmDuplex {
    const server = this.servers.at(-1);
    if (!server) throw new Error("nothing was dialled");
    return server;
  }

  get peer(): string {
    return [...this.#peers].findLast(([, server]) => server === this.server)?.[0] ?? "";
  }

  /** The client sends this in time; null: it sends nothing. */
  pass(ms: number, samples: Int16Array | null = null): void {
    for (let at = 0; at < ms / STEP_MS; at++) {
      if (samples) this.call.append(samples.subarray(at * SAMPLES, (at + 1) * SAMPLES));
      this.call.advance(STEP_MS);
      this.serve();
    }
  }

  /** What the provider says; `lost`: on a socket that is broken already, so that only its journal has it. */
  say(messages: readonly WireMessage[], lost = false): void {
    const { peer } = this;
    for (const data of lost ? [] : messages)
      if (this.call.open.has(peer)) this.call.input({ type: "message", peer, data });
    this.serve();
  }

  /** The socket breaks off. @param lost what it was sent just now never arrives. */
  kill(lost = false): void {
    const { peer } = this;
    if (lost) this.#read.set(peer, this.call.commands(peer).length);
    this.call.open.delete(peer);
    this.call.input({ type: "close", peer, code: 1006, reason: "" });
  }

  serve(): void {
    for (const peer of this.call.open) {
      if (peer === CLIENT || this.#peers.has(peer)) continue;
      if (this.down) {
        this.call.open.delete(peer);
        this.call.input({ type: "close", peer, code: 0, reason: "refused" });
        continue;
      }
      const server = new ScriptedVllmDuplex({ ...this.#options, sessions: this.sessions });
      this.servers.push(server);
      this.#peers.set(peer, server);
      this.call.input({ type: "open", peer });
    }
    for (const [peer, server] of this.#peers) this.#hear(peer, server);
  }

  #hear(peer: string, server: ScriptedVllmDuplex): void {
    for (;;) {
      const at = this.#read.get(peer) ?? 0;
      const next = this.call.commands(peer)[at];
      if (next === undefined) return;
      this.#read.set(peer, at + 1);
      for (const data of server.receive(JSON.stringify(next)))
        if (this.call.open.has(peer)) this.call.input({ type: "message", peer, data });
    }
  }

  /** All audio that the client was given, in order. */
  audio(): Uint8Array {
    const deltas = this.call.events.filter(({ type }) => type === "response.output_audio.delta");
    const pieces = deltas.map((event) => Uint8Array.fromBase64(String(event["delta"])));
    const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}
