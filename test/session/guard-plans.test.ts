/** What holds of a guard in races, hedges, answers asked in advance, tagged plans, resume, failover and in another isolate. */
import { describe, expect, test } from "vitest";

import { DONE, response } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import {
  answering,
  guarded,
  heardMs,
  judge,
  PATTERNS,
  questions,
  shown,
  sound,
  texts,
  toldOf,
  words,
  wordsFirst,
} from "../support/guard.ts";
import { A, B, count, lose, told, TURN, typesOf } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

const GOOD = "The weather is fine today.";
const BAD = "You are a complete fool, my friend.";
const TWO = [wordsFirst("one"), wordsFirst("two")];

function racing(strategy: "race" | "hedge" = "race", output = {}): Call {
  const plan = strategy === "race" ? { name: strategy } : { name: strategy, hedgeMs: 5000 };
  const call = guarded(output, { upstreams: TWO, strategy: plan });
  call.speak(TURN);
  return call;
}

const itemDone = (call: Call, peer = "up0.1") =>
  call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" }, peer);

describe("a guard in a race", () => {
  test("[X212] who is heard first is decided as without a guard, and what they say is then judged", () => {
    const call = racing();
    call.beginAnswer(A);
    call.beginAnswer(B);
    words(call, GOOD, B);
    sound(call, 500, 2000, B);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
    expect(call.frames).toHaveLength(0);
    judge(call, 0, null);
    expect(heardMs(call, 2000)).toBe(500);
    expect(typesOf(call, A)).toContain("cancel");
  });

  test("[X212] one whose words are refused before anybody was heard is out, and another one answers", () => {
    const call = racing("race", { moderators: [PATTERNS] });
    call.beginAnswer(A);
    words(call, BAD, A);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "veto", category: "insult" }]);
    expect(call.last("relay.guard")["response_id"]).toBeNull();
    expect(typesOf(call, A)).toContain("cancel");
    call.beginAnswer(B);
    words(call, GOOD, B);
    sound(call, 500, 2000, B);
    expect(heardMs(call, 2000)).toBe(500);
    expect(call.last("relay.race")["others"]).toEqual([{ upstream: "one", outcome: "failed" }]);
    expect(count(call, "response.created")).toBe(1);
  });

  test("[X212] refused when it has been announced, it is cut; the others are told what was heard, and nothing of it is asked of them", () => {
    const call = racing();
    call.beginAnswer(A);
    words(call, GOOD, A);
    sound(call, 500, 1000, A);
    words(call, ` ${BAD}`, A);
    sound(call, 500, 1500, A);
    judge(call, 0, null);
    call.advance(600);
    judge(call, 1, "harassment");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, A);
    expect(response(call)["status_details"]).toMatchObject({ reason: "content_filter" });
    expect(heardMs(call, 1500)).toBe(0);
    const [heard = ""] = told(call, B);
    expect(heard).not.toBe("");
    expect(GOOD.startsWith(heard)).toBe(true);
    expect(typesOf(call, B).filter((type) => type === "respond")).toHaveLength(1);
  });

  test("[X212] under hedge the next one is asked at once when the first one's words are refused", () => {
    const call = racing("hedge", { moderators: [PATTERNS] });
    expect(typesOf(call, B)).not.toContain("respond");
    call.beginAnswer(A);
    words(call, BAD, A);
    expect(typesOf(call, B)).toContain("respond");
  });

  test("[X212] the last one left is announced, and then ended", () => {
    const call = racing("race", { moderators: [PATTERNS] });
    for (const peer of [A, B]) {
      call.beginAnswer(peer);
      words(call, BAD, peer);
    }
    expect(count(call, "response.created")).toBe(1);
    call.advance(400);
    expect(response(call)["status_details"]).toMatchObject({ reason: "content_filter" });
    expect(shown(call)).toBe("");
  });
});

describe("a guard over answers that are asked for in advance", () => {
  const eager = (output = {}) => guarded(output, { session: { relay: { eager_ms: 150, lead_ms: null } } });

  test("[X213] their words are judged in advance too, and nothing of what is refused is heard when the turn is over", () => {
    const call = eager();
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    call.beginAnswer();
    words(call, BAD);
    sound(call, 500, 1000);
    expect(questions(call)).toHaveLength(1);
    judge(call, 0, "harassment");
    expect(toldOf(call)).toEqual([]);
    call.speak(silence(600));
    expect(count(call, "response.created")).toBe(1);
    call.advance(400);
    expect(response(call)["status_details"]).toMatchObject({ reason: "content_filter" });
    expect([heardMs(call, 1000), shown(call)]).toEqual([0, ""]);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "veto", category: "harassment" }]);
  });

  test("[X213] what has passed meanwhile is heard at once, and what is taken back nobody is told of", () => {
    const call = eager();
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    call.beginAnswer();
    words(call, GOOD);
    sound(call, 500, 1000);
    judge(call, 0, null);
    expect(call.frames).toHaveLength(0);
    call.speak(silence(600));
    expect(heardMs(call, 1000)).toBe(500);
    const other = eager();
    other.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    other.beginAnswer();
    words(other, BAD);
    judge(other, 0, "harassment");
    other.speak(voice(900, 24_000, 4));
    expect(toldOf(other)).toEqual([]);
    expect(count(other, "response.created")).toBe(0);
  });
});

