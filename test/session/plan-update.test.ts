/** A plan that changes in the middle of a call, without a gap. */
import { describe, expect, test } from "vitest";
import { Call } from "../support/call.ts";
import { finish } from "../support/answering.ts";
import {
  A,
  asked,
  B,
  calls,
  count,
  last,
  lose,
  race,
  say,
  told,
  TURN,
  typesOf,
  wire,
} from "../support/race.ts";
import { C, faults, trio, update } from "../support/plan-update.ts";
import { voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const asks = (call: Call, ...peers: readonly string[]) =>
  peers.map((peer) => typesOf(call, peer).filter((type) => type === "respond").length);
const states = (call: Call, upstream: string) =>
  call.events
    .filter((event) => event.type === "relay.upstream" && event["upstream"] === upstream)
    .map(({ status, cause }) => `${String(status)}${cause === "left" ? " left" : ""}`);
const dials = (call: Call) => call.actions.flatMap((one) => (one.type === "dial" ? [one.peer] : []));

/** A turn that this upstream answers. */
function turn(call: Call, peer: string, text: string): void {
  call.speak(TURN);
  call.answer(voice(200), text, peer);
  call.advance(1000);
}

describe("a plan that changes", () => {
  test("[X356] the next question is asked by it, and who watches is told what holds", () => {
    const call = trio();
    const watcher = new Watcher(call);
    update(call, { strategy: "failover", upstreams: ["cleo", "anna"] });
    const holds = { strategy: "failover", upstreams: ["cleo", "anna"] };
    expect(call.last("relay.plan.updated")).toMatchObject({ plan: holds });
    expect(watcher.last("relay.plan.updated")).toMatchObject({ plan: holds });
    expect(call.session.state()).toMatchObject({ plan: holds });
    call.client({ type: "session.update", session: {} });
    expect(call.last("session.updated")["session"]).toMatchObject({
      relay: { plan: holds, upstreams: ["anna", "ben", "cleo"] },
    });
    asked(call);
    expect(asks(call, A, B, C)).toEqual([0, 0, 1]);
    call.answer(voice(200), "Cleo here.", C);
    expect(call.last("relay.race")).toMatchObject({
      plan: "failover",
      upstream: "cleo",
      others: [{ upstream: "anna", outcome: "not_asked" }],
    });
    expect(faults(call)).toEqual([]);
  });

  test("[X356] a session shows its route's plan until then, and where upstreams are no one voice none", () => {
    expect(race({ strategy: { name: "hedge", hedgeMs: 700 } }).session.state()).toMatchObject({
      plan: { strategy: "hedge", hedge_ms: 700, upstreams: ["one", "two"] },
    });
    const tagged = new Call({ upstreams: [wire("one"), wire("two")], dialect: "duplex.v1" });
    expect(tagged.session.state()).not.toHaveProperty("plan");
    expect(tagged.last("session.created")).not.toHaveProperty("session.relay.plan");
  });

  test("[X356] an observer may change it", () => {
    const call = trio();
    const watcher = new Watcher(call);
    watcher.say({ type: "relay.plan.update", plan: { strategy: "hedge", hedge_ms: 1500 } });
    expect(call.last("relay.plan.updated")["plan"]).toEqual({
      strategy: "hedge",
      hedge_ms: 1500,
      upstreams: ["anna", "ben", "cleo"],
    });
    asked(call);
    expect(asks(call, A, B, C)).toEqual([1, 0, 0]);
    call.advance(1500);
    expect(asks(call, A, B, C)).toEqual([1, 1, 0]);
  });

  test("[X356] one alone answers, and no race is told of it", () => {
    const call = trio();
    update(call, { strategy: "single", upstreams: ["ben"] });
    turn(call, B, "Ben alone.");
    expect(asks(call, A, B, C)).toEqual([0, 1, 0]);
    expect(call.types()).not.toContain("relay.race");
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "completed",
      relay: { stream: 0, upstream: "ben" },
    });
  });

  test("[X356] a panel speaks in the order of the update", () => {
    const call = trio();
    update(call, { strategy: "panel", upstreams: ["cleo", "ben", "anna"] });
    for (const [peer, name] of [
      [C, "cleo"],
      [B, "ben"],
      [A, "anna"],
    ] as const) {
      turn(call, peer, `I am ${name}.`);
      expect(call.last("relay.race")).toMatchObject({ plan: "panel", upstream: name });
    }
  });
});

