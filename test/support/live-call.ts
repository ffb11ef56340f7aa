/** A call in virtual time with full-duplex models of OpenAI's Live API behind it, which hear and speak as time passes. */
import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { ScriptedLive } from "../upstreams/scripted-live.ts";
import { Call, type CallOptions } from "./call.ts";
import { LiveModel, type LiveScript } from "./live-model.ts";

const STEP_MS = 20;
const SAMPLES = 24 * STEP_MS;

export class LiveCall {
  readonly turns: string[] = [];
  readonly live: LiveScript[] = [];
  /** Each connection that was made. */
  readonly models: LiveModel[] = [];
  readonly call: Call;
  readonly #livesMs: number | undefined;
  readonly #peers = new Map<string, LiveModel>();
  readonly #read = new Map<string, number>();

  /** @param livesMs its sessions say that they end so long after they began */
  constructor(settings: JsonObject = {}, options: CallOptions = {}, livesMs?: number) {
    this.#livesMs = livesMs;
    const upstream = { name: "live", options: { adapter: "openai-live", settings } };
    this.call = new Call({ upstreams: [upstream], createUpstream, connect: false, ...options });
    this.call.connect(options.dialect ?? "realtime");
    this.pass(STEP_MS);
  }

  /** The client sends this in time; null: it sends nothing. */
  pass(ms: number, samples: Int16Array | null = null): void {
    for (let at = 0; at < ms / STEP_MS; at++) {
      if (samples) this.call.append(samples.subarray(at * SAMPLES, (at + 1) * SAMPLES));
      this.call.advance(STEP_MS);
      this.#serve();
    }
  }

  speak(samples: Int16Array, words: string): void {
    this.turns.push(words);
    this.pass((samples.length / 24) | 0, samples);
  }

  #serve(): void {
    for (const peer of this.call.open)
      if (peer.startsWith("up") && !this.#peers.has(peer)) this.#connect(peer);
    for (const peer of this.#peers.keys()) this.#hear(peer);
  }

  #connect(peer: string): void {
    const send = (data: string | Uint8Array) => {
      if (this.call.open.has(peer)) this.call.input({ type: "message", peer, data });
    };
    const terminate = () => {
      this.call.open.delete(peer);
      this.call.input({ type: "close", peer, code: 1006, reason: "" });
    };
    const fork = this.dialled.at(-1)?.endsWith("/fork")
      ? (this.models.at(-1)?.provider.session ?? null)
      : null;
    const expiresAt = this.#livesMs === undefined ? undefined : (this.call.now + this.#livesMs) / 1000;
    const model = new LiveModel({ send, terminate }, this, new ScriptedLive(null, fork, expiresAt));
    this.models.push(model);
    this.#peers.set(peer, model);
    this.call.input({ type: "open", peer });
  }

  #hear(peer: string): void {
    for (;;) {
      const at = this.#read.get(peer) ?? 0;
      const next = this.call.commands(peer)[at];
      if (next === undefined) return;
      this.#read.set(peer, at + 1);
      this.#peers.get(peer)?.receive(JSON.stringify(next));
    }
  }

  /** Addresses, in order. */
  get dialled(): readonly string[] {
    return this.call.actions.flatMap((action) => (action.type === "dial" ? [action.request.url] : []));
  }

  /** Each answer, with its words. */
  answers(): readonly string[] {
    const ended = this.call.events.filter(({ type }) => type === "response.done");
    return ended.map((event) => {
      const { status, output } = event["response"] as { status: string; output: JsonObject[] };
      return `${status}: ${output.map((item) => JSON.stringify(item["content"] ?? item["name"])).join()}`;
    });
  }
}
