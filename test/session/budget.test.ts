/** Whatever providers and clients do: what the relay dials and asks by itself is bounded, and nothing follows the end. */
import {
  type Arbitrary,
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  oneof,
  property,
  record,
  tuple,
} from "fast-check";
import { describe, expect, test } from "vitest";

import type { Action } from "../../src/session/io.ts";
import { DEFAULT_LIMITS } from "../../src/session/limits.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import type { WireEvent } from "../support/wire-upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { silence, voice } from "../support/signal.ts";

const SERVER = { adapter: "wire", settings: { turns: "server" } };
const DUPLEX = { adapter: "wire", settings: { turns: "none", maxSessionMs: 4000 } };
const PLANS: readonly PlannedUpstream[] = [
  WIRE,
  { ...WIRE, fallback: [{ adapter: "wire" }], standby: true },
  { ...WIRE, fallback: [{ adapter: "wire", settings: { outOfBand: false, truncate: false } }, SERVER] },
  { name: "wire", options: SERVER, fallback: [SERVER] },
  { name: "wire", options: DUPLEX, fallback: [DUPLEX] },
];

const PROVIDER = [
  "accept",
  "refuse",
  "close",
  "begin",
  "audio",
  "nothing",
  "words",
  "fail",
  "spent",
  "finish",
  "expire",
  "committed",
  "speech",
  "fatal",
] as const;
const CLIENT = [
  "create",
  "side",
  "cancel",
  "clear",
  "item",
  "truncate",
  "delete",
  "update",
  "line",
  "over",
] as const;

type Step =
  | { readonly provider: (typeof PROVIDER)[number]; readonly newest: boolean }
  | { readonly client: (typeof CLIENT)[number] }
  | { readonly speakMs: number; readonly speech: boolean }
  | { readonly waitMs: number };

const step: Arbitrary<Step> = oneof(
  { weight: 8, arbitrary: record({ provider: constantFrom(...PROVIDER), newest: boolean() }) },
  { weight: 3, arbitrary: record({ client: constantFrom(...CLIENT) }) },
  {
    weight: 2,
    arbitrary: record({ speakMs: integer({ min: 20, max: 800 }), speech: boolean() }),
  },
  { weight: 5, arbitrary: record({ waitMs: integer({ min: 1, max: 4000 }) }) },
);

const done = { reason: null, usage: null, metadata: null };
const at = { response: "r", item: "i" };
const fault = (code: string) => ({ code, message: "no" });

class Script {
  readonly call: Call;
  /** With when each was done. */
  readonly done: { readonly action: Action; readonly at: number }[] = [];
  #seen = 0;

  constructor(plan: PlannedUpstream) {
    this.call = new Call({ upstreams: [plan], dialect: "duplex.v1" });
  }

  take(one: Step): void {
    if (this.call.session.state().status === "ended") return;
    if ("waitMs" in one) this.call.advance(one.waitMs);
    else if ("provider" in one) this.#provider(one.provider, one.newest);
    else if (!this.call.open.has("client")) this.call.connect("duplex.v1");
    else if ("client" in one) this.#client(one.client);
    else this.call.speak(one.speech ? voice(one.speakMs) : silence(one.speakMs));
    this.note();
  }

