/** Observers of the application's, beside the client (docs/control.md). */
import { describe, expect, test } from "vitest";
import { CLIENT } from "../../src/session/io.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { changed } from "../support/changed.ts";
import { Call, type CallOptions } from "../support/call.ts";
import { seeded, silence, voice } from "../support/signal.ts";
import { Watcher } from "../support/watcher.ts";

const LOCKS = { fields: ["instructions"], toolTypes: ["function"] };
const message = (text: string) => ({
  type: "message",
  role: "system",
  content: [{ type: "input_text", text }],
});
const samples = new Int16Array(24 * 300).fill(500);

function begun(options: CallOptions = {}): Call {
  return new Call({ dialect: "duplex.v1", ...options });
}

/** A spoken turn and its answer. */
function converse(call: Call): void {
  call.speak(voice(800));
  call.speak(silence(800));
  call.answer(samples);
  call.advance(1000);
}

describe("what an observer is told", () => {
  test.each(["realtime", "duplex.v1", "openai-beta"] as const)(
    "[N31] all events of a %s call in the OpenAI dialect, and no audio",
    (dialect) => {
      const call = new Call({ dialect });
      const observer = new Watcher(call);
      converse(call);
      for (const type of [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.done",
      ])
        expect(observer.types).toContain(type);
      expect(observer.types).not.toContain("response.output_audio.delta");
      expect(JSON.stringify(observer.events)).not.toMatch(/server_event_seq|resume_token/);
      const ids = observer.events.map(({ event_id }) => event_id);
      expect(new Set(ids).size).toBe(ids.length);
    },
  );

  test("[N31] what is heard, where it asked for it: the agent's audio and the caller's", () => {
    const call = begun();
    const [deaf, hears] = [new Watcher(call, 1), new Watcher(call, 2, { audio: true })];
    converse(call);
    const bytes = (type: string, of: Watcher): number =>
      of.events
        .filter((event) => event.type === type)
        .reduce((sum, { delta }) => sum + Uint8Array.fromBase64(String(delta)).byteLength, 0);
    expect(bytes("response.output_audio.delta", hears)).toBe(samples.byteLength);
    expect(bytes("relay.input_audio.delta", hears)).toBe(24 * 1600 * 2);
    expect(bytes("response.output_audio.delta", deaf) + bytes("relay.input_audio.delta", deaf)).toBe(0);
  });

  test("[N32] who comes late is told the session and the conversation first, without the client's way back", () => {
    const call = begun();
    converse(call);
    const observer = new Watcher(call);
    expect(observer.events.map(({ type }) => type)).toEqual([
      "session.created",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.added",
      "conversation.item.done",
    ]);
    expect(JSON.stringify(call.last("session.created"))).toContain("resume_token");
    expect(JSON.stringify(observer.events)).not.toContain("resume_token");
    const roles = observer.events.flatMap(({ item }) => (item as { role?: string })?.role ?? []);
    expect(roles).toEqual(["user", "user", "assistant", "assistant"]);
  });

  test("[N32] an answer that is being said is told as far as it is, and goes on", () => {
    const call = begun();
    call.speak(voice(800));
    call.speak(silence(800));
    call.beginAnswer();
    const observer = new Watcher(call);
    expect(observer.types.at(-1)).toBe("conversation.item.added");
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
    call.finishAnswer();
    expect(observer.last("response.done")).toMatchObject({ response: { status: "completed" } });
  });

  test("[N33] the client is told the same, under the same numbers, with and without observers", () => {
    const play = (watched: boolean): Call => {
      const call = begun();
      const watchers = watched ? [new Watcher(call, 1), new Watcher(call, 2, { audio: true })] : [];
      converse(call);
      converse(call);
      for (const { types } of watchers) expect(types).toContain("response.done");
      return call;
    };
    const [alone, watched] = [play(false), play(true)];
    const said = ({ events }: Call) =>
      events.map(({ type, server_event_seq }) => `${type} ${String(server_event_seq)}`);
    expect(said(watched)).toEqual(said(alone));
    expect(watched.frames).toEqual(alone.frames);
    expect(watched.order).toEqual(alone.order);
    expect(watched.commandTypes()).toEqual(alone.commandTypes());
  });

  test("[N33] a client that comes back is retold what it missed, and an observer is not", () => {
    const call = new Call();
    converse(call);
    const observer = new Watcher(call);
    call.speak(voice(800));
    const before = observer.events.length;
    call.open.delete(CLIENT);
    call.input({ type: "close", peer: CLIENT, code: 1006, reason: "" });
    call.clearEvents();
    call.connect("realtime");
    expect(call.types()).toContain("conversation.item.added");
    expect(call.types()).toContain("input_audio_buffer.speech_started");
    expect(observer.events.slice(before).map(({ type }) => type)).toEqual(["session.created"]);
  });
});

