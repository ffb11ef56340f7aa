/** Transcripts of what the user said. */
import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { connectOpenAi, hear, type OpenAiScene, restarted } from "./openai-connection.ts";

const TYPE = "conversation.item.input_audio_transcription";
const CUMULATIVE: OpenAiScene = { quirks: { cumulativeTranscripts: true } };

const completed = (transcript: string, more: JsonObject = {}): JsonObject => ({
  type: `${TYPE}.completed`,
  event_id: "e",
  item_id: "user_1",
  content_index: 0,
  transcript,
  ...more,
});

function committed(scene: OpenAiScene = {}): ReturnType<typeof connectOpenAi> {
  const connected = connectOpenAi(scene);
  connected.connection.send({ type: "commit", itemId: "turn_1" });
  return connected;
}

const ends = ({ connection }: ReturnType<typeof connectOpenAi>): readonly string[] =>
  connection.of("input.transcript.completed").map(({ transcript }) => transcript);
const deltas = ({ connection }: ReturnType<typeof connectOpenAi>): readonly string[] =>
  connection.of("input.transcript.delta").map(({ delta }) => delta);

describe("what else is said of a transcript", () => {
  it("[U36] is handed on: logprobs, language, the part, whatever comes", () => {
    const { connection } = committed();
    const logprobs = [{ token: "Hi", logprob: -0.1, bytes: [72] }];
    hear(connection, {
      type: `${TYPE}.delta`,
      event_id: "e",
      item_id: "user_1",
      content_index: 1,
      delta: "Hi",
      logprobs,
      obfuscation: "xyz",
    });
    hear(connection, completed("Hi.", { logprobs, languages: [{ code: "en" }], usage: { type: "tokens" } }));
    expect(connection.events.slice(1)).toEqual([
      { type: "input.transcript.delta", itemId: "turn_1", part: 1, delta: "Hi", extra: { logprobs } },
      {
        type: "input.transcript.completed",
        itemId: "turn_1",
        transcript: "Hi.",
        usage: { type: "tokens" },
        extra: { logprobs, languages: [{ code: "en" }] },
      },
    ]);
  });

  it("[U36] is handed on of segments and failures too", () => {
    const { connection } = committed();
    const segment = { id: "seg_1", speaker: "A", start: 0.1, end: 0.9, text: "Hi.", content_index: 0 };
    hear(connection, { type: `${TYPE}.segment`, event_id: "e", item_id: "user_1", ...segment });
    const error = { type: "server_error", code: "DeploymentNotFound", message: "No model.", param: "model" };
    hear(connection, { type: `${TYPE}.failed`, item_id: "user_1", content_index: 0, error });
    expect(connection.events.slice(1)).toEqual([
      { type: "input.transcript.segment", itemId: "turn_1", segment },
      { type: "input.transcript.failed", itemId: "turn_1", error },
    ]);
  });
});

