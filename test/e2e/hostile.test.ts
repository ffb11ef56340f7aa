/** Clients that say wrong things to a running relay: each gets an error that names the field, and the call goes on. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { base64, sha256Hex } from "../support/sdk-audio.ts";
import { dialRaw, textTurn, type RawCall } from "../support/sdk-raw.ts";

let relay: Relay;
beforeAll(async () => {
  relay = await startRelay();
});
afterAll(() => relay.close());

async function dial(protocols: readonly string[] = [], model = "demo"): Promise<RawCall> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=${encodeURIComponent(model)}`, {
    apiKey: relay.apiKey,
    protocols,
  });
  await call.log.next("session.created");
  return call;
}

/** The next error, which must be the client's fault and carry this event's id. */
async function refusal(call: RawCall, eventId: string | null) {
  const { error } = await call.log.next("error");
  expect(error).toMatchObject({ type: "invalid_request_error", event_id: eventId });
  expect(error.code?.length).toBeGreaterThan(0);
  expect(error.message.length).toBeGreaterThan(0);
  return error;
}

/** The call goes on: a text turn works, and nothing else was complained of. */
async function goesOn(call: RawCall): Promise<void> {
  expect((await textTurn(call)).length).toBeGreaterThan(0);
  await call.hangUp();
  expect(relay.logs).toEqual([]);
}

const session = (change: object) => ({ type: "session.update", session: { type: "realtime", ...change } });
const input = (change: object) => session({ audio: { input: change } });
const create = (item: unknown, more: object = {}) => ({ type: "conversation.item.create", item, ...more });
const message = (role: string, part: object) => create({ type: "message", role, content: [part] });
const truncate = (change: object) => ({
  type: "conversation.item.truncate",
  item_id: "item_x",
  content_index: 0,
  audio_end_ms: 0,
  ...change,
});

/** [what is wrong, the event, the field the error must name, the code where SDKs look at it] */
const WRONG: readonly (readonly [string, object, string, string?])[] = [
  ["an unknown type", { type: "response.crate" }, "type"],
  ["no type", { hello: "world" }, "type", "missing_required_parameter"],
  ["a type that is no string", { type: 5 }, "type"],
  ["a session that is no object", { type: "session.update", session: "fast" }, "session"],
  ["no session", { type: "session.update" }, "session", "missing_required_parameter"],
  [
    "a threshold in words",
    input({ turn_detection: { type: "server_vad", threshold: "loud" } }),
    "session.audio.input.turn_detection.threshold",
  ],
  [
    "a threshold of 7",
    input({ turn_detection: { type: "server_vad", threshold: 7 } }),
    "session.audio.input.turn_detection.threshold",
  ],
  [
    "a rate nobody has",
    input({ format: { type: "audio/pcm", rate: 12_345 } }),
    "session.audio.input.format.rate",
  ],
  ["an unknown format", input({ format: { type: "audio/flac" } }), "session.audio.input.format.type"],
  ["instructions in numbers", session({ instructions: 5 }), "session.instructions"],
  ["both modalities", session({ output_modalities: ["audio", "text"] }), "session.output_modalities"],
  [
    "a change of session type",
    { type: "session.update", session: { type: "transcription" } },
    "session.type",
  ],
  ["audio that is a number", { type: "input_audio_buffer.append", audio: 5 }, "audio"],
  ["no audio", { type: "input_audio_buffer.append" }, "audio", "missing_required_parameter"],
  ["base64 rubbish", { type: "input_audio_buffer.append", audio: "!!! this is no base64 !!!" }, "audio"],
  ["base64 cut in the middle", { type: "input_audio_buffer.append", audio: "AAAAA" }, "audio"],
  ["an item that is null", create(null), "item"],
  ["an item without a type", create({ role: "user" }), "item.type"],
  ["an unknown item", create({ type: "telepathy" }), "item.type"],
  ["an unknown role", message("wizard", { type: "input_text", text: "x" }), "item.role"],
  ["an unknown part", message("user", { type: "smell", text: "x" }), "item.content[0].type"],
  ["a part without its text", message("user", { type: "input_text" }), "item.content[0].text"],
  ["assistant audio", message("assistant", { type: "output_audio", audio: "AAAA" }), "item.content[0].audio"],
  ["input audio of rubbish", message("user", { type: "input_audio", audio: "?!" }), "item.content[0].audio"],
  ["a tool result for nobody", create({ type: "function_call_output", output: "x" }), "item.call_id"],
  [
    "an unknown previous item",
    create(
      { type: "message", role: "user", content: [{ type: "input_text", text: "Hello." }] },
      { previous_item_id: "item_no" },
    ),
    "previous_item_id",
  ],
  [
    "deleting an unknown item",
    { type: "conversation.item.delete", item_id: "item_no" },
    "item_id",
    "item_delete_invalid_item_id",
  ],
  [
    "retrieving an unknown item",
    { type: "conversation.item.retrieve", item_id: "item_no" },
    "item_id",
    "item_retrieve_invalid_item_id",
  ],
  ["truncating an unknown item", truncate({}), "item_id", "item_truncate_invalid_item_id"],
  ["truncating at a word", truncate({ audio_end_ms: "soon" }), "audio_end_ms"],
  ["truncating before the start", truncate({ audio_end_ms: -1 }), "audio_end_ms"],
  ["half a content index", truncate({ content_index: 0.5 }), "content_index"],
  ["an item id of a number", { type: "conversation.item.delete", item_id: 5 }, "item_id"],
  ["a response that is a number", { type: "response.create", response: 7 }, "response"],
  [
    "an answer in smells",
    { type: "response.create", response: { output_modalities: ["smell"] } },
    "response.output_modalities.0",
  ],
  [
    "metadata of numbers",
    { type: "response.create", response: { metadata: { n: 5 } } },
    "response.metadata.n",
  ],
  [
    "a reference to an unknown item",
    {
      type: "response.create",
      response: { conversation: "none", input: [{ type: "item_reference", id: "item_no" }] },
    },
    "response.input[0].id",
  ],
  ["an extension nobody negotiated", { type: "playback.ack", item_id: "item_x", played_ms: 5 }, "type"],
  ["a cancel of nothing", { type: "response.cancel" }, "", "response_cancel_not_active"],
  ["a commit of nothing", { type: "input_audio_buffer.commit" }, "", "input_audio_buffer_commit_empty"],
];

