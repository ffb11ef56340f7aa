/** What the session says of itself follows the provider's judgement. */
import { describe, expect, test } from "vitest";

import type { JsonObject, UpstreamFault } from "../../src/upstreams/upstream.ts";
import { Call, WIRE, type CallOptions } from "../support/call.ts";
import type { SentCommand } from "../support/wire-upstream.ts";

const CONFIRMS = { name: "judge", options: { adapter: "wire", settings: { confirms: true } } };
const TOOLS = [{ type: "function", name: "bad name!" }];
const BAD_TOOLS: UpstreamFault = {
  type: "invalid_request_error",
  code: "invalid_value",
  message: "Invalid 'session.tools[0].name'.",
  param: "session.tools[0].name",
};

class Judged extends Call {
  constructor(options: CallOptions = {}) {
    super({ upstreams: [CONFIRMS], ...options });
    if (options.connect === false) return;
    this.upstream({ type: "configured" });
    this.clearEvents();
  }

  update(session: JsonObject, event_id?: string): void {
    this.client({ type: "session.update", session, ...(event_id === undefined ? {} : { event_id }) });
  }

  /** The cause of the last `configure` or `item` that the upstream got. */
  cause(peer = "up0.1"): string | null {
    const command = this.commands(peer).findLast(
      (one: SentCommand) => "cause" in one && one.cause !== undefined,
    );
    return command && "cause" in command ? (command.cause ?? null) : null;
  }

  refuse(fields: readonly string[], error = BAD_TOOLS, cause = this.cause(), peer = "up0.1"): void {
    this.upstream({ type: "refused", what: "configure", id: null, cause, error }, peer);
    this.upstream({ type: "unconfigured", fields }, peer);
  }

  get said(): readonly string[] {
    return this.types().filter((type) => type === "session.updated" || type === "error");
  }

  get shown(): Record<string, unknown> {
    return this.last("session.updated")["session"] as Record<string, unknown>;
  }

  get error(): unknown {
    return this.last("error")["error"];
  }

  /** What the upstream was told last of the configuration, by greeting or by update. */
  told(peer = "up0.1"): unknown {
    const last = this.commands(peer).findLast(({ type }) => type === "greet" || type === "configure");
    return last && "config" in last ? last.config : null;
  }

  lose(peer = "up0.1"): void {
    this.input({ type: "close", peer, code: 1011, reason: "" });
    this.advance(1000);
  }
}

describe("an update", () => {
  test("[G15] is told when the upstream took it", () => {
    const call = new Judged();
    call.update({ instructions: "x" });
    call.advance(300);
    expect(call.said).toEqual([]);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["session.updated"]);
    expect(call.shown).toMatchObject({ instructions: "x" });
    call.advance(5000);
    expect(call.said).toEqual(["session.updated"]);
  });

  test("[G15] is told after a second and a half without a verdict", () => {
    const call = new Judged();
    call.update({ instructions: "x" });
    call.advance(1499);
    expect(call.said).toEqual([]);
    call.advance(1);
    expect(call.said).toEqual(["session.updated"]);
  });

  test("[G15] changes the edge at once, whatever the upstream will say", () => {
    const call = new Judged();
    call.update({ audio: { input: { turn_detection: null, format: { type: "audio/pcmu" } } } });
    call.client({ type: "input_audio_buffer.append", audio: new Uint8Array(800).toBase64() });
    call.client({ type: "input_audio_buffer.commit" });
    expect(call.types()).toContain("input_audio_buffer.committed");
  });

  test("[G15] while the upstream is dialled waits for the verdict on its greeting", () => {
    const call = new Judged({ connect: false });
    call.connect("realtime");
    call.update({ instructions: "x" });
    expect(call.said).toEqual([]);
    call.accept("up0.1");
    expect(call.said).toEqual(["session.updated"]);
  });

  test("[G15] between two dials waits as well, and not for longer than 1.5 s", () => {
    const call = new Judged({ connect: false });
    call.connect("realtime");
    call.open.delete("up0.1");
    call.input({ type: "close", peer: "up0.1", code: 0, reason: "" });
    call.clearEvents();
    call.update({ instructions: "x" });
    call.advance(1400);
    expect(call.said).toEqual([]);
    call.advance(100);
    expect(call.said).toEqual(["session.updated"]);
  });

  test("[G15] while nothing is connected, nor being dialled, is told at once", () => {
    const call = new Judged();
    call.advance(300_000);
    call.clearEvents();
    expect(call.open.has("up0.1")).toBe(false);
    call.update({ instructions: "x" });
    expect(call.said).toEqual(["session.updated"]);
  });

  test("[G15] of an upstream that gives no verdicts is told at once", () => {
    const call = new Call();
    call.client({ type: "session.update", session: { instructions: "x" } });
    expect(call.types().at(-1)).toBe("session.updated");
  });

  test("[G15] several in flight are told in order, each with the state as of it", () => {
    const call = new Judged();
    call.update({ instructions: "one" });
    call.update({ instructions: "two", max_output_tokens: 9 });
    call.update({ audio: { output: { speed: 1.2 } } });
    call.hibernate();
    call.upstream({ type: "configured" });
    const states = call.events.map(({ session }) => session as Record<string, unknown>);
    expect(states.map((state) => [state["instructions"], state["max_output_tokens"]])).toEqual([
      ["one", "inf"],
      ["two", 9],
      ["two", 9],
    ]);
  });
});

