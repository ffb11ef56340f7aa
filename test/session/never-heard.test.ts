import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { begin, byType, DONE, finish, item, lastAsk, response, say } from "../support/answering.ts";
import { Call, WIRE, type Received } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const message = { response: "r", kind: "message" } as const;

function asked(dialect: "realtime" | "duplex.v1"): Call {
  const call = new Call({ dialect });
  call.client({ type: "response.create" });
  begin(call);
  return call;
}

function after(call: Call, type: string): readonly unknown[] {
  const from = call.commands().findLastIndex((command) => command.type === type);
  return call.commands().slice(from + 1);
}

function added(call: Call): readonly string[] {
  return byType(call, "response.output_item.added").map((event) => String((event["item"] as Received)["id"]));
}

describe("what was never heard", () => {
  test("[B10] of items that waited for the listener nothing stays at the provider; one partly heard is cut there", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", item: "i", ...message });
    call.upstream({
      type: "transcript",
      response: "r",
      item: "i",
      delta: "One two three four five six seven eight.",
    });
    say(call, 3000);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "item.started", item: "second", ...message });
    say(call, 500, { item: "second" });
    call.advance(1000);
    call.client({ type: "response.cancel" });
    const [id] = added(call);
    expect(after(call, "cancel")).toEqual([
      { type: "delete", itemId: "second" },
      { type: "truncate", itemId: id, contentIndex: 0, audioEndMs: 1000 },
    ]);
    const entries = call.session.snapshot().conversation.entries;
    expect(entries.map((entry) => entry.item.id)).toEqual([id]);
    // A third was heard: of the words as well, those that were never sent included.
    expect(entries[0]?.heardText).toBe("One two three");
  });

  test("[B50] of an answer out of band nothing is taken back: it is in no conversation", () => {
    const call = new Call({ dialect: "duplex.v1" });
    call.client({ type: "response.create", response: { conversation: "none" } });
    begin(call);
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 3000);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "item.started", item: "second", ...message });
    say(call, 500, { item: "second" });
    call.advance(1000);
    call.client({ type: "response.cancel", response_id: lastAsk(call) });
    call.upstream({ type: "item.started", item: "late", ...message });
    expect(after(call, "cancel")).toEqual([]);
  });

  test("[B11] an item that begins after its answer was ended is deleted, of whatever kind", () => {
    const call = asked("realtime");
    call.client({ type: "response.cancel" });
    call.upstream({ type: "item.started", item: "late", ...message });
    call.upstream({ type: "text", response: "r", item: "late", delta: "It will be sunny." });
    const tool = { response: "r", item: "tool", kind: "function_call", name: "f", callId: "c" } as const;
    call.upstream({ type: "item.started", ...tool });
    expect(after(call, "cancel")).toEqual([
      { type: "delete", itemId: "late" },
      { type: "delete", itemId: "tool" },
    ]);
    expect(call.types()).not.toContain("response.output_item.added");
  });

  test("[B11] so is one of an answer asked for in advance, discarded before it began", () => {
    const call = new Call({ session: { relay: { eager_ms: 150 } } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    const answers = lastAsk(call);
    call.speak(voice(300, 24_000, 4));
    call.upstream({ type: "response.started", response: "r", answers });
    call.upstream({ type: "item.started", item: "late", ...message });
    expect(call.commands()).toContainEqual({ type: "delete", itemId: "late" });
  });

  test("[B11] a caller who goes on before the first word leaves nothing at the provider, with the real adapter", () => {
    const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
    const call = new Call({ upstreams: [{ name: "p", options }], createUpstream, connect: false });
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    const provider = (event: object) =>
      call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
    provider({ type: "session.created", session: { type: "realtime" } });
    provider({ type: "session.updated", session: { type: "realtime" } });
    call.client({ type: "response.create" });
    call.client({ type: "response.cancel" });
    const sent = call.commands() as unknown as readonly { type: string; response?: { metadata?: object } }[];
    const metadata = sent.findLast(({ type }) => type === "response.create")?.response?.metadata ?? null;
    provider({ type: "response.created", response: { id: "resp_P", metadata } });
    const made = { id: "item_P", type: "message", role: "assistant", content: [] };
    provider({ type: "response.output_item.added", response_id: "resp_P", output_index: 0, item: made });
    expect(call.commands().at(-1)).toMatchObject({ type: "conversation.item.delete", item_id: "item_P" });
  });

  test("[B12] an answer that ran dry is cut where it stood, for the provider may have said more of it", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 300);
    call.advance(2000);
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.last("conversation.item.truncated")).toMatchObject({ audio_end_ms: 300 });
    expect(call.commands().at(-1)).toMatchObject({ type: "truncate", audioEndMs: 300 });
  });

  test("[B12] a plain client that is paced: what was never sent to it is cut at the provider", () => {
    const call = new Call({ session: { relay: { lead_ms: 400 } } });
    call.client({ type: "response.create" });
    begin(call);
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 3000);
    call.client({ type: "response.cancel" });
    expect(call.types()).not.toContain("conversation.item.truncated");
    expect(call.commands().at(-1)).toMatchObject({ type: "truncate", audioEndMs: 400 });
  });
});

