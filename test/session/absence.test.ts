import { describe, expect, test } from "vitest";

import { Call, type CallOptions, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const TURN = concat(silence(500), voice(1200), silence(800));
const ASK = { type: "conversation.item.create", item: { type: "message", role: "user" } } as const;

const DUPLEX = {
  name: "wire",
  options: { adapter: "wire", settings: { turns: "none", cancel: false, truncate: false } },
} as const;

/** A plain OpenAI client: it numbers nothing, acknowledges nothing, and cannot resume. */
class Plain {
  readonly call: Call;

  constructor(options: CallOptions = {}) {
    this.call = new Call(options);
  }

  drop(code = 1006): void {
    this.call.open.delete("client");
    this.call.input({ type: "close", peer: "client", code, reason: "" });
    this.call.clearEvents();
  }

  back(): readonly Received[] {
    this.call.clearEvents();
    this.call.connect("realtime");
    return this.call.events;
  }

  say(text: string): void {
    this.call.client({ ...ASK, item: { ...ASK.item, content: [{ type: "input_text", text }] } });
    this.call.client({ type: "response.create" });
  }
}

function contents(events: readonly Received[]): readonly string[] {
  return events
    .filter(({ type }) => type === "conversation.item.added")
    .map(({ item }) => JSON.stringify(item));
}

function idsOf(events: readonly Received[]): readonly string[] {
  return events
    .filter(({ type }) => type === "conversation.item.done")
    .map(({ item }) => (item as { readonly id: string }).id);
}

describe("a realtime client that dropped", () => {
  test.each([1006, 1001])(
    "[Y40] with %i may come back for 30 s, upstreams stay; after it all is closed",
    (code) => {
      const client = new Plain();
      const { call } = client;
      client.drop(code);
      expect(call.session.state().status).toBe("waiting");
      call.advance(29_900);
      expect(client.back()[0]).toMatchObject({ type: "session.created", session: { id: "sess_s1" } });
      expect(call.open).toEqual(new Set(["up0.1", "client"]));
      client.drop(code);
      call.advance(30_000);
      expect(call.actions.at(-1)).toEqual({ type: "end", reason: "client_gone" });
      expect(call.open.size).toBe(0);
    },
  );

  test("[Y41] in mid-answer stops it: history and upstream keep what was heard, and nobody waits for the rest", () => {
    const client = new Plain();
    const { call } = client;
    client.say("Tell me a story.");
    call.beginAnswer();
    const audio = new Uint8Array(voice(5000).buffer).toBase64();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Once upon a time." });
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.advance(1500);
    client.drop();
    expect(call.commandTypes().slice(-2)).toEqual(["cancel", "truncate"]);
    expect(call.commands().at(-1)).toMatchObject({ audioEndMs: 1500 });
    call.advance(5000);
    const told = client.back();
    expect(told.map(({ type }) => type)).toEqual([
      "session.created",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.added",
      "conversation.item.done",
    ]);
    expect(told.at(-1)).toMatchObject({ item: { role: "assistant", status: "incomplete" } });
    call.client({
      type: "conversation.item.retrieve",
      item_id: idsOf(told).at(-1) ?? "",
    });
    const { content } = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    expect(Uint8Array.fromBase64(content[0]?.audio ?? "").length).toBe(1500 * 48);
  });

  test("[Y41] an answer that was sent but not yet heard to its end is truncated too", () => {
    const client = new Plain();
    const { call } = client;
    client.say("Hello.");
    call.answer(voice(3000));
    call.advance(1000);
    client.drop();
    expect(call.commands().at(-1)).toMatchObject({ type: "truncate", audioEndMs: 1000 });
  });

  test("[Y42] is told the configuration and every item in its order, each after the one before it", () => {
    const client = new Plain();
    const { call } = client;
    call.client({ type: "session.update", session: { type: "realtime", instructions: "Be brief." } });
    for (const text of ["One.", "Two."]) {
      client.say(text);
      call.answer(voice(200), `You said ${text}`);
      call.advance(500);
    }
    const before = contents(call.events);
    const ids = idsOf(call.events);
    client.drop();
    const told = client.back();
    expect(told[0]).toMatchObject({ session: { instructions: "Be brief." } });
    const added = told.filter(({ type }) => type === "conversation.item.added");
    expect(added.map(({ item }) => (item as { id: string }).id)).toEqual(ids);
    expect(added.map((event) => event["previous_item_id"])).toEqual([null, ...ids.slice(0, -1)]);
    expect(contents(told)[0]).toEqual(before[0]);
    expect(JSON.stringify(told)).toContain("You said Two.");
    client.say("Three.");
    call.answer(voice(200));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
  });

  test("[Y43] in mid-sentence goes on with the open turn: told again, with all that was said", () => {
    const client = new Plain();
    const { call } = client;
    call.speak(concat(silence(500), voice(800)));
    const started = call.last("input_audio_buffer.speech_started");
    client.drop();
    call.advance(3000);
    const again = client.back().at(-1);
    expect(again).toEqual({ ...started, event_id: again?.["event_id"] });
    call.speak(concat(voice(600), silence(800)));
    expect(call.last("input_audio_buffer.committed")["item_id"]).toBe(started["item_id"]);
    const whole = new Call();
    whole.speak(concat(silence(500), voice(800), voice(600), silence(800)));
    expect(call.heard()).toEqual(whole.heard());
  });

  test("[Y44] before the answer to what it said began, is answered when it is back", () => {
    const client = new Plain();
    const { call } = client;
    call.speak(TURN);
    expect(call.types()).toContain("response.created");
    client.drop();
    expect(call.commandTypes().at(-1)).toBe("cancel");
    expect(client.back().at(-1)?.type).toBe("response.created");
    call.answer(voice(300));
    expect(call.last("response.done")["response"]).toMatchObject({ status: "completed" });
    client.drop();
    expect(client.back().at(-1)?.type).toBe("conversation.item.done");
  });

  test("[Y44] of which a part was heard, or to what was typed, is not answered again", () => {
    const spoken = new Plain();
    spoken.call.speak(TURN);
    spoken.call.beginAnswer();
    spoken.call.upstream({ type: "audio", response: "r", item: "i", audio: "AAAA" });
    const typed = new Plain();
    typed.say("Hello.");
    for (const client of [spoken, typed]) {
      client.drop();
      expect(client.back().map(({ type }) => type)).not.toContain("response.created");
    }
  });

  test("[Y45] hears nothing of what upstreams said meanwhile, and it is not in the conversation", () => {
    const client = new Plain({ upstreams: [DUPLEX] });
    const { call } = client;
    client.drop();
    for (let n = 0; n < 50; n += 1) {
      call.upstream({ type: "audio", response: "r", item: "i", audio: "AAAA" });
      call.advance(20);
    }
    expect(client.back().map(({ type }) => type)).toEqual(["session.created"]);
    expect(call.types()).not.toContain("response.output_audio.delta");
    call.upstream({ type: "audio", response: "r", item: "i", audio: "AAAA" });
    expect(call.types().filter((type) => type === "response.created")).toHaveLength(1);
    expect(call.types()).toContain("response.output_audio.delta");
  });

  test("[Y40] of whom no silence is made a turn while it is away", () => {
    const turn_detection = { type: "server_vad", idle_timeout_ms: 5000 };
    const client = new Plain({ session: { audio: { input: { turn_detection } } } });
    const { call } = client;
    call.speak(TURN);
    call.answer(voice(300));
    call.advance(500);
    client.drop();
    call.advance(20_000);
    expect(contents(client.back())).toHaveLength(2);
    call.speak(silence(6000));
    expect(call.types()).toContain("input_audio_buffer.timeout_triggered");
  });

  test("[Y40] comes back after a crash too, and after hibernation", () => {
    const client = new Plain();
    const { call } = client;
    client.say("Hello.");
    call.answer(voice(200));
    call.advance(1000);
    call.crash(structuredClone(call.session.snapshot()));
    expect(call.session.state().status).toBe("waiting");
    expect(contents(client.back())).toHaveLength(2);
    client.drop();
    call.hibernate();
    expect(contents(client.back())).toHaveLength(2);
  });

  test("[Y47] likewise a duplex.v1 client that begins anew and does not resume: its numbers begin with one", () => {
    const client = new Plain({ dialect: "duplex.v1" });
    const { call } = client;
    client.say("Tell me a story.");
    call.beginAnswer();
    const audio = new Uint8Array(voice(5000).buffer).toBase64();
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    call.advance(300);
    client.drop();
    call.advance(1000);
    call.connect("duplex.v1");
    expect(call.events).toEqual([]);
    call.client({ type: "session.update", session: { type: "realtime" } });
    expect(call.types()).toEqual([
      "session.created",
      "relay.detector",
      "conversation.item.added",
      "conversation.item.done",
      "conversation.item.added",
      "conversation.item.done",
      "session.updated",
    ]);
    expect(call.events.map((event) => event["server_event_seq"])).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(call.commands().findLast(({ type }) => type === "truncate")).toMatchObject({ audioEndMs: 300 });
    call.advance(5000);
    expect(call.frames).toEqual([]);
  });

  test("[Y46] another connection of the same session takes it over in the same way", () => {
    const client = new Plain();
    const { call } = client;
    client.say("Tell me a story.");
    call.beginAnswer();
    call.upstream({
      type: "audio",
      response: "r",
      item: "i",
      audio: new Uint8Array(voice(5000).buffer).toBase64(),
    });
    call.advance(700);
    const told = client.back();
    expect(call.commands().at(-1)).toMatchObject({ type: "truncate", audioEndMs: 700 });
    expect(told[0]?.type).toBe("session.created");
    expect(contents(told)).toHaveLength(2);
  });
});