describe("a refused update", () => {
  test("[G16] of one field is the provider's error under the event's id, and nothing else", () => {
    const call = new Judged();
    call.update({ tools: TOOLS }, "mine");
    call.refuse(["tools"]);
    call.upstream({ type: "configured" });
    call.advance(5000);
    expect(call.said).toEqual(["error"]);
    expect(call.error).toEqual({ ...BAD_TOOLS, event_id: "mine" });
    call.update({}, "next");
    call.upstream({ type: "configured" });
    expect(call.shown).toMatchObject({ tools: [] });
    expect(call.told()).toMatchObject({ tools: [] });
  });

  test("[G16] of which a part remains is told with the truth", () => {
    const call = new Judged();
    call.update({ tools: TOOLS, instructions: "kept" }, "mine");
    call.refuse(["tools"]);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.shown).toMatchObject({ tools: [], instructions: "kept" });
  });

  test("[G16] without an event_id is found as well", () => {
    const call = new Judged();
    call.update({ tools: [{ type: "function", name: "good" }] });
    call.update({ tools: TOOLS });
    call.refuse(["tools"]);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.error).toMatchObject({ event_id: null, param: "session.tools[0].name" });
    expect(call.shown).toMatchObject({ tools: [{ name: "good" }] });
  });

  test("[G16] between two others goes back to the one before it, and the one after it stands", () => {
    const call = new Judged();
    call.update({ instructions: "one", max_output_tokens: 1 }, "a");
    call.update({ instructions: "two" }, "b");
    const refused = call.cause();
    call.update({ max_output_tokens: 3 }, "c");
    call.refuse(["instructions"], { ...BAD_TOOLS, param: "session.instructions" }, refused);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated", "session.updated"]);
    expect(call.error).toMatchObject({ event_id: "b" });
    expect(call.shown).toMatchObject({ instructions: "one", max_output_tokens: 3 });
  });

  test("[G16] that was mended meanwhile leaves the mended value alone", () => {
    const call = new Judged();
    call.update({ tools: TOOLS }, "a");
    const refused = call.cause();
    call.update({ tools: [{ type: "function", name: "good" }] }, "b");
    call.refuse(["tools"], BAD_TOOLS, refused);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.shown).toMatchObject({ tools: [{ name: "good" }] });
  });

  test("[G16] after it was told is an error and the truth", () => {
    const call = new Judged();
    call.update({ tools: TOOLS }, "late");
    call.advance(2000);
    expect(call.shown).toMatchObject({ tools: TOOLS });
    call.refuse(["tools"]);
    call.advance(2000);
    expect(call.said).toEqual(["session.updated", "error", "session.updated"]);
    expect(call.error).toMatchObject({ event_id: "late" });
    expect(call.shown).toMatchObject({ tools: [] });
  });

  test("[G16] of a setting that the edge follows changes the edge back", () => {
    const settings = { confirms: true, turns: "server" };
    const call = new Judged({ upstreams: [{ name: "judge", options: { adapter: "wire", settings } }] });
    const before = call.session.snapshot().config.audio.input.turn_detection;
    call.update({ audio: { input: { turn_detection: { type: "semantic_vad", eagerness: "low" } } } }, "t");
    call.refuse(["turnDetection"]);
    call.upstream({ type: "configured" });
    expect(call.session.snapshot().config.audio.input.turn_detection).toEqual(before);
    expect(call.said).toEqual(["error"]);
  });

  test("[G16] as a whole, and then field by field, goes back with each field that is named", () => {
    const call = new Judged();
    call.update({ tools: TOOLS, instructions: "kept", max_output_tokens: 9 }, "mine");
    const cause = call.cause();
    call.upstream({ type: "refused", what: "configure", id: null, cause, error: BAD_TOOLS });
    call.advance(100);
    call.upstream({ type: "unconfigured", fields: ["tools"] });
    call.hibernate();
    call.upstream({ type: "unconfigured", fields: ["maxOutputTokens"] });
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.shown).toMatchObject({ tools: [], instructions: "kept", max_output_tokens: "inf" });
  });

  test("[G16] of extra keys goes back by their names", () => {
    const call = new Judged();
    call.update({
      prompt: { id: "p" },
      truncation: "disabled",
      audio: { input: { noise_reduction: { type: "x" } } },
    });
    call.refuse(["extra.prompt", "extra.truncation", "extra.noise_reduction"]);
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error"]);
    expect(call.told()).toMatchObject({ extra: { truncation: "auto" } });
    expect(call.session.snapshot().config).toMatchObject({
      prompt: null,
      truncation: "auto",
      audio: { input: { noise_reduction: null } },
    });
  });
});

