/** Configuration under the provider's judgement. */
import { describe, expect, it } from "vitest";

import type { Json, JsonObject, UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { CONFIG } from "./connection.ts";
import { connectOpenAi, hear, type OpenAiScene, restarted } from "./openai-connection.ts";
import type { ScriptedOpenAi } from "./scripted-openai.ts";

const BAD_TOOL = { type: "function", name: "bad name!", parameters: {} } as const;

/** The sessions of all updates since the greeting, with their event ids. */
const updates = (server: ScriptedOpenAi): readonly { readonly id: string; readonly session: JsonObject }[] =>
  server.received.flatMap((event) => {
    if (event.type !== "session.update") return [];
    const session: JsonObject = JSON.parse(JSON.stringify(event.session));
    return [{ id: event.event_id ?? "", session }];
  });

const error = (eventId: string | null, param: string | null = null): JsonObject => ({
  type: "error",
  error: { type: "invalid_request_error", code: "invalid_value", message: "No.", param, event_id: eventId },
});

/** Judges every update that comes in: those with a field that `refuses` says so of are refused as a whole. */
function judge(
  scene: ReturnType<typeof connectOpenAi>,
  refuses: (path: string, value: Json) => boolean,
  from = 0,
): void {
  for (let n = from; n < updates(scene.server).length; n++) {
    const update = updates(scene.server)[n];
    if (update === undefined) return;
    const bad = Object.entries(update.session).some(([path, value]) => refuses(path, value));
    hear(scene.connection, bad ? error(update.id, "session.x") : { type: "session.updated", session: {} });
  }
}

const isBad = (path: string, value: Json): boolean =>
  (path === "tools" && JSON.stringify(value).includes("bad name!")) || path === "reasoning";

const changed: UpstreamConfig = {
  ...CONFIG,
  instructions: "Answer only with the word banana.",
  tools: [BAD_TOOL],
  maxOutputTokens: 99,
};

describe("an update that the provider takes", () => {
  it("[U39] is told as in force, and not before", () => {
    const { connection, server } = connectOpenAi();
    expect(connection.upstream.capabilities.confirms).toBe(true);
    server.answersUpdates = false;
    connection.send({ type: "configure", config: changed, cause: "mine" });
    expect(connection.of("configured")).toEqual([]);
    restarted(connection);
    hear(connection, { type: "session.updated", session: {} });
    expect(connection.of("configured")).toHaveLength(1);
    hear(connection, { type: "session.updated", session: {} });
    expect(connection.of("configured")).toHaveLength(1);
    // The same again: nothing to judge.
    expect(connection.upstream.encode({ type: "configure", config: changed })).toEqual([]);
  });

  it("[U39] is told once when two are under way", () => {
    const { connection, server } = connectOpenAi();
    server.answersUpdates = false;
    connection.send({ type: "configure", config: { ...CONFIG, instructions: "One." } });
    connection.send({ type: "configure", config: { ...CONFIG, instructions: "Two." } });
    hear(connection, { type: "session.updated", session: { instructions: "One." } });
    expect(connection.of("configured")).toEqual([]);
    hear(connection, { type: "session.updated", session: { instructions: "Two." } });
    expect(connection.of("configured")).toHaveLength(1);
  });

  it("[U41] is not taken to be confirmed by the answer to a former one, said again", () => {
    const { connection, server } = connectOpenAi();
    server.answersUpdates = false;
    connection.send({ type: "configure", config: { ...CONFIG, instructions: "Two." } });
    const former = { type: "session.updated", session: { instructions: "Be brief." } };
    hear(connection, former);
    expect(connection.of("configured")).toEqual([]);
    // A provider that never applies it is not waited for.
    hear(connection, former);
    expect(connection.of("configured")).toHaveLength(1);
  });

  it("[U41] is in force when something sent after it is acknowledged and nothing was said of it", () => {
    for (const acceptsItemIds of [true, false]) {
      const { connection, server } = connectOpenAi({ quirks: { acceptsItemIds } });
      server.answersUpdates = false;
      connection.send({ type: "configure", config: changed });
      expect(connection.of("configured")).toEqual([]);
      const item = {
        id: "item_a",
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "Hi" }],
      };
      connection.send({ type: "item", item, previousItemId: null });
      expect(connection.of("configured")).toHaveLength(1);
    }
  });

  it("[U39] is not waited for where updates are never answered", () => {
    const { connection } = connectOpenAi({ quirks: { readyOn: "session.created" }, answersUpdates: false });
    expect(connection.upstream.capabilities.confirms).toBe(false);
    connection.send({ type: "configure", config: changed });
    hear(connection, { type: "session.updated", session: {} });
    expect(connection.of("configured")).toEqual([]);
  });
});

