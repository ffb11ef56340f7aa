/** One question to several upstreams, of which the first that can be heard gives the answer. */
import { describe, expect, test } from "vitest";

import { DONE } from "../support/answering.ts";
import type { Received } from "../support/call.ts";
import {
  A,
  asked,
  B,
  base64,
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
import { concat, silence, voice } from "../support/signal.ts";

describe("a race", () => {
  test("[X100] all are asked, and the client hears of nobody until one can be heard", () => {
    const call = asked(race());
    expect(typesOf(call, A)).toEqual(["greet", "commit", "respond"]);
    expect(typesOf(call, B)).toEqual(["greet", "commit", "respond"]);
    call.beginAnswer(A);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Slow." }, A);
    call.beginAnswer(B);
    expect(call.types()).not.toContain("response.created");
    say(call, B, 100, "Quick.");
    expect(call.frames).toHaveLength(1);
    expect(call.frames[0]?.payload).toEqual(new Uint8Array(voice(100).buffer));
    expect(call.types().slice(call.types().indexOf("response.created"))).toEqual([
      "response.created",
      "response.output_item.added",
      "conversation.item.added",
      "response.content_part.added",
      "response.output_audio_transcript.delta",
      "relay.race",
    ]);
    expect(call.last("response.created")["response"]).toMatchObject({
      relay: { stream: 0, upstream: "two" },
    });
    expect(call.last("relay.race")).toMatchObject({
      plan: "race",
      upstream: "two",
      response_id: (call.last("response.created")["response"] as Received)["id"],
      others: [{ upstream: "one", outcome: "slower" }],
    });
  });

  test("[X101] the loser is cancelled, forgets what it had begun, and no sound or word of it is heard", () => {
    const call = asked(race());
    call.beginAnswer(A);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Slow." }, A);
    call.beginAnswer(B);
    say(call, B, 100, "Quick.");
    expect(typesOf(call, A).slice(-2)).toEqual(["cancel", "delete"]);
    expect(last(call, A)).toMatchObject({ type: "delete", itemId: "i" });
    say(call, A, 500, "Late.");
    call.upstream({ type: "item.started", response: "r", item: "j", kind: "message" }, A);
    expect(last(call, A)).toMatchObject({ type: "delete", itemId: "j" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, A);
    call.finishAnswer(B);
    expect(JSON.stringify(call.events)).not.toMatch(/Slow|Late/);
    expect(call.frames).toHaveLength(1);
    expect(count(call, "response.created")).toBe(1);
    expect(count(call, "response.done")).toBe(1);
  });

  test("[X102] all know what was said when it has ended, and are asked for the next answer", () => {
    const call = asked(race());
    call.answer(voice(200), "Quick.", B);
    expect(told(call, A)).toEqual(["Quick."]);
    expect(told(call, B)).toEqual([]);
    call.speak(concat(silence(600), TURN));
    expect(typesOf(call, A).slice(-2)).toEqual(["commit", "respond"]);
    call.answer(voice(200, 24_000, 5), "Mine now.", A);
    expect(told(call, B)).toEqual(["Mine now."]);
    expect(typesOf(call, B).slice(-2)).toEqual(["cancel", "item"]);
    expect(call.frames.map(({ header }) => header.stream)).toEqual([0, 0]);
  });

  test("[X103] of an answer that was cut all know what was heard, and no more", () => {
    const call = asked(race());
    call.beginAnswer(B);
    say(call, B, 3000, "One two three four five six.");
    call.advance(500);
    call.clearEvents();
    call.client({ type: "output_audio_buffer.clear" });
    const heardMs = Number(call.last("conversation.item.truncated")["audio_end_ms"]);
    expect(heardMs).toBeGreaterThan(300);
    expect(heardMs).toBeLessThan(700);
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, B);
    const [words = ""] = told(call, A);
    expect(words).toMatch(/^One/);
    expect(words).not.toContain("four");
  });

  test("[X103] also of one that was told whole and is cut while its end is played", () => {
    const call = asked(race());
    call.beginAnswer(B);
    say(call, B, 400, "One two three four.");
    call.finishAnswer(B);
    expect(told(call, A)).toEqual(["One two three four."]);
    call.advance(300);
    call.client({ type: "output_audio_buffer.clear" });
    expect(typesOf(call, A).slice(-2)).toEqual(["delete", "item"]);
    expect(told(call, A).at(-1)).toBe("One");
  });

  test("[X103] a plain client that truncates says it for all", () => {
    const call = asked(race({ dialect: "realtime" }));
    call.answer(voice(1000), "One two three four.", B);
    const item_id = String((call.last("response.output_item.done")["item"] as Received)["id"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 250 });
    expect(told(call, A).at(-1)).toBe("One");
    expect(call.types()).not.toContain("relay.race");
  });

  test("[X104] a tool that the first calls is the answer; no call of a loser reaches anybody", () => {
    const call = asked(race());
    calls(call, B, "b");
    calls(call, A, "a");
    const names = call.events
      .filter(({ type }) => type === "response.function_call_arguments.done")
      .map(({ call_id }) => call_id);
    expect(names).toEqual(["b"]);
    expect(call.commands(A).filter(({ type }) => type === "delete")).toMatchObject([{ itemId: "ia" }]);
    const output = { type: "function_call_output", call_id: "b", output: "42" };
    call.client({ type: "conversation.item.create", item: output });
    expect(told(call, A)).toEqual(["function_call", "function_call_output"]);
    expect(told(call, B)).toEqual(["function_call_output"]);
    call.client({ type: "response.create" });
    expect(last(call, A)?.type).toBe("respond");
    expect(last(call, B)?.type).toBe("respond");
  });

  test("[X105] who fails is out, and the last one left is announced at once", () => {
    const call = asked(race());
    call.beginAnswer(A);
    const error = { code: "overloaded", message: "Not now." };
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error }, A);
    expect(count(call, "response.created")).toBe(1);
    expect(call.last("relay.race")).toMatchObject({
      upstream: "two",
      others: [{ upstream: "one", outcome: "failed" }],
    });
    expect(call.types()).not.toContain("error");
    call.answer(voice(200), "Alone.", B);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[X105] one that refuses is out, and its refusal is not told while another may answer", () => {
    const call = race({ session: { audio: { input: { turn_detection: null } } } });
    call.client({ type: "response.create", event_id: "mine" });
    const refuse = (peer: string) => {
      const respond = call.commands(peer).findLast(({ type }) => type === "respond");
      const id = respond?.type === "respond" ? respond.responseId : "";
      const error = { code: "bad", message: "No such voice.", type: "invalid_request_error" };
      const cause = respond?.type === "respond" ? (respond.cause ?? null) : null;
      call.upstream({ type: "refused", what: "respond", id, cause, error }, peer);
      call.upstream({ type: "response.started", response: "r", answers: id }, peer);
      call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error }, peer);
    };
    refuse(A);
    expect(call.types()).not.toContain("error");
    refuse(B);
    expect(call.last("error")["error"]).toMatchObject({ code: "bad", event_id: "mine" });
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test.each(["failover", "panel"] as const)(
    "[X105] under %s too who is asked last refuses the client's own event, and that is told",
    (name) => {
      const call = race({ strategy: { name }, session: { audio: { input: { turn_detection: null } } } });
      call.client({ type: "response.create", event_id: "mine" });
      for (const peer of [A, B]) {
        const respond = call.commands(peer).findLast(({ type }) => type === "respond");
        const { responseId: id, cause = null } = respond?.type === "respond" ? respond : { responseId: "" };
        const error = { code: "bad", message: "No such voice.", type: "invalid_request_error" };
        call.hibernate();
        call.upstream({ type: "refused", what: "respond", id, cause, error }, peer);
        call.upstream({ type: "response.started", response: "r", answers: id }, peer);
        call.upstream({ type: "response.done", response: "r", ...DONE, status: "failed", error }, peer);
      }
      const faults = call.events.filter(({ type }) => type === "error");
      expect(faults.map(({ error }) => error)).toMatchObject([{ code: "bad", event_id: "mine" }]);
    },
  );

  test("[X365] of its limits a provider is heard when it gives the answer", () => {
    const call = race();
    const limits = (peer: string, remaining: number) =>
      call.upstream({ type: "rate_limits", rateLimits: [{ name: "requests", remaining }] }, peer);
    const told = () =>
      call.events.flatMap((one) => (one.type === "rate_limits.updated" ? [one["rate_limits"]] : []));
    asked(call);
    limits(A, 5);
    limits(B, 7);
    expect(told()).toEqual([]);
    call.hibernate();
    call.answer(voice(200), "First.", B);
    limits(A, 4);
    limits(B, 6);
    expect(told()).toEqual([[{ name: "requests", remaining: 7 }], [{ name: "requests", remaining: 6 }]]);
    call.advance(1000);
    asked(call);
    limits(A, 3);
    call.answer(voice(200), "Second.", A);
    expect(told().at(-1)).toEqual([{ name: "requests", remaining: 3 }]);
  });

  test("[X364] what both refuse of one event is told once", () => {
    const call = race();
    call.client({ type: "session.update", event_id: "mine", session: { tools: [{ type: "function" }] } });
    call.client({ type: "session.update", event_id: "other", session: { instructions: "Speak." } });
    const error = { code: "bad", message: "No name.", type: "invalid_request_error", param: "session.tools" };
    for (const cause of ["mine", "other"])
      for (const peer of [B, A])
        call.upstream({ type: "refused", what: "configure", id: null, cause, error }, peer);
    const faults = call.events.filter(({ type }) => type === "error");
    expect(faults.map(({ error: told }) => told)).toMatchObject([
      { event_id: "mine" },
      { event_id: "other" },
    ]);
  });

  test("[X105] one that is lost is out; lost both, the answer is asked for again as of one upstream", () => {
    const call = asked(race());
    lose(call, A);
    expect(count(call, "response.created")).toBe(1);
    lose(call, B);
    expect(count(call, "response.done")).toBe(0);
    call.advance(2000);
    call.accept("up1.2");
    expect(last(call, "up1.2")?.type).toBe("respond");
    call.answer(voice(200), "Back.", "up1.2");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(count(call, "response.created")).toBe(1);
  });

  test("[X105] one that begins and stands still is out at its deadline", () => {
    const call = asked(race({ limits: { firstOutputMs: 3000, progressMs: 2000 } }));
    call.beginAnswer(A);
    call.beginAnswer(B);
    call.advance(1000);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hm." }, B);
    call.advance(1500);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
    call.advance(5000);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
  });

  test("[X105] one that claims to speak and cannot be heard does not win", () => {
    const call = asked(race());
    call.beginAnswer(A);
    for (let ms = 0; ms < 6000; ms += 500)
      call.upstream({ type: "audio", response: "r", item: "i", audio: base64(new Int16Array(12_000)) }, A);
    expect(count(call, "response.created")).toBe(1);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
    expect(call.types()).not.toContain("error");
  });

  test("[X106] the winner that breaks off is continued by who is there", () => {
    const call = asked(race());
    call.beginAnswer(B);
    say(call, B, 600, "One two");
    lose(call, B);
    call.advance(700);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "failed" });
    expect(last(call, A)).toMatchObject({ type: "respond" });
    expect(told(call, A)).toEqual(["One two"]);
    call.answer(voice(200), "three.", A);
    expect(count(call, "response.created")).toBe(2);
  });

  test("[X107] an interruption before anybody was heard cancels all, and the turn has one empty answer", () => {
    const call = asked(race());
    call.beginAnswer(A);
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Slow." }, A);
    call.speak(voice(600, 24_000, 9));
    expect(typesOf(call, A)).toContain("cancel");
    expect(typesOf(call, B)).toContain("cancel");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" }, A);
    call.advance(400);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled", output: [] });
    expect(call.last("relay.race")).toMatchObject({ upstream: null, others: [{ outcome: "cut" }] });
    expect(JSON.stringify(call.events)).not.toContain("Slow");
    expect(call.frames).toHaveLength(0);
    call.speak(silence(900));
    expect(last(call, A)?.type).toBe("respond");
    expect(last(call, B)?.type).toBe("respond");
    call.answer(voice(200), "Now.", A);
    expect(told(call, B)).toEqual(["Now."]);
  });

  test("[X107] so does response.cancel", () => {
    const call = asked(race());
    call.client({ type: "response.cancel" });
    expect(typesOf(call, A).at(-1)).toBe("cancel");
    expect(typesOf(call, B).at(-1)).toBe("cancel");
    call.advance(400);
    expect(call.last("response.done")["response"]).toMatchObject({ status: "cancelled" });
    expect(count(call, "error")).toBe(0);
  });

  test("[X108] the parameters of a response.create go to all, and a second one is refused meanwhile", () => {
    const call = race({ session: { audio: { input: { turn_detection: null } } } });
    const params = { instructions: "Be brief.", metadata: { mine: "yes" } };
    call.client({ type: "response.create", response: params });
    for (const peer of [A, B])
      expect(last(call, peer)).toMatchObject({ options: { params: { instructions: "Be brief." } } });
    call.client({ type: "response.create" });
    expect(call.last("error")["error"]).toMatchObject({ code: "conversation_already_has_active_response" });
    call.answer(voice(200), "Brief.", A);
    expect(call.last("response.done")["response"]).toMatchObject({ metadata: { mine: "yes" } });
  });

  test("[X109] out of band the first alone is asked, and the answer is announced at once", () => {
    const call = race();
    call.client({ type: "response.create", response: { conversation: "none" } });
    expect(last(call, A)?.type).toBe("respond");
    expect(typesOf(call, B)).toEqual(["greet"]);
    expect(count(call, "response.created")).toBe(1);
    call.answer(voice(200), "Aside.", A);
    expect(told(call, B)).toEqual([]);
  });

  test("[X109] that fails there is no reason to leave who is asked for an answer meanwhile", () => {
    const upstreams = [{ ...wire("one"), fallback: [{ adapter: "wire" }] }, wire("two")];
    const call = race({ upstreams, session: { audio: { input: { turn_detection: null } } } });
    call.client({ type: "response.create", response: { conversation: "none" } });
    const aside = call.commands(A).findLast(({ type }) => type === "respond");
    call.client({ type: "response.create" });
    const error = { code: "overloaded", message: "Not now." };
    const answers = aside?.type === "respond" ? aside.responseId : "";
    call.upstream({ type: "response.started", response: "x", answers }, A);
    call.upstream({ type: "response.done", response: "x", ...DONE, status: "failed", error }, A);
    expect(call.open.has(A)).toBe(true);
    call.answer(voice(200), "In time.", A);
    expect(call.last("relay.race")).toMatchObject({ upstream: "one" });
  });

  test("[X110] an answer in text is decided by its first words", () => {
    const call = race({
      session: { output_modalities: ["text"], audio: { input: { turn_detection: null } } },
    });
    call.client({ type: "response.create" });
    call.beginAnswer(A);
    call.beginAnswer(B);
    expect(count(call, "response.created")).toBe(0);
    call.upstream({ type: "text", response: "r", item: "i", delta: "Read me." }, A);
    expect(call.last("relay.race")).toMatchObject({ upstream: "one" });
    call.finishAnswer(A);
    expect(told(call, B)).toEqual(["Read me."]);
  });
});