describe("what crossed the end of an answer", () => {
  function cancelled(): Call {
    const call = asked("realtime");
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 300);
    call.client({ type: "response.cancel" });
    return call;
  }

  const end = (call: Call) =>
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "cancelled" });

  test("[B24] the provider forgets the audio that came after a plain client's cancel, once, at its end there", () => {
    const call = cancelled();
    say(call, 100);
    call.hibernate();
    say(call, 100);
    expect(after(call, "cancel")).toEqual([]);
    end(call);
    const [itemId] = added(call);
    expect(after(call, "cancel")).toEqual([{ type: "truncate", itemId, contentIndex: 0, audioEndMs: 300 }]);
  });

  test("[B24] where nothing crossed it keeps its words", () => {
    const call = cancelled();
    end(call);
    expect(after(call, "cancel")).toEqual([]);
  });

  test("[B24] of an announced item whose audio all crossed, and of a later part, nothing is left", () => {
    const call = asked("realtime");
    call.upstream({ type: "item.started", item: "i", ...message });
    call.client({ type: "response.cancel" });
    say(call, 100);
    end(call);
    expect(after(call, "cancel")).toMatchObject([{ contentIndex: 0, audioEndMs: 0 }]);
    const second = cancelled();
    say(second, 100, { part: 1 });
    end(second);
    expect(after(second, "cancel")).toMatchObject([{ contentIndex: 1, audioEndMs: 0 }]);
  });

  test("[B24] what the client has truncated or deleted meanwhile is not lengthened or named again", () => {
    const call = cancelled();
    say(call, 100);
    const [id] = added(call);
    call.client({
      type: "conversation.item.truncate",
      item_id: id ?? "",
      content_index: 0,
      audio_end_ms: 200,
    });
    end(call);
    expect(after(call, "cancel")).toMatchObject([{ type: "truncate", audioEndMs: 200 }]);
    const other = cancelled();
    say(other, 100);
    const [deleted] = added(other);
    other.client({ type: "conversation.item.delete", item_id: deleted ?? "" });
    end(other);
    expect(after(other, "cancel")).toEqual([{ type: "delete", itemId: deleted }]);
  });

  test("[B24] a duplex.v1 client's cancel has truncated it where it was heard, and that stays", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 300);
    call.advance(200);
    call.client({ type: "response.cancel" });
    say(call, 100);
    end(call);
    expect(after(call, "cancel")).toMatchObject([{ type: "truncate", audioEndMs: 200 }]);
  });

  test("[B24] so is it of an answer that was given up because it stood still", () => {
    const call = asked("realtime");
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 300);
    call.advance(60_000);
    expect(response(call)).toMatchObject({ status: "failed" });
    say(call, 100);
    end(call);
    expect(after(call, "cancel")).toMatchObject([{ type: "truncate", contentIndex: 0, audioEndMs: 300 }]);
  });
});

describe("what a full lane refuses", () => {
  const truncations = (call: Call) => call.commands().filter(({ type }) => type === "truncate");

  /** An answer asked for in advance, of which 2 s fit, and 1 s does not. */
  function early(): Call {
    const session = { relay: { eager_ms: 150, lead_ms: null } };
    const call = new Call({ dialect: "duplex.v1", session, limits: { laneBytes: 96_000 } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    begin(call);
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 2000);
    say(call, 1000);
    return call;
  }

  test("[B23] of an eager answer its provider forgets at the item's end, and no later audio is sent", () => {
    const call = early();
    call.hibernate();
    call.speak(silence(900));
    say(call, 500);
    expect(truncations(call)).toEqual([]);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    finish(call);
    const [itemId] = added(call);
    expect(truncations(call)).toEqual([{ type: "truncate", itemId, contentIndex: 0, audioEndMs: 2000 }]);
    expect(response(call)).toMatchObject({ status: "incomplete" });
  });

  test("[B23] one that had ended before it was announced is told all the same", () => {
    const call = early();
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    finish(call);
    call.speak(silence(900));
    expect(truncations(call)).toMatchObject([{ contentIndex: 0, audioEndMs: 2000 }]);
  });

  test("[B23] one that is asked to stop before its audio ran out is cut where it was heard, once", () => {
    const session = { relay: { eager_ms: 150 } };
    const call = new Call({ dialect: "duplex.v1", session, limits: { laneBytes: 96_000 } });
    call.speak(concat(silence(600), voice(900, 24_000, 3), silence(300)));
    begin(call);
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 2000);
    say(call, 1000);
    call.speak(silence(900));
    call.client({ type: "response.cancel" });
    finish(call);
    expect(truncations(call).length).toBe(1);
  });
});

