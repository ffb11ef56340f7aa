/** The session with the real OpenAI adapter: what reaches the provider is in the provider's names. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
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

test("[U86] a name that never comes holds nothing up for longer than five seconds, in another isolate too", () => {
  const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
  const settings = { quirks: { acceptsItemIds: false } };
  const upstreams = [{ name: "p", options: { ...options, settings } }];
  const call = new Call({ upstreams, createUpstream, connect: false });
  call.connect("realtime");
  call.input({ type: "open", peer: "up0.1" });
  const says = (event: object) => call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
  says({ type: "session.created", session: { type: "realtime" } });
  says({ type: "session.updated", session: { type: "realtime" } });
  const item = (id: string) => ({
    type: "conversation.item.create",
    item: { id, type: "message", role: "user", content: [{ type: "input_text", text: id }] },
  });
  call.client(item("item_a"));
  call.client({ type: "conversation.item.delete", item_id: "item_a" });
  call.client({ type: "response.create" });
  call.client(item("item_b"));
  const sent = () => call.commands().map((command) => (command as { type: string }).type);
  const before = sent().length;
  call.advance(4000);
  call.hibernate();
  call.advance(900);
  expect(sent()).toHaveLength(before);
  call.advance(200);
  expect(sent().slice(before)).toEqual(["response.create", "conversation.item.create"]);
});

const base64 = (ms: number) => new Uint8Array(voice(ms).buffer).toBase64();

test("[U85] what waits at a connection that is lost is said to the next one, and asked of it", () => {
  const options = { adapter: "openai-compatible", url: "https://provider.test/v1/realtime", model: "m" };
  const settings = { quirks: { acceptsItemIds: false } };
  const upstreams = [{ name: "p", options: { ...options, settings } }];
  const call = new Call({ upstreams, createUpstream, connect: false });
  const says = (peer: string, event: object) =>
    call.input({ type: "message", peer, data: JSON.stringify(event) });
  const ready = (peer: string) => {
    call.input({ type: "open", peer });
    says(peer, { type: "session.created", session: { type: "realtime" } });
    says(peer, { type: "session.updated", session: { type: "realtime" } });
  };
  call.connect("realtime");
  ready("up0.1");
  call.client({
    type: "session.update",
    session: { type: "realtime", audio: { input: { turn_detection: null } } },
  });
  says("up0.1", { type: "session.updated", session: { type: "realtime" } });
  const item = (id: string) => ({
    type: "conversation.item.create",
    item: { id, type: "message", role: "user", content: [{ type: "input_text", text: id }] },
  });
  call.client(item("item_a"));
  call.client({ type: "conversation.item.delete", item_id: "item_a" });
  call.client({ type: "response.create" });
  call.client(item("item_b"));
  call.client({ type: "input_audio_buffer.append", audio: base64(400) });
  call.client({ type: "input_audio_buffer.commit" });
  call.client({ type: "input_audio_buffer.append", audio: base64(200) });
  call.input({ type: "close", peer: "up0.1", code: 1006, reason: "" });
  call.advance(2000);
  ready("up0.2");
  call.client({ type: "input_audio_buffer.append", audio: base64(20) });
  const told = call.commands("up0.2") as unknown as { type: string; audio?: string }[];
  const at = told.findIndex(({ type }) => type === "input_audio_buffer.commit");
  const heardMs = (from: number, to?: number) =>
    told.slice(from, to).reduce((sum, { audio = "" }) => sum + Uint8Array.fromBase64(audio).length / 48, 0);
  expect(told.filter(({ audio }) => audio === undefined).map(({ type }) => type)).toEqual([
    "session.update",
    "conversation.item.create",
    "input_audio_buffer.commit",
    "response.create",
  ]);
  // The turn that was committed, and what is being said since.
  expect([heardMs(0, at), heardMs(at)]).toEqual([400, 220]);
});

describe("a client's commit to a provider that takes the turns", () => {
  /** The caller has said something, has committed it, and hears an answer to it; the provider still has it all to hear. */
  function committed() {
    const options = {
      adapter: "openai-compatible",
      url: "https://provider.test/v1/realtime",
      settings: { turns: "server" },
    };
    const call = new Call({ upstreams: [{ name: "p", options }], createUpstream, connect: false });
    const provider = (...events: readonly object[]) => {
      for (const event of events) call.input({ type: "message", peer: "up0.1", data: JSON.stringify(event) });
    };
    call.connect("realtime");
    call.input({ type: "open", peer: "up0.1" });
    provider({ type: "session.created", session: {} }, { type: "session.updated", session: {} });
    call.speak(voice(600));
    call.client({ type: "input_audio_buffer.commit" });
    provider({ type: "response.created", response: { id: "r", metadata: null } });
    const speech = (state: string) => ({ type: `input_audio_buffer.speech_${state}`, item_id: "heard" });
    const taken = { type: "input_audio_buffer.committed", item_id: "heard" };
    return { call, provider, speech, taken };
  }

  const speechOf = (call: Call) => call.types().filter((type) => type.includes("speech_"));

  test("[M160] is not followed by the turn that it was, which would interrupt its answer", () => {
    const { call, provider, speech, taken } = committed();
    provider(speech("started"), speech("stopped"), taken);
    expect(speechOf(call)).toEqual([]);
    provider({ ...speech("started"), item_id: "next" });
    expect(speechOf(call)).toEqual(["input_audio_buffer.speech_started"]);
  });

  test("[M160] is by the turn that goes on over it, once the provider has taken it", () => {
    const { call, provider, speech, taken } = committed();
    provider(speech("started"));
    expect(speechOf(call)).toEqual([]);
    call.hibernate();
    provider(taken);
    expect(speechOf(call)).toEqual(["input_audio_buffer.speech_started"]);
  });

  test("[M160] and also where the provider refuses it", () => {
    const { call, provider, speech } = committed();
    provider(speech("started"));
    const { event_id } = call
      .commands()
      .findLast(({ type }) => (type as string) === "input_audio_buffer.commit") as unknown as JsonObject;
    const error = { code: "input_audio_buffer_commit_empty", message: "Too small.", event_id };
    provider({ type: "error", error });
    expect(speechOf(call)).toEqual(["input_audio_buffer.speech_started"]);
  });
});
