/** Null where a member may be absent. */
import { describe, expect, test } from "vitest";

import { Call } from "../support/call.ts";

type Shown = Record<string, unknown> & {
  audio: { input: Record<string, unknown>; output: Record<string, unknown> };
};
const shown = (call: Call) => call.last("session.updated")["session"] as Shown;

describe("null in an event", () => {
  test.each([
    ["instructions"],
    ["tools"],
    ["output_modalities"],
    ["conversation"],
    ["max_output_tokens"],
    ["input"],
    ["tool_choice"],
    ["prompt"],
    ["audio"],
    ["metadata"],
    ["reasoning"],
    ["parallel_tool_calls"],
  ])("[E16] response.%s: null is as good as absent, also for the upstream", (member) => {
    const call = new Call();
    call.client({ type: "response.create", event_id: null, response: { [member]: null } });
    expect(call.types()).not.toContain("error");
    expect(call.commands().at(-1)).toMatchObject({ type: "respond", options: { params: {} } });
    expect(JSON.stringify(call.commands().at(-1))).not.toContain(member);
  });

  test("[E16] inside of response.create too: audio, tools, items and their parts", () => {
    const call = new Call();
    const part = { type: "input_text", text: "hi", audio: null, transcript: null, detail: null };
    call.client({
      type: "response.create",
      response: {
        audio: { output: { voice: null, format: null } },
        tools: [{ type: "function", name: "f", description: null, parameters: null }],
        input: [{ id: null, type: "message", role: "user", status: null, content: [part] }],
      },
    });
    const respond = call.commands().at(-1);
    expect(respond).toMatchObject({
      options: {
        params: {
          audio: { output: {} },
          tools: [{ type: "function", name: "f" }],
          input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "hi" }] }],
        },
      },
    });
    expect(JSON.stringify(respond)).not.toContain("null");
  });

  test("[E16] in an item and around it", () => {
    const call = new Call();
    const part = { type: "input_text", text: "hi", image_url: null, detail: null };
    call.client({
      type: "conversation.item.create",
      previous_item_id: null,
      item: { id: null, type: "message", role: "user", status: null, object: null, content: [part] },
    });
    expect(call.last("conversation.item.done")["item"]).toMatchObject({
      id: expect.stringMatching(/^item_/),
      status: "completed",
      content: [{ type: "input_text", text: "hi" }],
    });
    expect(JSON.stringify(call.commands().at(-1))).not.toContain('null,"detail"');
    call.client({ type: "response.cancel", response_id: null });
    expect(call.last("error")["error"]).toMatchObject({ code: "response_cancel_not_active" });
    call.client({ type: "conversation.item.truncate", item_id: "x", content_index: null, audio_end_ms: 0 });
    expect(call.last("error")["error"]).toMatchObject({ param: "item_id" });
  });
});

describe("null in the session", () => {
  test("[G11] a field that is null is at its default", () => {
    const call = new Call();
    const set = {
      instructions: "x",
      tools: [{ type: "function", name: "f" }],
      tool_choice: "required",
      max_output_tokens: 7,
      output_modalities: ["text"],
      truncation: "disabled",
    };
    call.client({
      type: "session.update",
      session: { ...set, audio: { output: { voice: "v", speed: 1.2 } } },
    });
    const cleared = Object.fromEntries(Object.keys(set).map((key) => [key, null]));
    const output = { voice: null, speed: null, format: null };
    call.client({ type: "session.update", session: { ...cleared, audio: { output } } });
    expect(call.types()).not.toContain("error");
    expect(shown(call)).toMatchObject({
      instructions: "",
      tools: [],
      tool_choice: "auto",
      max_output_tokens: "inf",
      output_modalities: ["audio"],
      truncation: "auto",
      audio: { output: { voice: "default", speed: 1, format: { type: "audio/pcm", rate: 24000 } } },
    });
    expect(call.commands().at(-1)).toMatchObject({ config: { instructions: "", tools: [], voice: null } });
  });

  test("[G11] members of the input likewise, and what null means there stays", () => {
    const call = new Call();
    const input = (given: object) => {
      call.client({ type: "session.update", session: { audio: { input: { ...given } } } });
      return shown(call).audio.input;
    };
    input({
      format: { type: "audio/pcmu" },
      turn_detection: { type: "server_vad", threshold: 0.7, silence_duration_ms: 900, idle_timeout_ms: 6000 },
      transcription: { model: "m", language: "en", prompt: "p" },
    });
    const after = input({
      format: null,
      turn_detection: { threshold: null, silence_duration_ms: null, idle_timeout_ms: null, eagerness: null },
      transcription: { language: null, prompt: null },
      noise_reduction: null,
    });
    expect(after).toMatchObject({
      format: { type: "audio/pcm", rate: 24000 },
      noise_reduction: null,
      transcription: { model: "m" },
    });
    expect(after["turn_detection"]).toEqual({
      type: "server_vad",
      threshold: 0.5,
      prefix_padding_ms: 300,
      silence_duration_ms: 500,
      create_response: true,
      interrupt_response: true,
      idle_timeout_ms: null,
    });
    const semantic = input({ turn_detection: { type: "semantic_vad", eagerness: null, threshold: null } });
    expect(semantic["turn_detection"]).toMatchObject({ type: "semantic_vad", eagerness: "auto" });
    expect(semantic["turn_detection"]).not.toHaveProperty("threshold");
    expect(input({ turn_detection: { type: null, create_response: false } })["turn_detection"]).toMatchObject(
      {
        type: "semantic_vad",
        create_response: false,
      },
    );
    expect(input({ turn_detection: null, transcription: null })).toMatchObject({
      turn_detection: null,
      transcription: null,
    });
    expect(call.types()).not.toContain("error");
  });

  test("[G11] members of tools, tracing and reasoning that are null say nothing, for the upstream neither", () => {
    const call = new Call();
    const parameters = { type: "object", properties: { a: { default: null } } };
    call.client({
      type: "session.update",
      session: {
        tools: [{ type: "function", name: "f", description: null, strict: null, parameters }],
        tool_choice: { type: "function", name: "f", server_label: null },
        tracing: { workflow_name: null, group_id: "g" },
        reasoning: { effort: null },
      },
    });
    const expected = {
      tools: [{ type: "function", name: "f", parameters }],
      tracing: { group_id: "g" },
      reasoning: {},
    };
    expect(shown(call)).toMatchObject(expected);
    expect(shown(call)["tools"]).toEqual(expected.tools);
    const { tools, ...extra } = expected;
    expect(call.commands().at(-1)).toMatchObject({ config: { tools, extra } });
  });

  test("[G11] a group of fields that is null says nothing", () => {
    const call = new Call({ session: { audio: { output: { voice: "v" } } } });
    for (const session of [{ audio: null }, { audio: { input: null, output: null } }, { type: null }]) {
      call.client({ type: "session.update", session });
      expect(shown(call)).toMatchObject({ type: "realtime", audio: { output: { voice: "v" } } });
    }
    expect(call.types()).not.toContain("error");
  });
});