describe("a refused value", () => {
  test("[G17] is never said again: not to the next connection, not after parking", () => {
    const call = new Judged();
    call.update({ tools: TOOLS, instructions: "kept" }, "mine");
    call.refuse(["tools"]);
    call.upstream({ type: "configured" });
    call.lose();
    call.accept("up0.2");
    expect(call.told("up0.2")).toMatchObject({ tools: [], instructions: "kept" });
  });

  test("[G17] in a greeting after an update while it was parked is an error with that update's id, and the truth", () => {
    const call = new Judged({ limits: { parkMs: 1000 } });
    call.update({ instructions: "good" }, "first");
    call.upstream({ type: "configured" });
    call.advance(5000);
    call.clearEvents();
    call.update({ tools: TOOLS }, "mine");
    call.update({ instructions: "better" }, "other");
    expect(call.said).toEqual(["session.updated", "session.updated"]);
    call.client({ type: "response.create" });
    call.input({ type: "open", peer: "up0.2" });
    expect(call.told("up0.2")).toMatchObject({ tools: TOOLS });
    call.hibernate();
    call.refuse(["tools"], BAD_TOOLS, null, "up0.2");
    call.upstream({ type: "ready" }, "up0.2");
    call.upstream({ type: "configured" }, "up0.2");
    expect(call.said.slice(2)).toEqual(["error", "session.updated"]);
    expect(call.error).toMatchObject({ event_id: "mine" });
    expect(call.shown).toMatchObject({ tools: [], instructions: "better" });
    expect(call.told("up0.2")).toMatchObject({ tools: [], instructions: "better" });
  });

  test("[G17] of the token's session is at its default from then on", () => {
    const call = new Judged({ connect: false, session: { tools: TOOLS } });
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    call.refuse(["tools"], BAD_TOOLS, null);
    call.accept("up0.1");
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.shown).toMatchObject({ tools: [] });
    call.lose();
    call.input({ type: "open", peer: "up0.2" });
    expect(call.told("up0.2")).toMatchObject({ tools: [] });
  });

  test("[G17] lost in flight with its connection is judged by the next one's greeting", () => {
    const call = new Judged();
    call.update({ tools: TOOLS }, "mine");
    call.lose();
    call.input({ type: "open", peer: "up0.2" });
    call.refuse(["tools"], BAD_TOOLS, null, "up0.2");
    call.accept("up0.2");
    call.upstream({ type: "configured" }, "up0.2");
    call.advance(5000);
    expect(
      call.events.filter(({ error }) => (error as JsonObject | undefined)?.["event_id"] === "mine").length,
    ).toBe(1);
    expect(call.session.snapshot().config.tools).toEqual([]);
  });

  test("[G18] at another upstream than the first is told with its name and changes nothing", () => {
    const call = new Judged({ upstreams: [CONFIRMS, { ...CONFIRMS, name: "second" }] });
    call.upstream({ type: "configured" }, "up1.1");
    call.update({ tools: TOOLS }, "mine");
    call.refuse(["tools"], BAD_TOOLS, call.cause("up1.1"), "up1.1");
    call.upstream({ type: "configured" });
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.error).toMatchObject({ event_id: "mine", message: expect.stringMatching(/^second: /) });
    expect(call.shown).toMatchObject({ tools: TOOLS });
  });

  test("[G18] the transcriber's verdict counts for the words of the caller", () => {
    const transcriber = {
      name: "ear",
      options: { adapter: "wire", settings: { confirms: true, turns: "server" } },
    };
    const call = new Judged({ transcriber });
    call.upstream({ type: "configured" }, "up1.1");
    call.update({ instructions: "x", audio: { input: { transcription: { model: "none" } } } }, "mine");
    call.upstream({ type: "configured" });
    expect(call.said).toEqual([]);
    call.refuse(["transcription"], BAD_TOOLS, call.cause("up1.1"), "up1.1");
    call.upstream({ type: "configured" }, "up1.1");
    expect(call.said).toEqual(["error", "session.updated"]);
    expect(call.shown).toMatchObject({ instructions: "x", audio: { input: { transcription: null } } });
  });
});

