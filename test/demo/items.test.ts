import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encode } from "../../demo/codec.ts";
import { startDemo, type Demo } from "../../demo/server.ts";
import { noise } from "../support/say.ts";
import { Client, MANUAL_TEXT, sha256 } from "./client.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

const text = (id: string | undefined, words: string) => ({
  ...(id !== undefined && { id }),
  type: "message",
  role: "user",
  content: [{ type: "input_text", text: words }],
});

describe("items", () => {
  test("[D19] a client's id is kept, and items stand where previous_item_id puts them", async () => {
    const client = await Client.open(demo);
    const order: unknown[] = [];
    for (const [id, previous] of [["a"], ["c"], ["b", "a"], ["first", "root"], [undefined]] as const) {
      client.send({
        type: "conversation.item.create",
        item: text(id, "x"),
        ...(previous !== undefined && { previous_item_id: previous }),
      });
      const { item, previous_item_id } = await client.next("conversation.item.added");
      const done = await client.next("conversation.item.done");
      expect(done).toMatchObject({ item, previous_item_id });
      order.push([id === undefined ? item.id.slice(0, 5) : item.id, previous_item_id]);
    }
    expect(order).toEqual([
      ["a", null],
      ["c", "a"],
      ["b", "a"],
      ["first", null],
      ["item_", "c"],
    ]);
    await client.hangUp();
  });

  test("[D19] a used id, an unknown previous item, and items that cannot be are errors", async () => {
    const client = await Client.open(demo);
    client.send({ type: "conversation.item.create", item: text("a", "x") });
    await client.next("conversation.item.done");
    const cases = [
      [{ item: text("a", "x") }, "item_create_duplicate_item_id", "item.id"],
      [
        { item: text("b", "x"), previous_item_id: "none" },
        "item_create_invalid_previous_item_id",
        "previous_item_id",
      ],
      [{ item: { type: "message", role: "user" } }, "missing_required_parameter", "item.content"],
      [
        { item: { type: "message", role: "assistant", content: [{ type: "input_audio", audio: "AAAA" }] } },
        "invalid_value",
        "item.content[0].type",
      ],
      [
        { item: { type: "message", role: "user", content: [{ type: "input_audio", audio: "%" }] } },
        "invalid_value",
        "item.content[0].audio",
      ],
      [{ item: { type: "function_call_output", output: "1" } }, "missing_required_parameter", "item.call_id"],
      [{ item: { type: "song" } }, "invalid_value", "item.type"],
      [{}, "missing_required_parameter", "item"],
    ] as const;
    for (const [fields, code, param] of cases) {
      client.send({ type: "conversation.item.create", event_id: "e", ...fields });
      expect((await client.next("error"))["error"]).toMatchObject({ code, param, event_id: "e" });
    }
    expect(client.all("conversation.item.added")).toHaveLength(1);
    await client.hangUp();
  });

  test("[D20] an item can be retrieved with its audio, and deleted once", async () => {
    const client = await Client.open(demo);
    const audio = encode(noise(5, 2_400), { type: "audio/pcm", rate: 24_000 }).toBase64();
    const item = { id: "mine", type: "message", role: "user", content: [{ type: "input_audio", audio }] };
    client.send({ type: "conversation.item.create", item });
    expect((await client.next("conversation.item.added"))["item"].content[0]).not.toHaveProperty("audio");
    client.send({ type: "conversation.item.retrieve", item_id: "mine" });
    expect((await client.next("conversation.item.retrieved"))["item"].content[0].audio).toBe(audio);
    client.send({ type: "conversation.item.delete", item_id: "mine" });
    expect((await client.next("conversation.item.deleted"))["item_id"]).toBe("mine");
    client.send({ type: "conversation.item.delete", item_id: "mine" });
    expect((await client.next("error"))["error"].code).toBe("item_delete_invalid_item_id");
    client.send({ type: "conversation.item.retrieve", item_id: "mine" });
    expect((await client.next("error"))["error"].code).toBe("item_retrieve_invalid_item_id");
    await client.hangUp();
  });

  test("[D20] audio given as an item is answered and proven like a spoken turn", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update(MANUAL_TEXT);
    const bytes = encode(noise(9, 24_000), { type: "audio/pcm", rate: 24_000 });
    const content = [{ type: "input_audio", audio: bytes.toBase64() }];
    client.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    client.send({ type: "response.create" });
    const { response } = await client.next("response.done");
    expect(response.metadata).toMatchObject({
      demo_input_samples: "24000",
      demo_input_sha256: sha256(bytes),
    });
    expect(response.output[0].content[0].text).toBe(
      "I heard you for 1.0 seconds. You said: [1.00 s of speech]",
    );
    await client.hangUp();
  });

  test("[D21] a referenced item is the input of an out-of-band response; an unknown one is an error", async () => {
    const client = await Client.open(demo, "pace=0");
    await client.update(MANUAL_TEXT);
    client.send({ type: "conversation.item.create", item: text("sum", "3 times 3") });
    client.send({ type: "conversation.item.create", item: text("other", "hello") });
    const refer = (id: string) => ({
      type: "response.create",
      response: { conversation: "none", input: [{ type: "item_reference", id }] },
    });
    client.send(refer("sum"));
    const { response } = await client.next("response.done");
    expect(response.output[0].content[0].text).toBe("3 times 3 is 9.");
    client.send(refer("none"));
    expect((await client.next("error"))["error"].param).toBe("response.input[0].id");
    await client.hangUp();
  });
});

