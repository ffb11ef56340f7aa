/** Judgements that came to nothing before: of a truncation, of a standby's greeting; and what nothing more is said of. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { Call, WIRE } from "../support/call.ts";
import { voice } from "../support/signal.ts";

const REFUSAL = { type: "invalid_request_error", code: "invalid_value", message: "No." };
const MANUAL = { audio: { input: { turn_detection: null } } };
const WORDS = "one two three four five six seven eight nine ten";

describe("a truncation that an upstream refuses", () => {
  const cut = (dialect: "realtime" | "duplex.v1" = "realtime") => {
    const call = new Call({ session: MANUAL, dialect });
    call.client({ type: "response.create" });
    call.answer(voice(2000), WORDS);
    const { id } = call.last("response.output_item.done")["item"] as { id: string };
    const at = { item_id: id, content_index: 0, audio_end_ms: 1000 };
    call.client({ type: "conversation.item.truncate", ...at, event_id: "mine" });
    const asked = call.commands().findLast(({ type }) => type === "truncate");
    const cause = asked !== undefined && "cause" in asked ? (asked.cause ?? null) : null;
    call.upstream({ type: "refused", what: "truncate", id, cause, error: REFUSAL });
    return { call, id };
  };

  test("[R60] has it forget the item, and told in words what was heard", () => {
    const { call, id } = cut();
    expect(call.last("error")["error"]).toMatchObject({ code: "invalid_value", event_id: "mine" });
    const [forgets, told] = call.commands().slice(-2);
    expect(forgets).toMatchObject({ type: "delete", itemId: id });
    expect(told).toMatchObject({ type: "item", item: { id, role: "assistant" } });
    expect(JSON.stringify(told)).toContain("one two");
    expect(JSON.stringify(told)).not.toContain("seven");
  });

  test("[R60] once: cut again, it is told anew and not truncated there", () => {
    const { call, id } = cut();
    const before = call.commands().length;
    const at = { item_id: id, content_index: 0, audio_end_ms: 300 };
    call.client({ type: "conversation.item.truncate", ...at });
    expect(call.commands().slice(before)).toMatchObject([{ type: "delete" }, { type: "item" }]);
    const told = call.commands().length;
    call.upstream({ type: "refused", what: "truncate", id, cause: null, error: REFUSAL });
    expect(call.commands()).toHaveLength(told);
  });

  test("[R60] of an item that is gone it is no matter", () => {
    const { call } = cut();
    const before = call.commands().length;
    call.upstream({ type: "refused", what: "truncate", id: "item_gone", cause: null, error: REFUSAL });
    expect(call.commands()).toHaveLength(before);
  });
});

describe("what a standby makes of its greeting", () => {
  const TOOLS = [{ type: "function", name: "f", parameters: {} }];
  const judged = { adapter: "wire", settings: { confirms: true } };
  const made = (dialect: "realtime" | "duplex.v1" = "realtime") => {
    const call = new Call({
      upstreams: [{ ...WIRE, options: judged, standby: true, fallback: [judged] }],
      session: { tools: TOOLS },
      dialect,
    });
    call.upstream({ type: "configured" });
    call.accept("up0.2");
    const refused = { type: "refused", what: "configure", id: null, cause: null, error: REFUSAL } as const;
    call.upstream(refused, "up0.2");
    call.upstream({ type: "unconfigured", fields: ["tools"] }, "up0.2");
    return call;
  };
  const fail = (call: Call) => {
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.advance(2000);
  };

  test("[U61] counts when it serves: what it refused is not shown as in force", () => {
    const call = made("duplex.v1");
    expect(call.types()).not.toContain("error");
    expect(call.types()).not.toContain("session.updated");
    fail(call);
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: [] });
    expect(JSON.stringify(call.events)).toContain("No.");
  });

  test("[U61] also after another isolate took over meanwhile", () => {
    const call = made();
    call.hibernate();
    fail(call);
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: [] });
  });
});

describe("a transcript that may still grow", () => {
  // A commit that nobody asks about would wait for that.
  const settings = { profile: "xai", quirks: { answersCommits: false } };
  const options = { adapter: "openai-compatible", url: "https://p.test/v1/realtime", model: "m", settings };
  const TRANSCRIPTION = "conversation.item.input_audio_transcription";
  const said = (transcript: string): JsonObject => ({
    type: `${TRANSCRIPTION}.completed`,
    item_id: "theirs",
    content_index: 0,
    transcript,
  });
  const heard = () => {
    const call = new Call({
      session: { audio: { input: { turn_detection: null, transcription: { model: "m" } } } },
      upstreams: [{ name: "p", options }],
      createUpstream,
    });
    const provider = (event: JsonObject) =>
      call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
    provider({ type: "session.created", session: {} });
    provider({ type: "session.updated", session: {} });
    call.speak(voice(500));
    call.client({ type: "input_audio_buffer.commit" });
    // Grok answers commits: one that no answer is asked for goes to it after a while.
    call.advance(5100);
    provider({ type: "input_audio_buffer.committed", item_id: "theirs" });
    return { call, provider };
  };

  test("[U60] and of which nothing more is said for five seconds is over", () => {
    const { call, provider } = heard();
    provider(said("Hello"));
    call.advance(4000);
    provider(said("Hello there."));
    call.advance(4900);
    expect(call.types()).not.toContain(`${TRANSCRIPTION}.completed`);
    call.advance(200);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Hello there." });
    call.advance(20_000);
    expect(call.types().filter((type) => type === `${TRANSCRIPTION}.completed`)).toHaveLength(1);
  });

  test("[U60] also one that was said to go on, and in another isolate", () => {
    const { call, provider } = heard();
    provider({ ...said("Hello"), status: "in_progress" });
    call.hibernate();
    call.advance(5100);
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Hello" });
  });

  test("[U60] and one that ended leaves nothing due", () => {
    const { call, provider } = heard();
    provider(said("Hello"));
    provider({ ...said("Hello there."), status: "completed" });
    expect(call.last(`${TRANSCRIPTION}.completed`)).toMatchObject({ transcript: "Hello there." });
    expect(
      call.session
        .snapshot()
        .context.deadlines.map(([name]) => name)
        .join(),
    ).not.toContain("settle");
  });
});

describe("names that a client guessed", () => {
  /** The next names of the session. */
  const guesses = (id: string): string[] => {
    const [, prefix = "", count = ""] = /^(item_.*?)(.{4})$/.exec(id) ?? [];
    return Array.from({ length: 40 }, (_, at) => {
      return `${prefix}${(parseInt(count, 36) + at + 1).toString(36).padStart(4, "0")}`;
    });
  };
  const text = (id?: string): JsonObject => ({
    ...(id === undefined ? {} : { id }),
    type: "message",
    role: "user",
    content: [{ type: "input_text", text: "hi" }],
  });

  test("[I61] are given to nothing else: the answer has another, and the connection stays", () => {
    const call = new Call({ session: MANUAL });
    call.client({ type: "conversation.item.create", item: text() });
    const { id } = call.last("conversation.item.added")["item"] as { id: string };
    for (const guess of guesses(id)) call.client({ type: "conversation.item.create", item: text(guess) });
    expect(call.types()).not.toContain("error");
    call.client({ type: "conversation.item.create", item: text() });
    call.client({ type: "response.create" });
    call.answer(voice(100), "Yes.");
    const placed = { id: "theirs", type: "mcp_list_tools", server_label: "a", tools: [] };
    call.upstream({ type: "item.placed", item: "theirs", whole: placed, done: true });
    expect(call.types()).not.toContain("error");
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    expect(call.open.has("up0.1")).toBe(true);
    const ids = call.events.flatMap((event) =>
      event.type === "conversation.item.added" ? [(event["item"] as { id: string }).id] : [],
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("[I61] nor does a client take the name of an item that is announced and not placed yet", () => {
    const call = new Call({ session: MANUAL });
    call.upstream({
      type: "passed",
      item: "theirs",
      event: { type: "mcp_list_tools.in_progress", item_id: "theirs" },
    });
    const id = String(call.last("mcp_list_tools.in_progress")["item_id"]);
    call.client({ type: "conversation.item.create", item: text(id) });
    const placed = { id: "theirs", type: "mcp_list_tools", server_label: "a", tools: [] };
    call.upstream({ type: "item.placed", item: "theirs", whole: placed, done: true });
    expect(call.types()).not.toContain("error");
    expect(call.last("conversation.item.done")["item"]).toMatchObject({ type: "mcp_list_tools" });
    expect(call.open.has("up0.1")).toBe(true);
  });
});

describe("an answer that has ended", () => {
  test("[R61] keeps nothing of what it was asked with", () => {
    const call = new Call({ session: MANUAL });
    const audio = new Uint8Array(voice(1000).buffer).toBase64();
    const input = [{ type: "message", role: "user", content: [{ type: "input_audio", audio }] }];
    call.client({ type: "response.create", response: { conversation: "none", input } });
    const held = () => JSON.stringify(call.session.snapshot().responses).length;
    expect(held()).toBeGreaterThan(audio.length);
    call.answer(voice(100), "Yes.");
    expect(call.types()).toContain("response.done");
    expect(held()).toBeLessThan(10_000);
  });
});
