/** What the fuzzer found a provider able to do, one at a time. */
import { describe, expect, it } from "vitest";
import { answeringOpenAi, connectOpenAi, hear } from "./openai-connection.ts";

describe("a hostile provider", () => {
  it("[S90] does not speak in the relay's own name, about an item that is there either", () => {
    const { connection, server } = answeringOpenAi();
    connection.hear([server.messageItem("resp_1", "item_m")]);
    const item_id = "item_m";
    const forged = [
      { type: "session.ack", item_id, last_received: 9_999 },
      { type: "session.resumed", item_id, verdict: "lost" },
      { type: "relay.upstream", item_id, status: "closed" },
      { type: "overlap.decision", item_id, decision: "interrupt" },
      { type: "output_audio_buffer.cleared", item_id },
      { type: "error.vendor", item_id },
      { type: "no type of an event", item_id },
      { type: "RESPONSE.DONE", item_id },
      { type: "response.\ud800", item_id },
      { type: `response.${"x".repeat(600)}`, item_id },
    ];
    expect(hear(connection, ...forged)).toEqual([]);
  });

  it("[S91] is not followed into JSON of more than 64 levels", () => {
    const { connection } = answeringOpenAi();
    const deep = (levels: number): string =>
      `{"type":"conversation.deep","at":${"[".repeat(levels)}1${"]".repeat(levels)}}`;
    expect(connection.hear([deep(63)])).toMatchObject([{ type: "passed" }]);
    for (const levels of [64, 5_000]) {
      expect(connection.hear([deep(levels)])).toMatchObject([
        { type: "error", fatal: false, error: { code: "upstream_protocol_error" } },
      ]);
    }
  });

  it("[S92] puts no key into a snapshot by the failure of a transcript whose turn is still to come", () => {
    const key = "a-key-without-any-shape";
    const { connection } = connectOpenAi({ headers: { Authorization: `Bearer ${key}` } });
    const type = "conversation.item.input_audio_transcription.failed";
    const error = { type: "server_error", code: "bad", message: `The key ${key} is spent.` };
    hear(connection, { type, item_id: "user_1", content_index: 0, error });
    expect(JSON.stringify(connection.upstream.snapshot())).toContain("is spent");
    expect(JSON.stringify(connection.upstream.snapshot())).not.toContain(key);
    connection.send({ type: "commit", itemId: "turn_1" });
    hear(connection, { type: "input_audio_buffer.committed", item_id: "user_1" });
    expect(connection.of("input.transcript.failed")).toMatchObject([
      { itemId: "turn_1", error: { code: "bad", message: "The key [redacted] is spent." } },
    ]);
  });

  it("[S93] begins no item without a kind in an answer", () => {
    const { connection } = answeringOpenAi();
    for (const item of [{ id: "i1", type: "" }, { id: "i2", type: "x".repeat(600) }, { id: "i3" }]) {
      const events = hear(connection, {
        type: "response.output_item.added",
        response_id: "resp_1",
        output_index: 0,
        item,
      });
      expect(events).toMatchObject([{ type: "error", error: { code: "upstream_protocol_error" } }]);
    }
  });

  it("[S93] does not take its kind from an item at its end", () => {
    const { connection } = answeringOpenAi();
    const about = { response_id: "resp_1", output_index: 0 };
    hear(connection, { type: "response.output_item.added", ...about, item: { id: "i1", type: "mcp_call" } });
    const [end] = hear(connection, {
      type: "response.output_item.done",
      ...about,
      item: { id: "i1", type: "" },
    });
    expect(end).toMatchObject({ type: "item.done", item: "i1" });
    expect(end).not.toHaveProperty("whole");
  });

  it("[S93] places no item without a kind", () => {
    const { connection } = connectOpenAi();
    expect(hear(connection, { type: "conversation.item.added", item: { id: "i1", type: "" } })).toEqual([]);
  });

  const other = { id: "item_r", type: "reasoning" };
  const at = { response_id: "resp_1", item_id: "item_r", output_index: 0, content_index: 0 };
  const begun = () => {
    const scene = answeringOpenAi();
    hear(scene.connection, {
      type: "response.output_item.added",
      response_id: "resp_1",
      output_index: 0,
      item: other,
    });
    return scene;
  };

  it.each(["response.output_audio.delta", "response.audio.delta", "response.function_call_arguments.done"])(
    "[E91] says of no item of an unknown kind what only messages and calls consist of: %s",
    (type) => {
      const event = { type, ...at, delta: "AAAA", call_id: "c", name: "f", arguments: "{}" };
      const fault = [{ type: "error", fatal: false, error: { code: "upstream_protocol_error" } }];
      const { connection } = begun();
      expect(hear(connection, event)).toMatchObject(fault);
      hear(connection, {
        type: "response.output_item.done",
        response_id: "resp_1",
        output_index: 0,
        item: other,
      });
      expect(hear(connection, event)).toMatchObject(fault);
      const placed = connectOpenAi().connection;
      hear(placed, { type: "conversation.item.added", item: other });
      expect(hear(placed, event)).toMatchObject(fault);
      expect(placed.of("item.started")).toEqual([]);
    },
  );

  it("[E91] ends and begins no answer by an event that names such an item", () => {
    const { connection } = begun();
    const events = hear(connection, {
      type: "response.done",
      ...at,
      response: { id: "resp_1", status: "completed" },
    });
    expect(events.map(({ type }) => type)).toEqual(["item.done", "response.done"]);
    expect(hear(connection, { type: "response.created", ...at, response: { id: "resp_1" } })).toEqual([]);
  });

  it.each([
    ["response.output_text.delta", "delta"],
    ["response.text.delta", "delta"],
    ["response.output_text.done", "text"],
    ["response.output_audio_transcript.delta", "delta"],
    ["response.audio_transcript.done", "transcript"],
    ["response.content_part.added", "part"],
    ["response.mcp_call_arguments.delta", "delta"],
    ["response.mcp_call_arguments.done", "arguments"],
  ])("[E92] hands on no %s without %s", (type, member) => {
    for (const value of [undefined, null, 33, ["x"]]) {
      const event = { type, ...at, ...(value === undefined ? {} : { [member]: value }) };
      const what = `A message of the provider is a ${type} without ${member}.`;
      expect(hear(begun().connection, event)).toMatchObject([{ type: "error", error: { message: what } }]);
    }
    const whole = { type, ...at, [member]: member === "part" ? { type: "reasoning_text" } : "x" };
    expect(hear(begun().connection, whole)).toEqual([
      { type: "item.event", response: "resp_1", item: "item_r", event: whole },
    ]);
  });
});