describe("session.update", () => {
  test("[D22] is a deep partial merge answered with everything; null clears", async () => {
    const client = await Client.open(demo);
    await client.update({
      instructions: "Be brief.",
      audio: {
        input: { transcription: { model: "m" }, turn_detection: { type: "server_vad", threshold: 0.7 } },
      },
    });
    const { session } = await client.update({ audio: { output: { speed: 1.2 } } });
    expect(session.instructions).toBe("Be brief.");
    expect(session.audio.output).toEqual({
      format: { type: "audio/pcm", rate: 24000 },
      voice: "marin",
      speed: 1.2,
    });
    expect(session.audio.input.turn_detection).toEqual({
      type: "server_vad",
      threshold: 0.7,
      prefix_padding_ms: 300,
      silence_duration_ms: 500,
      idle_timeout_ms: null,
      create_response: true,
      interrupt_response: true,
    });
    const semantic = await client.update({ audio: { input: { turn_detection: { type: "semantic_vad" } } } });
    expect(semantic["session"].audio.input.turn_detection).toEqual({
      type: "semantic_vad",
      eagerness: "auto",
      create_response: true,
      interrupt_response: true,
    });
    const cleared = await client.update({ audio: { input: { turn_detection: null, transcription: null } } });
    expect(cleared["session"].audio.input).toMatchObject({ turn_detection: null, transcription: null });
    await client.hangUp();
  });

  test("[D22] a wrong field is named and nothing is changed", async () => {
    const client = await Client.open(demo);
    const cases = [
      [{ instructions: "no type" }, "missing_required_parameter", "session.type"],
      [{ type: "transcription" }, "invalid_session_type", "session.type"],
      [{ type: "realtime", temperature: 1 }, "unknown_parameter", "session.temperature"],
      [
        { type: "realtime", output_modalities: ["audio", "text"] },
        "invalid_value",
        "session.output_modalities[1]",
      ],
      [
        { type: "realtime", audio: { input: { format: { type: "audio/pcm", rate: 16000 } } } },
        "invalid_value",
        "session.audio.input.format.rate",
      ],
      [
        { type: "realtime", tools: [{ type: "function", name: "a b" }] },
        "invalid_value",
        "session.tools[0].name",
      ],
    ] as const;
    for (const [session, code, param] of cases) {
      client.send({ type: "session.update", event_id: "u", session });
      expect((await client.next("error"))["error"]).toMatchObject({ code, param, event_id: "u" });
    }
    const { session } = await client.update({});
    expect(session).toMatchObject({ instructions: "You are the demo voice.", output_modalities: ["audio"] });
    await client.hangUp();
  });

  test("[D22][E16] null where the provider takes it: in transcription, and in every parameter of a response", async () => {
    const client = await Client.open(demo, "pace=0");
    const transcription = { model: "gpt-transcribe", language: null, prompt: null };
    const { session } = await client.update({ audio: { input: { transcription } } });
    expect(session.audio.input.transcription).toEqual(transcription);
    const members = [
      "instructions",
      "tools",
      "output_modalities",
      "conversation",
      "max_output_tokens",
      "input",
    ];
    const response = Object.fromEntries(members.map((member) => [member, null]));
    client.send({ type: "response.create", event_id: null, response });
    expect((await client.next("response.done"))["response"]).toMatchObject({ status: "completed" });
    await client.hangUp();
  });

  test("[D22] the knob unknown_keys=accept keeps and echoes them", async () => {
    const client = await Client.open(demo, "unknown_keys=accept");
    const { session } = await client.update({ temperature: 1 });
    expect(session.temperature).toBe(1);
    await client.hangUp();
  });

  test("[D23] the model is never changed, the voice not after speech was sent", async () => {
    const client = await Client.open(demo, "pace=0");
    const { session } = await client.update({ model: "other", audio: { output: { voice: "cedar" } } });
    expect(session).toMatchObject({ model: "demo", audio: { output: { voice: "cedar" } } });
    await client.ask("hello");
    const change = { type: "realtime", audio: { output: { voice: "marin" } } };
    client.send({ type: "session.update", session: change });
    expect((await client.next("error"))["error"].code).toBe("cannot_update_voice");
    await client.update({ audio: { output: { voice: "cedar" } } });
    await client.hangUp();
  });
});
