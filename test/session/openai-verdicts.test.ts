/** The provider's judgement through the real adapter: what the client is told, and what later connections are. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { Call, type CallOptions } from "../support/call.ts";

const OPTIONS = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
const BAD_TOOL = { type: "function", name: "bad name!" };

/** A provider that judges as OpenAI does: an update is taken whole or refused whole, by the event's id. */
class JudgedCall extends Call {
  #read = 0;
  peer = "up0.1";
  held = false;

  constructor(options: CallOptions = {}) {
    super({ upstreams: [{ name: "p", options: OPTIONS }], createUpstream, connect: false, ...options });
    this.connect("realtime");
    this.answerDial();
  }

  answerDial(peer = "up0.1"): void {
    this.peer = peer;
    this.#read = 0;
    this.input({ type: "open", peer });
    this.provider({ type: "session.created", session: { type: "realtime" } });
    this.judge();
  }

  provider(event: JsonObject): void {
    this.input({ type: "message", peer: this.peer, data: JSON.stringify(event) });
  }

  get got(): readonly JsonObject[] {
    return this.commands(this.peer) as unknown as readonly JsonObject[];
  }

  /** Answers all that it was sent. */
  judge(): void {
    for (let event = this.got[this.#read]; event !== undefined; event = this.got[this.#read]) {
      this.#read += 1;
      const { type, event_id = null } = event;
      const bad = JSON.stringify(event).includes("bad name!");
      const refusal = { type: "invalid_request_error", code: "invalid_value", message: "Invalid name." };
      const param = type === "session.update" ? "session.tools[0].name" : "item.content[0].text";
      if (bad) this.provider({ type: "error", error: { ...refusal, param, event_id } });
      else if (type === "session.update")
        this.provider({ type: "session.updated", session: event["session"] ?? null });
    }
  }

  update(session: JsonObject, event_id: string): void {
    this.client({ type: "session.update", event_id, session });
    if (!this.held) this.judge();
  }

  get said(): readonly string[] {
    return this.types().filter((type) => type === "session.updated" || type === "error");
  }

  greeting(): string {
    return JSON.stringify(this.got.filter(({ type }) => type === "session.update"));
  }
}

describe("with the real adapter", () => {
  test("[G16] a refused field is the provider's error, and nothing is shown that is not in force", () => {
    const call = new JudgedCall();
    call.clearEvents();
    call.update({ tools: [BAD_TOOL] }, "mine");
    call.advance(5000);
    expect(call.said).toEqual(["error"]);
    expect(call.last("error")["error"]).toMatchObject({
      type: "invalid_request_error",
      code: "invalid_value",
      param: "session.tools[0].name",
      event_id: "mine",
    });
  });

  test("[G16] what else the update says is in force, shown and said to the provider", () => {
    const call = new JudgedCall();
    call.clearEvents();
    call.update({ tools: [BAD_TOOL], instructions: "kept" }, "mine");
    call.advance(5000);
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: [], instructions: "kept" });
    const alone = { type: "session.update", session: { type: "realtime", instructions: "kept" } };
    expect(call.got.map(({ type, session }) => ({ type, session }))).toContainEqual(alone);
  });

  test("[G17] neither after a loss nor after parking is the refused value said again", () => {
    const call = new JudgedCall({ limits: { parkMs: 10_000 } });
    call.update({ tools: [BAD_TOOL], instructions: "kept" }, "mine");
    call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
    call.advance(1000);
    call.answerDial("up0.2");
    expect(call.greeting()).not.toContain("bad name!");
    expect(call.greeting()).toContain("kept");
    call.advance(20_000);
    call.client({ type: "response.create" });
    call.answerDial("up0.3");
    expect(call.greeting()).not.toContain("bad name!");
    expect(call.greeting()).toContain("kept");
  });

  test("[G17] refused in the greeting after parking, it is an error with its event's id, then the truth", () => {
    const call = new JudgedCall({ limits: { parkMs: 10_000 } });
    call.advance(20_000);
    call.clearEvents();
    call.update({ tools: [BAD_TOOL], instructions: "kept" }, "mine");
    expect(call.said).toEqual(["session.updated"]);
    call.client({ type: "response.create" });
    call.answerDial("up0.2");
    call.advance(10);
    expect(call.said).toEqual(["session.updated", "error", "session.updated"]);
    expect(call.last("error")["error"]).toMatchObject({ event_id: "mine" });
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: [], instructions: "kept" });
    expect(call.got.some(({ type }) => type === "response.create")).toBe(true);
    call.advance(1000);
    call.update({ instructions: "next" }, "later");
    expect(call.last("session.updated")["session"]).toMatchObject({ instructions: "next" });
  });

  test("[G15] several updates are told in order when the last was judged", () => {
    const call = new JudgedCall();
    call.clearEvents();
    call.held = true;
    call.update({ instructions: "one" }, "a");
    call.update({ tools: [BAD_TOOL] }, "b");
    call.update({ instructions: "three" }, "c");
    expect(call.said).toEqual([]);
    call.judge();
    expect(call.said).toEqual(["error", "session.updated", "session.updated"]);
    expect(call.last("error")["error"]).toMatchObject({ event_id: "b" });
    expect(call.last("session.updated")["session"]).toMatchObject({ tools: [], instructions: "three" });
  });

  test("[I14] a refused item is gone", () => {
    const call = new JudgedCall();
    const item = {
      id: "mine",
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "bad name!" }],
    };
    call.client({ type: "conversation.item.create", item });
    call.judge();
    expect(call.types().slice(-2)).toEqual(["error", "conversation.item.deleted"]);
    expect(call.last("error")["error"]).toMatchObject({ param: "item.content[0].text", event_id: null });
    expect(call.session.snapshot().conversation.entries).toEqual([]);
  });
});
