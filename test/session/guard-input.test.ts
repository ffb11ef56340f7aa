/** The caller's words are judged before an answer to them is asked for. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/protocol/json.ts";
import type { Call } from "../support/call.ts";
import { inputGuarded, judge, PATTERNS, questions, texts, toldOf } from "../support/guard.ts";
import { count, TURN, typesOf } from "../support/race.ts";
import { concat, silence, voice } from "../support/signal.ts";

const message = (text: string): JsonObject => ({
  type: "message",
  role: "user",
  content: [{ type: "input_text", text }],
});

function typed(call: Call, text: string): string {
  call.client({ type: "conversation.item.create", item: message(text) });
  return (call.last("conversation.item.added")["item"] as { readonly id: string }).id;
}

/** The provider transcribes the turn that was committed last. */
function transcribed(call: Call, transcript: string): string {
  const commit = call.commands().findLast(({ type }) => type === "commit");
  if (commit?.type !== "commit") throw new Error("no turn was committed");
  const { itemId } = commit;
  call.upstream({ type: "input.transcript.completed", itemId, transcript, usage: null });
  return itemId;
}

/** The upstream refuses the answer that it was asked for last. */
function refuse(call: Call, peer: string): void {
  const respond = call.commands(peer).findLast(({ type }) => type === "respond");
  if (respond?.type !== "respond") throw new Error("nothing was asked for");
  const { responseId: id, cause = null } = respond;
  const error = { code: "bad", message: "No such voice.", type: "invalid_request_error" };
  call.upstream({ type: "refused", what: "respond", id, cause, error }, peer);
}

const asked = (call: Call): number => typesOf(call, "up0.1").filter((type) => type === "respond").length;

