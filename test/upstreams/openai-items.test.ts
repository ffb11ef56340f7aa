import { describe, expect, it } from "vitest";

import { WAIT_LIMITS } from "../../src/upstreams/openai-compatible/waiting.ts";
import type { Item } from "../../src/upstreams/upstream.ts";
import { connectOpenAi, RESPOND } from "./openai-connection.ts";

const userText = (id: string): Item => ({
  id,
  type: "message",
  role: "user",
  content: [{ type: "input_text", text: `I am ${id}.` }],
});
const add = (id: string, previousItemId: string | null = null) =>
  ({ type: "item", item: userText(id), previousItemId }) as const;

describe("items in two languages", () => {
  it("[U10] keeps the session's ids where the provider does", () => {
    const { connection, server } = connectOpenAi();
    connection.send(add("item_a"));
    connection.send(add("item_b", "root"));
    connection.send({ type: "delete", itemId: "item_a" });
    const creates = server.received.filter((event) => event.type === "conversation.item.create");
    expect(creates).toMatchObject([
      { item: { id: "item_a", content: [{ type: "input_text", text: "I am item_a." }] } },
      { item: { id: "item_b" }, previous_item_id: "root" },
    ]);
    expect(creates[0]).not.toHaveProperty("previous_item_id");
    expect(server.last("conversation.item.delete").item_id).toBe("item_a");
  });

  it("[U10] gives an id of its own to an item whose id is too long for the provider", () => {
    const { connection, server } = connectOpenAi();
    const long = "item_".padEnd(60, "x");
    connection.send(add(long));
    const sent = server.last("conversation.item.create").item.id ?? "";
    expect(sent.length).toBeLessThanOrEqual(32);
    connection.send({ type: "delete", itemId: long });
    expect(server.last("conversation.item.delete").item_id).toBe(sent);
  });

  it("[U10] matches created items in order where the provider names them itself", () => {
    const { connection, server } = connectOpenAi({ quirks: { acceptsItemIds: false } });
    connection.send(add("item_a"));
    connection.send(add("item_b"));
    expect(server.last("conversation.item.create").item).not.toHaveProperty("id");
    connection.send({ type: "delete", itemId: "item_b" });
    expect(server.last("conversation.item.delete").item_id).toBe("item_2");
  });

  it("[U10] an answer waits for the change before it, which waits for a name", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "delete", itemId: "turn_1" });
    const options = { params: {}, outOfBand: false };
    connection.send({ type: "respond", responseId: "resp_1", options });
    expect(server.count("response.create")).toBe(0);
    connection.hear(server.committed("prov_1"));
    expect(server.last("conversation.item.delete").item_id).toBe("prov_1");
    expect(server.count("response.create")).toBe(1);
  });

  it("[U46] an answer whose cancel ended the wait for a name that never comes holds up no later one", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "delete", itemId: "turn_1" });
    const options = { params: {}, outOfBand: false };
    connection.send({ type: "respond", responseId: "resp_1", options });
    connection.send({ type: "cancel", responseId: "resp_1" });
    connection.send({ type: "respond", responseId: "resp_2", options });
    expect(server.count("response.create")).toBe(1);
  });

  it("[U10] names committed turns in order, and their transcripts by the session's ids", () => {
    const { connection, server } = connectOpenAi({ config: { transcription: { model: "whisper" } } });
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "commit", itemId: "turn_2" });
    connection.hear([...server.committed("prov_1"), ...server.committed("prov_2")]);
    const completed = { content_index: 0, usage: { type: "duration", seconds: 1 } } as const;
    const type = "conversation.item.input_audio_transcription.completed";
    connection.hear([
      server.say({ type, event_id: "e", item_id: "prov_2", transcript: "two", ...completed }),
      server.say({ type, event_id: "e", item_id: "prov_1", transcript: "one", ...completed }),
    ]);
    expect(connection.of("input.transcript.completed")).toEqual([
      { type: "input.transcript.completed", itemId: "turn_2", transcript: "two", usage: completed.usage },
      { type: "input.transcript.completed", itemId: "turn_1", transcript: "one", usage: completed.usage },
    ]);
  });

  it("[U10] lets commands wait for a name, and the answer for the items it should know", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "commit", itemId: "turn_2" });
    connection.send({ type: "delete", itemId: "turn_1" });
    connection.send(add("item_a", "turn_1"));
    connection.send(add("item_b", "item_a"));
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    expect(server.received.at(-1)?.type).toBe("input_audio_buffer.commit");
    connection.hear(server.committed("prov_1"));
    expect(server.received.slice(-4)).toMatchObject([
      { type: "conversation.item.delete", item_id: "prov_1" },
      // Not after what is gone: the provider would refuse it.
      { type: "conversation.item.create", item: { id: "item_a" } },
      { type: "conversation.item.create", previous_item_id: "item_a", item: { id: "item_b" } },
      { type: "response.create" },
    ]);
  });

  it("[U10] need not wait to add after the turn that was just committed", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send(add("item_a", "turn_1"));
    expect(server.last("conversation.item.create")).not.toHaveProperty("previous_item_id");
  });

  it("[U10] adds at the end what waited too long in too long a queue", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "commit", itemId: "turn_2" });
    for (let n = 0; n <= WAIT_LIMITS.changes; n++) connection.send(add(`item_${n}`, "turn_1"));
    expect(server.count("conversation.item.create")).toBe(1);
    expect(server.last("conversation.item.create").item.id).toBe("item_0");
  });

  it("[U10] forgets a commit that the provider refused", () => {
    for (const byId of [true, false]) {
      const { connection, server } = connectOpenAi({ config: { transcription: { model: "whisper" } } });
      server.answersCommits = false;
      connection.send({ type: "commit", itemId: "turn_1" });
      const eventId = byId ? (server.last("input_audio_buffer.commit").event_id ?? null) : null;
      connection.send({ type: "commit", itemId: "turn_2" });
      connection.hear([server.error("input_audio_buffer_commit_empty", eventId, "Buffer too small.")]);
      const error = { code: "input_audio_buffer_commit_empty", message: "Buffer too small." };
      expect(connection.of("error")).toEqual([]);
      expect(connection.of("refused")).toMatchObject([{ what: "commit", id: "turn_1", error }]);
      expect(connection.of("input.transcript.failed")).toMatchObject([{ itemId: "turn_1", error }]);
      connection.hear(server.committed("prov_2"));
      connection.send({ type: "delete", itemId: "turn_2" });
      expect(server.last("conversation.item.delete").item_id).toBe("prov_2");
    }
  });

  it("[U10] tells a provider what was said as text, because it takes no spoken answers", () => {
    const { connection, server } = connectOpenAi();
    const spoken = (role: string, content: Item["content"]): Item => ({
      id: `item_${role}`,
      type: "message",
      role,
      content: content ?? [],
    });
    connection.send({
      type: "item",
      item: spoken("assistant", [{ type: "output_audio", transcript: "Good morning." }]),
      previousItemId: null,
    });
    expect(server.last("conversation.item.create").item).toMatchObject({
      content: [{ type: "output_text", text: "Good morning." }],
    });
    connection.send({
      type: "item",
      item: spoken("user", [{ type: "input_audio", transcript: "Hello." }]),
      previousItemId: null,
    });
    expect(server.last("conversation.item.create").item).toMatchObject({
      content: [{ type: "input_text", text: "Hello." }],
    });
    connection.send({ type: "item", item: spoken("user", [{ type: "input_audio" }]), previousItemId: null });
    expect(server.count("conversation.item.create")).toBe(2);
  });

  it("[U10] does not name to a provider what only another one has", () => {
    const { connection, server } = connectOpenAi();
    connection.send({ type: "delete", itemId: "item_elsewhere" });
    connection.send({ type: "truncate", itemId: "item_elsewhere", contentIndex: 0, audioEndMs: 10 });
    connection.send(add("item_a", "item_elsewhere"));
    expect(server.received.slice(1)).toMatchObject([
      { type: "conversation.item.create", item: { id: "item_a" } },
    ]);
    expect(server.last("conversation.item.create")).not.toHaveProperty("previous_item_id");
  });

  it("[U10] adds after what the model said, by its key or the session's name", () => {
    for (const name of ["item_x", "item_session"]) {
      const { connection, server } = connectOpenAi();
      connection.send({ type: "respond", responseId: "R1", options: RESPOND });
      const { response, messages } = server.begin();
      connection.hear([...messages, server.messageItem(response, "item_x")]);
      connection.hear([server.audioDelta(response, "item_x", new Uint8Array(4800).toBase64())]);
      connection.send({ type: "named", what: "item", key: "item_x", id: "item_session" });
      connection.send(add("item_a", name));
      expect(server.last("conversation.item.create").previous_item_id).toBe("item_x");
      connection.send({ type: "truncate", itemId: name, contentIndex: 0, audioEndMs: 60 });
      expect(server.last("conversation.item.truncate")).toMatchObject({
        item_id: "item_x",
        audio_end_ms: 60,
      });
      connection.send({ type: "delete", itemId: name });
      expect(server.last("conversation.item.delete").item_id).toBe("item_x");
    }
  });

  it("[U23] names a turn of the provider's as the session does, once it was told how", () => {
    const { connection, server } = connectOpenAi({ settings: { turns: "server" } });
    connection.hear(server.committed("u1"));
    connection.send({ type: "named", what: "item", key: "u1", id: "item_session" });
    const type = "conversation.item.input_audio_transcription.delta";
    connection.hear([server.say({ type, event_id: "e", item_id: "u1", delta: "Hi" })]);
    expect(connection.of("input.transcript.delta")).toMatchObject([{ itemId: "item_session" }]);
  });

  it("[U11] has nothing to truncate of an item that was never audible", () => {
    const { connection, server } = connectOpenAi();
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    const { response, messages } = server.begin();
    connection.hear([...messages, server.messageItem(response, "item_x")]);
    connection.send({ type: "truncate", itemId: "item_x", contentIndex: 0, audioEndMs: 0 });
    expect(server.count("conversation.item.truncate")).toBe(0);
  });
});

