/** Providers that say at the handshake which format they take: what waits for the next connection is put into that at once. */
import { expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { concat } from "../support/signal.ts";
import { ScriptedElevenLabs } from "../upstreams/scripted-elevenlabs.ts";

const MS = 24;

/** At 24 kHz, of 10 kHz: through 16 kHz nothing of it is left. */
const tone = (ms: number): Int16Array =>
  Int16Array.from({ length: ms * MS }, (_, at) => Math.round(9000 * Math.sin((2 * Math.PI * at * 10) / 24)));

class AgentCall {
  readonly servers: ScriptedElevenLabs[] = [];
  readonly call: Call;
  readonly #read = new Map<string, number>();

  constructor() {
    const options = {
      adapter: "elevenlabs-agents",
      url: "wss://provider.example/v1/convai",
      model: "agent_1",
    };
    this.call = new Call({
      upstreams: [{ name: "agent", options }],
      createUpstream,
      connect: false,
      session: { audio: { input: { turn_detection: null } } },
    });
    this.call.connect("duplex.v1");
  }

  get #peers(): readonly string[] {
    return [...this.call.open].filter((peer) => peer.startsWith("up"));
  }

  /** The provider answers what it was told since. @param format that it takes. */
  serve(format: string): void {
    for (const peer of this.#peers) {
      if (!this.#read.has(peer)) {
        this.servers.push(new ScriptedElevenLabs({ input: format }));
        this.#read.set(peer, 0);
        this.call.input({ type: "open", peer });
      }
      for (let at = this.#read.get(peer) ?? 0; at < this.call.commands(peer).length; at += 1) {
        this.#read.set(peer, at + 1);
        for (const data of this.servers.at(-1)?.receive(JSON.stringify(this.call.commands(peer)[at])) ?? [])
          this.call.input({ type: "message", peer, data });
      }
    }
  }

  say(samples: Int16Array): void {
    for (let at = 0; at < samples.length; at += 20 * MS) {
      this.call.append(samples.subarray(at, at + 20 * MS));
      this.call.advance(20);
    }
  }

  lose(): void {
    for (const peer of this.#peers) {
      this.call.open.delete(peer);
      this.call.input({ type: "close", peer, code: 1006, reason: "" });
    }
  }

  /** What the latest connection was sent of the caller's, as samples of 16 bits. */
  heard(): Int16Array {
    const pieces = (this.servers.at(-1)?.received ?? []).flatMap((event) =>
      typeof event["user_audio_chunk"] === "string"
        ? [...Uint8Array.fromBase64(event["user_audio_chunk"])]
        : [],
    );
    return new Int16Array(Uint8Array.from(pieces).buffer);
  }
}

test.each([false, true])(
  "[L212] what is said while a provider is dialled again is in the format that it stated before, and resampled once (other isolate: %s)",
  (moves) => {
    const agent = new AgentCall();
    agent.serve("pcm_24000");
    agent.say(tone(500));
    agent.serve("pcm_24000");
    agent.lose();
    agent.call.advance(3000);
    const said = tone(1000);
    agent.say(said.subarray(0, 500 * MS));
    if (moves) agent.call.hibernate();
    agent.say(said.subarray(500 * MS));
    agent.serve("pcm_24000");
    expect(agent.servers).toHaveLength(2);
    // What no turn was made of yet is said again.
    expect(agent.heard()).toEqual(concat(tone(500), said));
    expect(agent.servers.at(-1)?.refused).toEqual([]);
  },
);

test("[L212] a provider that states another one this time is sent that", () => {
  const agent = new AgentCall();
  agent.serve("pcm_24000");
  agent.lose();
  agent.call.advance(3000);
  agent.say(tone(500));
  agent.serve("pcm_16000");
  expect(agent.heard().length).toBe(500 * 16);
  agent.say(tone(500));
  agent.serve("pcm_16000");
  expect(agent.heard().length).toBeGreaterThan(1000 * 16 - 64);
});
