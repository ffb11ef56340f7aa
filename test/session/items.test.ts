import type { JsonObject } from "../../src/protocol/json.ts";
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const text = (id: string, words: string) => ({
  id,
  type: "message",
  role: "user",
  content: [{ type: "input_text", text: words }],
});

describe("conversation items", () => {
  test("[I1] a created item keeps the client's id and is announced with its place", () => {
    const call = new Call();
    call.client({ type: "conversation.item.create", item: text("one", "first") });
    call.client({ type: "conversation.item.create", item: text("two", "second") });
    call.client({
      type: "conversation.item.create",
      item: text("zero", "front"),
      previous_item_id: "root",
    });
    expect(call.last("conversation.item.done")).toMatchObject({
      previous_item_id: null,
      item: { id: "zero" },
    });
    expect(call.session.snapshot().conversation.entries.map((entry) => entry.item.id)).toEqual([
      "zero",
      "one",
      "two",
    ]);
    expect(call.commandTypes()).toEqual(["greet", "item", "item", "item"]);
  });

  test("[I2] a taken id, an unknown previous item and a wrong part are errors that name the field", () => {
    const call = new Call();
    call.client({ type: "conversation.item.create", item: text("one", "first") });
    call.client({ type: "conversation.item.create", item: text("one", "again"), event_id: "a" });
    expect(call.last("error")["error"]).toMatchObject({ param: "item.id", event_id: "a" });
    call.client({ type: "conversation.item.create", item: text("x", "x"), previous_item_id: "nobody" });
    expect(call.last("error")["error"]).toMatchObject({ param: "previous_item_id" });
    const wrong = { type: "message", role: "user", content: [{ type: "output_text", text: "x" }] };
    call.client({ type: "conversation.item.create", item: wrong });
    expect(call.last("error")["error"]).toMatchObject({ param: "item.content[0].type" });
    const spoken = { type: "message", role: "assistant", content: [{ type: "output_audio", audio: "" }] };
    call.client({ type: "conversation.item.create", item: spoken });
    expect(call.last("error")["error"]).toMatchObject({ param: "item.content[0].audio" });
    expect(call.commandTypes()).toEqual(["greet", "item"]);
  });

  test("[I60] an answer can be created again as it was shown: providers are told its words", () => {
    const first = new Call();
    first.client({ type: "response.create" });
    first.answer(voice(100), "Hello there.");
    const shown = first.last("conversation.item.done")["item"] as JsonObject & { id: string };
    first.client({ type: "conversation.item.retrieve", item_id: shown.id });
    const retrieved = first.last("conversation.item.retrieved")["item"] as JsonObject;
    for (const item of [shown, retrieved]) {
      const call = new Call();
      call.client({ type: "conversation.item.create", item });
      expect(call.types()).not.toContain("error");
      expect(call.last("conversation.item.added")["item"]).toEqual(shown);
      expect(call.commands().at(-1)).toMatchObject({
        type: "item",
        item: { content: [{ type: "output_audio" }] },
      });
      call.client({ type: "conversation.item.retrieve", item_id: shown.id });
      expect(call.last("conversation.item.retrieved")["item"]).toEqual(shown);
      call.client({
        type: "conversation.item.truncate",
        item_id: shown.id,
        content_index: 0,
        audio_end_ms: 50,
      });
      expect(call.last("error")["error"]).toMatchObject({ param: "audio_end_ms" });
    }
  });

  test("[I3] a spoken turn can be retrieved with its audio, and no other event carries audio", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(1200), silence(900)));
    const id = call.last("input_audio_buffer.committed")["item_id"];
    call.client({ type: "conversation.item.retrieve", item_id: String(id) });
    const item = call.last("conversation.item.retrieved")["item"] as { content: { audio: string }[] };
    expect(Uint8Array.fromBase64(item.content[0]?.audio ?? "")).toEqual(call.heard());
    expect(JSON.stringify(call.last("conversation.item.done"))).not.toContain('"audio":');
  });

  test("[I4] one that was cancelled before it said anything is truncatable at 0, and no further", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.beginAnswer();
    call.client({ type: "response.cancel" });
    const at = { type: "conversation.item.truncate", item_id: itemId(call), content_index: 0 };
    call.client({ ...at, audio_end_ms: 0 });
    expect(call.last("conversation.item.truncated")).toMatchObject({ content_index: 0, audio_end_ms: 0 });
    call.client({ ...at, audio_end_ms: 40 });
    expect(call.last("error")["error"]).toMatchObject({ param: "audio_end_ms" });
    call.client({ ...at, content_index: 1, audio_end_ms: 0 });
    expect(call.last("error")["error"]).toMatchObject({ param: "content_index" });
  });

  test("[I4] an answer is retrievable and truncatable while it is still being made", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.beginAnswer();
    const audio = new Uint8Array(voice(1000).buffer).toBase64();
    call.upstream({ type: "transcript", response: "r", item: "i", delta: "One two three." });
    call.upstream({ type: "audio", response: "r", item: "i", audio });
    const id = String(call.last("response.output_item.added")["item"] && itemId(call));
    call.client({ type: "conversation.item.retrieve", item_id: id });
    expect(call.last("conversation.item.retrieved")["item"]).toMatchObject({ status: "in_progress" });
    call.client({
      type: "conversation.item.truncate",
      item_id: id,
      content_index: 0,
      audio_end_ms: 400,
    });
    expect(call.last("conversation.item.truncated")).toMatchObject({ item_id: id, audio_end_ms: 400 });
    call.finishAnswer();
    call.client({ type: "conversation.item.retrieve", item_id: id });
    const item = call.last("conversation.item.retrieved")["item"] as {
      content: { transcript: string; audio: string }[];
    };
    expect(item.content[0]?.transcript).toBe("");
    expect(Uint8Array.fromBase64(item.content[0]?.audio ?? "").length).toBe(400 * 48);
  });

  test("[I5] truncation past the end is an error that says how long the audio is", () => {
    const call = new Call();
    call.client({ type: "response.create" });
    call.answer(voice(500));
    call.client({
      type: "conversation.item.truncate",
      item_id: itemId(call),
      content_index: 0,
      audio_end_ms: 501,
      event_id: "t",
    });
    expect(call.last("error")["error"]).toMatchObject({
      param: "audio_end_ms",
      event_id: "t",
      message: "Audio content of 500ms is already shorter than 501ms",
    });
    expect(call.commandTypes()).not.toContain("truncate");
  });

  test("[I6] unknown items have one code per verb", () => {
    const call = new Call();
    for (const verb of ["delete", "retrieve", "truncate"]) {
      call.client({
        type: `conversation.item.${verb}`,
        item_id: "nobody",
        content_index: 0,
        audio_end_ms: 0,
      });
      expect(call.last("error")["error"]).toMatchObject({
        code: `item_${verb}_invalid_item_id`,
        param: "item_id",
      });
    }
  });

  test("[I7] a deleted item is gone here and at the upstream", () => {
    const call = new Call();
    call.client({ type: "conversation.item.create", item: text("one", "first") });
    call.client({ type: "conversation.item.delete", item_id: "one" });
    expect(call.types().at(-1)).toBe("conversation.item.deleted");
    expect(call.commandTypes().at(-1)).toBe("delete");
    call.client({ type: "conversation.item.retrieve", item_id: "one" });
    expect(call.last("error")["error"]).toMatchObject({ code: "item_retrieve_invalid_item_id" });
  });

  test("[I8] a transcript of the caller's words lands in the item and reaches the client", () => {
    const call = new Call();
    call.speak(concat(silence(600), voice(1200), silence(900)));
    const id = String(call.last("input_audio_buffer.committed")["item_id"]);
    call.upstream({
      type: "input.transcript.completed",
      itemId: id,
      transcript: "Good morning.",
      usage: null,
    });
    expect(call.last("conversation.item.input_audio_transcription.completed")).toMatchObject({
      item_id: id,
      content_index: 0,
      transcript: "Good morning.",
      usage: { type: "duration" },
    });
    call.client({ type: "conversation.item.retrieve", item_id: id });
    expect(call.last("conversation.item.retrieved")["item"]).toMatchObject({
      content: [{ transcript: "Good morning." }],
    });
  });
});

function itemId(call: Call): string {
  const item = call.last("response.output_item.added")["item"] as { id: string };
  return item.id;
}
