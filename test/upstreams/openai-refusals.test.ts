/** Refused commands, and what waits for them. */
import { describe, expect, it } from "vitest";

import type { Command, Item, JsonObject } from "../../src/upstreams/upstream.ts";
import { orderFaults } from "./connection.ts";
import { answeringOpenAi, connectOpenAi, hear, RESPOND, restarted } from "./openai-connection.ts";

const respond = (responseId: string, cause?: string): Command => ({
  type: "respond",
  responseId,
  options: RESPOND,
  ...(cause === undefined ? {} : { cause }),
});
const text = (id: string): Item => ({
  id,
  type: "message",
  role: "user",
  content: [{ type: "input_text", text: id }],
});

const error = (more: JsonObject): JsonObject => ({
  type: "error",
  error: { type: "invalid_request_error", code: "invalid_value", message: "No.", param: null, ...more },
});

describe("a command that the provider refuses", () => {
  it("[U42] is told with the client's event that caused it, the item or answer, and the provider's own words", () => {
    const { connection, server } = answeringOpenAi();
    connection.hear([
      server.messageItem("resp_1", "item_m"),
      server.audioDelta("resp_1", "item_m", "AAAAAAAAAAA="),
    ]);
    const commands: readonly (readonly [Command, string | null])[] = [
      [{ type: "item", item: text("item_a"), previousItemId: null }, "item_a"],
      [{ type: "truncate", itemId: "item_m", contentIndex: 0, audioEndMs: 0 }, "item_m"],
      [{ type: "delete", itemId: "item_m" }, "item_m"],
      [{ type: "commit", itemId: "turn_1" }, "turn_1"],
      [{ type: "clear" }, null],
      [{ type: "cancel", responseId: "R1" }, "R1"],
    ];
    server.answersCommits = false;
    for (const [command, id] of commands) {
      connection.send({ ...command, cause: `my_${command.type}` });
      restarted(connection);
      const eventId = server.received.at(-1)?.event_id ?? null;
      hear(connection, error({ event_id: eventId, param: "item.content" }));
      const fault = {
        code: "invalid_value",
        message: "No.",
        type: "invalid_request_error",
        param: "item.content",
      };
      expect(connection.events.at(-1)).toEqual({
        type: "refused",
        what: command.type,
        id,
        cause: `my_${command.type}`,
        error: fault,
      });
      // Said once more, it is about nothing in particular.
      hear(connection, error({ event_id: eventId }));
      expect(connection.events.at(-1)).toMatchObject({ type: "error", fatal: false });
    }
  });

  // xAI answers so after an interruption, and clients wait for each deletion or end a call at an error.
  it.each([
    ["item_delete_invalid_item_id", "No."],
    ["invalid_value", "Item not found"],
  ])("[U321] is not told where it is a deletion of what is not there: %s", (code, message) => {
    const { connection, server } = answeringOpenAi();
    connection.send({ type: "item", item: text("item_a"), previousItemId: null });
    connection.send({ type: "delete", itemId: "item_a", cause: "mine" });
    const before = connection.events.length;
    hear(connection, error({ event_id: server.received.at(-1)?.event_id ?? null, code, message }));
    expect(connection.events.slice(before)).toEqual([]);
  });

  it("[U42] takes the name of its item back, whoever names items", () => {
    for (const acceptsItemIds of [true, false]) {
      const { connection, server } = connectOpenAi({ quirks: { acceptsItemIds } });
      connection.hear([]);
      const sent = connection.upstream.encode({ type: "item", item: text("item_a"), previousItemId: null });
      const { event_id: eventId } = JSON.parse(String(sent[0]));
      hear(connection, error({ event_id: eventId }));
      expect(connection.of("refused")).toMatchObject([{ what: "item", id: "item_a" }]);
      expect(connection.send({ type: "delete", itemId: "item_a" })).toEqual([]);
      connection.send({ type: "item", item: text("item_b"), previousItemId: "item_a" });
      expect(server.last("conversation.item.create")).not.toHaveProperty("previous_item_id");
      expect(server.count("conversation.item.delete")).toBe(0);
    }
  });

  it("[U42] ends as a failed answer too, with the field", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1", "mine"));
    const eventId = server.last("response.create").event_id ?? null;
    hear(connection, error({ event_id: eventId, param: "response.tools" }));
    const fault = { code: "invalid_value", param: "response.tools", type: "invalid_request_error" };
    expect(connection.events.slice(1)).toMatchObject([
      { type: "refused", what: "respond", id: "R1", cause: "mine", error: fault },
      { type: "response.started", answers: "R1" },
      { type: "response.done", status: "failed", error: fault },
    ]);
  });

  it("[U17] ends the connection where key, quota, session or model are at an end, whatever the error names", () => {
    for (const code of ["insufficient_quota", "invalid_api_key", "session_expired", "model_not_found"]) {
      const asked = connectOpenAi();
      asked.connection.send(respond("R1"));
      const eventId = asked.server.last("response.create").event_id ?? null;
      hear(asked.connection, error({ code, event_id: eventId }));
      expect(asked.connection.of("response.done")).toMatchObject([{ status: "failed", error: { code } }]);
      expect(asked.connection.events.at(-1)).toMatchObject({ type: "error", error: { code }, fatal: true });
      // The same as the end of an answer.
      const { connection } = answeringOpenAi();
      const status_details = { type: "failed", error: { type: "server_error", code, message: "Over." } };
      hear(connection, {
        type: "response.done",
        response: { id: "resp_1", status: "failed", status_details },
      });
      expect(connection.of("response.done")).toMatchObject([{ status: "failed", error: { code } }]);
      expect(connection.events.at(-1)).toMatchObject({ type: "error", error: { code }, fatal: true });
      expect(connection.of("expiring")).toHaveLength(code === "session_expired" ? 1 : 0);
    }
  });
});

