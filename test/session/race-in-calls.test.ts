/** Races and what else happens in a call: answers asked in advance, sleep, death, rollover; and hedges. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import type { Call, CallOptions } from "../support/call.ts";
import {
  A,
  asked,
  B,
  count,
  last,
  lose,
  race,
  say,
  told,
  TURN,
  typesOf,
  usage,
  wire,
} from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

/** The client comes back with all that it had. */
function resume(call: Call): void {
  const { session } = call.last("session.created") as unknown as {
    readonly session: { readonly relay: { readonly resume_token: string } };
  };
  call.connect("duplex.v1");
  const last_received = Number(call.events.at(-1)?.["server_event_seq"]);
  call.client({ type: "session.resume", resume_token: session.relay.resume_token, last_received });
}

describe("a race, and the rest of a call", () => {
  test("[X111] asked in advance, all are; the first that is heard stays, and is told when the turn is over", () => {
    const call = race({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    expect(typesOf(call, A).at(-1)).toBe("respond");
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, B, 200, "Early.");
    expect(typesOf(call, A).slice(-2)).toEqual(["cancel", "delete"]);
    expect(call.types()).not.toContain("response.created");
    call.speak(silence(600));
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
    expect(call.frames.length).toBeGreaterThan(0);
    expect(count(call, "response.created")).toBe(1);
  });

  test("[X111] taken back, nothing of it is left anywhere", () => {
    const call = race({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    call.beginAnswer(B);
    say(call, B, 200, "Too early.");
    call.speak(voice(900, 24_000, 4));
    expect(
      call
        .commands(B)
        .slice(-100)
        .map(({ type }) => type),
    ).toContain("delete");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, B);
    call.speak(silence(300));
    for (const peer of [A, B])
      expect(typesOf(call, peer).filter((type) => type === "respond")).toHaveLength(2);
    call.speak(silence(600));
    call.answer(voice(200), "Now.", A);
    expect(JSON.stringify(call.events)).not.toContain("early");
    expect(call.last("relay.race")).toMatchObject({ upstream: "one" });
    expect(told(call, B)).toEqual(["Now."]);
  });

  test("[X112] it goes on in another isolate", () => {
    const call = asked(race());
    call.beginAnswer(A);
    call.beginAnswer(B);
    call.hibernate();
    expect(call.types()).not.toContain("response.created");
    say(call, B, 100, "Quick.");
    call.hibernate();
    call.finishAnswer(B);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
    expect(typesOf(call, A)).toContain("cancel");
    expect(told(call, A)).toEqual(["Quick."]);
    expect(count(call, "response.done")).toBe(1);
  });

  test("[X112] after the object's death what nobody had answered is asked for anew", () => {
    const call = asked(race());
    const kept = call.session.snapshot();
    call.crash(kept);
    resume(call);
    call.advance(2500);
    const peers = [...call.open].filter((peer) => peer !== "client");
    for (const peer of peers) call.accept(peer);
    const asks = peers.filter((peer) => last(call, peer)?.type === "respond");
    expect(asks.length).toBeGreaterThan(0);
    call.answer(voice(200), "Again.", asks[0]);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[X112] nor is a dead connection asked to go on with what broke off", () => {
    const call = asked(race());
    call.beginAnswer(A);
    say(call, A, 400, "One two");
    call.crash(call.session.snapshot());
    resume(call);
    const peers = [...call.open].filter((peer) => peer !== "client");
    for (const peer of peers) call.accept(peer);
    call.advance(1000);
    expect(peers.filter((peer) => last(call, peer)?.type === "respond")).toHaveLength(1);
  });

  test("[X113] what the loser's answer cost is counted, by its upstream", () => {
    const call = asked(race());
    call.beginAnswer(A);
    call.beginAnswer(B);
    say(call, B, 100, "Quick.");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled", usage: usage(7) }, A);
    call.upstream({ type: "item.done", status: "completed", response: "r", item: "i" }, B);
    call.upstream(
      { type: "response.done", response: "r", ...DONE, status: "completed", usage: usage(30) },
      B,
    );
    const state = call.session.state();
    expect(state.usage["total_tokens"]).toBe(37);
    expect(state.upstreams.map(({ usage: of }) => of?.["total_tokens"])).toEqual([7, 30]);
    const metrics = call.actions.filter(({ type }) => type === "metric");
    expect(metrics).toContainEqual({ type: "metric", name: "tokens_untold", value: 7, upstream: "one" });
    expect(metrics).toContainEqual({ type: "metric", name: "tokens_told", value: 30, upstream: "two" });
    expect(metrics).toContainEqual({ type: "metric", name: "rounds_won", value: 1, upstream: "two" });
    expect(metrics).toContainEqual({ type: "metric", name: "rounds_lost", value: 1, upstream: "one" });
  });

  test("[X114] a turn over an answer that may not be interrupted is answered by one, at that answer's end", () => {
    const turn_detection = { type: "server_vad", interrupt_response: false };
    const call = asked(race({ session: { audio: { input: { turn_detection } } } }));
    call.speak(concat(voice(900, 24_000, 5), silence(900)));
    for (const peer of [A, B])
      expect(typesOf(call, peer).filter((type) => type === "respond")).toHaveLength(1);
    call.answer(voice(200), "One.", A);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, B);
    call.advance(1000);
    for (const peer of [A, B])
      expect(typesOf(call, peer).filter((type) => type === "respond")).toHaveLength(2);
  });

  test("[X115] a connection that is rolled over or parked is told what the others said", () => {
    const upstreams = [{ ...wire("one"), rolloverMs: 20_000 }, wire("two")];
    const call = asked(race({ upstreams }));
    call.answer(voice(200), "Said by two.", B);
    call.advance(16_000);
    call.accept("up0.2");
    call.advance(1000);
    expect(told(call, "up0.2")).toContain("Said by two.");
    call.speak(TURN);
    expect(last(call, "up0.2")?.type).toBe("respond");
  });
});

describe("who won", () => {
  const observer = "control:1";
  const watched = (dialect: "duplex.v1" | "realtime") => {
    const call = race({ dialect });
    call.open.add(observer);
    call.input({ type: "observer", peer: observer, audio: false, again: false });
    asked(call).answer(voice(200), "Quick.", B);
    const told = call.actions.flatMap((action) =>
      action.type === "send" && action.peer === observer ? [JSON.parse(String(action.data))] : [],
    );
    return { call, told: told.filter(({ type }) => type === "relay.race") };
  };

  test("[X116] is told a duplex.v1 client and every observer", () => {
    const { call, told } = watched("duplex.v1");
    const found = { upstream: "two", others: [{ upstream: "one", outcome: "slower" }] };
    expect(told).toMatchObject([found]);
    expect(call.last("relay.race")).toMatchObject(found);
  });

  test("[X116] is told an observer of a plain client, and not that client", () => {
    const { call, told } = watched("realtime");
    expect(told).toMatchObject([{ upstream: "two", plan: "race" }]);
    expect(call.types()).not.toContain("relay.race");
  });
});

describe("a hedge", () => {
  const hedged = (options: CallOptions = {}) =>
    asked(race({ strategy: { name: "hedge", hedgeMs: 600 }, ...options }));

  test("[X120] the second is asked when the first was not heard in time", () => {
    const call = hedged();
    expect(typesOf(call, B)).toEqual(["greet", "commit"]);
    call.advance(400);
    call.beginAnswer(A);
    call.advance(300);
    expect(typesOf(call, B)).toEqual(["greet", "commit", "respond"]);
    call.answer(voice(200), "Second.", B);
    expect(call.last("relay.race")).toMatchObject({
      plan: "hedge",
      upstream: "two",
      others: [{ upstream: "one", outcome: "slower" }],
    });
    expect(told(call, A)).toEqual(["Second."]);
  });

  test("[X121] heard in time, nobody else is", () => {
    const call = hedged();
    call.advance(100);
    expect(call.types()).not.toContain("response.created");
    call.answer(voice(200), "First.", A);
    call.advance(5000);
    expect(typesOf(call, B)).toEqual(["greet", "commit", "item"]);
    expect(call.last("relay.race")).toMatchObject({ others: [{ upstream: "two", outcome: "not_asked" }] });
  });

  test("[X122] a first that fails is not waited for", () => {
    const call = hedged();
    lose(call, A);
    expect(typesOf(call, B).at(-1)).toBe("respond");
    expect(count(call, "response.created")).toBe(1);
  });

  test("[X123] after the object's death the first owes the answer, and nobody is asked on a dead connection", () => {
    const call = hedged();
    call.crash(call.session.snapshot());
    resume(call);
    const peers = [...call.open].filter((peer) => peer !== "client");
    for (const peer of peers) call.accept(peer);
    expect(last(call, "up0.2")?.type).toBe("respond");
    call.answer(voice(200), "Again.", "up0.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(count(call, "response.created")).toBe(1);
  });

  test("[X123] the deadline outlives the isolate", () => {
    const call = hedged();
    call.hibernate();
    call.advance(700);
    expect(typesOf(call, B).at(-1)).toBe("respond");
    call.hibernate();
    call.answer(voice(200), "First, late.", A);
    expect(call.last("relay.race")).toMatchObject({ upstream: "one" });
  });
});
