/** Answers that wait for the caller's words to be judged: beside each other, and when those words go or their client does. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import { CLIENT } from "../../src/session/io.ts";
import { finish } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import { inputGuarded, judge, questions, texts, toldOf } from "../support/guard.ts";
import { TURN } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

const ASIDE = { conversation: "none", metadata: { topic: "mood" } };

const message = (text: string): JsonObject => ({
  type: "message",
  role: "user",
  content: [{ type: "input_text", text }],
});

const typed = (call: Call, text: string) =>
  call.client({ type: "conversation.item.create", item: message(text) });

/** The provider transcribes the turn that was committed last. @returns its item. */
function transcribed(call: Call, transcript: string): string {
  const itemId = String(call.last("input_audio_buffer.committed")["item_id"]);
  call.upstream({ type: "input.transcript.completed", itemId, transcript, usage: null });
  return itemId;
}

/** All that is asked about passes. */
function passes(call: Call): void {
  for (let at = 0; at < questions(call).length; at += 1) judge(call, at, null);
}

/** Whether each answer that was asked for is one beside the conversation. */
const asked = (call: Call) =>
  call.commands().flatMap((command) => (command.type === "respond" ? [command.options.outOfBand] : []));

describe("an answer out of band that waits for the guard", () => {
  // B92
  test("[B92] takes no place of the turn's, nor of another one beside", () => {
    const call = inputGuarded();
    call.speak(TURN);
    call.client({ type: "response.create", response: ASIDE });
    call.client({ type: "response.create", response: ASIDE });
    transcribed(call, "What is the weather?");
    passes(call);
    expect(asked(call)).toEqual([false, true, true]);
  });

  // B92
  test("[B92] keeps nobody from asking in the conversation", () => {
    const call = inputGuarded();
    typed(call, "What is the weather?");
    call.client({ type: "response.create", response: ASIDE });
    call.client({ type: "response.create" });
    expect(call.types()).not.toContain("error");
    passes(call);
    expect(asked(call)).toEqual([true, false]);
  });

  // B92
  test("[B92] is not taken back by the caller's next words, nor by a cancel that does not name it", () => {
    const call = inputGuarded();
    typed(call, "What is the weather?");
    call.client({ type: "response.create", response: ASIDE });
    call.client({ type: "response.cancel" });
    expect(call.last("error")["error"]).toMatchObject({ code: "response_cancel_not_active" });
    call.speak(concat(silence(600), voice(300)));
    passes(call);
    expect(asked(call)).toEqual([true]);
  });

  test("[R111] is asked for beside what is owed already, when words pass and too many run", () => {
    const call = inputGuarded({}, { limits: { activeResponses: 3 } });
    call.speak(TURN);
    for (let at = 0; at < 2; at += 1) call.client({ type: "response.create", response: ASIDE });
    // Answers that go on with others take all the room meanwhile.
    const own = ["a", "b", "c"];
    for (const key of own)
      call.upstream({ type: "response.started", response: key, answers: null, goesOn: true });
    transcribed(call, "What is the weather?");
    passes(call);
    expect(asked(call)).toEqual([]);
    call.hibernate();
    for (const key of own) finish(call, null, key);
    expect(asked(call)).toEqual([true, true, false]);
  });

  // B92
  test("[B92] counts as one that runs", () => {
    const call = inputGuarded({}, { limits: { activeResponses: 2 } });
    typed(call, "What is the weather?");
    for (let at = 0; at < 3; at += 1) call.client({ type: "response.create", response: ASIDE });
    expect(call.last("error")["error"]).toMatchObject({ code: "too_many_responses" });
    passes(call);
    expect(asked(call)).toEqual([true, true]);
  });
});

describe("while an answer waits for the guard", () => {
  // B93
  test("[B93] a turn that the client deletes is not waited for", () => {
    const call = inputGuarded();
    call.speak(TURN);
    const item_id = String(call.last("input_audio_buffer.committed")["item_id"]);
    typed(call, "What is the weather?");
    expect(texts(call)).toEqual(["What is the weather?"]);
    passes(call);
    expect(asked(call)).toEqual([]);
    call.client({ type: "conversation.item.delete", item_id });
    expect(asked(call)).toEqual([false]);
    call.advance(3000);
    expect(toldOf(call)).toEqual([]);
  });

  // B94
  test("[B94] its plain client drops, and the one that comes has its last turn answered", () => {
    const call = inputGuarded({}, { dialect: "realtime" });
    call.speak(TURN);
    call.open.delete(CLIENT);
    call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
    call.advance(500);
    transcribed(call, "What is the weather?");
    passes(call);
    expect(asked(call)).toEqual([]);
    call.connect("realtime");
    passes(call);
    expect(asked(call)).toEqual([false]);
  });
});