describe("a refusal that names no event", () => {
  it("[U43] is of the answer that was asked last and has not begun, where the server failed", () => {
    for (const [code, type] of [
      [null, "server_error"],
      ["rate_limit_exceeded", "requests"],
      ["internal_error", null],
    ]) {
      const { connection, server } = connectOpenAi();
      connection.send(respond("R1"));
      hear(
        connection,
        error({ code: code ?? null, type: type ?? null, message: "The server had an error." }),
      );
      expect(connection.of("refused")).toMatchObject([{ what: "respond", id: "R1" }]);
      expect(connection.of("response.done")).toMatchObject([{ status: "failed" }]);
      expect(connection.of("error")).toEqual([]);
      connection.send(respond("R2"));
      expect(server.count("response.create")).toBe(2);
    }
  });

  it("[U43] is no answer's that has begun", () => {
    const { connection } = answeringOpenAi();
    hear(connection, error({ code: null, type: "server_error" }));
    expect(connection.of("error")).toMatchObject([{ fatal: false }]);
    expect(connection.of("response.done")).toEqual([]);
  });

  it("[U43] is of the oldest commit or item where it speaks of one", () => {
    for (const [code, message] of [
      ["input_audio_buffer_commit_empty", "Error."],
      ["buffer_too_small", "Error committing input audio buffer: buffer too small."],
      ["bad_request", "Cannot commit."],
    ]) {
      const { connection, server } = connectOpenAi({ config: { transcription: { model: "whisper" } } });
      server.answersCommits = false;
      connection.send({ type: "commit", itemId: "turn_1" });
      connection.send({ type: "commit", itemId: "turn_2" });
      hear(connection, error({ code: code ?? "", message: message ?? "" }));
      expect(connection.of("refused")).toMatchObject([{ what: "commit", id: "turn_1" }]);
      expect(connection.of("input.transcript.failed")).toMatchObject([{ itemId: "turn_1" }]);
      connection.hear(server.committed("prov_2"));
      connection.send({ type: "delete", itemId: "turn_2" });
      expect(server.last("conversation.item.delete").item_id).toBe("prov_2");
    }
    const { connection } = connectOpenAi();
    connection.upstream.encode({ type: "item", item: text("item_a"), previousItemId: null, cause: "mine" });
    hear(connection, error({ param: "item.content[0].text" }));
    expect(connection.of("refused")).toMatchObject([{ what: "item", id: "item_a", cause: "mine" }]);
  });

  it("[U10] releases what waited for it, and the answer that waited for that", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "commit", itemId: "turn_2" });
    connection.send({ type: "item", item: text("item_a"), previousItemId: "turn_1" });
    connection.send(respond("R1"));
    expect(server.count("response.create")).toBe(0);
    hear(connection, error({ code: "oops", message: "Nothing to commit." }));
    expect(server.received.slice(-2)).toMatchObject([
      { type: "conversation.item.create", item: { id: "item_a" } },
      { type: "response.create" },
    ]);
  });
});

