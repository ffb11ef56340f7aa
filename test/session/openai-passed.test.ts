/** What the provider says beside the answer itself, through the real adapter: it reaches the client, under the session's names. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import { textOf } from "../oracle/fields.ts";
import { Call } from "../support/call.ts";
import { concat, silence, voice } from "../support/signal.ts";

const OPTIONS = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
const TRANSCRIPTION = "conversation.item.input_audio_transcription";

class PassedCall extends Call {
  constructor(intent: "conversation" | "transcription" = "conversation") {
    super({ upstreams: [{ name: "p", options: OPTIONS }], createUpstream, connect: false, intent });
    this.connect("realtime");
    this.input({ type: "open", peer: "up0.1" });
    this.provider({ type: "session.created", session: { type: "realtime" } });
    this.provider({ type: "session.updated", session: { type: "realtime" } });
  }

  provider(event: JsonObject): void {
    this.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
  }
}

describe("what a provider says beside its answers", () => {
  test.each(["conversation", "transcription"] as const)(
    "[U36] of a transcript reaches the client of a %s",
    (intent) => {
      const call = new PassedCall(intent);
      call.speak(concat(voice(900), silence(700)));
      const { item_id: id } = call.last("input_audio_buffer.committed");
      call.provider({ type: "input_audio_buffer.committed", item_id: "P", previous_item_id: null });
      const at = { item_id: "P", content_index: 0, event_id: "P_e" };
      const logprobs = [{ token: "hi", logprob: -0.1, bytes: null }];
      const more = { logprobs, language: "en", type: `${TRANSCRIPTION}.delta` };
      call.provider({ ...more, ...at, delta: "hi", obfuscation: "x" });
      call.hibernate();
      call.provider({ ...more, ...at, type: `${TRANSCRIPTION}.completed`, transcript: "hi" });
      for (const [end, said] of [
        ["delta", { delta: "hi" }],
        ["completed", { transcript: "hi" }],
      ] as const) {
        const told = call.last(`${TRANSCRIPTION}.${end}`);
        expect(told).toMatchObject({ ...said, item_id: id, content_index: 0, logprobs, language: "en" });
        expect(told["event_id"]).not.toBe("P_e");
        expect(told).not.toHaveProperty("obfuscation");
      }
    },
  );

  test.each([
    { type: `${TRANSCRIPTION}.delta`, delta: "hi" },
    { type: `${TRANSCRIPTION}.completed`, transcript: "hi" },
    { type: `${TRANSCRIPTION}.segment`, text: "hi", id: "seg_1", speaker: "A", start: 0, end: 1 },
  ])("[E99] of a transcript names nothing that is the provider's: $type", (said) => {
    const call = new PassedCall();
    call.speak(concat(voice(900), silence(700)));
    const { item_id } = call.last("input_audio_buffer.committed");
    call.provider({ type: "input_audio_buffer.committed", item_id: "P", previous_item_id: null });
    const names = { response_id: "P_r", output_index: 3, server_event_seq: 9, previous_item_id: "P_b" };
    call.provider({ ...names, item_id: "P", content_index: 0, ...said });
    const told = call.last(said.type);
    expect(told).toMatchObject({ ...said, item_id });
    for (const name of Object.keys(names)) expect(told).not.toHaveProperty(name);
  });

  test("[R27] about an item that it placed reaches the client, before, between and after, under one name", () => {
    const call = new PassedCall();
    const list = { type: "mcp_list_tools", server_label: "files" };
    call.provider({ type: "mcp_list_tools.in_progress", item_id: "P_l" });
    call.hibernate();
    call.provider({ type: "conversation.item.added", item: { id: "P_l", ...list, tools: [] } });
    call.provider({ type: "mcp_list_tools.completed", item_id: "P_l" });
    call.provider({
      type: "conversation.item.done",
      item: { id: "P_l", ...list, tools: [{ name: "read" }] },
    });
    call.provider({ type: "mcp_list_tools.failed", item_id: "P_l" });
    const { id } = call.last("conversation.item.done")["item"] as { id: string };
    expect(id).not.toBe("P_l");
    expect(call.events.slice(1).map(({ type, item_id, item }) => [type, item_id ?? item])).toMatchObject([
      ["mcp_list_tools.in_progress", id],
      ["conversation.item.added", { id }],
      ["mcp_list_tools.completed", id],
      ["conversation.item.done", { id, tools: [{ name: "read" }] }],
      ["mcp_list_tools.failed", id],
    ]);
    call.client({ type: "conversation.item.delete", item_id: id });
    expect(call.commands().at(-1)).toMatchObject({ type: "conversation.item.delete", item_id: "P_l" });
  });

  test("[R27] of a list that failed before there was an item reaches the client all the same", () => {
    const call = new PassedCall();
    call.provider({ type: "mcp_list_tools.failed", item_id: "P_l" });
    expect(call.last("mcp_list_tools.failed")["item_id"]).toMatch(/^item_/);
  });

  /** An answer `P_r`, with an item of an unknown kind that ended in it. */
  function reasoned(): { call: PassedCall; address: JsonObject } {
    const call = new PassedCall();
    call.client({ type: "response.create", response: {} });
    const asked = call.last("response.created")["response"] as JsonObject;
    const metadata = { relay_response: textOf(asked["id"]) };
    call.provider({ type: "response.created", response: { id: "P_r", status: "in_progress", metadata } });
    const item = { id: "P_i", type: "reasoning" };
    const of = { response_id: "P_r", output_index: 0 };
    call.provider({ type: "response.output_item.added", ...of, item });
    call.provider({ type: "response.output_item.done", ...of, item });
    const { item: told, response_id } = call.last("response.output_item.done");
    const item_id = textOf((told as JsonObject)["id"]);
    return { call, address: { response_id: String(response_id), output_index: 0, item_id } };
  }

  test("[E93] is told under the client's names, of an item that ended as of one that grows", () => {
    const { call, address } = reasoned();
    const at = { item_id: "P_i", output_index: 7 };
    call.provider({ type: "response.text.delta", ...at, response_id: null, delta: "thus" });
    expect(call.last("response.output_text.delta")).toMatchObject({
      ...address,
      content_index: 0,
      delta: "thus",
    });
    call.provider({ type: "response.mcp_call_arguments.done", ...at, response_id: ["P_r"], arguments: "{}" });
    expect(call.last("response.mcp_call_arguments.done")).toMatchObject({ ...address, arguments: "{}" });
    call.provider({ type: "response.thought.delta", ...at, response_id: "P_r", server_event_seq: 4 });
    const thought = call.last("response.thought.delta");
    expect(thought).toMatchObject(address);
    expect(thought).not.toHaveProperty("server_event_seq");
  });

  test("[E93] names no answer that the client was not told of", () => {
    const { call, address } = reasoned();
    call.provider({ type: "response.summary", response_id: "P_r", text: "so" });
    expect(call.last("response.summary")["response_id"]).toBe(address["response_id"]);
    call.provider({ type: "conversation.summary", response_id: "P_unknown", text: "so" });
    expect(call.last("conversation.summary")).not.toHaveProperty("response_id");
    call.provider({ type: "conversation.item.added", item: { id: "P_l", type: "mcp_call" } });
    call.provider({
      type: "response.mcp_call_arguments.delta",
      item_id: "P_l",
      response_id: "P_x",
      delta: "{",
    });
    expect(call.types()).not.toContain("response.mcp_call_arguments.delta");
  });
});
