/** A provider that answers each commit without being asked, as recorded sockets of Grok do with its turn detection off. */
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { chunk } from "./connection.ts";
import { connectOpenAi, hear, restarted, RESPOND } from "./openai-connection.ts";

const QUIRKS = { answersCommits: true, abandonsResponses: true } as const;
const scene = (): ReturnType<typeof connectOpenAi> => {
  const made = connectOpenAi({ quirks: QUIRKS });
  made.server.received.length = 0;
  return made;
};
const sent = ({ server }: ReturnType<typeof connectOpenAi>): string[] =>
  server.received.map(({ type }) => type.replace("input_audio_buffer.", ""));
const audio = { type: "audio", chunk: chunk(Uint8Array.of(1, 2)) } as const;
const commit = { type: "commit", itemId: "I1" } as const;
const respond = (responseId: string, params: JsonObject = {}) =>
  ({ type: "respond", responseId, options: { ...RESPOND, params } }) as const;

describe("a provider that answers commits", () => {
  test("[U270] is given the commit as the asking, and its answer is the one that was asked for", () => {
    const made = scene();
    const { connection } = made;
    connection.send(audio);
    connection.send(commit);
    expect(sent(made)).toEqual(["append"]);
    connection.send(respond("R1"));
    expect(sent(made)).toEqual(["append", "commit"]);
    hear(connection, { type: "response.created", response: { id: "r" } });
    expect(connection.of("response.started")).toMatchObject([{ response: "r", answers: "R1" }]);
  });

  test("[R110] has taken away what was said before, and the commit that waits is the asking all the same", () => {
    for (const change of [
      { type: "delete", itemId: "I0" },
      { type: "truncate", itemId: "I0", contentIndex: 0, audioEndMs: 100 },
    ] as const) {
      const made = scene();
      const { connection } = made;
      for (const command of [audio, { ...commit, itemId: "I0" }, respond("R0")] as const)
        connection.send(command);
      hear(connection, { type: "input_audio_buffer.committed", item_id: "theirs" });
      hear(connection, { type: "response.created", response: { id: "r0" } });
      hear(connection, { type: "response.done", response: { id: "r0", status: "completed" } });
      made.server.received.length = 0;
      for (const command of [audio, commit, change] as const) connection.send(command);
      expect(sent(made)).toEqual(["append", `conversation.item.${change.type}`]);
      connection.send(respond("R1"));
      expect(sent(made).slice(2)).toEqual(["commit"]);
      hear(connection, { type: "response.created", response: { id: "r1" } });
      expect(connection.of("response.started").at(-1)).toMatchObject({ response: "r1", answers: "R1" });
    }
  });

  test("[R110] keeps its order where the turn itself is taken away", () => {
    const made = scene();
    for (const command of [audio, commit, { type: "delete", itemId: "I1" }] as const)
      made.connection.send(command);
    expect(sent(made)).toEqual(["append", "commit", "conversation.item.delete"]);
  });

  test("[U270] hears what is said behind a commit that waits after it, also in another object", () => {
    const made = scene();
    made.connection.send(audio);
    made.connection.send(commit);
    restarted(made.connection, { quirks: QUIRKS });
    made.connection.send(audio);
    expect(sent(made)).toEqual(["append"]);
    made.connection.send(respond("R1"));
    expect(sent(made)).toEqual(["append", "commit", "append"]);
  });

  test("[U270] is told to stop what it begins for a commit that nobody asked about", () => {
    const made = scene();
    const { connection } = made;
    for (const command of [audio, commit, { type: "clear" }] as const) connection.send(command);
    expect(sent(made)).toEqual(["append", "commit", "clear"]);
    hear(connection, { type: "response.created", response: { id: "unasked" } });
    expect(made.server.last("response.cancel")).toMatchObject({ response_id: "unasked" });
    for (const command of [audio, { ...commit, itemId: "I2" }, respond("R2")] as const)
      connection.send(command);
    hear(connection, { type: "response.created", response: { id: "asked" } });
    expect(connection.of("response.started").at(-1)).toMatchObject({ response: "asked", answers: "R2" });
  });

  test("[U270] nor goes on with what it begins late for one of several, when it has taken what was said after them", () => {
    const made = scene();
    const { connection } = made;
    const told = (itemId: string) =>
      ({
        type: "item",
        previousItemId: null,
        item: { id: itemId, type: "message", role: "assistant", content: [] },
      }) as const;
    for (const command of [
      audio,
      commit,
      told("A1"),
      audio,
      { ...commit, itemId: "I2" },
      told("A2"),
    ] as const)
      connection.send(command);
    for (const id of ["c1", "c2"]) hear(connection, { type: "input_audio_buffer.committed", item_id: id });
    for (const id of ["A1", "A2"]) hear(connection, { type: "conversation.item.added", item: { id } });
    for (const id of ["u2", "u1"])
      hear(connection, { type: "response.created", response: { id, status: "in_progress" } });
    expect(made.server.received.filter(({ type }) => type === "response.cancel")).toMatchObject([
      { response_id: "u2" },
      { response_id: "u1" },
    ]);
    for (const command of [audio, { ...commit, itemId: "I3" }, respond("R3")] as const)
      connection.send(command);
    hear(connection, { type: "response.created", response: { id: "asked" } });
    expect(connection.of("response.started").at(-1)).toMatchObject({ response: "asked", answers: "R3" });
    expect(made.server.count("response.cancel")).toBe(2);
  });

  test("[U270] is not kept from a turn for ever: a commit that nobody asks about goes when names are given up", () => {
    const made = scene();
    made.connection.send(audio);
    made.connection.send(commit);
    expect(made.connection.upstream.unnamed).toBeGreaterThan(0);
    for (const event of made.connection.upstream.giveUpNames?.() ?? [])
      if (event.type === "reply") made.server.receive(event.data);
    expect(sent(made)).toEqual(["append", "commit"]);
    expect(made.connection.upstream.unnamed).toBe(0);
  });

  test("[U270] is asked by response.create for what has parameters, which commits what was heard", () => {
    const made = scene();
    for (const command of [audio, commit, respond("R1", { instructions: "Sing." })] as const)
      made.connection.send(command);
    expect(sent(made)).toEqual(["append", "response.create"]);
    expect(made.server.last("response.create").response).toMatchObject({ instructions: "Sing." });
    hear(made.connection, { type: "input_audio_buffer.committed", item_id: "theirs" });
    made.connection.send({ type: "delete", itemId: "I1" });
    expect(made.server.last("conversation.item.delete").item_id).toBe("theirs");
  });

  test("[U270] has an empty buffer cleared before it is asked a second time about the same turn, and only then", () => {
    const made = scene();
    for (const command of [audio, commit, respond("R1")] as const) made.connection.send(command);
    hear(
      made.connection,
      { type: "response.created", response: { id: "r1" } },
      { type: "response.done", response: { id: "r1", status: "completed" } },
    );
    made.connection.send(respond("R2"));
    expect(sent(made).slice(2)).toEqual(["clear", "response.create"]);
    made.connection.send(respond("R3"));
    expect(sent(made).slice(4)).toEqual(["response.create"]);
    made.connection.send(audio);
    made.connection.send(commit);
    made.connection.send(respond("R4"));
    made.connection.send(audio);
    // What the caller says now is not taken away.
    made.connection.send(respond("R5"));
    expect(sent(made).slice(5)).toEqual(["append", "commit", "append", "response.create"]);
  });

  test("[U270] also where an answer was cancelled that was over by then, of which nothing is said to it", () => {
    const made = scene();
    for (const command of [audio, commit, respond("R1")] as const) made.connection.send(command);
    hear(
      made.connection,
      { type: "response.created", response: { id: "r1" } },
      { type: "response.done", response: { id: "r1", status: "completed" } },
    );
    made.connection.send({ type: "cancel", responseId: "R1" });
    made.connection.send(respond("R2"));
    expect(sent(made).slice(2)).toEqual(["clear", "response.create"]);
  });

  test.each([
    ["what it said was deleted", { type: "delete", itemId: "i" }],
    ["it was told to stop, which may have come after its end", { type: "cancel", responseId: "R1" }],
  ] as const)("[R102] also where %s: neither is known to wake it", (_, command) => {
    const made = scene();
    for (const command of [audio, commit, respond("R1")] as const) made.connection.send(command);
    const item = { id: "i", type: "message", role: "assistant", content: [] };
    hear(
      made.connection,
      { type: "response.created", response: { id: "r1" } },
      { type: "response.output_item.added", response_id: "r1", output_index: 0, item },
    );
    made.connection.send(command);
    hear(made.connection, { type: "response.done", response: { id: "r1", status: "completed" } });
    made.connection.send(respond("R2"));
    expect(sent(made).slice(-2)).toEqual(["clear", "response.create"]);
    expect(sent(made)).toHaveLength(5);
  });

  test("[R102] an item that it is told since is something: nothing is cleared for it", () => {
    const made = scene();
    for (const command of [audio, commit, respond("R1")] as const) made.connection.send(command);
    hear(
      made.connection,
      { type: "response.created", response: { id: "r1" } },
      { type: "response.done", response: { id: "r1", status: "completed" } },
    );
    const content = [{ type: "input_text", text: "More." }];
    const item = { id: "I2", type: "message", role: "user", content };
    made.connection.send({ type: "item", item, previousItemId: null });
    made.connection.send(respond("R2"));
    expect(sent(made).slice(2)).toEqual(["conversation.item.create", "response.create"]);
  });

  /** A commit goes that nobody asks about, and behind it one that is asked about: what the provider takes comes later. */
  const behind = () => {
    const made = scene();
    made.server.answersCommits = false;
    const content = [{ type: "input_text", text: "And this." }];
    const item = { id: "I2", type: "message", role: "user", content };
    for (const command of [audio, commit, { type: "item", item, previousItemId: null }] as const)
      made.connection.send(command);
    for (const command of [audio, { ...commit, itemId: "I3" }, respond("R3")] as const)
      made.connection.send(command);
    const took = (what: string) =>
      hear(made.connection, { type: "input_audio_buffer.committed", item_id: what });
    took("theirs 1");
    hear(made.connection, { type: "conversation.item.added", item });
    const begins = (id: string) => hear(made.connection, { type: "response.created", response: { id } });
    return { made, took, begins };
  };

  test("[R103] begins the answer to a turn that nobody asks about before it takes the next turn: it is told to stop", () => {
    const { made, took, begins } = behind();
    begins("r1");
    expect(made.server.last("response.cancel")).toMatchObject({ response_id: "r1" });
    took("theirs 3");
    begins("r3");
    expect(made.connection.of("response.started").at(-1)).toMatchObject({ response: "r3", answers: "R3" });
    expect(made.server.count("response.cancel")).toBe(1);
  });

  test("[R103] took the next turn and has begun nothing: what begins is the answer to that", () => {
    const { made, took, begins } = behind();
    took("theirs 3");
    begins("r3");
    expect(made.connection.of("response.started")).toMatchObject([{ response: "r3", answers: "R3" }]);
    expect(made.server.count("response.cancel")).toBe(0);
  });

  test("[U222] what an answer cost that another one took the place of is told when its provider ends it, once", () => {
    const { connection } = scene();
    for (const command of [audio, commit, respond("R1")] as const) connection.send(command);
    hear(connection, { type: "response.created", response: { id: "r1" } });
    for (const command of [audio, { ...commit, itemId: "I2" }, respond("R2")] as const)
      connection.send(command);
    hear(connection, { type: "response.created", response: { id: "r2" } });
    const usage = { total_tokens: 30 };
    const done = { type: "response.done", response: { id: "r1", status: "cancelled", usage } };
    hear(connection, done, done);
    expect(connection.of("response.done")).toMatchObject([{ response: "r1", usage: null }]);
    expect(connection.of("spent")).toEqual([{ type: "spent", usage }]);
  });
});

test("[U270] where the provider takes the turns, a commit of ours waits for nobody", () => {
  const made = connectOpenAi({ quirks: QUIRKS, settings: { turns: "server" } });
  made.connection.send(commit);
  expect(made.server.count("input_audio_buffer.commit")).toBe(1);
});

test("[U273] a provider that takes the turns is told no idle timeout", () => {
  const turnDetection = { type: "server_vad", threshold: 0.4, idle_timeout_ms: 6000 };
  const { server } = connectOpenAi({ settings: { turns: "server" }, config: { turnDetection } });
  expect(server.last("session.update").session).toMatchObject({
    audio: { input: { turn_detection: { type: "server_vad", threshold: 0.4, idle_timeout_ms: null } } },
  });
});
