import { describe, expect, it } from "vitest";

import { WAIT_LIMITS } from "../../src/upstreams/openai-compatible/waiting.ts";
import type { Command } from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG } from "./connection.ts";
import { connectOpenAi, hear, RESPOND, restarted } from "./openai-connection.ts";

type Connected = ReturnType<typeof connectOpenAi>;

const respond = (responseId: string) => ({ type: "respond", responseId, options: RESPOND }) as const;
const audio = (length = 4800) => ({ type: "audio", chunk: chunk(new Uint8Array(length).fill(7)) }) as const;
const say = (id: string, previousItemId: string | null = null): Command => ({
  type: "item",
  item: { id, type: "message", role: "user", content: [{ type: "input_text", text: id }] },
  previousItemId,
});

/** An answer waits behind a deletion, and that for the name of a turn. */
function waiting(scene: Parameters<typeof connectOpenAi>[0] = {}): Connected {
  const connected = connectOpenAi(scene);
  const { connection, server } = connected;
  server.answersCommits = false;
  connection.send({ type: "commit", itemId: "turn_1" });
  connection.send({ type: "delete", itemId: "turn_1" });
  connection.send(respond("R1"));
  server.received.length = 0;
  return connected;
}

const types = ({ server }: Connected): readonly string[] =>
  server.received.map(({ type }) => type.replace("conversation.", "").replace("input_audio_buffer.", ""));

