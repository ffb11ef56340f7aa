/** The session with the real OpenAI adapter: what reaches the provider is in the provider's names. */
import { expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";

test("[L14] an answer's truncation and deletion reach the provider under the provider's own names", () => {
  const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
  const call = new Call({ upstreams: [{ name: "p", options }], createUpstream, connect: false });
  call.connect("realtime");
  call.input({ type: "open", peer: "up0.1" });
  const provider = (event: object) =>
    call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
  provider({ type: "session.created", session: { type: "realtime" } });
  provider({ type: "session.updated", session: { type: "realtime" } });
  call.client({ type: "response.create" });
  const at = { response_id: "resp_P", item_id: "item_P", output_index: 0, content_index: 0 };
  provider({ type: "response.created", response: { id: "resp_P", metadata: null } });
  const item = { id: "item_P", type: "message", role: "assistant", content: [] };
  provider({ type: "response.output_item.added", response_id: "resp_P", output_index: 0, item });
  provider({
    type: "response.output_audio.delta",
    ...at,
    delta: new Uint8Array(voice(500).buffer).toBase64(),
  });
  const shown = call.last("response.output_item.added")["item"] as { id: string };
  expect(shown.id).not.toBe("item_P");
  call.client({
    type: "conversation.item.truncate",
    item_id: shown.id,
    content_index: 0,
    audio_end_ms: 200,
  });
  expect(call.commands().at(-1)).toMatchObject({
    type: "conversation.item.truncate",
    item_id: "item_P",
    audio_end_ms: 200,
  });
  call.client({ type: "conversation.item.delete", item_id: shown.id });
  expect(call.commands().at(-1)).toMatchObject({
    type: "conversation.item.delete",
    item_id: "item_P",
  });
});
