/** A call in virtual time with Moshi servers behind it: real Opus, one model that talks to one caller after the other, or a model for each. */
import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { Call, type CallOptions } from "./call.ts";
import { MoshiModel, type MoshiScript } from "./moshi-model.ts";
import { opus } from "./opus.ts";

const STEP_MS = 20;
const SAMPLES = 24 * STEP_MS;

/** `one`: its lock is taken by whoever came first; `many`: as the server in Rust; `taken`: somebody else talks to it. */
type Server = "one" | "many" | "taken";

export class MoshiCall {
  readonly script: MoshiScript[] = [];
  readonly models: MoshiModel[] = [];
  readonly call: Call;
  server: Server;
  readonly #peers = new Map<string, MoshiModel>();
  readonly #begun = new Set<MoshiModel>();
  #read = 0;

  constructor(settings: JsonObject = {}, options: CallOptions = {}, server: Server = "one") {
    this.server = server;
    const upstream = { name: "moshi", options: { adapter: "moshi", url: "wss://gpu.example", settings } };
    this.call = new Call({
      upstreams: [upstream],
      createUpstream: (given) => createUpstream(given, { opus }),
      connect: false,
      ...options,
    });
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

  speak(samples: Int16Array): void {
    this.pass((samples.length / 24) | 0, samples);
  }

  #serve(): void {
    for (const peer of this.#peers.keys()) if (!this.call.open.has(peer)) this.#peers.delete(peer);
    for (; this.#read < this.call.actions.length; this.#read++) {
      const action = this.call.actions[this.#read];
      if (action?.type === "dial") this.#connect(action.peer);
      else if (action?.type === "send" && this.#peers.has(action.peer))
        this.#peers.get(action.peer)?.receive(action.data);
    }
    const waiting = [...this.#peers.values()].filter((model) => !this.#begun.has(model));
    const talks = waiting.length < this.#peers.size;
    if (this.server === "many") for (const model of waiting) this.#begin(model);
    else if (this.server === "one" && !talks && waiting[0]) this.#begin(waiting[0]);
  }

  #begin(model: MoshiModel): void {
    this.#begun.add(model);
    model.begin(this.server === "many");
  }

  #connect(peer: string): void {
    const send = (data: string | Uint8Array) => {
      if (this.call.open.has(peer)) this.call.input({ type: "message", peer, data });
    };
    const terminate = () => {
      this.call.open.delete(peer);
      this.call.input({ type: "close", peer, code: 1006, reason: "" });
    };
    const model = new MoshiModel({ send, terminate }, this.script);
    this.models.push(model);
    this.#peers.set(peer, model);
    this.call.input({ type: "open", peer });
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
      const said = output
        .flatMap((item) => item["content"] as JsonObject[])
        .map((part) => part["transcript"]);
      return `${status}: ${said.map(String).join()}`;
    });
  }

  codes(): readonly unknown[] {
    const errors = this.call.events.filter(({ type }) => type === "error");
    return errors.map((event) => (event["error"] as JsonObject)["code"]);
  }
}