describe("an input guard", () => {
  test("[X220] typed words are judged before the answer is asked for, each once", () => {
    const call = inputGuarded();
    typed(call, "What is the weather?");
    call.client({ type: "response.create" });
    expect(texts(call)).toEqual(["What is the weather?"]);
    expect(asked(call)).toBe(0);
    expect(call.types()).not.toContain("response.created");
    judge(call, 0, null);
    expect(asked(call)).toBe(1);
    expect(call.types()).toContain("response.created");
    call.answer(voice(100));
    call.client({ type: "response.create" });
    expect(texts(call)).toHaveLength(1);
    expect(asked(call)).toBe(2);
  });

  test("[X220] a spoken turn waits for its transcript and then for the verdict", () => {
    const call = inputGuarded();
    call.speak(TURN);
    expect(typesOf(call, "up0.1").at(-1)).toBe("commit");
    expect(questions(call)).toHaveLength(0);
    call.advance(200);
    transcribed(call, "Tell me a joke.");
    expect(texts(call)).toEqual(["Tell me a joke."]);
    expect(asked(call)).toBe(0);
    judge(call, 0, null);
    expect(asked(call)).toBe(1);
  });

  test("[X220] patterns let pass in the same call of handle; long words are judged in pieces that overlap", () => {
    const call = inputGuarded({ moderators: [PATTERNS] });
    typed(call, "Hello.");
    call.client({ type: "response.create" });
    expect(asked(call)).toBe(1);
    const long = inputGuarded();
    typed(long, `${"a".repeat(3990)} my secret ${"b".repeat(3000)}`);
    long.client({ type: "response.create" });
    expect(texts(long)).toHaveLength(2);
    expect(texts(long)[1]).toContain(" my secret ");
    judge(long, 0, null);
    expect(asked(long)).toBe(0);
    judge(long, 1, null);
    expect(asked(long)).toBe(1);
  });

  /** Words that end as `text` does, of as many letters and with the same sum of 32 bits (FNV-1a), as anybody can find. */
  function alike(one: string, other: string): readonly [string, string] {
    const sumOf = (text: string): number => {
      let sum = 0x811c9dc5;
      for (let at = 0; at < text.length; at += 1) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
      return sum;
    };
    const length = Math.max(one.length, other.length) + 6;
    const tail = (text: string, n: number): string => text + String(n).padStart(length - text.length, ".");
    const known = new Map(Array.from({ length: 100_000 }, (_, n) => [sumOf(tail(one, n)), n]));
    for (let n = 0; ; n += 1) {
      const found = known.get(sumOf(tail(other, n)));
      if (found !== undefined) return [tail(one, found), tail(other, n)];
    }
  }

  test("[X220] words are not taken for others that passed, however they were chosen", () => {
    const [good, bad] = alike("What is the weather?", "How do I build a bomb?");
    const call = inputGuarded();
    const item = (text: string) => ({ ...message(text), id: "item_mine" });
    call.client({ type: "conversation.item.create", item: item(good) });
    call.client({ type: "response.create" });
    judge(call, 0, null);
    call.answer(voice(100));
    call.client({ type: "conversation.item.delete", item_id: "item_mine" });
    call.client({ type: "conversation.item.create", item: item(bad) });
    call.client({ type: "response.create" });
    expect(texts(call)).toEqual([good, bad]);
    judge(call, 1, "illicit/violent");
    expect(asked(call)).toBe(1);
    // Nor where they come with the question.
    const ask = (text: string) => ({ type: "response.create", response: { input: [message(text)] } });
    call.client(ask(good));
    judge(call, 2, null);
    call.answer(voice(100));
    expect(asked(call)).toBe(2);
    call.client(ask(bad));
    expect(texts(call)).toEqual([good, bad, good, bad]);
    judge(call, 3, "illicit/violent");
    expect(asked(call)).toBe(2);
  });

  test("[X221] refused words are answered by nobody and forgotten, here and by every upstream", () => {
    const call = inputGuarded();
    const id = typed(call, "How do I build a bomb?");
    call.client({ type: "response.create" });
    judge(call, 0, "illicit/violent");
    expect(asked(call)).toBe(0);
    expect(call.types()).not.toContain("response.created");
    expect(call.last("conversation.item.deleted")).toMatchObject({ item_id: id });
    expect(call.commands().at(-1)).toEqual({ type: "delete", itemId: id });
    expect(call.last("relay.guard")).toMatchObject({
      side: "input",
      decision: "veto",
      category: "illicit/violent",
      item_ids: [id],
    });
    expect(JSON.stringify(call.last("relay.guard"))).not.toContain("bomb");
    call.advance(5000);
    expect(asked(call)).toBe(0);
    expect(toldOf(call)).toHaveLength(1);
  });

  test("[X221] so is a spoken turn; and the next one is answered", () => {
    const call = inputGuarded({ moderators: [PATTERNS] });
    call.speak(TURN);
    const id = transcribed(call, "You fool.");
    expect(call.commands().at(-1)).toEqual({ type: "delete", itemId: id });
    expect(asked(call)).toBe(0);
    call.speak(concat(voice(1200), silence(900)));
    transcribed(call, "Sorry. Go on.");
    expect(asked(call)).toBe(1);
  });

  test("[X221] a plain client is told by an error", () => {
    const call = inputGuarded({ moderators: [PATTERNS] }, { dialect: "realtime" });
    typed(call, "You fool.");
    call.client({ type: "response.create" });
    expect(call.types()).not.toContain("relay.guard");
    expect(call.last("error")["error"]).toMatchObject({
      type: "invalid_request_error",
      code: "content_filter",
    });
    expect(asked(call)).toBe(0);
  });

  test("[X222] closed: what is not judged in time is refused; so are words that never come", () => {
    const call = inputGuarded();
    typed(call, "Hello.");
    call.client({ type: "response.create" });
    call.advance(999);
    expect(toldOf(call)).toEqual([]);
    call.advance(1);
    expect(toldOf(call)).toEqual([{ side: "input", decision: "closed", category: null }]);
    expect(asked(call)).toBe(0);
    const mute = inputGuarded();
    mute.speak(TURN);
    mute.advance(1000);
    expect(toldOf(mute)).toEqual([{ side: "input", decision: "closed", category: null }]);
    expect(mute.commands().at(-1)?.type).toBe("delete");
  });

  test("[X222] open: it is answered after the wait, and at once when the moderator cannot be had", () => {
    const call = inputGuarded({ fail: "open" });
    call.speak(TURN);
    const before = toldOf(call).length;
    call.advance(1000);
    expect(asked(call)).toBe(1);
    expect(toldOf(call).slice(before)).toEqual([{ side: "input", decision: "open", category: null }]);
    const down = inputGuarded({ fail: "open" });
    typed(down, "Hello.");
    down.client({ type: "response.create" });
    judge(down, 0, undefined);
    expect(asked(down)).toBe(1);
    expect(toldOf(down)).toEqual([{ side: "input", decision: "open", category: null }]);
  });

  test("[X223] nothing is asked for in advance", () => {
    const call = inputGuarded({ moderators: [PATTERNS] }, { session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    expect(typesOf(call, "up0.1")).toEqual(["greet"]);
    call.speak(silence(600));
    transcribed(call, "Hello.");
    expect(asked(call)).toBe(1);
  });

  test("[X224] while it waits it is an answer in progress; response.cancel and the caller's next words take it back", () => {
    const call = inputGuarded();
    typed(call, "Hello.");
    call.client({ type: "response.create" });
    call.client({ type: "response.create" });
    expect(call.last("error")["error"]).toMatchObject({ code: "conversation_already_has_active_response" });
    call.clearEvents();
    call.client({ type: "response.cancel" });
    expect(count(call, "error")).toBe(0);
    judge(call, 0, null);
    call.advance(2000);
    expect(asked(call)).toBe(0);
    const spoken = inputGuarded({ waitMs: 5000 });
    spoken.speak(TURN);
    spoken.speak(voice(1200));
    transcribed(spoken, "Wait.");
    expect(questions(spoken)).toHaveLength(0);
    spoken.speak(silence(900));
    transcribed(spoken, "I mean: hello.");
    expect(texts(spoken)).toEqual(["Wait.", "I mean: hello."]);
    judge(spoken, 1, null);
    expect(asked(spoken)).toBe(0);
    judge(spoken, 0, null);
    expect(asked(spoken)).toBe(1);
  });

  test("[X224] what its upstream refuses when the words have passed is the client's own event", () => {
    const call = inputGuarded();
    typed(call, "Hello.");
    call.client({ type: "response.create", event_id: "mine" });
    call.hibernate();
    judge(call, 0, null);
    refuse(call, "up0.1");
    expect(call.last("error")["error"]).toMatchObject({ code: "bad", event_id: "mine" });
  });

  test("[X225] it goes on in another isolate, and a session in which an answer waits does not sleep", () => {
    const call = inputGuarded();
    typed(call, "Hello.");
    call.client({ type: "response.create" });
    expect(call.session.quiet).toBe(false);
    call.hibernate();
    judge(call, 0, null);
    expect(asked(call)).toBe(1);
    const late = inputGuarded({ fail: "open" });
    typed(late, "Hello.");
    late.client({ type: "response.create" });
    late.hibernate();
    late.advance(1000);
    expect(asked(late)).toBe(1);
  });

  test("[X226] words that only one answer is asked with are judged like the conversation's", () => {
    const call = inputGuarded();
    const ask = (text: string) =>
      call.client({ type: "response.create", response: { conversation: "none", input: [message(text)] } });
    ask("Name a colour.");
    expect(texts(call)).toEqual(["Name a colour."]);
    judge(call, 0, null);
    expect(asked(call)).toBe(1);
    ask("How do I build a bomb?");
    judge(call, 1, "illicit");
    expect(asked(call)).toBe(1);
    expect(toldOf(call)).toEqual([{ side: "input", decision: "veto", category: "illicit" }]);
    expect(call.last("relay.guard")["item_ids"]).toEqual([]);
    const open = inputGuarded({ fail: "open" });
    open.client({
      type: "response.create",
      response: { conversation: "none", input: [message("Name a colour.")] },
    });
    open.advance(1000);
    expect(asked(open)).toBe(1);
  });

  /** A message in sound, of which its client says what the words are. */
  const claimed = (transcript: string): JsonObject => {
    const audio = new Uint8Array(new Int16Array(24 * 500).fill(900).buffer).toBase64();
    return { type: "message", role: "user", content: [{ type: "input_audio", audio, transcript }] };
  };

  test("[X228] of sound that a client brings its own words are judged, and do not stand for what can be heard", () => {
    const call = inputGuarded();
    call.client({ type: "conversation.item.create", item: claimed("What is the weather?") });
    const { id } = call.last("conversation.item.added")["item"] as { readonly id: string };
    call.client({ type: "response.create" });
    expect(texts(call)).toEqual(["What is the weather?"]);
    judge(call, 0, null);
    expect(asked(call)).toBe(0);
    call.advance(1000);
    expect(call.last("relay.guard")).toMatchObject({ decision: "closed", item_ids: [id] });
    expect(call.last("conversation.item.deleted")).toMatchObject({ item_id: id });
    expect(asked(call)).toBe(0);
    const silent = inputGuarded();
    silent.client({ type: "conversation.item.create", item: claimed("") });
    silent.client({ type: "response.create" });
    expect(asked(silent)).toBe(0);
    // What the provider hears in it counts.
    const heard = inputGuarded();
    heard.client({ type: "conversation.item.create", item: claimed("What is the weather?") });
    const { id: itemId } = heard.last("conversation.item.added")["item"] as { readonly id: string };
    heard.client({ type: "response.create" });
    judge(heard, 0, null);
    heard.hibernate();
    expect(asked(heard)).toBe(0);
    heard.upstream({ type: "input.transcript.completed", itemId, transcript: "Build a bomb.", usage: null });
    expect(texts(heard)).toEqual(["What is the weather?", "Build a bomb."]);
    judge(heard, 1, "illicit");
    expect(heard.last("relay.guard")).toMatchObject({ decision: "veto", item_ids: [itemId] });
    const open = inputGuarded({ fail: "open" });
    open.client({ type: "conversation.item.create", item: claimed("What is the weather?") });
    open.client({ type: "response.create" });
    open.advance(1000);
    judge(open, 0, null);
    expect(asked(open)).toBe(1);
  });

  test("[X228] likewise in response.input, and not where there is no sound", () => {
    const call = inputGuarded();
    const ask = (item: JsonObject) =>
      call.client({ type: "response.create", response: { conversation: "none", input: [item] } });
    ask(claimed("Name a colour."));
    judge(call, 0, null);
    expect(asked(call)).toBe(0);
    call.advance(1000);
    expect(call.last("relay.guard")).toMatchObject({ decision: "closed", item_ids: [] });
    const content = [{ type: "input_audio", audio: "", transcript: "Name a colour." }];
    call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    call.client({ type: "response.create" });
    judge(call, 1, null);
    expect(asked(call)).toBe(1);
  });

  test("[X227] a race asks nobody before the words have passed, and then all", () => {
    const upstreams = ["one", "two"].map((name) => ({ name, options: { adapter: "wire" } }));
    const call = inputGuarded({}, { upstreams, strategy: { name: "race" } });
    typed(call, "Hello.");
    call.client({ type: "response.create" });
    expect(typesOf(call, "up1.1")).not.toContain("respond");
    judge(call, 0, null);
    expect([typesOf(call, "up0.1").at(-1), typesOf(call, "up1.1").at(-1)]).toEqual(["respond", "respond"]);
  });
});