describe("what is under way when it changes", () => {
  test("[X357] an answer that is heard is heard to its end, and then who leaves is hung up and never dialled", () => {
    const call = asked(trio());
    call.beginAnswer(A);
    say(call, A, 400, "Anna ");
    update(call, { strategy: "failover", upstreams: ["ben", "cleo"] });
    expect(states(call, "anna").at(-1)).toBe("ready");
    say(call, A, 300, "speaks on.");
    call.advance(100);
    call.finishAnswer(A);
    call.advance(1500);
    expect(call.last("response.done")["response"]).toMatchObject({
      status: "completed",
      relay: { upstream: "anna" },
    });
    expect(call.last("response.output_audio_transcript.done")).toMatchObject({
      transcript: "Anna speaks on.",
    });
    expect(call.open.has(A)).toBe(false);
    expect(states(call, "anna").at(-1)).toBe("idle left");
    expect(told(call, B)).toEqual(["Anna speaks on."]);
    turn(call, B, "Ben now.");
    call.client({ type: "response.create" });
    call.advance(120_000);
    expect(asks(call, A, C)).toEqual([1, 1]);
    expect(dials(call).filter((peer) => peer.startsWith("up0."))).toEqual([A]);
  });

  test("[X357] a question that was put is answered by the plan by which it was put", () => {
    const call = asked(race({ strategy: { name: "hedge", hedgeMs: 700 } }));
    update(call, { strategy: "single", upstreams: ["one"] });
    expect(call.open.has(B)).toBe(true);
    call.advance(700);
    expect(asks(call, A, B)).toEqual([1, 1]);
    call.answer(voice(200), "Second.", B);
    expect(call.last("relay.race")).toMatchObject({ plan: "hedge", upstream: "two" });
    call.upstream(
      {
        type: "response.done",
        response: "x",
        status: "cancelled",
        reason: null,
        error: null,
        usage: null,
        metadata: null,
      },
      A,
    );
    call.advance(3000);
    expect(call.open.has(B)).toBe(false);
    expect(call.open.has(A)).toBe(true);
    expect(told(call, A)).toEqual(["Second."]);
    call.speak(TURN);
    expect(asks(call, A, B)).toEqual([2, 1]);
  });

  test("[X357] one that was cancelled is waited for, so that what it cost is counted, within two seconds", () => {
    const cancelled = () => {
      const call = asked(race());
      call.upstream({ type: "response.started", response: "r", answers: answersOf(call, B) }, B);
      call.answer(voice(200), "First.", A);
      update(call, { strategy: "single", upstreams: ["one"] });
      expect(call.open.has(B)).toBe(true);
      return call;
    };
    const told = cancelled();
    finish(told, { total_tokens: 7, input_tokens: 0, output_tokens: 7 }, "r", B);
    expect(told.open.has(B)).toBe(false);
    expect(told.session.state().usage).toMatchObject({ total_tokens: 7 });
    const silent = cancelled();
    silent.advance(1900);
    expect(silent.open.has(B)).toBe(true);
    silent.advance(200);
    expect(silent.open.has(B)).toBe(false);
  });

  test("[X357] of two answers the next waits for the one that is heard, whoever gives it", () => {
    const call = asked(
      race({
        session: { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } },
      }),
    );
    call.beginAnswer(A);
    say(call, A, 6000, "Long.");
    update(call, { strategy: "single", upstreams: ["two"] });
    call.speak(TURN);
    expect(asks(call, A, B)).toEqual([1, 1]);
    call.finishAnswer(A);
    call.advance(6000);
    expect(asks(call, A, B)).toEqual([1, 2]);
    expect(call.open.has(A)).toBe(false);
  });

  test("[X357] an answer is asked for once, though who owed it has left", () => {
    const call = asked(
      trio({
        session: { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } },
      }),
    );
    call.beginAnswer(A);
    say(call, A, 6000, "Long.");
    call.speak(TURN);
    update(call, { strategy: "panel", upstreams: ["ben", "cleo"] });
    call.speak(TURN);
    call.finishAnswer(A);
    call.advance(700);
    expect(asks(call, A, B, C)).toEqual([1, 2, 1]);
    call.answer(voice(200), "Ben.", B);
    call.advance(3000);
    expect(asks(call, A, B, C)).toEqual([1, 2, 1]);
  });

  test("[X357] who leaves and is lost before it was heard answers what it was asked, and leaves then", () => {
    const call = trio();
    update(call, { strategy: "single", upstreams: ["anna"] });
    asked(call);
    update(call, { strategy: "single", upstreams: ["ben"] });
    lose(call, A);
    call.advance(3000);
    call.accept("up0.2");
    call.answer(voice(200), "Back.", "up0.2");
    call.advance(1000);
    expect(count(call, "response.created")).toBe(1);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(call.open.has("up0.2")).toBe(false);
    expect(told(call, "up1.2")).toEqual([]);
  });

  test("[X357] what breaks off is continued by one that takes part", () => {
    const call = asked(trio());
    call.beginAnswer(A);
    say(call, A, 400, "Anna ");
    update(call, { strategy: "single", upstreams: ["cleo"] });
    lose(call, A);
    call.advance(1000);
    expect(asks(call, B, C)).toEqual([1, 2]);
    expect(last(call, C)).toMatchObject({ type: "respond" });
    call.advance(30_000);
    expect(dials(call)).not.toContain("up0.2");
  });

  test("[X357] what a tool gave is told, and spoken of by who takes part", () => {
    const call = asked(trio());
    calls(call, A, "c1");
    update(call, { strategy: "single", upstreams: ["ben"] });
    const output = { type: "function_call_output", call_id: "c1", output: "42" };
    call.client({ type: "conversation.item.create", item: output });
    call.client({ type: "response.create" });
    expect(asks(call, A, B, C)).toEqual([1, 2, 1]);
    expect(told(call, B)).toEqual(["function_call", "function_call_output"]);
  });

  test("[X357] an answer asked for in advance is heard, and the turn is answered once", () => {
    const call = race({ session: { relay: { eager_ms: 200 } } });
    call.speak(TURN.subarray(0, TURN.length - 24 * 500));
    const [before] = asks(call, A);
    update(call, { strategy: "single", upstreams: ["two"] });
    call.speak(new Int16Array(24 * 800));
    expect([before, ...asks(call, A, B)]).toEqual([1, 1, 1]);
    call.answer(voice(200), "Early.", A);
    call.advance(3000);
    expect(call.last("response.done")["response"]).toMatchObject({ relay: { upstream: "one" } });
    expect(count(call, "response.created")).toBe(1);
  });
});