describe("the user's side", () => {
  const started = {
    type: "input_audio_buffer.speech_started",
    event_id: "e",
    item_id: "u1",
    audio_start_ms: 0,
  } as const;
  const stopped = {
    type: "input_audio_buffer.speech_stopped",
    event_id: "e",
    item_id: "u1",
    audio_end_ms: 9,
  } as const;

  it("[U22] reports speech, turns and interruptions that a provider with turns of its own detects", () => {
    const { connection, server } = connectOpenAi({ settings: { turns: "server" } });
    connection.hear([server.say(started), server.say(stopped), ...server.committed("u1")]);
    connection.hear([
      server.created("resp_own", null),
      server.say(started),
      server.done("resp_own", "cancelled", {
        status_details: { type: "cancelled", reason: "turn_detected" },
      }),
    ]);
    expect(
      connection.events.slice(1).map((event) => (event.type === "speech" ? event.state : event.type)),
    ).toEqual([
      "started",
      "stopped",
      "committed",
      "response.started",
      "started",
      "interrupted",
      "response.done",
    ]);
    expect(connection.of("committed")[0]?.item).toBe("u1");
  });

  it("[U23] does not take the transcript of a turn of the provider's for that of one of ours", () => {
    const { connection, server } = connectOpenAi({ settings: { turns: "server" } });
    server.answersCommits = false;
    connection.hear(server.committed("u1"));
    connection.send({ type: "commit", itemId: "turn_1" });
    const type = "conversation.item.input_audio_transcription.delta";
    connection.hear([server.say({ type, event_id: "e", item_id: "u1", delta: "Hi" })]);
    expect(connection.of("input.transcript.delta")).toMatchObject([{ itemId: "u1" }]);
  });

  it("[U22] does not report them where the relay takes the turns", () => {
    const { connection, server } = connectOpenAi();
    expect(connection.hear([server.say(started), server.say(stopped), ...server.committed("u1")])).toEqual(
      [],
    );
  });

  it("[U23] tells a transcript that grows as what is new in it", () => {
    const { connection, server } = connectOpenAi({ quirks: { cumulativeTranscripts: true } });
    connection.send({ type: "commit", itemId: "turn_1" });
    const completed = (transcript: string, status: string): string =>
      JSON.stringify({
        type: "conversation.item.input_audio_transcription.completed",
        item_id: "user_1",
        transcript,
        status,
      });
    connection.hear([completed("What", "in_progress"), completed("What", "in_progress")]);
    connection.hear([completed("What time", "in_progress"), completed("What time?", "completed")]);
    expect(connection.of("input.transcript.delta").map(({ delta }) => delta)).toEqual(["What", " time", "?"]);
    expect(connection.of("input.transcript.completed").map(({ transcript }) => transcript)).toEqual([
      "What time?",
    ]);
    expect(server.turns).toHaveLength(1);
  });

  it("[U23] names the turn a transcript is of, also when it comes before the turn's own name", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    const type = "conversation.item.input_audio_transcription";
    connection.hear([
      server.say({ type: `${type}.delta`, event_id: "e", item_id: "prov_1", delta: "He" }),
      ...server.committed("prov_1"),
      server.say({
        type: `${type}.failed`,
        event_id: "e",
        item_id: "prov_1",
        content_index: 0,
        error: { code: "audio_unintelligible", message: "Unclear." },
      }),
    ]);
    expect(connection.of("input.transcript.delta")).toMatchObject([{ itemId: "turn_1", delta: "He" }]);
    expect(connection.of("input.transcript.failed")).toMatchObject([
      { itemId: "turn_1", error: { code: "audio_unintelligible" } },
    ]);
  });
});
