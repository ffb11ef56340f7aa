/** More words than moderators are asked about at once: long ones, and many. */
import { describe, expect, test } from "vitest";

import type { Call } from "../support/call.ts";
import { inputGuarded, judge, questions, texts, toldOf } from "../support/guard.ts";
import { typesOf } from "../support/race.ts";

const MOST_CHARS = 256 * 1024;

function typed(call: Call, text: string): void {
  const content = [{ type: "input_text", text }];
  call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
}

const asked = (call: Call): number => typesOf(call, "up0.1").filter((type) => type === "respond").length;

/** A text as long as any may be, of which the last word alone would be refused. */
function longest(): string {
  const words = "plain ".repeat(Math.floor((MOST_CHARS - 2000) / 6));
  return `${words}last`;
}

/** Every question is answered as it comes, until one is about this. @returns how many were under way at most. */
function answerAll(call: Call, refused: string | null = null): number {
  let most = 0;
  for (let at = 0; at < questions(call).length; at += 1) {
    most = Math.max(most, questions(call).length - at);
    const bad = refused !== null && (texts(call)[at] ?? "").includes(refused);
    judge(call, at, bad ? "illicit" : null);
  }
  return most;
}

describe("words that are more than moderators are asked about at once", () => {
  test.each(["open", "closed"] as const)(
    "[X235] a text as long as any is judged to its end by a guard that is %s, some of it when the rest has passed",
    (fail) => {
      const call = inputGuarded({ fail });
      typed(call, longest());
      call.client({ type: "response.create" });
      expect(toldOf(call)).toEqual([]);
      expect(questions(call).length).toBeLessThan(60);
      expect(answerAll(call)).toBeLessThan(60);
      expect(questions(call).length).toBeGreaterThan(60);
      expect(texts(call).at(-1)).toMatch(/last$/);
      expect([asked(call), toldOf(call)]).toEqual([1, []]);
    },
  );

  test.each(["open", "closed"] as const)("[X235] and is refused for its last word (%s)", (fail) => {
    const call = inputGuarded({ fail });
    typed(call, longest());
    call.client({ type: "response.create" });
    answerAll(call, "last");
    expect(toldOf(call)).toEqual([{ side: "input", decision: "veto", category: "illicit" }]);
    expect(asked(call)).toBe(0);
  });

  test("[X235] a hundred items that are told at once are judged, each once, and the answer is asked for", () => {
    const call = inputGuarded();
    for (let at = 0; at < 100; at += 1) typed(call, `Line ${at}.`);
    call.client({ type: "response.create" });
    answerAll(call);
    expect(new Set(texts(call)).size).toBe(100);
    expect(texts(call)).toHaveLength(100);
    expect([asked(call), toldOf(call)]).toEqual([1, []]);
  });

  test("[X235] what nobody was asked about by the deadline is as what nobody judged, which is told once", () => {
    const call = inputGuarded({ fail: "open" });
    typed(call, longest());
    call.client({ type: "response.create" });
    const at = questions(call).length;
    call.advance(1000);
    expect(asked(call)).toBe(1);
    expect(toldOf(call)).toEqual([{ side: "input", decision: "open", category: null }]);
    // Who comes later is asked about all the same.
    call.answer(new Int16Array(2400).fill(900));
    typed(call, "And this?");
    call.client({ type: "response.create" });
    const next = texts(call).indexOf("And this?");
    expect(next).toBeGreaterThanOrEqual(at);
    judge(call, next, null);
    expect(asked(call)).toBe(2);
    const closed = inputGuarded();
    typed(closed, longest());
    closed.client({ type: "response.create" });
    closed.advance(1000);
    expect(toldOf(closed)).toEqual([{ side: "input", decision: "closed", category: null }]);
    expect(asked(closed)).toBe(0);
  });

  test("[X235] another isolate asks about the rest", () => {
    const call = inputGuarded();
    typed(call, longest());
    call.client({ type: "response.create" });
    call.hibernate();
    answerAll(call);
    expect(texts(call).at(-1)).toMatch(/last$/);
    expect(asked(call)).toBe(1);
  });
});