describe("an event with one thing wrong", () => {
  const cases = WRONG.map(([title, event, param, code]) => ({ title, event, param, code }));
  test.each(cases)("[S30] $title", async ({ event, param, code }) => {
    const call = await dial();
    call.send({ event_id: "evt_wrong", ...event });
    const error = await refusal(call, "evt_wrong");
    expect(error.param ?? "").toBe(param);
    const named = [param, "item_no", "item_x", "duplex.v1"];
    expect(named.some((name) => error.message.includes(name))).toBe(true);
    if (code !== undefined) expect(error.code).toBe(code);
    await goesOn(call);
  });

  test.each([
    ["half a JSON object", '{"type":"response.create"'],
    ["nothing at all", ""],
    ["a JSON array", "[1,2,3]"],
    ["JSON null", "null"],
    ["a JSON string", '"session.update"'],
    ["deep nesting", "[".repeat(100_000)],
    ["a key that would poison", '{"type":"session.update","session":{"__proto__":{"x":1}'],
  ])("[S31] %s is answered without an event_id, and the call goes on", async (_title, text) => {
    const call = await dial();
    call.send(text);
    const error = await refusal(call, null);
    expect(error.message).toMatch(/JSON/);
    await goesOn(call);
  });

  test("[S31] __proto__ in a session is neither merged nor echoed", async () => {
    const call = await dial();
    call.send(
      '{"type":"session.update","session":{"type":"realtime","__proto__":{"instructions":"poison"}}}',
    );
    const { session: updated } = await call.log.next("session.updated");
    expect(updated).toMatchObject({ instructions: "" });
    await goesOn(call);
  });
});

