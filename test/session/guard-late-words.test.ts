/** Words of the caller that come while an answer to others is awaited: who is asked next knows them, and they are judged first. */
import { describe, expect, test } from "vitest";

import type { Call } from "../support/call.ts";
import { inputGuarded, judge, sound, texts, toldOf, wordsFirst } from "../support/guard.ts";
import { A, B, lose, typesOf } from "../support/race.ts";

const TWO = [wordsFirst("one"), wordsFirst("two")];

describe("an input guard and words that come while an answer is awaited", () => {
  const HARMLESS = "What is the weather?";
  const LATER = "And how do I pick a lock?";
  const typed = (call: Call, text: string): void =>
    call.client({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
  const asks = (call: Call, peer: string): number =>
    typesOf(call, peer).filter((type) => type === "respond").length;

  /** The first question has passed and is asked of the first upstream; other words came since. */
  function asked(options: Parameters<typeof inputGuarded>[1]): Call {
    const call = inputGuarded({}, options);
    typed(call, HARMLESS);
    call.client({ type: "response.create" });
    judge(call, 0, null);
    typed(call, LATER);
    return call;
  }
  const hedged = () => asked({ upstreams: TWO, strategy: { name: "hedge", hedgeMs: 600 } });

  test("[X229] the next upstream of a hedge is asked when they have passed", () => {
    const call = hedged();
    call.advance(700);
    expect(texts(call)).toEqual([HARMLESS, LATER]);
    expect([asks(call, A), asks(call, B)]).toEqual([1, 0]);
    judge(call, 1, null);
    expect(asks(call, B)).toBe(1);
    call.beginAnswer(B);
    sound(call, 500, 2000, B);
    expect(call.last("relay.race")).toMatchObject({ upstream: "two" });
  });

  test("[X229] … or are gone, when they are refused; of the words that had passed the answer is given", () => {
    const call = hedged();
    call.advance(700);
    judge(call, 1, "illicit");
    expect(call.types()).toContain("conversation.item.deleted");
    expect(asks(call, B)).toBe(1);
    expect(typesOf(call, B).slice(-2)).toEqual(["delete", "respond"]);
  });

  test("[X229] … but not before others that came with them have passed, when some are refused", () => {
    const call = hedged();
    typed(call, "And whose is it?");
    call.advance(700);
    expect(texts(call)).toEqual([HARMLESS, LATER, "And whose is it?"]);
    judge(call, 1, "illicit");
    expect(asks(call, B)).toBe(0);
    judge(call, 2, null);
    expect(asks(call, B)).toBe(1);
    const mute = hedged();
    typed(mute, "And whose is it?");
    mute.advance(700);
    judge(mute, 1, "illicit");
    mute.advance(1000);
    expect(toldOf(mute)).toMatchObject([{ decision: "veto" }, { decision: "closed" }]);
    expect(asks(mute, B)).toBe(1);
  });

  test("[X225] which waits in another isolate too", () => {
    const call = hedged();
    call.advance(700);
    call.hibernate();
    judge(call, 1, null);
    expect(asks(call, B)).toBe(1);
  });

  test("[X229] … or nobody judges them in time", () => {
    const call = hedged();
    call.advance(700);
    call.advance(1000);
    expect(toldOf(call)).toEqual([{ side: "input", decision: "closed", category: null }]);
    expect(asks(call, B)).toBe(1);
  });

  test("[X229] the first to be heard meanwhile gives the answer, and nobody else is asked", () => {
    const call = hedged();
    call.advance(700);
    call.beginAnswer(A);
    sound(call, 500, 2000, A);
    judge(call, 1, null);
    expect([asks(call, A), asks(call, B)]).toEqual([1, 0]);
    expect(call.last("relay.race")).toMatchObject({ upstream: "one" });
  });

  test("[X229] an answer that is asked for again after a loss waits for them too, and is asked for once", () => {
    const call = asked({});
    lose(call, "up0.1");
    call.advance(600);
    call.accept("up0.2");
    expect(texts(call)).toEqual([HARMLESS, LATER]);
    expect(asks(call, "up0.2")).toBe(0);
    expect(call.session.deadline).not.toBeNull();
    judge(call, 1, null);
    expect(asks(call, "up0.2")).toBe(1);
  });

  test("[X229] one that is lost again before they have passed is asked of the connection after that alone", () => {
    const call = asked({});
    lose(call, "up0.1");
    call.advance(600);
    call.accept("up0.2");
    lose(call, "up0.2");
    judge(call, 1, null);
    call.advance(1500);
    call.accept("up0.3");
    expect([asks(call, "up0.2"), asks(call, "up0.3")]).toEqual([0, 1]);
  });

  test("[X229] one that is owed when the object died, and its client had seen more, waits for them, and is asked for", () => {
    const call = asked({});
    const kept = call.session.snapshot();
    typed(call, "More.");
    const { relay } = call.last("session.created")["session"] as {
      readonly relay: { readonly resume_token: string };
    };
    const last_received = Number(call.events.at(-1)?.["server_event_seq"]);
    call.crash(kept);
    call.connect("duplex.v1");
    call.client({ type: "session.resume", resume_token: relay.resume_token, last_received });
    call.advance(600);
    expect(call.last("session.resumed")).toMatchObject({ verdict: "partial" });
    call.accept("up0.2");
    expect(asks(call, "up0.2")).toBe(0);
    judge(call, texts(call).indexOf(LATER), null);
    expect(asks(call, "up0.2")).toBe(1);
  });

  test("[X229] one that is cancelled before is never asked for", () => {
    const call = asked({});
    lose(call, "up0.1");
    call.advance(600);
    call.accept("up0.2");
    call.client({ type: "response.cancel" });
    judge(call, 1, null);
    expect(asks(call, "up0.2")).toBe(0);
  });
});
