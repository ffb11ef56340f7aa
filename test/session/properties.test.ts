/** What must hold for every call: over random splits, random interleavings, and a restore at any moment. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Call, WIRE, type CallOptions, type Received } from "../support/call.ts";
import { concat, seeded, silence, voice } from "../support/signal.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const TWO_TURNS = concat(silence(500), voice(700), silence(800), voice(500, 24_000, 5), silence(900));
const either = (options: UpstreamOptions) =>
  options.adapter === "wire" ? createWireUpstream(options) : createUpstream(options);
const BOTH: CallOptions = {
  dialect: "duplex.v1",
  upstreams: [WIRE, { name: "echo", options: { adapter: "echo" } }],
  createUpstream: either,
};

/** Random lengths of about 1 to 5,000 bytes, odd ones included. */
function* split(bytes: Uint8Array, seed: number): Generator<Uint8Array> {
  const random = seeded(seed);
  for (let at = 0; at < bytes.length;) {
    const length = 1 + Math.floor(random() ** 3 * 5000);
    yield bytes.slice(at, at + length);
    at += length;
  }
}

function inputEvents(call: Call): readonly unknown[] {
  return call.events
    .filter((event) => event.type.startsWith("input_audio_buffer."))
    .map((event) => ({ ...event, event_id: "", item_id: "", previous_item_id: null }));
}

/** One step of a random call. */
type Step =
  | { readonly do: "audio"; readonly ms: number; readonly speech: boolean; readonly seed: number }
  | { readonly do: "client"; readonly event: string }
  | { readonly do: "upstream"; readonly event: string }
  | { readonly do: "line" }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant("audio" as const),
    ms: fc.integer({ min: 1, max: 700 }),
    speech: fc.boolean(),
    seed: fc.integer({ min: 1, max: 9 }),
  }),
  fc.record({
    do: fc.constant("client" as const),
    event: fc.constantFrom(
      "create",
      "cancel",
      "commit",
      "clear",
      "item",
      "update",
      "retrieve",
      "truncate",
      "ack",
    ),
  }),
  fc.record({
    do: fc.constant("upstream" as const),
    event: fc.constantFrom("start", "audio", "text", "finish", "close", "accept"),
  }),
  fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3000 }) }),
);

/** Besides, the client's connection breaks, and the next time it comes back. */
const stepOrCut: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: step, weight: 12 },
  { arbitrary: fc.record({ do: fc.constant("line" as const) }), weight: 1 },
);

class RandomCall {
  readonly call: Call;
  #count = 0;

  constructor(options: CallOptions) {
    this.call = new Call(options);
  }

  #peer(): string | undefined {
    return [...this.call.open].findLast((peer) => peer.startsWith("up0."));
  }

  take(one: Step): void {
    const { call } = this;
    if (one.do === "wait") call.advance(one.ms);
    else if (one.do === "line") this.#cutOrMend();
    else if (!call.open.has("client") && one.do !== "upstream") return;
    else if (one.do === "audio") {
      call.speak(one.speech ? voice(one.ms, 24_000, one.seed) : silence(one.ms, 24_000, one.seed));
    } else if (one.do === "client") this.#client(one.event);
    else this.#upstream(one.event);
  }

  #cutOrMend(): void {
    const { call } = this;
    if (call.session.state().status === "ended") return;
    // What a connection was told is of that connection.
    call.clearEvents();
    if (call.open.delete("client")) {
      call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      return;
    }
    call.connect("realtime");
    const told = call.events.filter(({ type }) => type === "conversation.item.added");
    expect(told.map(({ item }) => (item as Received)["id"])).toEqual([...itemsOf(call)]);
  }

  #client(event: string): void {
    const item_id = [...itemsOf(this.call)].at(-1) ?? "nobody";
    const content = [{ type: "input_text", text: "hi" }];
    const events: Record<string, object> = {
      create: { type: "response.create" },
      cancel: { type: "response.cancel" },
      commit: { type: "input_audio_buffer.commit" },
      clear: { type: "input_audio_buffer.clear" },
      item: { type: "conversation.item.create", item: { type: "message", role: "user", content } },
      update: { type: "session.update", session: { instructions: `${(this.#count += 1)}` } },
      retrieve: { type: "conversation.item.retrieve", item_id },
      truncate: { type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 40 },
      ack: { type: "playback.ack", item_id, played_ms: 70 },
    };
    this.call.client(JSON.stringify(events[event]));
  }

  #upstream(event: string): void {
    const peer = this.#peer();
    if (peer === undefined) return;
    const { call } = this;
    const at = { response: "r", item: "i" };
    if (event === "accept") call.accept(peer);
    else if (event === "close") {
      call.open.delete(peer);
      call.input({ type: "close", peer, code: 1006, reason: "" });
    } else if (event === "start") {
      if (call.commands(peer).some((command) => command.type === "respond")) call.beginAnswer(peer);
    } else if (event === "audio") {
      const audio = new Uint8Array(voice(60).buffer).toBase64();
      call.upstream({ type: "audio", ...at, audio }, peer);
    } else if (event === "text") call.upstream({ type: "transcript", ...at, delta: "word " }, peer);
    else call.finishAnswer(peer);
  }
}