describe("audio", () => {
  test("[S32] 15 MiB in one append is taken; more is refused, naming the field, and the call goes on", async () => {
    const call = await dial();
    call.send({ type: "input_audio_buffer.append", audio: "A".repeat(15 * 1024 * 1024) });
    call.send({ type: "input_audio_buffer.append", event_id: "huge", audio: "A".repeat(17 * 1024 * 1024) });
    const error = await refusal(call, "huge");
    expect(error.param).toBe("audio");
    await goesOn(call);
  });

  test("[S33] odd lengths lose no byte: the halves of a sample meet in the next append", async () => {
    const call = await dial();
    call.send(input({ turn_detection: null }));
    await call.log.next("session.updated");
    const bytes = Uint8Array.from({ length: 24_001 }, (_, at) => (at * 7) % 251);
    for (let at = 0; at < bytes.byteLength; at += 331) {
      call.send({ type: "input_audio_buffer.append", audio: base64(bytes.subarray(at, at + 331)) });
    }
    call.send({ type: "input_audio_buffer.commit" });
    await call.log.next("input_audio_buffer.committed");
    call.send({ type: "response.create" });
    const { response } = await call.log.next("response.done");
    // The last byte is half a sample and waits for its other half.
    expect(response.metadata).toMatchObject({
      demo_input_samples: "12000",
      demo_input_sha256: sha256Hex(bytes.subarray(0, 24_000)),
    });
    await goesOn(call);
  });

  test("[S34] a binary message before negotiation is refused and the call goes on", async () => {
    for (const protocols of [[], ["realtime"]]) {
      const call = await dial(protocols);
      call.send(writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence: 1 }, new Uint8Array(960)));
      const error = await refusal(call, null);
      expect(error.message).toContain("duplex.v1");
      await goesOn(call);
    }
  });

  test.each([
    ["no header", new Uint8Array(5)],
    ["nothing", new Uint8Array(0)],
    ["an unknown kind", writeFrame({ kind: 9, stream: 0, response: 0, sequence: 1 }, new Uint8Array(960))],
  ])("[S34] a binary frame with %s is refused and the call goes on", async (_title, frame) => {
    const call = await dial(["duplex.v1"]);
    call.send(frame);
    await refusal(call, null);
    await goesOn(call);
  });
});

describe("at the wrong time", () => {
  test("[S35] a second response.create while one runs is refused and the first is finished", async () => {
    const call = await dial();
    call.send(
      create({ type: "message", role: "user", content: [{ type: "input_text", text: "Count to ten." }] }),
    );
    call.send({ type: "response.create" });
    call.send({ type: "response.create", event_id: "twice" });
    const error = await refusal(call, "twice");
    expect(error.code).toBe("conversation_already_has_active_response");
    const { response } = await call.log.next("response.done");
    expect(response.status).toBe("completed");
    await goesOn(call);
  });

  test("[S35] truncating past the end, a user's item, or a part that is not there is refused", async () => {
    const call = await dial();
    call.send(
      create({
        id: "item_user",
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "Hello." }],
      }),
    );
    call.send({ type: "response.create" });
    const { response } = await call.log.next("response.done");
    const itemId = response.output?.[0]?.id;
    call.send({ ...truncate({ item_id: itemId, audio_end_ms: 3_600_000 }), event_id: "past" });
    expect((await refusal(call, "past")).param).toBe("audio_end_ms");
    call.send({ ...truncate({ item_id: "item_user" }), event_id: "user" });
    expect((await refusal(call, "user")).param).toBe("item_id");
    call.send({ ...truncate({ item_id: itemId, content_index: 3 }), event_id: "part" });
    expect((await refusal(call, "part")).param).toBe("content_index");
    await goesOn(call);
  });

  test("[S35] an id that is taken is refused", async () => {
    const call = await dial();
    const item = {
      id: "item_mine",
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "x" }],
    };
    call.send(create(item));
    call.send({ ...create(item), event_id: "again" });
    expect((await refusal(call, "again")).param).toBe("item.id");
    await goesOn(call);
  });

  test("[S36] what comes after the client's close is ignored, and the relay serves the next call", async () => {
    const call = await dial();
    const text = '{"type":"response.create"}';
    const closeFrame = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
    // RFC 6455 §5.2: final text frame, masked with a key of zeros.
    const textFrame = [0x81, 0x80 | text.length, 0, 0, 0, 0, ...Buffer.from(text)];
    call.tcp.write(Uint8Array.from([...closeFrame, ...textFrame, ...textFrame]));
    await call.closed;
    expect(call.log.all("response.created")).toEqual([]);
    await goesOn(await dial());
  });
});