describe("what an observer may do", () => {
  test("[N34] it changes what is locked for the client, but not what the route locks, nor the client's formats", () => {
    const plan = { instructions: "Be kind." };
    const call = begun({ locks: LOCKS, planSession: plan });
    const observer = new Watcher(call);
    const update = (session: JsonObject) => ({ type: "session.update", event_id: "u", session });
    call.client(update({ instructions: "Be rude." }));
    expect(call.last("error")).toMatchObject({ error: { code: "field_locked", event_id: "u" } });
    call.clearEvents();
    observer.say(update({ instructions: "Be brief.", tools: [{ type: "mcp", server_label: "a" }] }));
    for (const told of [call.last("session.updated"), observer.last("session.updated")])
      expect(told).toMatchObject({ session: { instructions: "Be brief.", tools: [{ type: "mcp" }] } });
    expect(call.commands().findLast(({ type }) => type === "configure")).toMatchObject({
      config: { instructions: "Be brief." },
    });
    observer.say(update({ audio: { output: { format: { type: "audio/pcmu" } } } }));
    expect(observer.last("error")).toMatchObject({
      error: { code: "field_locked", param: "session.audio.output.format", event_id: "u" },
    });
    // Of one answer as little: the client would hear noise.
    const answer = (format: JsonObject) => ({
      type: "response.create",
      event_id: "r",
      response: { audio: { output: { format } } },
    });
    observer.say(answer({ type: "audio/pcmu" }));
    expect(observer.last("error")).toMatchObject({
      error: { code: "field_locked", param: "response.audio.output.format", event_id: "r" },
    });
    expect(call.commandTypes()).not.toContain("respond");
    observer.say(answer({ type: "audio/pcm", rate: 24000 }));
    expect(call.commandTypes()).toContain("respond");
    expect(call.types()).not.toContain("error");
  });

  test("[N34] a route's locks hold for the application, too", () => {
    const call = begun({ locks: LOCKS, routeLocked: ["instructions"] });
    const observer = new Watcher(call);
    observer.say({ type: "session.update", event_id: "u", session: { instructions: "Be rude." } });
    expect(observer.last("error")).toMatchObject({ error: { code: "field_locked", event_id: "u" } });
    expect(call.types()).not.toContain("error");
  });

  test.each([
    [{ instructions: "Be rude." }, "field_locked", "response.instructions"],
    [{ input: [message("Be rude.")] }, "field_locked", "response.input[0].role"],
    [{ service_tier: "priority" }, "field_locked", "response.service_tier"],
    [{ tools: [{ type: "mcp", server_label: "a" }] }, "tool_not_allowed", "response.tools"],
  ])("[N34] a route's locks hold for an answer that it asks for: %j", (response, code, param) => {
    const plan = { locked: ["instructions", "unknown"], toolTypes: ["function"] };
    const call = begun({ routeLocked: plan.locked, routeToolTypes: plan.toolTypes });
    const observer = new Watcher(call);
    observer.say({ type: "response.create", event_id: "r", response });
    expect(observer.last("error")).toMatchObject({ error: { code, param, event_id: "r" } });
    expect(call.commandTypes()).not.toContain("respond");
    observer.say({ type: "response.create", response: { metadata: { a: "b" } } });
    expect(call.commandTypes()).toContain("respond");
  });

  test("[N34] where a route locks instructions nobody gives them as an item", () => {
    const call = begun({ routeLocked: ["instructions"] });
    const observer = new Watcher(call);
    observer.say({ type: "conversation.item.create", event_id: "i", item: message("Be rude.") });
    expect(observer.last("error")).toMatchObject({ error: { code: "field_locked", param: "item.role" } });
    expect(call.commandTypes()).not.toContain("item");
  });

  test("[N34] it places items, which all are told and the provider hears", () => {
    const call = begun({ locks: LOCKS });
    const [observer, other] = [new Watcher(call, 1), new Watcher(call, 2)];
    observer.say({ type: "conversation.item.create", item: message("The caller is a guest.") });
    for (const told of [call.last("conversation.item.added"), other.last("conversation.item.added")])
      expect(told).toMatchObject({ item: { role: "system" } });
    expect(call.commandTypes()).toContain("item");
    const { id } = observer.last("conversation.item.done")["item"] as { id: string };
    observer.say({ type: "conversation.item.retrieve", item_id: id });
    expect(observer.types).toContain("conversation.item.retrieved");
    expect(call.types()).not.toContain("conversation.item.retrieved");
    expect(other.types).not.toContain("conversation.item.retrieved");
    observer.say({ type: "conversation.item.delete", item_id: id });
    expect(call.types()).toContain("conversation.item.deleted");
  });

  test("[N34] it answers a tool's call, asks for what follows, and cancels it", () => {
    const call = begun({ session: { tools: [{ type: "function", name: "look" }] } });
    const observer = new Watcher(call);
    call.client({ type: "response.create" });
    const respond = call.commands().findLast((command) => command.type === "respond");
    if (respond?.type !== "respond") throw new Error("nobody asked");
    call.upstream({ type: "response.started", response: "r", answers: respond.responseId });
    const called = { kind: "function_call", name: "look", callId: "call_1" } as const;
    call.upstream({ type: "item.started", response: "r", item: "i", ...called });
    call.upstream({ type: "arguments", response: "r", item: "i", delta: "{}" });
    call.finishAnswer();
    const { call_id } = observer.last("response.function_call_arguments.done");
    const output = { type: "function_call_output", call_id: String(call_id), output: "sunny" };
    observer.say({ type: "conversation.item.create", item: output });
    observer.say({ type: "response.create" });
    expect(call.commandTypes().slice(-2)).toEqual(["item", "respond"]);
    call.beginAnswer();
    observer.say({ type: "response.cancel" });
    call.advance(1000);
    expect(call.last("response.done")).toMatchObject({ response: { status: "cancelled" } });
    observer.say({ type: "response.cancel", event_id: "late" });
    expect(observer.last("error")).toMatchObject({
      error: { code: "response_cancel_not_active", event_id: "late" },
    });
    expect(call.types()).not.toContain("error");
  });

  test("[N34] what a provider refuses of it is told to it alone, under its event's id", () => {
    const call = begun();
    const [observer, other] = [new Watcher(call, 1), new Watcher(call, 2)];
    observer.say({ type: "conversation.item.create", event_id: "mine", item: message("x") });
    const item = call.commands().findLast((command) => command.type === "item");
    if (item?.type !== "item") throw new Error("no item was told");
    const fault = { code: "invalid_value", message: "No.", param: "item" };
    call.upstream({
      type: "refused",
      error: fault,
      cause: item.cause ?? null,
      what: "item",
      id: item.item.id,
    });
    expect(observer.last("error")).toMatchObject({ error: { message: "No.", event_id: "mine" } });
    expect(call.types()).not.toContain("error");
    expect(other.types).not.toContain("error");
  });

  test("[N34] a client's event_id that looks like an observer's is nobody's", () => {
    const call = begun();
    const observer = new Watcher(call);
    const before = observer.events.length;
    call.client({ type: "response.cancel", event_id: "relay:control:1:=x" });
    expect(call.last("error")).toMatchObject({ error: { event_id: null } });
    expect(observer.events.slice(before)).toMatchObject([{ type: "error", error: { event_id: null } }]);
  });

  test("[N35] `relay.end` ends the session as DELETE does", () => {
    const call = begun();
    new Watcher(call).say({ type: "relay.end" });
    expect(call.actions.at(-1)).toMatchObject({ type: "end", reason: "terminated" });
    expect(call.actions).toContainEqual(expect.objectContaining({ type: "close", peer: CLIENT, code: 1000 }));
  });

  test.each(["input_audio_buffer.append", "input_audio_buffer.commit", "session.resume", "playback.ack"])(
    "[N34] %s is the client's to say",
    (type) => {
      const call = begun();
      const observer = new Watcher(call);
      const fields = { audio: "", resume_token: "x", last_received: 0, item_id: "i", played_ms: 0 };
      observer.say({ type, event_id: "no", ...fields });
      expect(observer.last("error")).toMatchObject({
        error: { code: "invalid_event_for_observer", event_id: "no" },
      });
    },
  );
});