function* itemsOf(call: Call): Generator<string> {
  for (const entry of call.session.snapshot().conversation.entries) yield entry.item.id;
}

const byText = (a: unknown, b: unknown) => String(a).localeCompare(String(b));

describe("properties", () => {
  test("[P1] any split of the same audio gives the same events and the same audio upstream", () => {
    const bytes = new Uint8Array(TWO_TURNS.buffer);
    const whole = new Call();
    whole.speak(TWO_TURNS);
    expect(inputEvents(whole).length).toBe(6);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const call = new Call();
        for (const piece of split(bytes, seed)) {
          call.client({ type: "input_audio_buffer.append", audio: piece.toBase64() });
        }
        expect(inputEvents(call)).toEqual(inputEvents(whole));
        expect(call.heard()).toEqual(whole.heard());
      }),
      { numRuns: 8 },
    );
  });

  test("[P2] a restore at any moment changes nothing that a client or an upstream can see", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), fc.nat(25), (steps, at) => {
        const plain = new RandomCall(BOTH);
        const restored = new RandomCall(BOTH);
        steps.forEach((one, index) => {
          plain.take(one);
          if (index === at) restored.call.hibernate();
          restored.take(one);
        });
        expect(restored.call.events).toEqual(plain.call.events);
        expect(restored.call.frames).toEqual(plain.call.frames);
        expect(restored.call.sent).toEqual(plain.call.sent);
        expect(restored.call.session.deadline).toBe(plain.call.session.deadline);
      }),
      { numRuns: 40 },
    );
  });

  test("[P3] whatever happens: no action on a closed peer, every response ends once, deadlines are met", () => {
    fc.assert(
      fc.property(fc.array(stepOrCut, { maxLength: 40 }), (steps) => {
        const { call } = steps.reduce(
          (random, one) => {
            random.take(one); // Call throws on a send to a closed peer
            return random;
          },
          new RandomCall({ limits: { archiveBytes: 50_000, items: 5 } }),
        );
        call.advance(70_000);
        const ids = (type: string) =>
          call.events
            .filter((event) => event.type === type)
            .map((event) => (event["response"] as Received)["id"]);
        expect(ids("response.done").toSorted(byText)).toEqual(ids("response.created").toSorted(byText));
        const { conversation } = call.session.snapshot();
        expect(conversation.entries.length).toBeLessThanOrEqual(5);
        const kept = conversation.audio.flatMap(({ audio }) => audio.blocks);
        expect(kept.reduce((sum, block) => sum + block.length, 0)).toBeLessThanOrEqual(50_000);
      }),
      { numRuns: 60 },
    );
  });

  test("[P4] random text and bytes never end the call", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array()), (data) => {
        const call = new Call({ dialect: "duplex.v1" });
        call.client(data);
        expect(call.actions.some((action) => action.type === "close" || action.type === "end")).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