describe("out of band, and deleted", () => {
  function aside(call: Call): string {
    call.client({ type: "response.create", response: { conversation: "none" } });
    begin(call, "side");
    call.upstream({ type: "item.started", response: "side", item: "s", kind: "message" });
    say(call, 5000, { response: "side", item: "s" });
    return String(response(call, "response.created")["id"]);
  }

  test.each(["speech", "clear"] as const)(
    "[B18] a spoken answer out of band is stopped on duplex.v1 by %s",
    (how) => {
      const call = new Call({ dialect: "duplex.v1" });
      call.speak(silence(600));
      const id = aside(call);
      call.advance(600);
      if (how === "speech") call.speak(voice(1500, 24_000, 4));
      else call.client({ type: "output_audio_buffer.clear" });
      expect(call.last("output_audio_buffer.cleared")).toMatchObject({ response_id: id });
      expect(call.commands().map(({ type }) => type)).toContain("cancel");
      call.advance(500);
      expect(response(call)).toMatchObject({ id, status: "cancelled" });
      const frames = call.frames.length;
      call.speak(silence(1500));
      expect(call.frames.length).toBe(frames);
    },
  );

  test("[B18] for a plain client it goes on, as at OpenAI", () => {
    const call = new Call();
    call.speak(silence(600));
    aside(call);
    call.speak(voice(1500));
    expect(call.commands().map(({ type }) => type)).not.toContain("cancel");
  });

  test("[B18] its own response.cancel silences it alone", () => {
    const call = new Call({ dialect: "duplex.v1" });
    const side = aside(call);
    call.client({ type: "response.create" });
    begin(call);
    call.client({ type: "response.cancel", response_id: side });
    expect(byType(call, "output_audio_buffer.cleared").map((event) => event["response_id"])).toEqual([side]);
    call.advance(500);
    expect(byType(call, "response.done").length).toBe(1);
  });

  test("[B19] an item that was deleted while it is heard is silenced all the same", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", item: "i", ...message });
    say(call, 2000);
    const id = String(item(call, "response.output_item.added")["id"]);
    call.client({ type: "conversation.item.delete", item_id: id });
    call.client({ type: "output_audio_buffer.clear" });
    expect(call.types()).toContain("output_audio_buffer.cleared");
    expect(call.types()).not.toContain("conversation.item.truncated");
  });

  test("[B20] a provider that stops itself stops its own answers and nobody else's", () => {
    const call = new Call({ upstreams: [WIRE, { name: "b", options: { adapter: "wire" } }] });
    call.client({ type: "response.create" });
    begin(call, "r", "up0.1");
    begin(call, "r", "up1.1");
    call.upstream({ type: "interrupted" }, "up1.1");
    call.advance(500);
    const done = byType(call, "response.done").map((event) => event["response"] as Received);
    expect(done.length).toBe(1);
    expect(call.commandTypes("up0.1")).not.toContain("cancel");
    finish(call, null, "r", "up0.1");
    expect(response(call)).toMatchObject({ status: "completed" });
  });

  test("[B21] an item may be truncated at 0 as soon as it is announced; nothing more of it is sent", () => {
    const call = asked("realtime");
    call.upstream({ type: "item.started", item: "i", ...message });
    const item_id = String(item(call, "response.output_item.added")["id"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 0 });
    expect(call.last("conversation.item.truncated")).toMatchObject({
      item_id,
      content_index: 0,
      audio_end_ms: 0,
    });
    call.clearEvents();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "Hello." });
    say(call, 500);
    call.upstream({ type: "item.done", response: "r", item: "i", status: "completed" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" });
    expect(call.types()).toEqual(["conversation.item.done", "response.output_item.done", "response.done"]);
    expect(call.commands().at(-1)).toEqual({
      type: "truncate",
      itemId: item_id,
      contentIndex: 0,
      audioEndMs: 0,
    });
  });

  test("[B21] not past 0, not of a text answer, and not of a function call", () => {
    const call = asked("realtime");
    call.upstream({ type: "item.started", item: "i", ...message });
    const item_id = String(item(call, "response.output_item.added")["id"]);
    call.client({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 1 });
    expect(call.last("error")["error"]).toMatchObject({ param: "audio_end_ms" });
    const text = new Call({ session: { output_modalities: ["text"] } });
    text.client({ type: "response.create" });
    begin(text);
    text.upstream({ type: "item.started", item: "i", ...message });
    const id = String(item(text, "response.output_item.added")["id"]);
    text.client({ type: "conversation.item.truncate", item_id: id, content_index: 0, audio_end_ms: 0 });
    expect(text.last("error")["error"]).toMatchObject({ param: "content_index" });
  });
});