describe("a refused command", () => {
  const item = { id: "mine", type: "message", role: "user", content: [{ type: "input_text", text: "x" }] };
  const error = { type: "invalid_request_error", code: "nope", message: "No.", param: "item.content[0]" };

  test.each([["named"], [undefined]])(
    "[I14] takes an item out again that was announced (event_id %s)",
    (eventId) => {
      const call = new Judged();
      call.client({ type: "conversation.item.create", item, ...(eventId ? { event_id: eventId } : {}) });
      call.upstream({ type: "refused", what: "item", id: "mine", cause: call.cause(), error });
      expect(call.types().slice(-2)).toEqual(["error", "conversation.item.deleted"]);
      expect(call.error).toEqual({ ...error, event_id: eventId ?? null });
      call.client({ type: "conversation.item.retrieve", item_id: "mine" });
      expect(call.error).toMatchObject({ code: "item_retrieve_invalid_item_id" });
      call.lose();
      call.accept("up0.2");
      expect(call.commandTypes("up0.2")).not.toContain("item");
    },
  );

  test("[I14] at the second of two upstreams is told with its name, and the item stays", () => {
    const call = new Judged({ upstreams: [WIRE, { ...CONFIRMS, name: "second" }] });
    call.client({ type: "conversation.item.create", item, event_id: "e" });
    const cause = call.cause("up1.1");
    call.upstream({ type: "refused", what: "item", id: "mine", cause, error }, "up1.1");
    expect(call.error).toMatchObject({ event_id: "e", message: "second: No." });
    expect(call.types()).not.toContain("conversation.item.deleted");
  });

  test.each([["truncate"], ["delete"], ["respond"], ["clear"], ["commit"]] as const)(
    "[E17] %s is the provider's own error under the event's id",
    (what) => {
      const call = new Judged();
      call.upstream({ type: "refused", what, id: null, cause: "mine", error });
      expect(call.error).toEqual({ ...error, event_id: "mine" });
    },
  );

  test("[E17] of the relay's own is no business of the client's, but for a turn that is lost", () => {
    const call = new Judged();
    for (const what of ["item", "truncate", "delete", "cancel", "clear"] as const) {
      call.upstream({ type: "refused", what, id: null, cause: null, error });
    }
    expect(call.types()).toEqual([]);
    call.upstream({ type: "refused", what: "commit", id: null, cause: null, error });
    expect(call.error).toMatchObject({ type: "server_error", message: "judge: No.", event_id: null });
  });

  test("[E17] what a new connection is told of before is not the event's for which it was dialled", () => {
    const call = new Judged({ limits: { parkMs: 1000 } });
    call.client({ type: "conversation.item.create", item, event_id: "before" });
    call.advance(5000);
    call.client({ type: "response.create", event_id: "asks" });
    call.accept("up0.2");
    const told = call.commands("up0.2");
    expect(told.find(({ type }) => type === "item")).not.toHaveProperty("cause");
    expect(told.find(({ type }) => type === "respond")).toMatchObject({ cause: "asks" });
  });
});