describe("one order of what goes to a provider", () => {
  it("[U85] an item that comes after a question that waits is no part of it", () => {
    const connected = connectOpenAi({ quirks: { acceptsItemIds: false, metadataEcho: false } });
    const { connection, server } = connected;
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "delete", itemId: "turn_1" });
    connection.send(respond("R1"));
    connection.send(say("item_late"));
    expect(types(connected).slice(1)).toEqual(["commit"]);
    connection.hear(server.committed("prov_1"));
    expect(types(connected).slice(2)).toEqual(["item.delete", "response.create", "item.create"]);
  });

  // A client that has a turn in other words (without what is private, or translated) replaces it at once.
  it("[U322] an item that takes the name of a turn whose deletion waits comes after that", () => {
    const connected = connectOpenAi();
    const { connection, server } = connected;
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    connection.send({ type: "delete", itemId: "turn_1" });
    connection.send(say("turn_1"));
    connection.send(respond("R1"));
    restarted(connection);
    expect(types(connected).slice(1)).toEqual(["commit"]);
    connection.hear(server.committed("prov_1"));
    expect(types(connected).slice(2)).toEqual(["item.delete", "item.create", "response.create"]);
    expect(server.received.at(2)).toMatchObject({ item_id: "prov_1" });
    const { item } = server.received.at(3) as unknown as { readonly item: { readonly id: string } };
    connection.send({ type: "delete", itemId: "turn_1" });
    expect(server.received.at(-1)).toMatchObject({ type: "conversation.item.delete", item_id: item.id });
  });

  it("[U85] nor is a turn, whose audio keeps its place among the others", () => {
    const connected = waiting();
    const { connection, server } = connected;
    const turn = (id: string, fill: number): void => {
      connection.send({ type: "audio", chunk: chunk(new Uint8Array(480).fill(fill)) });
      connection.send({ type: "commit", itemId: id });
    };
    turn("turn_2", 2);
    turn("turn_3", 3);
    connection.send({ type: "clear" });
    connection.send({ type: "audio", chunk: chunk(new Uint8Array(480).fill(4)) });
    // Of the turn that is being spoken when the question comes nothing is held back: it is no turn yet.
    expect(types(connected)).toEqual(["append"]);
    connection.hear(server.committed("prov_1"));
    expect(types(connected).slice(1, 4)).toEqual(["item.delete", "response.create", "commit"]);
    expect(server.turns.map((bytes) => [...new Set(bytes)])).toEqual([[], [2], [3]]);
    expect(types(connected).slice(-2)).toEqual(["clear", "append"]);
  });

  it("[U85] nor a deletion, a cut or another configuration", () => {
    const connected = connectOpenAi();
    const { connection, server } = connected;
    connection.send(respond("R1"));
    const { response, messages } = server.begin();
    connection.hear([...messages, server.messageItem(response, "item_x")]);
    connection.hear([server.audioDelta(response, "item_x", new Uint8Array(4800).toBase64())]);
    server.received.length = 0;
    connection.send(respond("R2"));
    connection.send({ type: "truncate", itemId: "item_x", contentIndex: 0, audioEndMs: 60 });
    connection.send({ type: "delete", itemId: "item_x" });
    const before = connection.upstream.unjudged ?? 0;
    connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be loud." } });
    expect(types(connected)).toEqual([]);
    // It is said that a verdict is due.
    expect(connection.upstream.unjudged).toBe(before + 1);
    connection.hear([server.done(response)]);
    expect(types(connected)).toEqual(["response.create", "item.truncate", "item.delete", "session.update"]);
    expect(connection.upstream.unjudged).toBe(0);
    expect(connection.of("configured")).toHaveLength(1);
  });

  it("[U85] what is said of a provider's own turns, and beside the conversation, goes at once", () => {
    const own = waiting({ settings: { turns: "server" } });
    own.connection.send(audio());
    own.connection.send({ type: "commit", itemId: "turn_2" });
    expect(types(own)).toEqual(["append", "commit"]);

    const beside = connectOpenAi();
    beside.connection.send(respond("R1"));
    beside.connection.send(respond("R2"));
    const options = { params: {}, outOfBand: true };
    beside.connection.send({ type: "respond", responseId: "R3", options });
    expect(beside.server.count("response.create")).toBe(2);
    beside.connection.send(say("item_a"));
    beside.connection.send({ type: "respond", responseId: "R4", options });
    expect(beside.server.count("response.create")).toBe(2);
  });

  it("[U85] all that waits goes on from a snapshot", () => {
    const connected = waiting();
    const { connection, server } = connected;
    connection.send(say("item_a"));
    connection.send(say("item_b", "item_a"));
    connection.send({ type: "configure", config: { ...CONFIG, instructions: "Be loud." } });
    connection.send(audio(480));
    connection.send({ type: "commit", itemId: "turn_2" });
    connection.send(audio(240));
    restarted(connection);
    connection.hear(server.committed("prov_1"));
    expect(types(connected).slice(1)).toEqual([
      "item.delete",
      "response.create",
      "item.create",
      "item.create",
      "session.update",
      "commit",
      "append",
    ]);
  });

  it("[U85] what waits behind a question that is taken back waits no longer", () => {
    const connected = waiting();
    const { connection } = connected;
    connection.send(say("item_a"));
    connection.send({ type: "cancel", responseId: "R1" });
    expect(types(connected)).toEqual(["item.create"]);
  });

  it("[U86] a name that does not come in time is not waited for any longer", () => {
    const connected = waiting();
    const { connection, server } = connected;
    connection.send(say("item_a", "turn_1"));
    const { unnamed = 0 } = connection.upstream;
    expect(unnamed).toBeGreaterThan(0);
    const replies = connection.upstream.giveUpNames?.() ?? [];
    connection.write(replies.flatMap((event) => (event.type === "reply" ? [event.data] : [])));
    // In the order in which they were given, and the deletion as soon as it can be.
    expect(types(connected)).toEqual(["response.create", "item.create"]);
    expect(server.last("conversation.item.create")).not.toHaveProperty("previous_item_id");
    expect(connection.upstream.unnamed).toBe(0);
    connection.hear(server.committed("prov_1"));
    expect(server.last("conversation.item.delete").item_id).toBe("prov_1");
  });

  it("[U86] an answer to a turn that is never named is told as not answered", () => {
    const { connection, server } = connectOpenAi();
    server.answersCommits = false;
    connection.send({ type: "commit", itemId: "turn_1" });
    const params = { input: [{ type: "item_reference", id: "turn_1" }] };
    connection.send({ type: "respond", responseId: "R1", options: { params, outOfBand: true } });
    expect(connection.upstream.unnamed).toBeGreaterThan(0);
    const events = connection.upstream.giveUpNames?.() ?? [];
    expect(events.at(-1)).toMatchObject({ status: "failed", error: { code: "upstream_timeout" } });
    expect(server.count("response.create")).toBe(0);
    expect(connection.upstream.unnamed).toBe(0);
  });

  it("[U15] what waits behind a question is bounded, and goes in its order when it is too much", () => {
    const connected = connectOpenAi();
    const { connection, server } = connected;
    connection.send(respond("R1"));
    connection.hear(server.begin("resp_1").messages);
    server.received.length = 0;
    connection.send(respond("R2"));
    connection.send({ type: "commit", itemId: "turn_2" });
    let sent = 0;
    while (types(connected).length === 0) {
      connection.send(audio(48_000));
      sent += 1;
      expect(JSON.stringify(connection.upstream.snapshot()).length).toBeLessThan(2 * WAIT_LIMITS.chars);
    }
    expect(types(connected)).toEqual([
      "response.create",
      "commit",
      ...Array.from({ length: sent }, () => "append"),
    ]);
  });
});