describe("an answer that the provider began by itself", () => {
  const ACTIVE = { code: "conversation_already_has_active_response" };

  it("[U44] is the answer to what it refused to be asked", () => {
    for (const metadataEcho of [true, false]) {
      const scene = { quirks: { metadataEcho } };
      const { connection, server } = connectOpenAi(scene);
      connection.send({ type: "commit", itemId: "turn_1" });
      connection.send(respond("R1"));
      hear(connection, error({ ...ACTIVE, event_id: server.last("response.create").event_id ?? null }));
      restarted(connection, scene);
      connection.hear([server.created("resp_own", null), server.messageItem("resp_own", "item_m")]);
      connection.hear([server.audioDelta("resp_own", "item_m", "AQI="), server.done("resp_own")]);
      expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
      expect(connection.of("response.done")).toMatchObject([{ status: "completed" }]);
      expect(connection.of("refused")).toEqual([]);
      connection.send(respond("R2"));
      expect(server.count("response.create")).toBe(2);
    }
  });

  it("[U44] needs no error when it was taken for the answer before the refusal came", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    const eventId = server.last("response.create").event_id ?? null;
    connection.hear([server.created("resp_own", null)]);
    hear(connection, error({ ...ACTIVE, event_id: eventId }));
    expect(connection.of("error")).toEqual([]);
    expect(connection.of("response.done")).toEqual([]);
  });

  it("[U44] holds up what it is not the answer to where the provider takes the turns, until it ends", () => {
    const scene = { settings: { turns: "server" } };
    const { connection, server } = connectOpenAi(scene);
    connection.send(respond("R1"));
    hear(connection, error({ ...ACTIVE, event_id: server.last("response.create").event_id ?? null }));
    restarted(connection, scene);
    expect(server.count("response.create")).toBe(1);
    connection.hear([server.created("resp_own", null)]);
    expect(connection.of("response.started")).toMatchObject([{ answers: null }]);
    connection.hear([server.done("resp_own")]);
    expect(server.count("response.create")).toBe(2);
    hear(connection, error({ ...ACTIVE, event_id: server.last("response.create").event_id ?? null }));
    expect(connection.of("response.done").at(-1)).toMatchObject({ status: "failed" });
  });

  it("[U44] is known by its words too", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    hear(
      connection,
      error({ code: null, message: "Conversation already has an active response in progress." }),
    );
    expect(connection.of("response.done")).toEqual([]);
    connection.hear([server.created("resp_own", null)]);
    expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
  });
});

