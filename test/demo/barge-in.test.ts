import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encode } from "../../demo/codec.ts";
import { startDemo, type Demo } from "../../demo/server.ts";
import { joined, say, silence } from "../support/say.ts";
import { Client, story } from "./client.ts";

let demo: Demo;
beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});
afterAll(() => demo.close());

const PCM = { type: "audio/pcm", rate: 24_000 } as const;

/** A client in the middle of hearing the story. */
async function listening(query = "pace=2"): Promise<{ client: Client; itemId: string; responseId: string }> {
  const client = await Client.open(demo, query);
  client.write("tell me a story");
  client.send({ type: "response.create" });
  const delta = await client.next("response.output_audio.delta");
  return { client, itemId: delta["item_id"], responseId: delta["response_id"] };
}

const UNFINISHED = [
  "response.output_audio.done",
  "response.output_audio_transcript.done",
  "response.content_part.done",
  "conversation.item.done",
  "response.output_item.done",
  "response.done",
];

describe("barge-in", () => {
  test("[D15] speech over an answer cancels it: speech_started, then the ends of the answer", async () => {
    const { client, responseId } = await listening();
    client.append(encode(joined(await say("Stop, please."), silence(800)), PCM));
    await client.next("input_audio_buffer.speech_started");
    const at = client.events.findIndex((event) => event.type === "input_audio_buffer.speech_started");
    const { response } = await client.next("response.done");
    const done = client.events.findIndex((event) => event.type === "response.done");
    expect(story(client.events.slice(at + 1, done + 1))).toEqual(UNFINISHED);
    expect(response).toMatchObject({
      id: responseId,
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
      output: [{ status: "incomplete" }],
    });
    const answer = (await client.next("response.done"))["response"];
    expect(answer.status).toBe("completed");
    const late = client.events.slice(done + 1).filter((event) => event["response_id"] === responseId);
    expect(late).toEqual([]);
    await client.hangUp();
  });

  test("[D15] with interrupt_response off the answer goes on, and the turn is answered after it", async () => {
    const client = await Client.open(demo, "pace=4");
    await client.update({
      audio: { input: { turn_detection: { type: "server_vad", interrupt_response: false } } },
    });
    client.write("count to 5");
    client.send({ type: "response.create" });
    await client.next("response.output_audio.delta");
    client.append(encode(joined(await say("Go on."), silence(800)), PCM));
    const first = (await client.next("response.done"))["response"];
    expect(first.status).toBe("completed");
    const second = (await client.next("response.done"))["response"];
    expect(second.metadata.demo_input_item).toBe(client.all("input_audio_buffer.committed")[0]?.["item_id"]);
    await client.hangUp();
  });

  test("[D16] response.cancel ends the answer at once, with or without its id", async () => {
    for (const named of [true, false]) {
      const { client, responseId } = await listening();
      client.send({ type: "response.cancel", ...(named && { response_id: responseId }) });
      const { response } = await client.next("response.done");
      expect(response.status_details).toEqual({ type: "cancelled", reason: "client_cancelled" });
      await client.next("rate_limits.updated");
      expect(story(client.events).slice(-UNFINISHED.length - 1, -1)).toEqual(UNFINISHED);
      await client.hangUp();
    }
  });

  test("[D16] cancelling before the first audio leaves a response without items", async () => {
    const client = await Client.open(demo, "first_audio_ms=60000");
    client.write("hello");
    client.send({ type: "response.create" });
    await client.next("response.created");
    client.send({ type: "response.cancel" });
    const { response } = await client.next("response.done");
    expect(response).toMatchObject({ status: "cancelled", output: [] });
    await client.hangUp();
  });

  test("[D16] with nothing to cancel the error begins with `Cancellation failed`", async () => {
    const client = await Client.open(demo);
    client.send({ type: "response.cancel", event_id: "c1" });
    client.send({ type: "response.cancel", response_id: "resp_other", event_id: "c2" });
    for (const id of ["c1", "c2"]) {
      const { error } = await client.next("error");
      expect(error).toMatchObject({ code: "response_cancel_not_active", event_id: id });
      expect(error.message).toMatch(/^Cancellation failed/);
    }
    await client.hangUp();
  });

  test("[D17] an item in progress can be retrieved and truncated to what was sent", async () => {
    const { client, itemId } = await listening();
    client.send({ type: "conversation.item.retrieve", item_id: itemId });
    const { item } = await client.next("conversation.item.retrieved");
    expect(item).toMatchObject({ id: itemId, status: "in_progress" });
    expect(Buffer.from(item.content[0].audio, "base64").byteLength).toBeGreaterThan(0);
    client.send({ type: "response.cancel" });
    client.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: 30 });
    await client.next("response.done");
    expect(await client.next("conversation.item.truncated")).toMatchObject({
      item_id: itemId,
      audio_end_ms: 30,
    });
    client.send({ type: "conversation.item.retrieve", item_id: itemId });
    const kept = (await client.next("conversation.item.retrieved"))["item"].content[0];
    expect(Buffer.from(kept.audio, "base64").byteLength).toBe(30 * 48);
    expect(kept).not.toHaveProperty("transcript");
    await client.hangUp();
  });

  test("[D17] truncating past the end, a wrong part, another role or an unknown item changes nothing", async () => {
    const client = await Client.open(demo, "pace=0&reply=Yes.");
    const done = await client.ask("hello");
    const itemId = done["output"][0].id;
    const userId = client.all("conversation.item.added")[0]?.["item"].id;
    const length = client.audioOf(done["id"]).byteLength / 48;
    const cases = [
      [
        { item_id: itemId, content_index: 0, audio_end_ms: Math.ceil(length) + 1 },
        "invalid_value",
        "audio_end_ms",
      ],
      [{ item_id: itemId, content_index: 1, audio_end_ms: 0 }, "invalid_value", "content_index"],
      [{ item_id: itemId, content_index: 0, audio_end_ms: -1 }, "invalid_value", "audio_end_ms"],
      [{ item_id: userId, content_index: 0, audio_end_ms: 0 }, "invalid_value", "item_id"],
      [
        { item_id: "item_none", content_index: 0, audio_end_ms: 0 },
        "item_truncate_invalid_item_id",
        "item_id",
      ],
    ] as const;
    for (const [fields, code, param] of cases) {
      client.send({ type: "conversation.item.truncate", event_id: "t", ...fields });
      expect((await client.next("error"))["error"]).toMatchObject({ code, param, event_id: "t" });
    }
    client.send({ type: "conversation.item.retrieve", item_id: itemId });
    const { item } = await client.next("conversation.item.retrieved");
    expect(Buffer.from(item.content[0].audio, "base64").byteLength).toBe(length * 48);
    await client.hangUp();
  });

  test("[D18] a second response.create is refused while one runs, and the first goes on", async () => {
    const client = await Client.open(demo, "pace=0&first_audio_ms=50");
    client.write("hello");
    client.send({ type: "response.create" });
    client.send({ type: "response.create", event_id: "second" });
    const { error } = await client.next("error");
    expect(error).toMatchObject({ code: "conversation_already_has_active_response", event_id: "second" });
    expect((await client.next("response.done"))["response"].status).toBe("completed");
    await client.hangUp();
  });

  test("[D18] out of band beside it: own metadata, no conversation, nothing added to it", async () => {
    const { client, responseId } = await listening("pace=1");
    client.send({
      type: "response.create",
      response: {
        conversation: "none",
        output_modalities: ["text"],
        metadata: { topic: "sum" },
        input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "2 + 2" }] }],
      },
    });
    const created = await client.next("response.created");
    const { response } = await client.next("response.done");
    expect(created["response"]).toMatchObject({ metadata: { topic: "sum" }, conversation_id: null });
    expect(response).toMatchObject({ metadata: { topic: "sum" }, status: "completed" });
    expect(response.output[0].content[0].text).toBe("2 plus 2 is 4.");
    const added = client.all("conversation.item.added").map((event) => event["item"].id);
    expect(added).not.toContain(response.output[0].id);
    client.send({ type: "response.cancel", response_id: responseId });
    await client.next("response.done");
    await client.hangUp();
  });
});