describe("a transcript's end", () => {
  it("[U37] is told once, also when the provider says it twice", () => {
    const scene = committed();
    hear(scene.connection, completed("Hi."), completed("Hi."));
    restarted(scene.connection);
    hear(scene.connection, completed("Hi."));
    expect(ends(scene)).toEqual(["Hi."]);
    expect(scene.connection.of("error")).toEqual([]);
    hear(scene.connection, completed("Hi there."));
    expect(ends(scene)).toEqual(["Hi."]);
    expect(scene.connection.of("error")).toMatchObject([{ error: { code: "upstream_protocol_error" } }]);
    // Another part has an end of its own.
    hear(scene.connection, completed("Good.", { content_index: 1 }));
    expect(scene.connection.of("input.transcript.completed").at(-1)).toMatchObject({
      part: 1,
      transcript: "Good.",
    });
  });

  it("[U37] comes with the answer where the growing ones have no status", () => {
    const scene = committed(CUMULATIVE);
    for (const words of ["hello", "hello how", "Hello, how are you?"]) {
      hear(scene.connection, completed(words));
      restarted(scene.connection, CUMULATIVE);
    }
    expect(ends(scene)).toEqual([]);
    expect(deltas(scene)).toEqual(["hello", " how"]);
    scene.connection.hear([scene.server.created("resp_1", null)]);
    expect(ends(scene)).toEqual(["Hello, how are you?"]);
    hear(scene.connection, completed("Hello, how are you?"));
    scene.connection.hear([scene.server.done("resp_1")]);
    expect(ends(scene)).toHaveLength(1);
  });

  it("[U37] comes when a growing one without a status is repeated, or has a final status", () => {
    for (const last of [completed("Hello."), completed("Hello.", { status: "completed" })]) {
      const scene = committed(CUMULATIVE);
      hear(scene.connection, completed("Hello."));
      expect(ends(scene)).toEqual([]);
      hear(scene.connection, last);
      expect(ends(scene)).toEqual(["Hello."]);
    }
  });

  it("[U37] comes with the next turn or the answer's end where more was announced and never came", () => {
    for (const next of ["turn", "answer"] as const) {
      const scene = committed(CUMULATIVE);
      hear(scene.connection, completed("Hello", { status: "in_progress" }));
      scene.connection.hear([scene.server.created("resp_1", null)]);
      expect(ends(scene)).toEqual([]);
      if (next === "turn") scene.connection.send({ type: "commit", itemId: "turn_2" });
      else scene.connection.hear([scene.server.done("resp_1")]);
      expect(ends(scene)).toEqual(["Hello"]);
      expect(scene.connection.of("input.transcript.completed")[0]?.itemId).toBe("turn_1");
    }
  });

  it("[U37] comes at once when the turn was answered before", () => {
    const scene = committed(CUMULATIVE);
    scene.connection.hear([scene.server.created("resp_1", null), scene.server.done("resp_1")]);
    hear(scene.connection, completed("Hello."));
    expect(ends(scene)).toEqual(["Hello."]);
  });

  it("[U23] tells no piece of words that were changed since: the deltas are the beginning of something said", () => {
    const scene = committed(CUMULATIVE);
    const growing = (transcript: string): JsonObject => completed(transcript, { status: "in_progress" });
    const updated = { ...growing("hello"), type: `${TYPE}.updated` };
    hear(scene.connection, updated, growing("hello"), growing("Hello, how"), growing("Hello, how are"));
    hear(scene.connection, growing("hello how"), completed("Hello, how are you?", { status: "completed" }));
    expect(deltas(scene).join("")).toBe("hello how");
    expect(ends(scene)).toEqual(["Hello, how are you?"]);
    expect(scene.connection.of("passed")).toEqual([]);
  });

  it("[U15] is not waited for where a growing one is too long, or too many grow", () => {
    const scene = connectOpenAi(CUMULATIVE);
    for (let n = 1; n <= 20; n++) scene.connection.send({ type: "commit", itemId: `turn_${n}` });
    hear(scene.connection, completed("x".repeat(40_000), { status: "in_progress" }));
    expect(ends(scene)).toHaveLength(1);
    for (let n = 2; n <= 20; n++) hear(scene.connection, completed(`Turn ${n}`, { item_id: `user_${n}` }));
    expect(ends(scene).length).toBeGreaterThan(2);
  });
});

describe("a transcript that comes before its turn", () => {
  const delta = (words: string): JsonObject => ({ type: `${TYPE}.delta`, item_id: "user_1", delta: words });

  it("[U38] waits for the commit, whoever decides on it", () => {
    for (const turns of ["client", "server"] as const) {
      const scene = { settings: { turns } };
      const { connection, server } = connectOpenAi(scene);
      hear(connection, delta("Good"), delta(" mor"));
      expect(connection.of("input.transcript.delta")).toEqual([]);
      restarted(connection, scene);
      if (turns === "client") connection.send({ type: "commit", itemId: "turn_1" });
      else connection.hear(server.committed("user_1"));
      hear(connection, delta("ning."));
      const itemId = turns === "client" ? "turn_1" : "user_1";
      expect(connection.of("input.transcript.delta")).toEqual(
        ["Good", " mor", "ning."].map((words) => ({ type: "input.transcript.delta", itemId, delta: words })),
      );
      if (turns === "server") expect(connection.events.at(-4)?.type).toBe("committed");
    }
  });

  it("[U38] grows on under the name that the session gives the turn", () => {
    const scene = { settings: { turns: "server" }, quirks: { cumulativeTranscripts: true } };
    const { connection, server } = connectOpenAi(scene);
    hear(connection, completed("Hello", { status: "in_progress" }));
    connection.hear(server.committed("user_1"));
    connection.send({ type: "named", what: "item", key: "user_1", id: "item_S" });
    hear(connection, completed("Hello you", { status: "in_progress" }));
    hear(connection, completed("Hello you.", { status: "completed" }));
    expect(
      connection.of("input.transcript.delta").map(({ itemId, delta: words }) => [itemId, words]),
    ).toEqual([
      ["user_1", "Hello"],
      ["item_S", " you"],
      ["item_S", "."],
    ]);
    expect(connection.of("input.transcript.completed")).toMatchObject([{ itemId: "item_S" }]);
  });

  it("[U15] is kept within bounds", () => {
    const { connection } = connectOpenAi();
    for (let n = 0; n < 2000; n++) hear(connection, delta("x".repeat(1000)));
    expect(JSON.stringify(connection.upstream.snapshot()).length).toBeLessThan(200_000);
  });
});
