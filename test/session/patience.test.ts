/** Nothing runs hot: what a link may try, whatever way its providers fail. Counted over two minutes. */
import { describe, expect, test } from "vitest";

import { Call, WIRE, type CallOptions } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(600), voice(1200), silence(900));
const FALLBACK = { ...WIRE, fallback: [{ adapter: "wire" }] };
const SERVER = { name: "wire", options: { adapter: "wire", settings: { turns: "server" } } };
const DUPLEX = { name: "wire", options: { adapter: "wire", settings: { turns: "none" } } };
const MINUTES_MS = 120_000;

/** What a provider does as soon as it may; called with each of its connections that is open, every 10 ms. */
type Provider = (call: Call, peer: string, openMs: number) => void;

function lose(call: Call, peer: string, code = 1011): void {
  call.open.delete(peer);
  call.input({ type: "close", peer, code, reason: "" });
}

/** Plays providers for two minutes; nobody says anything. */
function play(options: CallOptions, provider: Provider, each: (call: Call) => void = () => {}): Call {
  const call = new Call({ connect: false, ...options });
  call.connect(options.dialect ?? "realtime");
  const since = new Map<string, number>();
  for (let at = 0; at < MINUTES_MS; at += 10) {
    for (const peer of call.open) {
      if (peer === "client") continue;
      const from = since.get(peer) ?? call.now;
      since.set(peer, from);
      provider(call, peer, call.now - from);
    }
    each(call);
    call.advance(10);
  }
  return call;
}

const count = (call: Call, type: string) => call.actions.filter((action) => action.type === type).length;
const asks = (call: Call) =>
  [...call.sent.values()].flat().filter((command) => command.type === "respond").length;
const errors = (call: Call) => call.types().filter((type) => type === "error").length;

const once = new WeakMap<Call, Set<string>>();
/** True the first time for this call and name. */
function first(call: Call, name: string): boolean {
  const seen = once.get(call) ?? new Set<string>();
  once.set(call, seen);
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

function readyAt(call: Call, peer: string, openMs: number, at = 0): void {
  if (openMs >= at && first(call, `${peer} ready`)) call.accept(peer);
}

/** Begins each answer that it is asked for, says half a second, and goes. */
const diesInEachAnswer: Provider = (call, peer, openMs) => {
  readyAt(call, peer, openMs, 100);
  const asked = call.commands(peer).filter((command) => command.type === "respond").length;
  if (asked > 0 && first(call, `${peer} begins`)) {
    call.beginAnswer(peer);
    const audio = new Uint8Array(voice(500).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio }, peer);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Half" }, peer);
  } else if (asked > 0 && openMs >= 600) lose(call, peer);
};

const diesWhenReady: Provider = (call, peer, openMs) => {
  readyAt(call, peer, openMs, 50);
  if (call.open.has(peer) && openMs >= 50) lose(call, peer);
};

