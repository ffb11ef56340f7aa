/** A call with Gemini Live whose sockets break off: Google's own memory goes on with the next one. */
import { describe, expect, test } from "vitest";

import { isJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import { Call } from "../support/call.ts";

/** What Google keeps under each name that it gave. */
class Memory {
  readonly states = new Map<string, readonly string[]>();
  /** Of the connection at hand. */
  knows: string[] = [];
  setup: JsonObject = {};
  #named = 0;

  name(): string {
    const handle = `state-${(this.#named += 1)}`;
    this.states.set(handle, [...this.knows]);
    return handle;
  }

  receive(event: JsonObject): void {
    const setup = objectAt(event, "setup");
    if (setup !== null) {
      this.setup = setup;
      const handle = textAt(objectAt(setup, "sessionResumption"), "handle");
      this.knows = [...(this.states.get(handle ?? "") ?? [])];
    }
    const audio = textAt(objectAt(objectAt(event, "realtimeInput"), "audio"), "data");
    if (audio !== null) this.knows.push(`heard ${audio}`);
    for (const turn of objectsAt(objectAt(event, "clientContent"), "turns"))
      for (const part of objectsAt(turn, "parts")) this.knows.push(`told ${textAt(part, "text") ?? ""}`);
  }
}

class ResumedCall {
  readonly memory = new Memory();
  readonly call: Call;
  #connection = 0;
  #seen = 0;

  constructor() {
    const options = { adapter: "gemini-live", model: "gemini-2.5-flash", url: "https://provider.test/live" };
    this.call = new Call({
      upstreams: [{ name: "gemini", options }],
      createUpstream,
      connect: false,
      limits: { dialsPerMinute: 1000 },
      planSession: { audio: { input: { turn_detection: null } } },
    });
    this.call.connect("realtime");
    this.opens();
  }

  get #peer(): string {
    return `up0.${this.#connection}`;
  }

  opens(): void {
    this.#connection += 1;
    this.#seen = 0;
    this.call.input({ type: "open", peer: this.#peer });
    this.look();
    this.say({ setupComplete: {} });
  }

  say(event: JsonObject): void {
    this.call.input({
      type: "message",
      peer: this.#peer,
      data: new TextEncoder().encode(JSON.stringify(event)),
    });
    this.look();
  }

  look(): void {
    const sent = this.call.commands(this.#peer) as unknown as readonly JsonObject[];
    for (; this.#seen < sent.length; this.#seen += 1) {
      const event = sent[this.#seen];
      if (isJsonObject(event)) this.memory.receive(event);
    }
  }

  /** The caller speaks, and is answered; nobody transcribes it. */
  turn(seed: number): void {
    const audio = Uint8Array.from({ length: 9600 }, (_, at) => (at % 2 === 0 ? (seed * 31 + at) & 0xff : 1));
    this.call.client({ type: "input_audio_buffer.append", audio: audio.toBase64() });
    this.call.client({ type: "input_audio_buffer.commit" });
    this.call.client({ type: "response.create" });
    this.call.advance(20);
    this.look();
    const inlineData = { mimeType: "audio/pcm;rate=24000", data: audio.subarray(0, 480).toBase64() };
    this.memory.knows.push(`said ${seed}`);
    this.say({ serverContent: { modelTurn: { parts: [{ inlineData }] } } });
    this.say({ serverContent: { generationComplete: true } });
    this.say({ serverContent: { turnComplete: true } });
  }

  named(resumable = true): void {
    this.say({
      sessionResumptionUpdate: resumable ? { newHandle: this.memory.name(), resumable } : { resumable },
    });
  }

  kill(): void {
    this.call.input({ type: "close", peer: this.#peer, code: 1006, reason: "" });
    this.call.advance(3000);
    this.opens();
  }
}

test("[L400] a name of its state says only that Gemini is there", () => {
  const upstream = createUpstream({ adapter: "gemini-live", model: "m", url: "https://provider.test/live" });
  const says = (event: JsonObject) => upstream.decode(JSON.stringify(event)).map(({ type }) => type);
  const sessionResumptionUpdate = { newHandle: "state-1", resumable: true };
  expect(says({ sessionResumptionUpdate })).toEqual(["alive"]);
  expect(says({ sessionResumptionUpdate, setupComplete: {} })).toEqual(["ready"]);
});

describe("a socket of Gemini Live that breaks off", () => {
  test("[U277] two hundred times in one call: what was only heard before is known after, and nothing is told twice", () => {
    const live = new ResumedCall();
    for (let n = 0; n < 200; n += 1) {
      live.turn(n);
      live.named();
      const before = [...live.memory.knows];
      live.kill();
      expect(live.memory.knows).toEqual(before);
    }
    const said = live.memory.knows.filter((one) => one.startsWith("said"));
    expect(said).toEqual(Array.from({ length: 200 }, (_, n) => `said ${n}`));
    expect(live.memory.knows.some((one) => one.startsWith("told"))).toBe(false);
    expect(live.call.events.filter(({ type }) => type === "response.done")).toHaveLength(200);
  });

  test("[U277] is followed by one that is told the conversation, where something was said since the state was named", () => {
    const live = new ResumedCall();
    live.turn(1);
    live.named();
    live.turn(2);
    live.kill();
    expect(live.memory.setup["sessionResumption"]).toEqual({});
    live.turn(3);
    live.named();
    live.named(false);
    live.kill();
    expect(live.memory.setup["sessionResumption"]).toEqual({});
  });
});
