import { describe, expect, it } from "vitest";

import type { UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { CONFIG } from "./connection.ts";
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import { connectOpenAi, RESPOND } from "./openai-connection.ts";

const TOOL = { type: "function", name: "get_time", parameters: { type: "object" } } as const;

const FULL: Partial<UpstreamConfig> = {
  tools: [TOOL],
  toolChoice: "required",
  maxOutputTokens: 200,
  voice: "marin",
  speed: 1.2,
  transcription: { model: "gpt-transcribe" },
  extra: {
    reasoning: { effort: "low" },
    model: "never told",
    prompt: null,
    audio: { input: { noise_reduction: { type: "near_field" } }, output: { gain: 2 } },
  },
};

describe("configuring a provider", () => {
  it("[U4] tells only what the session sets, and turns the provider's own turn taking off", () => {
    const { server } = connectOpenAi();
    expect(server.last("session.update").session).toEqual({
      type: "realtime",
      instructions: "Be brief.",
      output_modalities: ["audio"],
      audio: {
        input: { format: { type: "audio/pcm", rate: 24000 }, turn_detection: null },
        output: { format: { type: "audio/pcm", rate: 24000 } },
      },
    });
  });

  it("[U4] tells all of a full configuration, and nothing that the dialect does not know", () => {
    const { server } = connectOpenAi({ config: FULL });
    expect(server.last("session.update").session).toEqual({
      type: "realtime",
      instructions: "Be brief.",
      output_modalities: ["audio"],
      tools: [TOOL],
      tool_choice: "required",
      max_output_tokens: 200,
      reasoning: { effort: "low" },
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          noise_reduction: { type: "near_field" },
          transcription: { model: "gpt-transcribe" },
          turn_detection: null,
        },
        output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin", speed: 1.2 },
      },
    });
  });

  it("[U171] tells Azure Voice Live a flat session, and no ids of items or metadata, as its recorded clients do", () => {
    const { server, connection } = connectOpenAi({
      quirks: PROFILES["azure-voice-live"],
      settings: { profile: "azure-voice-live" },
    });
    expect(server.last("session.update").session).toEqual({
      instructions: "Be brief.",
      modalities: ["text", "audio"],
      input_audio_format: "pcm16",
      output_audio_format: "pcm16",
      turn_detection: null,
    });
    const content = [{ type: "output_text", text: "Nice to meet you." }];
    const item = { id: "item_1", type: "message", role: "assistant", content };
    connection.send({ type: "item", item, previousItemId: null });
    connection.send({ type: "respond", responseId: "R1", options: RESPOND });
    expect(server.last("conversation.item.create").item).toEqual({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: "Nice to meet you." }],
    });
    expect(JSON.stringify(server.last("response.create"))).not.toContain("metadata");
  });

  it("[U4] later tells only what changed, and nothing when nothing did", () => {
    const { connection, server } = connectOpenAi({ config: FULL });
    const config: UpstreamConfig = { ...CONFIG, ...FULL };
    connection.send({ type: "configure", config });
    expect(server.count("session.update")).toBe(1);
    connection.send({ type: "configure", config: { ...config, instructions: "", tools: [], extra: {} } });
    expect(server.last("session.update").session).toEqual({
      type: "realtime",
      instructions: "",
      tools: [],
      reasoning: null,
      audio: { input: { noise_reduction: null } },
    });
    expect(connection.of("ready")).toHaveLength(1);
  });

  it("[U22] hands the client's turn detection on where the provider takes the turns", () => {
    const turnDetection = { type: "semantic_vad", eagerness: "high" };
    const { server } = connectOpenAi({ settings: { turns: "server" }, config: { turnDetection } });
    expect(server.last("session.update").session).toMatchObject({
      audio: { input: { turn_detection: turnDetection } },
    });
  });

  it("[U4] speaks the flat session of the 2024 beta", () => {
    const { connection, server } = connectOpenAi({
      quirks: { sessionShape: "beta" },
      settings: { input: { type: "audio/pcmu" } },
      config: { ...FULL, extra: { temperature: 0.7, tracing: null } },
    });
    expect(server.last("session.update").session).toEqual({
      instructions: "Be brief.",
      modalities: ["text", "audio"],
      tools: [TOOL],
      tool_choice: "required",
      max_response_output_tokens: 200,
      voice: "marin",
      speed: 1.2,
      input_audio_format: "g711_ulaw",
      output_audio_format: "pcm16",
      input_audio_transcription: { model: "gpt-transcribe" },
      turn_detection: null,
    });
    const params = {
      output_modalities: ["text"],
      max_output_tokens: 5,
      audio: { output: { voice: "alloy" } },
    };
    connection.send({ type: "respond", responseId: "R1", options: { params, outOfBand: false } });
    expect(server.last("response.create").response).toEqual({
      modalities: ["text"],
      max_response_output_tokens: 5,
      voice: "alloy",
      metadata: { relay_response: "R1" },
    });
  });

  it("[U4] puts voice and turn detection where xAI has them", () => {
    const { server } = connectOpenAi({ quirks: { sessionShape: "xai" }, config: { voice: "ara" } });
    expect(server.last("session.update").session).toMatchObject({ voice: "ara", turn_detection: null });
  });

  it("[U4] configures a session that only transcribes", () => {
    const config = { kind: "transcription", transcription: { model: "gpt-transcribe" } } as const;
    const { server } = connectOpenAi({ config });
    expect(server.last("session.update").session).toEqual({
      type: "transcription",
      audio: {
        input: {
          format: { type: "audio/pcm", rate: 24000 },
          transcription: { model: "gpt-transcribe" },
          turn_detection: null,
        },
      },
    });
  });

  it("[U4] cannot be led to change a prototype by the client's keys", () => {
    const extra = JSON.parse('{"__proto__":{"polluted":1},"audio":{"input":{"__proto__":{"polluted":1}}}}');
    connectOpenAi({ config: { extra } });
    expect({}).not.toHaveProperty("polluted");
  });

  it("[U3] is ready at session.created where session.update is never answered", () => {
    const { connection } = connectOpenAi({ quirks: { readyOn: "session.created" }, answersUpdates: false });
    expect(connection.of("ready")).toHaveLength(1);
    expect(connectOpenAi({ answersUpdates: false }).connection.of("ready")).toHaveLength(0);
  });

  it("[U3] takes the output format that the provider's handshake states", () => {
    const { connection, server } = connectOpenAi({ answersUpdates: false });
    const output = { format: { type: "audio/pcmu" } } as const;
    connection.hear([
      server.say({
        type: "session.updated",
        event_id: "e",
        session: { type: "realtime", audio: { output } },
      }),
    ]);
    expect(connection.upstream.capabilities.output).toEqual({ type: "audio/pcmu" });
  });
});