function answersOf(call: Call, peer: string): string {
  const respond = call.commands(peer).findLast(({ type }) => type === "respond");
  if (respond?.type !== "respond") throw new Error("nobody asked");
  return respond.responseId;
}

describe("who comes", () => {
  test("[X358] is dialled at once, and told what was said before it is asked", () => {
    const call = trio();
    update(call, { strategy: "single", upstreams: ["anna"] });
    turn(call, A, "One.");
    turn(call, A, "Two.");
    expect(call.open.has(B)).toBe(false);
    update(call, { strategy: "race", upstreams: ["anna", "ben"] });
    expect(dials(call).at(-1)).toBe("up1.2");
    expect(states(call, "ben").at(-1)).toBe("dialling");
    call.accept("up1.2");
    const said = told(call, "up1.2");
    expect(said.filter((text) => text !== "")).toEqual(["One.", "Two."]);
    asked(call);
    expect(typesOf(call, "up1.2").at(-1)).toBe("respond");
    call.answer(voice(200), "Three.", "up1.2");
    call.advance(1000);
    expect(call.last("relay.race")).toMatchObject({ upstream: "ben", others: [{ upstream: "anna" }] });
    expect(told(call, A)).toEqual(["Three."]);
  });

  test("[X358] alone: of those that were hung up in a silence nobody is dialled before somebody speaks", () => {
    const call = trio({ limits: { parkMs: 5000 } });
    update(call, { strategy: "single", upstreams: ["anna"] });
    call.advance(20_000);
    expect(call.open.has(A)).toBe(false);
    const before = dials(call).length;
    update(call, { strategy: "failover", upstreams: ["anna", "ben"] });
    expect(dials(call).slice(before)).toEqual(["up1.2"]);
    call.speak(TURN);
    expect(dials(call).slice(before)).toEqual(["up1.2", "up0.2"]);
  });

  test("[X358] in the middle of the caller's turn hears it from its beginning", () => {
    const call = trio();
    update(call, { strategy: "single", upstreams: ["anna"] });
    call.speak(TURN.subarray(0, 24 * 1200));
    update(call, { strategy: "race", upstreams: ["anna", "cleo"] });
    call.accept("up2.2");
    call.speak(TURN.subarray(24 * 1200));
    expect(call.heard("up2.2")).toEqual(call.heard(A));
    expect(typesOf(call, "up2.2").slice(-2)).toEqual(["commit", "respond"]);
  });

  test("[X358] that was never dialled is told it all as well", () => {
    const call = trio({ connect: false });
    const watcher = new Watcher(call);
    watcher.say({ type: "relay.plan.update", plan: { strategy: "single", upstreams: ["anna"] } });
    expect(dials(call)).toEqual([]);
    call.connect("duplex.v1");
    expect(dials(call)).toEqual([A]);
    call.accept(A);
    turn(call, A, "One.");
    update(call, { strategy: "race", upstreams: ["anna", "cleo"] });
    call.accept(C);
    expect(told(call, C).filter((text) => text !== "")).toEqual(["One."]);
  });

  test("[X358] and goes and comes as often as its dials allow, and knows it all at the last", () => {
    const call = trio();
    for (let at = 0; at < 40; at += 1) {
      update(call, { strategy: "single", upstreams: ["anna"] });
      update(call, { strategy: "race", upstreams: ["anna", "ben"] });
      call.advance(50);
    }
    expect(dials(call).length).toBeLessThan(40);
    turn(call, A, "One.");
    call.advance(60_000);
    const peer = dials(call).findLast((one) => one.startsWith("up1.")) ?? "";
    call.accept(peer);
    expect(told(call, peer).filter((text) => text !== "")).toEqual(["One."]);
  });
});