describe("an answer that was cancelled", () => {
  it("[U45] is cancelled when it begins, and the next goes with that", () => {
    const { connection, server } = connectOpenAi();
    connection.send(respond("R1"));
    connection.send(respond("R2"));
    connection.send({ type: "cancel", responseId: "R1" });
    expect(server.count("response.create")).toBe(1);
    const { messages } = server.begin("resp_1");
    connection.hear(messages);
    expect(server.received.slice(-2)).toMatchObject([
      { type: "response.cancel", response_id: "resp_1" },
      { type: "response.create", response: { metadata: { relay_response: "R2" } } },
    ]);
  });

  it("[U45] holds nobody up where the provider says that it runs nothing", () => {
    for (const metadataEcho of [true, false]) {
      const scene = { quirks: { metadataEcho } };
      const { connection, server } = connectOpenAi(scene);
      connection.send(respond("R1"));
      connection.send({ type: "cancel", responseId: "R1" });
      connection.send(respond("R2"));
      expect(server.count("response.create")).toBe(1);
      const eventId = metadataEcho ? (server.last("response.cancel").event_id ?? null) : null;
      hear(connection, error({ code: "response_cancel_not_active", event_id: eventId }));
      expect(server.count("response.create")).toBe(2);
      connection.hear([server.created("resp_2", metadataEcho ? { relay_response: "R2" } : null)]);
      expect(connection.of("response.started")).toMatchObject([{ answers: "R2" }]);
      expect(connection.of("error")).toEqual([]);
    }
  });

  it("[U45] holds nobody up when its end never comes", () => {
    const { connection, server } = answeringOpenAi();
    connection.send(respond("R2"));
    connection.send({ type: "cancel", responseId: "R1" });
    expect(server.received.slice(-2)).toMatchObject([
      { type: "response.cancel", response_id: "resp_1" },
      { type: "response.create", response: { metadata: { relay_response: "R2" } } },
    ]);
    connection.send({ type: "cancel", responseId: "R1" });
    expect(server.count("response.cancel")).toBe(1);
  });

  it("[U45] holds nobody up twice when its begin never comes, however answers are matched", () => {
    for (const metadataEcho of [true, false]) {
      const scene = { quirks: { metadataEcho } };
      const { connection, server } = connectOpenAi(scene);
      for (const n of [1, 2]) {
        connection.send(respond(`R${n}`));
        connection.send({ type: "cancel", responseId: `R${n}`, ...(n === 2 ? { overdue: true } : {}) });
        restarted(connection, scene);
      }
      expect(server.count("response.create")).toBe(1);
      connection.send(respond("R3"));
      expect(server.count("response.create")).toBe(2);
      connection.hear([server.created("resp_3", metadataEcho ? { relay_response: "R3" } : null)]);
      expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R3" });
    }
  });

  it("[R109] is waited for by the next one when the one that waited was cut off before its time", () => {
    const { connection, server } = answeringOpenAi();
    connection.send({ type: "cancel", responseId: "R1" });
    for (const responseId of ["R2", "R3"]) {
      connection.send(respond(responseId));
      connection.send({ type: "cancel", responseId });
    }
    connection.send(respond("R4"));
    restarted(connection);
    expect(server.count("response.create")).toBe(2);
    connection.hear([server.done("resp_1", "cancelled")]);
    connection.hear([server.created("resp_2", { relay_response: "R2" })]);
    expect(server.count("response.create")).toBe(3);
    expect(server.last("response.cancel").response_id).toBe("resp_2");
    connection.hear([server.created("resp_4", { relay_response: "R4" })]);
    expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R4" });
  });

  it("[U45] is waited for, once, where the provider insists", () => {
    const { connection, server } = answeringOpenAi();
    connection.send({ type: "cancel", responseId: "R1" });
    connection.send(respond("R2"));
    const code = "conversation_already_has_active_response";
    hear(connection, error({ code, event_id: server.last("response.create").event_id ?? null }));
    restarted(connection);
    expect(connection.of("response.done")).toEqual([]);
    expect(server.count("response.create")).toBe(2);
    connection.hear([server.done("resp_1", "cancelled")]);
    expect(server.count("response.create")).toBe(3);
    connection.hear([server.created("resp_2", { relay_response: "R2" })]);
    expect(connection.of("response.started").at(-1)).toMatchObject({ answers: "R2" });
    expect(orderFaults(connection.events)).toEqual([]);
  });

  it("[U45] takes one that waits for its end with it no further than to its own cancel", () => {
    const { connection, server } = answeringOpenAi();
    connection.send({ type: "cancel", responseId: "R1" });
    connection.send(respond("R2"));
    const code = "conversation_already_has_active_response";
    hear(connection, error({ code, event_id: server.last("response.create").event_id ?? null }));
    connection.send({ type: "cancel", responseId: "R2" });
    connection.send(respond("R3"));
    expect(server.last("response.create").response?.metadata).toEqual({ relay_response: "R3" });
  });
});

describe("an item that waits for a place that is never named", () => {
  it("[U46] goes to the end when the answer that waited for it is cancelled, and holds up no other", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "commit", itemId: "turn_2" });
    connection.send({ type: "item", item: text("item_a"), previousItemId: "turn_1" });
    connection.send({ type: "item", item: text("item_b"), previousItemId: "item_a" });
    connection.send(respond("R1"));
    connection.send({ type: "cancel", responseId: "R1" });
    connection.send(respond("R2"));
    expect(server.received.slice(-3)).toMatchObject([
      { type: "conversation.item.create", item: { id: "item_a" } },
      { type: "conversation.item.create", item: { id: "item_b" }, previous_item_id: "item_a" },
      { type: "response.create" },
    ]);
  });

  it("[U51] is not referred to before the provider named it", () => {
    for (const outOfBand of [true, false]) {
      const { connection, server } = connectOpenAi();
      server.answersCommits = false;
      connection.send({ type: "commit", itemId: "turn_1" });
      const params = { input: [{ type: "item_reference", id: "turn_1" }, text("item_x")] };
      connection.send({ type: "respond", responseId: "R1", options: { params, outOfBand } });
      expect(server.count("response.create")).toBe(0);
      connection.hear(server.committed("prov_1"));
      expect(server.last("response.create").response?.input).toMatchObject([
        { type: "item_reference", id: "prov_1" },
        { type: "message" },
      ]);
    }
  });

  it("[U10] is confirmed with a role of the provider's own", () => {
    const { connection, server } = connectOpenAi({ quirks: { acceptsItemIds: false } });
    const item = { id: "item_o", type: "function_call_output", call_id: "call_1", output: "1" };
    connection.upstream.encode({ type: "item", item, previousItemId: null });
    hear(connection, { type: "conversation.item.added", item: { ...item, id: "prov_o", role: "tool" } });
    connection.send({ type: "delete", itemId: "item_o" });
    expect(server.last("conversation.item.delete").item_id).toBe("prov_o");
  });
});
