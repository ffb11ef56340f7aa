/** What the provider says beside the answer itself, through the real adapter: it reaches the client, under the session's names. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
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
});