describe("a plan that changed", () => {
  test("[X361] holds in another isolate, and so does who has still to leave", () => {
    const call = asked(trio());
    call.beginAnswer(A);
    say(call, A, 300, "Anna.");
    update(call, { strategy: "panel", upstreams: ["cleo", "ben"] });
    call.hibernate();
    call.finishAnswer(A);
    call.advance(1000);
    expect(call.open.has(A)).toBe(false);
    call.hibernate();
    expect(call.session.state()).toMatchObject({ plan: { strategy: "panel", upstreams: ["cleo", "ben"] } });
    const before = dials(call).length;
    call.speak(TURN);
    expect(asks(call, A, B, C)).toEqual([1, 1, 2]);
    expect(dials(call).slice(before)).toEqual([]);
    update(call, { strategy: "race", upstreams: ["anna", "ben"] });
    expect(dials(call).slice(before)).toEqual(["up0.2"]);
  });

  test("[X361] holds after the death of the object: who has left is not dialled again", () => {
    const call = trio();
    update(call, { strategy: "single", upstreams: ["ben"] });
    const kept = call.session.snapshot();
    turn(call, B, "Ben.");
    const before = dials(call).length;
    call.crash(kept);
    call.connect("duplex.v1");
    call.client({ type: "response.create" });
    call.advance(3000);
    expect(dials(call).slice(before)).toEqual(["up1.2"]);
    call.accept("up1.2");
    expect(typesOf(call, "up1.2").at(-1)).toBe("respond");
    expect(call.last("session.created")["session"]).toMatchObject({
      relay: { plan: { strategy: "single" } },
    });
  });

  test("[X361] is on record when it is told", () => {
    const call = trio();
    const from = call.actions.length;
    update(call, { strategy: "panel" });
    expect(call.actions.slice(from)).toContainEqual({ type: "persist", urgent: true });
  });

  test("[X361] whose first upstream leaves: the words of the caller and the verdict on the configuration are the next one's", () => {
    const call = trio({ session: { audio: { input: { transcription: { model: "t" } } } } });
    update(call, { strategy: "single", upstreams: ["ben"] });
    call.speak(TURN);
    const commit = call.commands(B).findLast(({ type }) => type === "commit");
    const itemId = commit?.type === "commit" ? commit.itemId : "";
    call.upstream({ type: "input.transcript.completed", itemId, transcript: "Hello.", usage: null }, B);
    expect(call.last("conversation.item.input_audio_transcription.completed")).toMatchObject({
      transcript: "Hello.",
    });
  });
});
