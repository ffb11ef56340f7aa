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

test("[L54] an answer of the former connection that is cut is told anew to the provider, under one name", () => {
  const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
  const call = new Call({ upstreams: [{ name: "p", options }], createUpstream, connect: false });
  const says = (peer: string, event: object) =>
    call.input({ type: "message", peer, data: JSON.stringify(event) });
  const ready = (peer: string) => {
    call.input({ type: "open", peer });
    says(peer, { type: "session.created", session: { type: "realtime" } });
    says(peer, { type: "session.updated", session: { type: "realtime" } });
  };
  call.connect("realtime");
  ready("up0.1");
  const content = [{ type: "input_text", text: "Count." }];
  call.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.client({ type: "response.create" });
  const at = { response_id: "r", item_id: "i", output_index: 0, content_index: 0 };
  says("up0.1", { type: "response.created", response: { id: "r", metadata: null } });
  const item = { id: "i", type: "message", role: "assistant", content: [] };
  says("up0.1", { type: "response.output_item.added", response_id: "r", output_index: 0, item });
  const words = "one two three four five six seven eight";
  says("up0.1", { type: "response.output_audio_transcript.delta", ...at, delta: words });
  const delta = new Uint8Array(voice(4000).buffer).toBase64();
  says("up0.1", { type: "response.output_audio.delta", ...at, delta });
  says("up0.1", { type: "response.done", response: { id: "r", status: "completed", output: [] } });
  call.open.delete("up0.1");
  call.input({ type: "close", peer: "up0.1", code: 1011, reason: "" });
  call.advance(300);
  ready("up0.2");
  const { id } = call.last("response.output_item.done")["item"] as { id: string };
  call.client({
    type: "conversation.item.truncate",
    item_id: id,
    content_index: 0,
    audio_end_ms: 1000,
    event_id: "cut",
  });
  const wire = call.commands("up0.2") as unknown as {
    type: string;
    item?: { id: string };
    item_id?: string;
  }[];
  const told = wire.filter(({ type }) => type.startsWith("conversation.item."));
  expect(told.map(({ type }) => type.slice("conversation.item.".length))).toEqual([
    "create",
    "create",
    "delete",
    "create",
  ]);
  expect(told[2]?.item_id).toBe(told[1]?.item?.id);
  expect(told[3]).toMatchObject({ item: { role: "assistant", content: [{ text: "one two" }] } });
});
