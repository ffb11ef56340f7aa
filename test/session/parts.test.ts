import { describe, expect, test } from "vitest";

import { begin, byType, DONE, finish, item, response, say } from "../support/answering.ts";
import { Call, type Received } from "../support/call.ts";

function asked(dialect: "realtime" | "duplex.v1" = "realtime"): Call {
  const call = new Call({ dialect });
  call.client({ type: "response.create" });
  begin(call);
  return call;
}

function message(call: Call, key: string): string {
  call.upstream({ type: "item.started", response: "r", item: key, kind: "message" });
  return String(item(call, "response.output_item.added")["id"]);
}

const at = (key: string) => ({ response: "r", item: key });
const done = (call: Call, key: string) =>
  call.upstream({ type: "item.done", ...at(key), status: "completed" });

describe("several parts in one message", () => {
  test("[R23] a text part before an audio part: content_index, kinds and contents are those of each", () => {
    const call = asked();
    message(call, "i");
    call.upstream({ type: "text", ...at("i"), part: 0, delta: "Here is the list:" });
    call.upstream({ type: "part.started", ...at("i"), part: 1, kind: "audio" });
    call.upstream({ type: "transcript", ...at("i"), part: 1, delta: "Apples." });
    say(call, 100, { part: 1 });
    done(call, "i");
    finish(call);
    const indices = (type: string) => byType(call, type).map((event) => event["content_index"]);
    expect(indices("response.content_part.added")).toEqual([0, 1]);
    expect(indices("response.output_text.delta")).toEqual([0]);
    expect(indices("response.output_audio.delta")).toEqual([1]);
    expect(indices("response.output_audio_transcript.delta")).toEqual([1]);
    expect(indices("response.output_text.done")).toEqual([0]);
    expect(indices("response.output_audio.done")).toEqual([1]);
    expect(indices("response.content_part.done")).toEqual([0, 1]);
    const content = [
      { type: "output_text", text: "Here is the list:" },
      { type: "output_audio", transcript: "Apples." },
    ];
    expect(item(call, "response.output_item.done")).toMatchObject({ content });
    expect(item(call, "conversation.item.done")).toMatchObject({ content });
    expect(response(call)["output"]).toMatchObject([{ content }]);
  });

  test("[R23] a part ends once, when its provider ends it: before the next one begins", () => {
    const call = asked();
    message(call, "i");
    call.upstream({ type: "text", ...at("i"), part: 0, delta: "Here is the list:" });
    call.upstream({ type: "part.done", ...at("i"), part: 0 });
    call.upstream({ type: "part.done", ...at("i"), part: 7 });
    call.upstream({ type: "part.started", ...at("i"), part: 1, kind: "audio" });
    say(call, 100, { part: 1 });
    call.upstream({ type: "part.done", ...at("i"), part: 1 });
    call.upstream({ type: "part.done", ...at("i"), part: 1 });
    done(call, "i");
    finish(call);
    const told = call.events
      .filter(({ type }) => /content_part|output_text|output_audio|output_item/.test(type))
      .map(
        (event) =>
          `${event.type.slice("response.".length)} ${(event["content_index"] as number | undefined) ?? ""}`,
      );
    expect(told.filter((one, index) => one !== told[index - 1])).toEqual([
      "output_item.added ",
      "content_part.added 0",
      "output_text.delta 0",
      "output_text.done 0",
      "content_part.done 0",
      "content_part.added 1",
      "output_audio.delta 1",
      "output_audio.done 1",
      "output_audio_transcript.done 1",
      "content_part.done 1",
      "output_item.done ",
    ]);
  });

  test("[R23] the end of a part waits with its audio for the listener, and comes with the item's when it is cut", () => {
    const call = asked("duplex.v1");
    message(call, "i");
    say(call, 5000);
    call.upstream({ type: "part.done", ...at("i"), part: 0 });
    expect(byType(call, "response.content_part.done")).toEqual([]);
    call.client({ type: "response.cancel" });
    expect(byType(call, "response.content_part.done")).toHaveLength(1);
    expect(item(call, "response.output_item.done")).toMatchObject({ status: "incomplete" });
  });

  test("[R23] text beside speech under one number is another part, not more of the transcript", () => {
    const call = asked();
    message(call, "i");
    call.upstream({ type: "transcript", ...at("i"), delta: "See" });
    call.upstream({ type: "text", ...at("i"), delta: "https://example.com" });
    call.upstream({ type: "transcript", ...at("i"), delta: " this." });
    done(call, "i");
    expect(item(call, "response.output_item.done")["content"]).toEqual([
      { type: "output_audio", transcript: "See this." },
      { type: "output_text", text: "https://example.com" },
    ]);
  });

  test("[R23] two audio parts have their own audio, and truncation is by part", () => {
    const call = asked();
    const id = message(call, "i");
    say(call, 300, { part: 0 });
    say(call, 500, { part: 1 });
    done(call, "i");
    finish(call);
    call.client({ type: "conversation.item.retrieve", item_id: id });
    const parts = item(call, "conversation.item.retrieved")["content"] as { audio: string }[];
    expect(parts.map(({ audio }) => Uint8Array.fromBase64(audio).length)).toEqual([300 * 48, 500 * 48]);
    const truncate = (content_index: number, audio_end_ms: number) =>
      call.client({ type: "conversation.item.truncate", item_id: id, content_index, audio_end_ms });
    truncate(0, 400);
    expect(call.last("error")["error"]).toMatchObject({ param: "audio_end_ms" });
    truncate(2, 0);
    expect(call.last("error")["error"]).toMatchObject({ param: "content_index" });
    truncate(1, 200);
    expect(call.last("conversation.item.truncated")).toMatchObject({ content_index: 1, audio_end_ms: 200 });
    expect(call.commands().at(-1)).toEqual({
      type: "truncate",
      itemId: id,
      contentIndex: 1,
      audioEndMs: 200,
    });
    call.client({ type: "conversation.item.retrieve", item_id: id });
    const left = item(call, "conversation.item.retrieved")["content"] as { audio: string }[];
    expect(left.map(({ audio }) => Uint8Array.fromBase64(audio).length)).toEqual([300 * 48, 200 * 48]);
  });

  test("[R23] a message has a bound of parts; beyond it the response fails", () => {
    const call = new Call({ limits: { parts: 3 } });
    call.client({ type: "response.create" });
    begin(call);
    message(call, "i");
    for (let part = 0; part < 4; part += 1) call.upstream({ type: "text", ...at("i"), part, delta: "x" });
    expect(response(call)).toMatchObject({
      status: "failed",
      status_details: { error: { code: "upstream_output_too_long" } },
    });
  });
});

