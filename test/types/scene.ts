/**
 * A call in virtual time between a plain client, the relay's core with its real OpenAI adapter, and a scripted provider
 * that speaks in the official types. What the client was told and what the provider was sent is kept.
 */
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject, WireMessage } from "../../src/upstreams/upstream.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { voice } from "../support/signal.ts";
import { ScriptedOpenAi } from "../upstreams/scripted-openai.ts";

const PEER = "up0.1";
const UPSTREAM = {
  name: "provider",
  options: { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" },
};

export class Scene {
  readonly call: Call;
  readonly server = new ScriptedOpenAi(PROFILES.openai);
  /** The provider's name of the last turn that was committed. */
  turn = "";
  #seen = 0;
  #answers = 0;

  constructor(options: CallOptions = {}) {
    this.call = new Call({ upstreams: [UPSTREAM], createUpstream, connect: false, ...options });
    this.call.connect("realtime");
    this.call.input({ type: "open", peer: PEER });
    this.#hear(this.server.opened());
  }

  client(...events: readonly JsonObject[]): void {
    for (const event of events) {
      this.call.client(event);
      this.#pump();
    }
  }

  /** The provider says this by itself. */
  provider(...events: readonly JsonObject[]): void {
    this.#hear(events.map((event) => JSON.stringify({ event_id: "event_P", ...event })));
  }

  #hear(messages: readonly WireMessage[]): void {
    for (const data of messages) {
      this.call.input({ type: "message", peer: PEER, data });
      this.#pump();
    }
  }

  #pump(): void {
    for (;;) {
      const next = this.call.commands(PEER)[this.#seen];
      if (next === undefined) return;
      this.#seen += 1;
      const answers = this.server.receive(JSON.stringify(next)).map(String);
      for (const data of answers) {
        const { type, item_id } = JSON.parse(data);
        if (type === "input_audio_buffer.committed") this.turn = item_id;
        this.call.input({ type: "message", peer: PEER, data });
      }
    }
  }

  advance(ms: number): void {
    for (let passed = 0; passed < ms; passed += 50) {
      this.call.advance(50);
      this.#pump();
    }
  }

  speak(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += 480) {
      this.call.append(samples.subarray(at, at + 480));
      this.call.advance(20);
      this.#pump();
    }
  }

  /** The provider begins the oldest answer it was asked for; its name. */
  begin(): string {
    const { response, messages } = this.server.begin(`resp_P${(this.#answers += 1)}`);
    this.#hear(messages);
    return response;
  }

  /** A message of the provider's with so much of a voice, left open. */
  speaks(ms: number, response = this.begin()): { readonly response: string; readonly item: string } {
    const item = `item_of_${response}`;
    const at = { response_id: response, item_id: item, output_index: 0, content_index: 0 };
    this.#hear([this.server.messageItem(response, item)]);
    this.provider({ type: "response.content_part.added", ...at, part: { type: "audio", transcript: "" } });
    this.#hear([
      this.server.transcript(response, item, "Hello there."),
      ...this.server.audio(response, item, new Uint8Array(voice(ms).buffer), [4801]),
    ]);
    return { response, item };
  }

  done(response: string, fields: JsonObject = {}): void {
    this.provider({
      type: "response.done",
      response: { id: response, object: "realtime.response", status: "completed", output: [], ...fields },
    });
  }
}
