import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import type { Limits } from "../../src/session/limits.ts";
import { begin, byType, finish, lastAsk, response, say } from "../support/answering.ts";
import { Call, WIRE } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const POLITE = { audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } } };
const TURN = concat(silence(300), voice(900), silence(900));
const RESULT = { type: "function_call_output", call_id: "c", output: "42" };

function asks(call: Call, peer?: string): number {
  return call.commands(peer).filter((command) => command.type === "respond").length;
}

function story(call: Call): void {
  call.client({ type: "response.create" });
  begin(call);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
  say(call, 2000);
}

/** Speech has begun and not ended. */
function interruptedSentence(session: JsonObject = {}, limits: Partial<Limits> = {}): Call {
  const call = new Call({ session, limits });
  call.speak(concat(silence(300), voice(900)));
  expect(call.types()).toContain("input_audio_buffer.speech_started");
  call.clearEvents();
  return call;
}

describe("answers that are owed", () => {
  test.each(["realtime", "duplex.v1"] as const)(
    "[R34] a turn over an answer that may not be interrupted is answered at that answer's end, once (%s)",
    (dialect) => {
      const call = new Call({ session: POLITE, dialect });
      story(call);
      call.speak(concat(TURN, TURN));
      expect(byType(call, "input_audio_buffer.committed").length).toBe(2);
      expect(asks(call)).toBe(1);
      call.hibernate();
      finish(call);
      call.advance(3000);
      expect(asks(call)).toBe(2);
      begin(call, "r2");
      finish(call, null, "r2");
      call.advance(3000);
      expect(asks(call)).toBe(2);
    },
  );

  test.each([false, true])(
    "[R35] one that waits for the end of the caller's turn is asked under its event: a refusal names it (other isolate: %s)",
    (moves) => {
      const call = interruptedSentence();
      call.client({ type: "response.create", event_id: "mine" });
      expect(asks(call)).toBe(0);
      if (moves) call.hibernate();
      call.speak(silence(900));
      expect(call.commands().findLast(({ type }) => type === "respond")).toMatchObject({ cause: "mine" });
      call.client({ type: "response.cancel" });
      call.speak(TURN);
      expect(call.commands().findLast(({ type }) => type === "respond")).not.toHaveProperty("cause");
    },
  );

  test("[R34] what the client asks beside the conversation meanwhile is no answer to the turn", () => {
    const call = new Call({ session: POLITE });
    story(call);
    call.speak(TURN);
    call.client({ type: "response.create", response: { conversation: "none" } });
    expect(asks(call)).toBe(2);
    finish(call);
    call.advance(3000);
    expect(asks(call)).toBe(3);
  });

  test("[R34] not while the caller speaks again: then that turn's end asks for both", () => {
    const call = new Call({ session: POLITE });
    story(call);
    call.speak(concat(TURN, silence(200), voice(700)));
    finish(call);
    expect(asks(call)).toBe(1);
    call.speak(concat(voice(300), silence(900)));
    expect(asks(call)).toBe(2);
  });

  test("[R34] not where answers are no longer the relay's to ask for", () => {
    const call = new Call({ session: POLITE });
    story(call);
    call.speak(TURN);
    const turn_detection = { create_response: false };
    call.client({
      type: "session.update",
      session: { type: "realtime", audio: { input: { turn_detection } } },
    });
    finish(call);
    expect(asks(call)).toBe(1);
  });

  test("[R34] of two upstreams the idle one is asked at once, the other one at its answer's end", () => {
    const call = new Call({
      session: POLITE,
      upstreams: [WIRE, { name: "b", options: { adapter: "wire" } }],
    });
    call.client({ type: "response.create" });
    begin(call, "r", "up0.1");
    finish(call, null, "r", "up0.1");
    begin(call, "r", "up1.1");
    call.speak(TURN);
    expect([asks(call, "up0.1"), asks(call, "up1.1")]).toEqual([2, 1]);
    finish(call, null, "r", "up1.1");
    expect([asks(call, "up0.1"), asks(call, "up1.1")]).toEqual([2, 2]);
  });

  test("[R35] a response.create in the caller's sentence waits for its end, and one answer covers both", () => {
    const call = interruptedSentence();
    call.client({ type: "conversation.item.create", item: RESULT });
    call.client({ type: "response.create", response: { instructions: "Be brief." } });
    expect(call.types()).not.toContain("response.created");
    call.hibernate();
    call.speak(concat(voice(300), silence(900)));
    const types = call.commandTypes();
    expect(types.slice(types.indexOf("item"))).toEqual(["item", "audio", "commit", "respond"]);
    expect(call.commands().at(-1)).toMatchObject({ options: { params: { instructions: "Be brief." } } });
    expect(byType(call, "response.created").length).toBe(1);
    begin(call);
    finish(call);
    call.advance(5000);
    expect(asks(call)).toBe(1);
  });

  test("[R35] a second one is refused, a cancel takes it back, and one out of band does not wait", () => {
    const call = interruptedSentence();
    call.client({ type: "response.create" });
    call.client({ type: "response.create", event_id: "again" });
    expect(call.last("error")["error"]).toMatchObject({
      code: "conversation_already_has_active_response",
      event_id: "again",
    });
    call.client({ type: "response.create", response: { conversation: "none" } });
    expect(response(call, "response.created")).toMatchObject({ conversation_id: null });
    call.clearEvents();
    call.client({ type: "response.cancel" });
    expect(call.types()).toEqual([]);
    // Until the sentence itself ends, by the clock where no more of it comes, and is answered.
    call.advance(1000);
    expect(asks(call)).toBe(1);
    call.advance(1000);
    expect(asks(call)).toBe(2);
  });

  test.each(["clear", "bound", "commit", "manual"] as const)(
    "[R35] it is asked for when the turn comes to nothing: %s",
    (how) => {
      const call = interruptedSentence({}, { heldMs: 2000 });
      call.client({ type: "response.create" });
      if (how === "clear") call.client({ type: "input_audio_buffer.clear" });
      else if (how === "commit") call.client({ type: "input_audio_buffer.commit" });
      else if (how === "bound") call.speak(voice(2100));
      else
        call.client({
          type: "session.update",
          session: { type: "realtime", audio: { input: { turn_detection: null } } },
        });
      expect(byType(call, "response.created").length).toBe(1);
      expect(asks(call)).toBe(1);
    },
  );

  test.each([{ interrupt_response: false }, { create_response: false }])(
    "[R35] it does not wait with %o, and the turn over it is owed its own answer",
    (turn) => {
      const call = interruptedSentence({
        audio: { input: { turn_detection: { type: "server_vad", ...turn } } },
      });
      call.client({ type: "response.create" });
      expect(asks(call)).toBe(1);
      call.speak(concat(voice(300), silence(900)));
      begin(call);
      finish(call);
      expect(asks(call)).toBe("create_response" in turn ? 1 : 2);
    },
  );

  test("[R35] one that brings its own input is no answer to the turn, which gets another", () => {
    const call = interruptedSentence();
    call.client({ type: "response.create", response: { input: [] } });
    call.speak(concat(voice(300), silence(900)));
    expect(asks(call)).toBe(1);
    begin(call);
    finish(call);
    expect(asks(call)).toBe(2);
  });

  // LiveKit gives a reply up after ten seconds, and cancels it by its name when it comes after all.
  test.each([false, true])(
    "[R113] one that its client gives up as it begins leaves the turn its own answer (other isolate: %s)",
    (moves) => {
      const call = interruptedSentence();
      call.client({ type: "response.create", response: { instructions: "Be brief." } });
      call.speak(concat(voice(11_000), silence(900)));
      const id = String(response(call, "response.created")["id"]);
      if (moves) call.hibernate();
      call.client({ type: "response.cancel", response_id: id });
      expect(asks(call)).toBe(2);
      expect(call.commandTypes().slice(-3)).toEqual(["respond", "cancel", "respond"]);
      expect(call.commands().at(-1)).toMatchObject({ options: { params: {} } });
      expect(call.commands().at(-1)).not.toHaveProperty("cause");
      call.client({ type: "response.cancel", response_id: String(response(call, "response.created")["id"]) });
      call.advance(10_000);
      expect(asks(call)).toBe(2);
    },
  );

  test("[R113] not where the client stops whatever there is, where something of it came, or where only the client asks", () => {
    const stopped = interruptedSentence();
    const begun = interruptedSentence();
    const asked = interruptedSentence({
      audio: { input: { turn_detection: { type: "server_vad", create_response: false } } },
    });
    for (const call of [stopped, begun, asked]) {
      call.client({ type: "response.create" });
      call.speak(concat(voice(300), silence(900)));
      const id = String(response(call, "response.created")["id"]);
      if (call === begun) {
        begin(call);
        call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" });
      }
      call.client({ type: "response.cancel", ...(call !== stopped && { response_id: id }) });
      call.advance(10_000);
      expect(asks(call)).toBe(1);
    }
  });

  test("[R36] a response.create takes an answer asked for in advance back: never two at once", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    expect(asks(call)).toBe(1);
    const early = lastAsk(call);
    call.client({ type: "conversation.item.create", item: RESULT });
    call.client({ type: "response.create" });
    expect(call.commands().filter(({ type }) => type === "cancel")).toMatchObject([{ responseId: early }]);
    call.speak(silence(900));
    expect(asks(call)).toBe(2);
    expect(byType(call, "response.created").length).toBe(1);
  });

  test("[R37] what the relay may not ask for because too many run is asked for at the end of one, and nothing throws", () => {
    const session = { audio: { input: { turn_detection: { type: "server_vad", idle_timeout_ms: 5000 } } } };
    const call = new Call({ session });
    for (let count = 0; count < 8; count += 1) {
      call.client({ type: "response.create", response: { conversation: "none" } });
      begin(call, `side${count}`);
    }
    call.client({ type: "response.create", response: { conversation: "none" }, event_id: "ninth" });
    expect(call.last("error")["error"]).toMatchObject({ code: "too_many_responses", event_id: "ninth" });
    call.speak(TURN);
    expect(asks(call)).toBe(8);
    finish(call, null, "side3");
    expect(asks(call)).toBe(9);
    expect(response(call, "response.created")).toMatchObject({ conversation_id: expect.any(String) });
  });

  test("[R87] so is what the client asked for, of those of several for whom there was no room", () => {
    const session = { audio: { input: { turn_detection: null } } };
    const upstreams = [WIRE, { ...WIRE, name: "other" }];
    const call = new Call({ session, upstreams, limits: { activeResponses: 2 } });
    call.client({ type: "response.create", response: { conversation: "none" } });
    begin(call, "side");
    call.client({ type: "response.create" });
    expect([asks(call), asks(call, "up1.1")]).toEqual([2, 0]);
    call.hibernate();
    finish(call, null, "side");
    expect([asks(call), asks(call, "up1.1")]).toEqual([2, 1]);
  });

  const SIDE = { type: "response.create", response: { conversation: "none" } } as const;
  /** What each ask since then was for: the input that it brought, or whether it is beside. */
  const asked = (call: Call, since: number) =>
    call
      .commands()
      .flatMap((command) => (command.type === "respond" ? [command.options] : []))
      .slice(since)
      .map(({ outOfBand, params }) => (outOfBand ? "beside" : params.input === undefined ? "turn" : "own"));

  test("[R111] what brings its own input is asked for beside the turn's answer, though neither may be asked for yet", () => {
    const input = [{ type: "message", role: "user", content: [{ type: "input_text", text: "Say hello." }] }];
    const call = interruptedSentence({}, { activeResponses: 3 });
    call.client({ type: "response.create", response: { input }, event_id: "mine" });
    for (let count = 0; count < 3; count += 1) {
      call.client(SIDE);
      begin(call, `side${count}`);
    }
    call.speak(silence(900));
    expect(asked(call, 3)).toEqual([]);
    call.hibernate();
    finish(call, null, "side0");
    begin(call, "mine");
    finish(call, null, "mine");
    expect(asked(call, 3)).toEqual(["own", "turn"]);
  });
});