describe("an observer costs the call nothing", () => {
  const closes = (call: Call, peer: string) =>
    call.actions.flatMap((action) => (action.type === "close" && action.peer === peer ? [action.code] : []));

  test("[N36] one that does not read is dropped with 4010, when too much waits and when nothing moves", () => {
    const call = begun({ limits: { observerUnreadBytes: 20_000 } });
    const observer = new Watcher(call, 1, { audio: true });
    converse(call);
    expect(closes(call, observer.peer)).toEqual([4010]);
    expect(call.last("response.done")).toMatchObject({ response: { status: "completed" } });
    const stuck = new Watcher(call, 2);
    call.input({ type: "buffered", peer: stuck.peer, bytes: 900 });
    call.advance(29_000);
    call.input({ type: "buffered", peer: stuck.peer, bytes: 800 });
    call.advance(29_000);
    expect(closes(call, stuck.peer)).toEqual([]);
    call.advance(1001);
    expect(closes(call, stuck.peer)).toEqual([4010]);
    expect(call.open.has(CLIENT)).toBe(true);
  });

  test("[N36] one that reads is told all, however much", () => {
    const call = begun({ limits: { observerUnreadBytes: 60_000 } });
    const observer = new Watcher(call, 1, { audio: true });
    for (let turn = 0; turn < 3; turn += 1) {
      for (let at = 0; at < 80; at += 1) {
        call.speak(turn === 0 ? silence(20) : voice(20));
        call.input({ type: "buffered", peer: observer.peer, bytes: 0 });
      }
    }
    expect(closes(call, observer.peer)).toEqual([]);
  });

  test("[N36] one that floods is closed with 1008, and neither its budget nor its end is the client's", () => {
    const call = begun();
    const observer = new Watcher(call);
    for (let at = 0; at < 4000 && call.open.has(observer.peer); at += 1) observer.say("{");
    expect(closes(call, observer.peer)).toEqual([1008]);
    expect(call.types()).not.toContain("error");
    call.client({ type: "conversation.item.create", item: message("Still here.") });
    expect(call.types()).toContain("conversation.item.added");
  });

  test("[N37] there are eight at once: one more puts the oldest out with 4011", () => {
    const call = begun();
    const all = Array.from({ length: 9 }, (_, at) => new Watcher(call, at + 1));
    expect(all.map(({ peer }) => closes(call, peer).join())).toEqual(["4011", ...Array(8).fill("")]);
    converse(call);
    expect(all.at(-1)?.types).toContain("response.done");
  });

  test("[N38] after hibernation it is told what follows, and nothing again", () => {
    const call = begun();
    const observer = new Watcher(call);
    converse(call);
    const before = observer.events.length;
    call.hibernate();
    call.input({ type: "observer", peer: observer.peer, audio: false, again: true });
    expect(observer.events.length).toBe(before);
    converse(call);
    expect(observer.types.filter((type) => type === "session.created")).toHaveLength(1);
    expect(observer.events.length).toBeGreaterThan(before);
  });

  test("[N38] while a restored session waits for its client an observer is told what there is, and may only end it", () => {
    const call = begun();
    converse(call);
    call.crash(call.session.snapshot());
    const observer = new Watcher(call, 7);
    expect(observer.types).toContain("conversation.item.added");
    observer.say({ type: "response.create", event_id: "early" });
    expect(observer.last("error")).toMatchObject({ error: { code: "session_waiting", event_id: "early" } });
    observer.say({ type: "relay.end" });
    expect(call.actions.at(-1)).toMatchObject({ type: "end" });
  });

  test("[N36] four thousand changed messages throw nothing, and the call goes on", () => {
    const random = seeded(41);
    const values = [null, 7, "", [], {}, true, -1, 1e99, "response.create", "relay.end!", "system"];
    const valid = [
      { type: "session.update", session: { instructions: "x", audio: { output: { speed: 1 } } } },
      { type: "conversation.item.create", item: message("x") },
      { type: "response.create", response: { instructions: "x", tools: [] } },
      { type: "response.cancel", response_id: "x" },
      { type: "conversation.item.retrieve", item_id: "x" },
    ];
    const call = begun();
    let observer = new Watcher(call, 1);
    let number = 1;
    let answered = 0;
    for (let at = 0; at < 4000; at += 1) {
      const one = valid[Math.floor(random() * valid.length)] ?? {};
      const text = JSON.stringify(random() < 0.2 ? one : changed(one, values, random));
      observer.say(random() < 0.1 ? text.slice(0, Math.floor(random() * text.length)) : text);
      call.advance(20);
      call.input({ type: "buffered", peer: observer.peer, bytes: 0 });
      if (call.open.has(observer.peer)) continue;
      answered += observer.events.length;
      number += 1;
      observer = new Watcher(call, number);
    }
    expect(answered + observer.events.length).toBeGreaterThan(1000);
    expect(call.open.has(CLIENT)).toBe(true);
    expect(call.session.state().status).toBe("connected");
  });
});