describe("a guard over several voices", () => {
  test("[X214] in a tagged plan each answer is judged by itself", () => {
    const call = guarded({}, { upstreams: TWO });
    call.client({ type: "response.create" });
    for (const [peer, text, value] of [
      [A, BAD, 1000],
      [B, GOOD, 2000],
    ] as const) {
      call.beginAnswer(peer);
      words(call, text, peer);
      sound(call, 500, value, peer);
    }
    expect(texts(call)).toEqual([BAD, GOOD]);
    judge(call, 0, "harassment");
    judge(call, 1, null);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([0, 500]);
    itemDone(call, B);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" }, B);
    expect(response(call)["status"]).toBe("completed");
  });
});

describe("a guard when something breaks", () => {
  function half(output = {}): Call {
    const call = answering(guarded(output));
    words(call, GOOD);
    sound(call, 500, 1000);
    words(call, ` ${BAD}`);
    sound(call, 500, 2000);
    judge(call, 0, null);
    return call;
  }

  test("[X215] it goes on in another isolate: the verdict, the deadline and what waits", () => {
    const call = half();
    call.hibernate();
    judge(call, 1, null);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([500, 500]);
    const refused = half();
    refused.hibernate();
    judge(refused, 1, "harassment");
    expect(heardMs(refused, 2000)).toBe(0);
    const late = half();
    late.hibernate();
    late.advance(500);
    expect(toldOf(late)).toEqual([{ side: "output", decision: "closed", category: null }]);
    const unfinished = answering(guarded());
    words(unfinished, "The weather");
    sound(unfinished, 500, 1000);
    unfinished.hibernate();
    words(unfinished, " is fine today.");
    expect(texts(unfinished)).toEqual([GOOD]);
    judge(unfinished, 0, null);
    expect(heardMs(unfinished, 1000)).toBe(500);
  });

  test("[X215] a client that is away is judged for all the same, and finds what passed when it is back", () => {
    const call = half();
    const { relay } = call.last("session.created")["session"] as { relay: { resume_token: string } };
    const last = call.events.reduce(
      (most, event) => Math.max(most, Number(event["server_event_seq"] ?? 0)),
      0,
    );
    call.open.delete("client");
    call.input({ type: "close", peer: "client", code: 1006, reason: "" });
    judge(call, 1, null);
    call.connect("duplex.v1");
    call.clearEvents();
    const seen = Math.max(last, ...call.frames.map(({ header }) => header.sequence));
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received: seen });
    expect(heardMs(call, 2000)).toBe(500);
    const refused = half();
    refused.open.delete("client");
    refused.input({ type: "close", peer: "client", code: 1006, reason: "" });
    judge(refused, 1, "harassment");
    expect(refused.session.snapshot().responses.records.at(-1)?.phase).toBe("incomplete");
  });

  test("[X216] an answer that breaks off is heard as far as it passed, and its continuation is judged anew", () => {
    const call = guarded({ moderators: [PATTERNS] });
    call.speak(TURN);
    call.beginAnswer();
    words(call, GOOD);
    sound(call, 500, 1000);
    words(call, " And you");
    sound(call, 200, 1500);
    lose(call, "up0.1");
    expect([heardMs(call, 1000), heardMs(call, 1500)]).toEqual([500, 200]);
    call.advance(2000);
    call.accept("up0.2");
    call.beginAnswer("up0.2");
    words(call, BAD, "up0.2");
    sound(call, 500, 2000, "up0.2");
    expect(heardMs(call, 2000)).toBe(0);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "veto", category: "insult" }]);
  });

  test("[X216] one whose rest is refused when it breaks off is not continued", () => {
    const call = guarded({ moderators: [PATTERNS] });
    call.speak(TURN);
    call.beginAnswer();
    words(call, GOOD);
    sound(call, 500, 1000);
    words(call, " You fool");
    sound(call, 200, 2000);
    lose(call, "up0.1");
    expect(toldOf(call)).toEqual([{ side: "output", decision: "veto", category: "insult" }]);
    call.advance(2000);
    call.accept("up0.2");
    expect(typesOf(call, "up0.2")).not.toContain("respond");
    expect(heardMs(call, 2000)).toBe(0);
  });

  test("[X216] one of which nothing was heard is asked for again, and judged anew", () => {
    const call = guarded({ moderators: [PATTERNS] });
    call.speak(TURN);
    const respond = call.commands().findLast(({ type }) => type === "respond");
    if (respond?.type !== "respond") throw new Error("nobody asked");
    call.upstream({ type: "response.started", response: "r", answers: respond.responseId });
    lose(call, "up0.1");
    call.advance(2000);
    call.accept("up0.2");
    call.beginAnswer("up0.2");
    words(call, GOOD, "up0.2");
    sound(call, 500, 1000, "up0.2");
    expect(heardMs(call, 1000)).toBe(500);
  });

  test("[X216] the caller who interrupts ends it as without a guard, and late verdicts are of no account", () => {
    const call = half();
    call.client({ type: "output_audio_buffer.clear" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" });
    judge(call, 1, "harassment");
    expect(response(call)["status"]).toBe("cancelled");
    expect(toldOf(call)).toEqual([]);
    call.advance(1000);
    expect(toldOf(call)).toEqual([]);
  });

  test("[X219] a session without a guard has nothing of it: no member of its snapshot, no question, no deadline", () => {
    const call = answering(guarded({}, { guard: {} }));
    words(call, BAD);
    sound(call, 500, 1000);
    expect(heardMs(call, 1000)).toBe(500);
    expect(questions(call)).toHaveLength(0);
    const { conduct, context } = call.session.snapshot();
    expect(conduct).not.toHaveProperty("guard");
    expect(context.deadlines.filter(([name]) => name.startsWith("guard"))).toEqual([]);
  });
});