describe("an update that the provider refuses", () => {
  it("[U39] is told once, then judged field by field, so that all others reach the provider", () => {
    const scene = connectOpenAi();
    const { connection, server } = scene;
    server.answersUpdates = false;
    connection.send({ type: "configure", config: changed, cause: "mine" });
    judge(scene, isBad, 1);
    expect(
      updates(server)
        .slice(2)
        .map(({ session }) => session),
    ).toEqual([
      { type: "realtime", instructions: changed.instructions },
      { type: "realtime", tools: [BAD_TOOL] },
      { type: "realtime", max_output_tokens: 99 },
    ]);
    expect(connection.of("refused")).toEqual([
      {
        type: "refused",
        what: "configure",
        id: null,
        cause: "mine",
        error: { code: "invalid_value", message: "No.", type: "invalid_request_error", param: "session.x" },
      },
    ]);
    expect(connection.events.slice(-2)).toEqual([
      { type: "unconfigured", fields: ["tools"] },
      { type: "configured" },
    ]);
    expect(connection.of("error")).toEqual([]);
  });

  it("[U39] of a single field is told once as well", () => {
    const scene = connectOpenAi();
    scene.server.answersUpdates = false;
    scene.connection.send({ type: "configure", config: { ...CONFIG, tools: [BAD_TOOL] }, cause: "mine" });
    judge(scene, isBad, 1);
    expect(scene.connection.of("refused")).toHaveLength(1);
    expect(scene.connection.of("unconfigured")).toEqual([{ type: "unconfigured", fields: ["tools"] }]);
  });

  it("[U39] without an event id is the oldest, where the error names a field of the session", () => {
    const { connection, server } = connectOpenAi();
    server.answersUpdates = false;
    connection.send({ type: "configure", config: { ...CONFIG, tools: [BAD_TOOL] }, cause: "mine" });
    hear(connection, error(null, "session.tools[0].name"));
    expect(connection.of("refused")).toMatchObject([
      { what: "configure", cause: "mine", error: { param: "session.tools[0].name" } },
    ]);
    expect(connection.of("unconfigured")).toHaveLength(1);
    hear(connection, error(null, "audio"));
    expect(connection.of("error")).toMatchObject([{ error: { param: "audio" }, fatal: false }]);
  });

  it("[U39] names fields by the session's names, whatever the provider calls them", () => {
    const config: Partial<UpstreamConfig> = {
      voice: "ghost",
      maxOutputTokens: 5,
      toolChoice: "x",
      transcription: { model: "x" },
      extra: { prompt: { id: "p" }, noise_reduction: { type: "x" } },
    };
    for (const sessionShape of ["ga", "beta", "xai"] as const) {
      const scene = connectOpenAi({ quirks: { sessionShape } });
      scene.server.answersUpdates = false;
      scene.connection.send({ type: "configure", config: { ...CONFIG, ...config } });
      judge(scene, (path) => path !== "type", 1);
      expect(
        scene.connection
          .of("unconfigured")
          .flatMap(({ fields }) => fields)
          .sort(),
      ).toEqual([
        "extra.noise_reduction",
        "extra.prompt",
        "maxOutputTokens",
        "toolChoice",
        "transcription",
        "voice",
      ]);
      expect(scene.connection.of("configured")).toHaveLength(1);
    }
  });

  it("[U42] has its field told in the client's words", () => {
    for (const [sessionShape, said, told] of [
      ["beta", "session.input_audio_transcription.model", "session.audio.input.transcription.model"],
      ["beta", "session.max_response_output_tokens", "session.max_output_tokens"],
      ["beta", "session.voice", "session.audio.output.voice"],
      ["beta", "session.tools[0].name", "session.tools[0].name"],
      ["beta", "session.temperature", "session.temperature"],
      ["beta", "response.modalities", "response.output_modalities"],
      ["xai", "session.turn_detection", "session.audio.input.turn_detection"],
      ["ga", "session.audio.output.voice", "session.audio.output.voice"],
      ["ga", "item.id", "item.id"],
    ] as const) {
      const { connection } = connectOpenAi({ quirks: { sessionShape } });
      hear(connection, error(null, said));
      expect(connection.of("error")).toMatchObject([{ error: { param: told } }]);
    }
  });
});