describe("patience", () => {
  test("[L47] a provider that closes as soon as it is configured is dialled six times, and told at the end", () => {
    const call = play({ upstreams: [WIRE] }, diesWhenReady);
    expect(count(call, "dial")).toBe(6);
    // The first of them is made good, as far as anybody knows (L220).
    expect(errors(call)).toBe(1);
    expect(call.last("error")["error"]).toMatchObject({
      message: expect.stringContaining("No further attempt is made by itself"),
    });
    // The next turn tries again.
    call.client({ type: "response.create" });
    expect(count(call, "dial")).toBe(7);
  });

  test("[L47] with a fallback each is tried at once, then with patience: eleven dials", () => {
    const call = play({ upstreams: [FALLBACK] }, diesWhenReady);
    expect(count(call, "dial")).toBe(11);
    const dials = call.actions.flatMap((action) => (action.type === "dial" ? [action.peer] : []));
    expect(new Set(dials).size).toBe(11);
  });

  test("[L47] what was heard, or ten seconds of work, makes the count begin anew", () => {
    const call = new Call();
    for (let turn = 1; turn <= 8; turn += 1) {
      const peer = `up0.${turn}`;
      call.client({ type: "response.create" });
      call.answer(voice(100), "Yes.", peer);
      lose(call, peer);
      call.advance(300);
      expect(call.open.has(`up0.${turn + 1}`)).toBe(true);
      call.accept(`up0.${turn + 1}`);
    }
    expect(JSON.stringify(call.events)).not.toContain("No further attempt");
  });

  test.each([
    ["one provider", WIRE],
    ["two", FALLBACK],
    ["a standby", { ...FALLBACK, standby: true }],
  ])(
    "[L49] %s that dies half a second into every answer: asked three times in all, then it is told",
    (_, one) => {
      const call = play({ upstreams: [one] }, diesInEachAnswer, (each) => {
        if (first(each, "question")) each.client({ type: "response.create" });
      });
      expect(asks(call)).toBeLessThanOrEqual(3);
      const done = call.last("response.done")["response"];
      expect(done).toMatchObject({
        status: "failed",
        status_details: { error: { code: "upstream_closed" } },
      });
      expect(count(call, "dial")).toBeLessThanOrEqual(12);
    },
  );

  test("[L49] of two providers whose audio is near zero each is asked, three times in all", () => {
    const silent: Provider = (call, peer, openMs) => {
      readyAt(call, peer, openMs);
      const asked = call.commands(peer).filter((command) => command.type === "respond").length;
      if (asked === 0 || !first(call, `${peer} ${asked}`)) return;
      call.beginAnswer(peer);
      const audio = new Uint8Array(48 * 3100).toBase64();
      call.upstream({ type: "audio", response: "r", item: "i", audio }, peer);
    };
    const call = play({ upstreams: [FALLBACK] }, silent, (each) => {
      if (first(each, "question")) each.speak(TURN);
    });
    expect(asks(call)).toBe(3);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test("[L48] a duplex provider that speaks and dies, again and again, is dialled twenty times a minute", () => {
    const speaks: Provider = (call, peer, openMs) => {
      readyAt(call, peer, openMs, 20);
      if (openMs < 40) return;
      const audio = new Uint8Array(voice(100).buffer).toBase64();
      call.upstream({ type: "audio", response: "own", item: "i", audio }, peer);
      lose(call, peer);
    };
    const call = play({ upstreams: [{ ...DUPLEX, fallback: [DUPLEX.options] }] }, speaks);
    expect(count(call, "dial")).toBeLessThanOrEqual(41);
    expect(count(call, "dial")).toBeGreaterThan(20);
  });

  test("[L48] so is one that takes the turns, answers by itself and dies", () => {
    const answers: Provider = (call, peer, openMs) => {
      readyAt(call, peer, openMs, 20);
      if (openMs < 40) return;
      call.upstream({ type: "committed", item: "theirs" }, peer);
      call.upstream({ type: "response.started", response: "own", answers: null }, peer);
      call.upstream({ type: "item.started", response: "own", item: "i", kind: "message" }, peer);
      const audio = new Uint8Array(voice(100).buffer).toBase64();
      call.upstream({ type: "audio", response: "own", item: "i", audio }, peer);
      lose(call, peer);
    };
    const call = play({ upstreams: [SERVER] }, answers);
    expect(count(call, "dial")).toBeLessThanOrEqual(41);
    expect(asks(call)).toBeLessThanOrEqual(25);
  });

  test("[L48] a client that asks again and again has nobody dialled more often", () => {
    const call = play({ upstreams: [FALLBACK] }, diesWhenReady, (each) => {
      each.client({ type: "response.create" });
    });
    expect(count(call, "dial")).toBeLessThanOrEqual(41);
  });

  test("[L29] a standby that becomes ready and dies is dialled ever less often", () => {
    const call = play({ upstreams: [{ ...FALLBACK, standby: true }] }, (each, peer, openMs) => {
      if (peer === "up0.1") readyAt(each, peer, openMs);
      else diesWhenReady(each, peer, openMs);
    });
    expect(count(call, "dial")).toBeLessThanOrEqual(9);
    expect(call.types()).not.toContain("error");
  });

  test("[L48] a provider that always says that its time is up is not rolled over without end", () => {
    const expires: Provider = (call, peer, openMs) => {
      readyAt(call, peer, openMs, 20);
      if (openMs >= 20 && call.open.has(peer) && first(call, `${peer} expires`))
        call.upstream({ type: "expiring", inMs: 0 }, peer);
    };
    const call = play({ upstreams: [WIRE] }, expires);
    expect(count(call, "dial")).toBeLessThanOrEqual(45);
  });

  test("[L51] the same refusal is told at the end, whatever the number of attempts", () => {
    const call = play({ upstreams: [WIRE] }, (each, peer) => lose(each, peer, 0));
    expect(count(call, "dial")).toBe(6);
    // And at first, to others than plain clients (harmless-faults.test.ts).
    expect(errors(call)).toBe(1);
  });

  test("[L52] a greeting that was refused is not said again by itself", () => {
    const refuses: Provider = (call, peer) => {
      call.input({ type: "open", peer });
      const error = { code: "invalid_value", message: "tools[0].name", type: "invalid_request_error" };
      call.upstream({ type: "error", error, fatal: false }, peer);
      call.upstream({ type: "error", error, fatal: true }, peer);
    };
    const alone = play({ upstreams: [WIRE] }, refuses);
    expect(count(alone, "dial")).toBe(1);
    expect(errors(alone)).toBeLessThanOrEqual(2);
    const both = play({ upstreams: [FALLBACK] }, refuses);
    expect(count(both, "dial")).toBe(2);
    expect(errors(both)).toBeLessThanOrEqual(2);
    alone.client({ type: "response.create" });
    expect(count(alone, "dial")).toBe(2);
  });

  test("[P2] what was tried is remembered in another isolate", () => {
    const call = play({ upstreams: [WIRE] }, diesWhenReady, (each) => {
      if (each.now % 1000 === 0) each.hibernate();
    });
    expect(count(call, "dial")).toBe(6);
  });
});
