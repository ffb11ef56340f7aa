/** Channels of an upstream's connection: peers of their own, which the session opens, bounds and ends for the adapter. */
import { expect, test } from "vitest";

import type {
  ChannelEffect,
  ChannelOpening,
  Channels,
  Upstream,
  UpstreamEvent,
  UpstreamOptions,
} from "../../src/upstreams/upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { createWireUpstream } from "../support/wire-upstream.ts";

const SAID: UpstreamEvent = {
  type: "error",
  fatal: false,
  error: { code: "said", message: "Something was said." },
};
const OPENING: ChannelOpening = {
  request: {
    url: "https://stage.example/",
    headers: {},
    protocols: [],
    http: { method: "POST", body: "{}" },
  },
  openMs: 2000,
  idleMs: 1000,
  lastsMs: 5000,
  most: 100,
};

/** What the next calls of the adapter want done, and what it was told. */
class Scripted implements Channels {
  readonly wanted: ChannelEffect[] = [];
  readonly told: unknown[] = [];

  effects(): readonly ChannelEffect[] {
    return this.wanted.splice(0);
  }

  opened(channel: string, head: unknown): readonly UpstreamEvent[] {
    return this.#tell(["opened", channel, head]);
  }

  data(channel: string, data: string | Uint8Array): readonly UpstreamEvent[] {
    return this.#tell(["data", channel, data.length]);
  }

  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[] {
    return this.#tell(["closed", channel, code, reason]);
  }

  waited(what: string): readonly UpstreamEvent[] {
    return this.#tell(["waited", what]);
  }

  #tell(what: unknown): readonly UpstreamEvent[] {
    this.told.push(what);
    return [SAID];
  }
}

const PEER = "up0.1/stage.1";
const HEAD = { status: 200, type: "audio/pcm" } as const;

function connected(): {
  readonly call: Call;
  readonly channels: Scripted;
  readonly want: (...wanted: ChannelEffect[]) => void;
} {
  const channels = new Scripted();
  const createUpstream = (options: UpstreamOptions): Upstream =>
    Object.assign(createWireUpstream(options), { channels });
  const call = new Call({ createUpstream, upstreams: [WIRE], dialect: "duplex.v1" });
  // Whatever the adapter is called for, it is asked what is to be done.
  const want = (...wanted: ChannelEffect[]): void => {
    channels.wanted.push(...wanted);
    call.upstream({ type: "rate_limits", rateLimits: [] });
  };
  return { call, channels, want };
}

function opened(opening: Partial<ChannelOpening> = {}) {
  const all = connected();
  all.want({ type: "open", channel: "stage.1", opening: { ...OPENING, ...opening } });
  return all;
}

test("[U123] a channel is dialled as a peer of its own, and what comes of it reaches the adapter, whose events count", () => {
  const { call, channels } = opened();
  expect(call.actions.findLast(({ type }) => type === "dial")).toEqual({
    type: "dial",
    peer: PEER,
    request: OPENING.request,
  });
  call.input({ type: "open", peer: PEER, head: HEAD });
  call.input({ type: "message", peer: PEER, data: new Uint8Array(40) });
  call.input({ type: "close", peer: PEER, code: 1000, reason: "" });
  call.input({ type: "message", peer: PEER, data: new Uint8Array(40) });
  expect(channels.told).toEqual([
    ["opened", "stage.1", HEAD],
    ["data", "stage.1", 40],
    ["closed", "stage.1", 1000, ""],
  ]);
  // Of one kind once a second (E100).
  expect(call.events.filter(({ type }) => type === "error")).toHaveLength(1);
  call.advance(60_000);
  expect(channels.told).toHaveLength(3);
});

test("[U123] what the adapter sends reaches a channel that is open; one that it gives up is closed and not heard of again", () => {
  const { call, channels, want } = opened();
  const sent = () => call.actions.filter((action) => action.type === "send" && action.peer === PEER).length;
  want({ type: "send", channel: "stage.1", data: '{"type":"early"}' });
  expect(sent()).toBe(0);
  call.input({ type: "open", peer: PEER });
  want({ type: "send", channel: "stage.1", data: '{"type":"now"}' });
  expect(sent()).toBe(1);
  want({ type: "close", channel: "stage.1" });
  expect(call.open.has(PEER)).toBe(false);
  call.input({ type: "message", peer: PEER, data: "late" });
  expect(channels.told).toEqual([["opened", "stage.1", null]]);
});