  note(): void {
    const { actions, now } = this.call;
    for (; this.#seen < actions.length; this.#seen += 1) {
      const action = actions[this.#seen];
      if (action) this.done.push({ action, at: now });
    }
  }

  #provider(what: (typeof PROVIDER)[number], newest: boolean): void {
    const { call } = this;
    const peers = [...call.open].filter((peer) => peer !== "client");
    const peer = newest ? peers.at(-1) : peers[0];
    if (peer === undefined) return;
    const say = (event: WireEvent) => call.upstream(event, peer);
    const close = (code: number) => {
      call.open.delete(peer);
      call.input({ type: "close", peer, code, reason: "" });
    };
    const audio = (base64: string) => say({ type: "audio", ...at, audio: base64 });
    const failed = (code: string) =>
      say({ type: "response.done", response: "r", status: "failed", error: fault(code), ...done });
    const acts: Record<(typeof PROVIDER)[number], () => void> = {
      accept: () => call.accept(peer),
      refuse: () => close(0),
      close: () => close(1011),
      begin: () => {
        if (call.commands(peer).some(({ type }) => type === "respond")) call.beginAnswer(peer);
        else say({ type: "response.started", response: "r", answers: null });
      },
      audio: () => audio(AUDIBLE),
      nothing: () => audio(INAUDIBLE),
      words: () => say({ type: "transcript", ...at, delta: "word " }),
      fail: () => failed("server_error"),
      spent: () => failed("insufficient_quota"),
      finish: () => call.finishAnswer(peer),
      expire: () => say({ type: "expiring", inMs: 0 }),
      committed: () => say({ type: "committed", item: "theirs" }),
      speech: () => say({ type: "speech", state: newest ? "started" : "stopped" }),
      fatal: () => say({ type: "error", error: fault("invalid_api_key"), fatal: true }),
    };
    acts[what]();
  }

  #client(what: (typeof CLIENT)[number]): void {
    const { call } = this;
    const item_id = call.session.snapshot().conversation.entries.at(-1)?.item.id ?? "nobody";
    const content = [{ type: "input_text", text: "hi" }];
    const events: Record<string, object> = {
      create: { type: "response.create" },
      side: { type: "response.create", response: { conversation: "none" } },
      cancel: { type: "response.cancel" },
      clear: { type: "output_audio_buffer.clear" },
      item: { type: "conversation.item.create", item: { type: "message", role: "user", content } },
      truncate: { type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 40 },
      delete: { type: "conversation.item.delete", item_id },
      update: { type: "session.update", session: { instructions: "Be brief." } },
    };
    if (what === "line" || what === "over") {
      call.open.delete("client");
      if (what === "line") call.input({ type: "close", peer: "client", code: 1006, reason: "" });
      else call.session.terminate(call.now).forEach((action) => call.actions.push(action));
    } else call.client(JSON.stringify(events[what]));
  }
}

const AUDIBLE = new Uint8Array(voice(500).buffer).toBase64();
const INAUDIBLE = new Uint8Array(48 * 3200).toBase64();

/** Most of what happened in any minute. */
function mostPerMinute(times: readonly number[]): number {
  let most = 0;
  for (const [index, from] of times.entries()) {
    const until = times.findIndex((time) => time >= from + 60_000);
    most = Math.max(most, (until < 0 ? times.length : until) - index);
  }
  return most;
}

const scripts = tuple(constantFrom(...PLANS), array(step, { minLength: 20, maxLength: 80 }));

describe("whatever happens", () => {
  test("[P6] what the relay dials and asks by itself is bounded in any minute", () => {
    assert(
      property(scripts, ([plan, steps]) => {
        const script = new Script(plan);
        for (const one of steps) script.take(one);
        script.call.advance(60_000);
        script.note();
        const timesOf = (is: (action: Action) => boolean) =>
          script.done.flatMap(({ action, at: time }) => (is(action) ? [time] : []));
        const { dialsPerMinute, successorsPerMinute, asksPerMinute } = DEFAULT_LIMITS;
        const dials = timesOf(({ type }) => type === "dial");
        expect(mostPerMinute(dials)).toBeLessThanOrEqual(dialsPerMinute + successorsPerMinute);
        const again = ["responses_asked_again", "responses_continued"];
        const asks = timesOf((action) => action.type === "metric" && again.includes(action.name));
        expect(mostPerMinute(asks)).toBeLessThanOrEqual(asksPerMinute);
      }),
      { numRuns: 40 },
    );
  });

  test("[P5] nothing follows the end", () => {
    assert(
      property(scripts, ([plan, steps]) => {
        const script = new Script(plan);
        for (const one of steps) script.take(one);
        const { call } = script;
        call.advance(40_000);
        if (!call.open.has("client")) call.advance(60_000);
        const end = call.actions.findIndex(({ type }) => type === "end");
        if (end >= 0) {
          expect(call.actions.slice(end + 1)).toEqual([]);
          expect(call.session.deadline).toBeNull();
        }
      }),
      { numRuns: 40 },
    );
  });
});
