/** The words of an answer are judged before they and their sound pass. */
import { describe, expect, test } from "vitest";

import { DONE, finish, response as responseIn } from "../support/answering.ts";
import type { Call } from "../support/call.ts";
import {
  answering,
  guarded,
  heardMs,
  judge,
  PATTERNS,
  questions,
  REMOTE,
  shown,
  sound,
  texts,
  toldOf,
  words,
} from "../support/guard.ts";
import { typesOf } from "../support/race.ts";

const FIRST = "The weather is fine today.";
const SECOND = " You are a complete fool, my friend.";

/** Two sentences of a second each, their words first: samples of the first are 1000, of the second 2000. */
function twoSentences(call: Call): Call {
  answering(call);
  words(call, FIRST);
  sound(call, 1000, 1000);
  words(call, SECOND);
  sound(call, 1000, 2000);
  return call;
}

/** Its end is told when its provider says what it cost, or soon after. */
function response(call: Call, type = "response.done") {
  call.advance(400);
  return responseIn(call, type);
}

const itemDone = (call: Call) =>
  call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });

describe("an output guard", () => {
  test("[X200] neither words nor sound of a sentence pass before they were judged, whole and with what was said before", () => {
    const call = twoSentences(guarded());
    expect(texts(call)).toEqual([FIRST, FIRST + SECOND]);
    expect(call.frames).toHaveLength(0);
    expect(shown(call)).toBe("");
    judge(call, 0, null);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([1000, 0]);
    expect(shown(call)).toBe(FIRST);
    judge(call, 1, null);
    expect(heardMs(call, 2000)).toBe(1000);
    expect(shown(call)).toBe(FIRST + SECOND);
    itemDone(call);
    finish(call);
    expect(response(call)["status"]).toBe("completed");
  });

  test("[X200] a later sentence that passes first waits for the one before", () => {
    const call = twoSentences(guarded());
    judge(call, 1, null);
    expect(call.frames).toHaveLength(0);
    judge(call, 0, null);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([1000, 1000]);
  });

  test("[X200] the added delay is the moderator's", () => {
    const call = answering(guarded());
    words(call, FIRST);
    sound(call, 200, 1000);
    call.advance(120);
    judge(call, 0, null);
    expect(heardMs(call, 1000)).toBe(200);
    sound(call, 200, 1000);
    expect(heardMs(call, 1000)).toBe(400);
  });

  test("[X200] a sentence that goes on for half of the window is judged as far as it came", () => {
    const call = answering(guarded());
    words(call, "The weather is");
    sound(call, 400, 1000);
    call.advance(249);
    expect(texts(call)).toEqual([]);
    call.advance(1);
    expect(texts(call)).toEqual(["The weather is"]);
    judge(call, 0, null);
    expect(heardMs(call, 1000)).toBe(400);
    words(call, " fine today.");
    expect(texts(call)[1]).toBe("The weather is fine today.");
  });

  test("[X201] a veto cuts at once: nothing more leaves, the provider is cancelled, and the answer is incomplete for content_filter", () => {
    const call = twoSentences(guarded());
    judge(call, 0, null);
    call.advance(400);
    judge(call, 1, "harassment");
    expect(heardMs(call, 2000)).toBe(0);
    expect(shown(call)).toBe(FIRST);
    expect(typesOf(call, "up0.1")).toContain("cancel");
    sound(call, 1000, 2000);
    words(call, " More.");
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" });
    expect(response(call)).toMatchObject({
      status: "incomplete",
      status_details: { type: "incomplete", reason: "content_filter" },
    });
    expect(heardMs(call, 2000)).toBe(0);
    expect(JSON.stringify(call.events)).not.toContain("fool");
  });

  test("[X201] the player is flushed, and history everywhere is what was heard of what passed", () => {
    const call = twoSentences(guarded());
    judge(call, 0, null);
    call.advance(400);
    judge(call, 1, "harassment");
    expect(call.types()).toContain("output_audio_buffer.cleared");
    const { audio_end_ms } = call.last("conversation.item.truncated");
    expect(audio_end_ms).toBe(400);
    const truncate = call.commands().findLast(({ type }) => type === "truncate");
    expect(truncate).toMatchObject({ audioEndMs: audio_end_ms });
  });

  test("[X201] a plain client plays what had passed, and its provider forgets the rest", () => {
    const call = twoSentences(guarded({}, { dialect: "realtime" }));
    judge(call, 0, null);
    judge(call, 1, "harassment");
    const truncate = call.commands().findLast(({ type }) => type === "truncate");
    expect(truncate).toMatchObject({ audioEndMs: 1000 });
    expect(response(call)["status_details"]).toMatchObject({ reason: "content_filter" });
    expect(call.types()).not.toContain("relay.guard");
  });

  test("[X201] of an answer whose first sentence is refused the provider forgets everything", () => {
    const call = twoSentences(guarded());
    judge(call, 0, "violence");
    expect(call.frames).toHaveLength(0);
    expect(shown(call)).toBe("");
    expect(response(call)["status"]).toBe("incomplete");
    expect(call.commands().findLast(({ type }) => type === "truncate")).toMatchObject({ audioEndMs: 0 });
  });

  test("[X202] relay.guard says what was decided of which answer, by category and without a word of it", () => {
    const call = twoSentences(guarded());
    judge(call, 0, null);
    judge(call, 1, "harassment/threatening");
    expect(call.last("relay.guard")).toMatchObject({
      side: "output",
      decision: "veto",
      category: "harassment/threatening",
      response_id: response(call, "response.created")["id"],
    });
    expect(JSON.stringify(call.last("relay.guard"))).not.toMatch(/fool|weather/);
  });

  test("[X203] without that order words cover what they take at 25 letters a second, and the rest passes at the end", () => {
    const call = answering(guarded({}, { upstreams: [{ name: "wire", options: { adapter: "wire" } }] }));
    sound(call, 2000, 1000);
    words(call, FIRST);
    expect(call.frames).toHaveLength(0);
    judge(call, 0, null);
    // 21 letters.
    expect(heardMs(call, 1000)).toBe(840);
    sound(call, 400, 1000);
    expect(heardMs(call, 1000)).toBe(840);
    itemDone(call);
    expect(heardMs(call, 1000)).toBe(2400);
  });

  test("[X203] the last sound passes only when all words have passed", () => {
    const call = answering(guarded());
    words(call, FIRST);
    sound(call, 1000, 1000);
    words(call, " Bye");
    sound(call, 300, 2000);
    judge(call, 0, null);
    itemDone(call);
    finish(call);
    expect(texts(call)[1]).toBe(`${FIRST} Bye`);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([1000, 0]);
    expect(call.types()).not.toContain("response.done");
    judge(call, 1, null);
    expect(heardMs(call, 2000)).toBe(300);
    expect(response(call)["status"]).toBe("completed");
  });

  test("[X204] what is said instead is an item of the conversation, which the upstreams are told", () => {
    const call = twoSentences(guarded({ replacement: "I would rather not say that." }));
    judge(call, 0, "violence");
    const item = call.last("conversation.item.done")["item"];
    expect(item).toMatchObject({
      role: "assistant",
      content: [{ type: "output_text", text: "I would rather not say that." }],
    });
    expect(call.commands().at(-1)).toMatchObject({ type: "item", item });
    const types = call.types();
    expect(types.indexOf("relay.guard")).toBeLessThan(types.lastIndexOf("conversation.item.added"));
  });

  test("[X206] open: what nobody judged within the window passes, which is told once; who refuses it later cuts the rest", () => {
    const call = twoSentences(guarded({ fail: "open" }));
    call.advance(499);
    expect(call.frames).toHaveLength(0);
    call.advance(1);
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([1000, 1000]);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "open", category: null }]);
    judge(call, 1, "harassment");
    expect(toldOf(call).at(-1)).toEqual({ side: "output", decision: "veto", category: "harassment" });
    expect(response(call)["status_details"]).toMatchObject({ reason: "content_filter" });
  });

  test("[X206] open: a moderator that cannot be had lets pass at once", () => {
    const call = twoSentences(guarded({ fail: "open" }));
    judge(call, 0, undefined);
    expect(heardMs(call, 1000)).toBe(1000);
  });

  test("[X207] closed: what nobody judged within the window is refused, and so is what a moderator fails to judge", () => {
    const late = twoSentences(guarded());
    late.advance(499);
    expect(toldOf(late)).toEqual([]);
    late.advance(1);
    expect(late.frames).toHaveLength(0);
    expect(toldOf(late)).toEqual([{ side: "output", decision: "closed", category: null }]);
    expect(response(late)["status_details"]).toMatchObject({ reason: "content_filter" });
    const down = twoSentences(guarded());
    judge(down, 0, undefined);
    expect(down.frames).toHaveLength(0);
    expect(toldOf(down)).toEqual([{ side: "output", decision: "closed", category: null }]);
  });

  test("[X208] patterns judge at once, in the call of handle that brought the last word; all moderators must let pass", () => {
    const call = answering(guarded({ moderators: [PATTERNS] }));
    words(call, FIRST);
    sound(call, 1000, 1000);
    expect(heardMs(call, 1000)).toBe(1000);
    expect(questions(call)).toHaveLength(0);
    words(call, SECOND);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "veto", category: "insult" }]);
    sound(call, 1000, 2000);
    expect(heardMs(call, 2000)).toBe(0);
    const both = twoSentences(guarded({ moderators: [PATTERNS, REMOTE, REMOTE] }));
    expect(questions(both)).toHaveLength(2);
    const one = answering(guarded({ moderators: [REMOTE, REMOTE] }));
    words(one, FIRST);
    sound(one, 100, 1000);
    judge(one, 0, null);
    expect(one.frames).toHaveLength(0);
    judge(one, 1, null);
    expect(heardMs(one, 1000)).toBe(100);
  });

  test("[X209] a window of 0 holds nothing back, and a veto cuts what follows", () => {
    const call = twoSentences(guarded({ holdMs: 0, fail: "open" }));
    expect([heardMs(call, 1000), heardMs(call, 2000)]).toEqual([1000, 1000]);
    judge(call, 1, "harassment");
    sound(call, 500, 3000);
    expect(heardMs(call, 3000)).toBe(0);
    expect(call.types()).toContain("output_audio_buffer.cleared");
  });

  test("[X210] text is judged like the words of speech", () => {
    const call = guarded({}, { session: { output_modalities: ["text"] } });
    answering(call);
    call.upstream({ type: "text", response: "r", item: "i", delta: `${FIRST} And` });
    expect(shown(call)).toBe("");
    judge(call, 0, null);
    expect(shown(call)).toBe(FIRST);
    call.advance(250);
    expect(texts(call).at(-1)).toBe(`${FIRST} And`);
    judge(call, 1, "violence");
    expect(shown(call)).toBe(FIRST);
    expect(response(call)["status"]).toBe("incomplete");
  });

  test("[X211] a tool call behind words that are not judged waits, and of a refused answer none reaches anybody", () => {
    const calls = (call: Call) => {
      const at = { response: "r", item: "t" };
      call.upstream({ type: "item.started", ...at, kind: "function_call", name: "look", callId: "c" });
      call.upstream({ type: "item.done", ...at, status: "completed", arguments: "{}" });
    };
    const call = twoSentences(guarded());
    itemDone(call);
    calls(call);
    expect(JSON.stringify(call.events)).not.toContain("function_call");
    judge(call, 0, null);
    judge(call, 1, "harassment");
    expect(JSON.stringify(call.events)).not.toContain("function_call");
    const passing = twoSentences(guarded());
    itemDone(passing);
    calls(passing);
    judge(passing, 0, null);
    judge(passing, 1, null);
    expect(passing.types()).toContain("response.function_call_arguments.done");
  });

  test.each([
    ["ends its item first", "incomplete" as const],
    ["does not", null],
  ])(
    "[R85] whose provider fails before it says what it said has failed, and is not refused: it %s",
    (_, status) => {
      const call = answering(guarded());
      sound(call, 1000, 1000);
      if (status !== null) {
        call.upstream({ type: "part.done", response: "r", item: "i", part: 0 });
        call.upstream({ type: "item.done", response: "r", item: "i", status });
      }
      const error = { code: "server_error", message: "Overloaded." };
      const ends = { status: "failed", reason: null, error, usage: null, metadata: null } as const;
      call.upstream({ type: "response.done", response: "r", ...ends });
      expect(toldOf(call)).toEqual([]);
      expect(response(call)).toMatchObject({ status: "failed", status_details: { error } });
      expect(call.frames).toHaveLength(0);
      const ended = call.types().filter((type) => /^response\.(output_item\.)?done$/.test(type));
      expect(ended).toEqual(["response.output_item.done", "response.done"]);
    },
  );

  test("[X217] sound without words is refused where the guard is closed, and passes after the window where it is open", () => {
    const closed = answering(guarded());
    sound(closed, 1000, 1000);
    closed.advance(1000);
    expect(closed.frames).toHaveLength(0);
    itemDone(closed);
    expect(toldOf(closed)).toEqual([{ side: "output", decision: "closed", category: null }]);
    const open = answering(guarded({ fail: "open" }));
    sound(open, 1000, 1000);
    open.advance(499);
    expect(open.frames).toHaveLength(0);
    open.advance(1);
    expect(heardMs(open, 1000)).toBe(1000);
    expect(toldOf(open)).toEqual([{ side: "output", decision: "open", category: null }]);
  });

  test("[X217] some words for minutes of sound are no words for it", () => {
    const call = answering(guarded());
    words(call, FIRST);
    judge(call, 0, null);
    sound(call, 1000, 1000);
    for (let second = 0; second < 20; second += 1) sound(call, 1000, 1000);
    itemDone(call);
    expect(toldOf(call)).toEqual([{ side: "output", decision: "closed", category: null }]);
  });

  test("[X218] more than can be kept is not let pass for that: the answer fails", () => {
    const call = answering(guarded({}, { limits: { laneBytes: 96_000 } }));
    words(call, FIRST);
    sound(call, 1900, 1000);
    expect(call.types()).not.toContain("response.done");
    sound(call, 1900, 1000);
    expect(call.frames).toHaveLength(0);
    expect(response(call)["status_details"]).toMatchObject({ error: { code: "upstream_output_too_long" } });
  });
});