test.each([
  ["that does not open", 2000, 0, () => undefined],
  [
    "that falls silent",
    1500,
    1006,
    (call: Call) => {
      call.input({ type: "open", peer: PEER, head: HEAD });
      call.advance(500);
      call.input({ type: "message", peer: PEER, data: "x" });
    },
  ],
  [
    "that goes on for too long",
    5000,
    1006,
    (call: Call) => {
      call.input({ type: "open", peer: PEER, head: HEAD });
      for (let n = 0; n < 9; n += 1) {
        call.advance(500);
        call.input({ type: "message", peer: PEER, data: "x" });
      }
    },
  ],
] as const)("[U123] a channel %s is ended in time, which the adapter is told", (_, ms, code, lead) => {
  const { call, channels } = opened();
  const from = call.now;
  lead(call);
  call.advance(from + ms - 1 - call.now);
  expect(call.open.has(PEER)).toBe(true);
  call.advance(1);
  expect(call.open.has(PEER)).toBe(false);
  expect(channels.told.at(-1)).toEqual(["closed", "stage.1", code, "timed out"]);
  expect(call.open.has("up0.1")).toBe(true);
});

test("[U123] a channel that brings more than it may is ended, and the call goes on", () => {
  const { call, channels } = opened();
  call.input({ type: "open", peer: PEER, head: HEAD });
  call.input({ type: "message", peer: PEER, data: new Uint8Array(100) });
  expect(call.open.has(PEER)).toBe(true);
  call.input({ type: "message", peer: PEER, data: new Uint8Array(1) });
  expect(call.open.has(PEER)).toBe(false);
  expect(channels.told.at(-1)).toEqual(["closed", "stage.1", 1009, "too much data"]);
  expect(call.open.has("up0.1")).toBe(true);
});

test("[U123] pieces without number and pieces without bound end the connection, as of any upstream", () => {
  const many = opened({ most: 1e9, idleMs: 60_000, lastsMs: 60_000 });
  many.call.input({ type: "open", peer: PEER, head: HEAD });
  for (let n = 0; n < 11_000 && many.call.open.has(PEER); n += 1)
    many.call.input({ type: "message", peer: PEER, data: "x" });
  expect([many.call.open.has(PEER), many.call.open.has("up0.1")]).toEqual([false, false]);
  const large = opened({ most: 1e9 });
  large.call.input({ type: "open", peer: PEER, head: HEAD });
  large.call.input({ type: "message", peer: PEER, data: new Uint8Array(8 * 1024 * 1024 + 1) });
  expect([large.call.open.has(PEER), large.call.open.has("up0.1")]).toEqual([false, false]);
});

test("[U123] a connection that ends, ends its channels and its waits", () => {
  const { call, channels, want } = opened();
  want({ type: "wait", what: "words", ms: 3000 });
  call.input({ type: "open", peer: PEER, head: HEAD });
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  expect(call.open.has(PEER)).toBe(false);
  call.input({ type: "message", peer: PEER, data: "late" });
  call.advance(10_000);
  expect(channels.told).toEqual([["opened", "stage.1", HEAD]]);
});

test("[U123] what is waited for comes once, at its time, or not at all when it is not waited for any more", () => {
  const { call, channels, want } = connected();
  want({ type: "wait", what: "words", ms: 300 }, { type: "wait", what: "never", ms: 300 });
  call.advance(200);
  want({ type: "wait", what: "words", ms: 300 }, { type: "wait", what: "never", ms: null });
  call.advance(299);
  expect(channels.told).toEqual([]);
  call.advance(1);
  expect(channels.told).toEqual([["waited", "words"]]);
  call.advance(1000);
  expect(channels.told).toHaveLength(1);
});

test("[U123] channels and waits are where they were after a snapshot", () => {
  const { call, channels, want } = opened();
  want({ type: "wait", what: "words", ms: 300 });
  call.input({ type: "open", peer: PEER, head: HEAD });
  call.input({ type: "message", peer: PEER, data: new Uint8Array(60) });
  call.hibernate();
  call.advance(300);
  expect(channels.told.at(-1)).toEqual(["waited", "words"]);
  call.input({ type: "message", peer: PEER, data: new Uint8Array(41) });
  expect(channels.told.at(-1)).toEqual(["closed", "stage.1", 1009, "too much data"]);
});

test("[U123] what waits in a channel's socket does not hold back the caller's audio", () => {
  const { call } = opened();
  call.input({ type: "open", peer: PEER });
  call.input({ type: "buffered", peer: PEER, bytes: 10_000_000 });
  expect(
    call.actions.some((action) => action.type === "metric" && action.name === "upstream_congested"),
  ).toBe(false);
});