describe("items whose words overlap", () => {
  test("[R24] each keeps its output_index and its own words", () => {
    const call = asked();
    const first = message(call, "a");
    const second = message(call, "b");
    call.upstream({ type: "transcript", ...at("a"), delta: "One " });
    call.upstream({ type: "transcript", ...at("b"), delta: "Red " });
    say(call, 60, { item: "a" });
    say(call, 60, { item: "b" });
    call.upstream({ type: "transcript", ...at("a"), delta: "two." });
    done(call, "b");
    done(call, "a");
    finish(call);
    const of = (id: string) => call.events.filter((event) => event["item_id"] === id);
    expect(new Set(of(first).flatMap((event) => event["output_index"] ?? []))).toEqual(new Set([0]));
    expect(new Set(of(second).flatMap((event) => event["output_index"] ?? []))).toEqual(new Set([1]));
    expect(response(call)["output"]).toMatchObject([
      { id: first, content: [{ transcript: "One two." }] },
      { id: second, content: [{ transcript: "Red " }] },
    ]);
  });

  /** Lengths of audio after each announcement, as a client attributes binary audio. */
  function attributed(call: Call): readonly number[] {
    const lengths: number[] = [];
    let frame = 0;
    for (const what of call.order) {
      if (what === "response.output_item.added") lengths.push(0);
      else if (what === "frame") {
        const before = lengths.pop() ?? 0;
        lengths.push(before + (call.frames[frame]?.payload.length ?? 0));
        frame += 1;
      }
    }
    return lengths;
  }

  test.each([null, 400])(
    "[R25] on duplex.v1 a message waits until the one before it has ended, with a lead of %s ms",
    (lead_ms) => {
      const call = new Call({ dialect: "duplex.v1", session: { relay: { lead_ms } } });
      call.client({ type: "response.create" });
      begin(call);
      call.upstream({ type: "item.started", ...at("a"), kind: "message" });
      say(call, 1000, { item: "a" });
      call.upstream({ type: "item.started", ...at("b"), kind: "message" });
      say(call, 700, { item: "b" });
      say(call, 500, { item: "a" });
      done(call, "a");
      say(call, 300, { item: "b" });
      done(call, "b");
      finish(call);
      call.advance(4000);
      expect(attributed(call)).toEqual([1500 * 48, 1000 * 48]);
      expect(response(call)).toMatchObject({ status: "completed" });
    },
  );

  test("[R25] one that is never ended does not keep the next one for ever", () => {
    const call = asked("duplex.v1");
    call.upstream({ type: "item.started", ...at("a"), kind: "message" });
    say(call, 200, { item: "a" });
    call.upstream({ type: "item.started", ...at("b"), kind: "message" });
    say(call, 100, { item: "b" });
    call.upstream({ type: "response.done", response: "r", ...DONE, status: "completed" });
    call.advance(1000);
    expect(attributed(call)).toEqual([200 * 48, 100 * 48]);
    expect((response(call)["output"] as Received[]).length).toBe(2);
  });
});