describe("a value that was refused", () => {
  const refused = (): ReturnType<typeof connectOpenAi> => {
    const scene = connectOpenAi();
    scene.server.answersUpdates = false;
    scene.connection.send({ type: "configure", config: changed, cause: "mine" });
    judge(scene, isBad, 1);
    return scene;
  };

  it("[U40] is not sent again with later updates, until it changes", () => {
    const { connection, server } = refused();
    restarted(connection);
    connection.send({ type: "configure", config: { ...changed, instructions: "Be kind." } });
    expect(updates(server).at(-1)?.session).toEqual({ type: "realtime", instructions: "Be kind." });
    const tools = [{ ...BAD_TOOL, name: "good_name" }];
    connection.send({ type: "configure", config: { ...changed, instructions: "Be kind.", tools } });
    expect(updates(server).at(-1)?.session).toEqual({ type: "realtime", tools });
  });

  it("[U40] is sent again when a client asks for it once more", () => {
    const { connection, server } = refused();
    const count = updates(server).length;
    expect(connection.upstream.encode({ type: "configure", config: changed })).toEqual([]);
    connection.send({ type: "configure", config: changed, cause: "again" });
    expect(
      updates(server)
        .slice(count)
        .map(({ session }) => session),
    ).toEqual([{ type: "realtime", tools: [BAD_TOOL] }]);
    hear(connection, error(updates(server).at(-1)?.id ?? null));
    expect(connection.of("refused").at(-1)).toMatchObject({ what: "configure", cause: "again" });
  });

  it("[U39] keeps what a later update says: the older value does not come after it", () => {
    const scene = connectOpenAi();
    const { connection, server } = scene;
    server.answersUpdates = false;
    connection.send({ type: "configure", config: changed });
    connection.send({ type: "configure", config: { ...changed, instructions: "Newer." } });
    judge(scene, isBad, 1);
    const said = updates(server).flatMap(({ session }) => session["instructions"] ?? []);
    expect(said.at(-1)).toBe("Newer.");
    expect(connection.of("configured")).toHaveLength(1);
    expect(
      connection.upstream.encode({ type: "configure", config: { ...changed, instructions: "Newer." } }),
    ).toEqual([]);
  });
});

describe("a greeting that the provider refuses", () => {
  const greeted = (
    config: Partial<UpstreamConfig>,
    scene: OpenAiScene = {},
  ): ReturnType<typeof connectOpenAi> => connectOpenAi({ ...scene, config, answersUpdates: false });

  it("[U5] is judged field by field, and the connection is ready when all are", () => {
    const scene = greeted({
      tools: [BAD_TOOL],
      extra: { truncation: "disabled", reasoning: { effort: "low" } },
    });
    const { connection, server } = scene;
    const first = updates(server)[0];
    hear(connection, error(first?.id ?? null, "session.reasoning"));
    expect(connection.of("refused")).toMatchObject([{ what: "configure", cause: null }]);
    restarted(connection);
    expect(connection.of("ready")).toEqual([]);
    judge(scene, isBad, 1);
    expect(connection.of("unconfigured").flatMap(({ fields }) => fields)).toEqual([
      "tools",
      "extra.reasoning",
    ]);
    expect(connection.of("ready")).toHaveLength(1);
    expect(connection.of("configured")).toEqual([]);
    expect(connection.events.at(-1)).toEqual({ type: "ready" });
    expect(updates(server).map(({ session }) => session)).toContainEqual({
      type: "realtime",
      truncation: "disabled",
    });
    expect(connection.of("refused")).toHaveLength(1);
    expect(connection.of("error")).toEqual([]);
  });

  it("[U5] gives up where the connection cannot live without what is refused", () => {
    for (const vital of ["audio", "output_modalities"]) {
      const scene = greeted({});
      judge(scene, (path) => path === vital);
      const [given] = scene.connection.of("error");
      expect(given).toMatchObject({ error: { code: "invalid_value" }, fatal: true });
      expect(scene.connection.of("ready")).toEqual([]);
    }
  });

  it("[U17] gives up where the key or the model is refused", () => {
    for (const code of ["invalid_api_key", "model_not_found"]) {
      const { connection, server } = greeted({});
      connection.hear([server.error(code, updates(server)[0]?.id ?? null)]);
      expect(connection.of("error")).toMatchObject([{ error: { code }, fatal: true }]);
      expect(updates(server)).toHaveLength(1);
    }
  });
});