describe("an ask that a provider swallowed", () => {
  it("[U87] and that was cancelled is not taken for the next, once what came after it was taken", () => {
    const { connection, server } = connectOpenAi({
      quirks: { acceptsItemIds: false, metadataEcho: false, abandonsResponses: true },
    });
    for (const n of [1, 2]) {
      connection.send(audio());
      connection.send({ type: "commit", itemId: `turn_${n}` });
      if (n === 2) connection.send({ type: "cancel", responseId: "R1" });
      connection.send(respond(`R${n}`));
    }
    hear(connection, { type: "response.created", response: { id: "resp_a" } });
    expect(connection.of("response.started")).toMatchObject([{ response: "resp_a", answers: "R2" }]);
    expect(server.count("response.cancel")).toBe(0);
  });

  it("[U87] and whose begin may still be on its way is cancelled there, as before", () => {
    const { connection, server } = connectOpenAi({
      quirks: { acceptsItemIds: false, metadataEcho: false, abandonsResponses: true },
    });
    connection.send(respond("R1"));
    connection.send({ type: "cancel", responseId: "R1" });
    connection.send(respond("R2"));
    hear(connection, { type: "response.created", response: { id: "resp_a" } });
    expect(connection.of("response.started")).toMatchObject([{ answers: "R1" }]);
    expect(server.count("response.cancel")).toBe(1);
  });

  it("[L150] and that only thinks for long is cancelled when it begins, where nothing else can begin", () => {
    const connected = connectOpenAi({ quirks: { acceptsItemIds: false, metadataEcho: false } });
    const { connection, server } = connected;
    connection.send(respond("R1"));
    hear(connection, { type: "response.created", response: { id: "resp_a" } });
    connection.send({ type: "cancel", responseId: "R1" });
    connection.send(respond("R2"));
    hear(connection, { type: "response.done", response: { id: "resp_a", status: "cancelled" } });
    connection.send({ type: "cancel", responseId: "R2" });
    connection.send(audio());
    connection.send({ type: "commit", itemId: "turn_2" });
    server.received.length = 0;
    hear(connection, { type: "response.created", response: { id: "resp_b" } });
    connection.send(respond("R3"));
    hear(connection, { type: "response.created", response: { id: "resp_c" } });
    expect(connection.of("response.started")).toMatchObject([
      { response: "resp_a", answers: "R1" },
      { response: "resp_b", answers: "R2" },
      { response: "resp_c", answers: "R3" },
    ]);
    expect(server.received).toMatchObject([
      { type: "response.cancel", response_id: "resp_b" },
      { type: "response.create" },
    ]);
  });
});
