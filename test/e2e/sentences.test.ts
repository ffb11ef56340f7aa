/** Sentences of the relay's own through real workerd, with a synthesiser over real HTTP, and those of the demo. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import { startStages, voiceOf, type Stages } from "../../demo/stages.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw } from "../support/sdk-raw.ts";

const MANUAL = { type: "realtime", audio: { input: { turn_detection: null } } };
const KEY = "sk-own-voice-123456789";
const MOMENT = "One moment, please.";

let stages: Stages;
let relay: Relay;
let demo: Relay;
let client: ResumingClient;

beforeAll(async () => {
  stages = await startStages();
  relay = await startRelay({
    source: {
      entry: fileURLToPath(new URL("../../src/worker.ts", import.meta.url)),
      config: fileURLToPath(new URL("sentences-routes.ts", import.meta.url)),
    },
    vars: { SPEECH_URL: stages.speechUrl, SPEECH_KEY: KEY },
  });
  demo = await startRelay();
});
afterAll(async () => {
  await Promise.all([relay.close(), demo.close()]);
  await stages.close();
});
beforeEach(() => {
  stages.said.length = 0;
  stages.voices.length = 0;
});
afterEach(() => client.hangUp());

function ask(words: string): void {
  const content = [{ type: "input_text", text: words }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
}

const own = (kind: string): readonly JsonObject[] =>
  client.events
    .filter(({ type }) => type === "response.created")
    .map((event) => objectAt(event, "response") ?? {})
    .filter((response) => textAt(objectAt(response, "metadata"), "relay") === kind);
/** Bytes of sound that came of it, and the words that were shown. */
function heard(response: JsonObject | undefined): { readonly bytes: Uint8Array; readonly words: string } {
  const ordinal = Number(objectAt(response ?? null, "relay")?.["ordinal"]);
  const bytes = Buffer.concat(
    client.frames.filter((frame) => frame.ordinal === ordinal).map(({ payload }) => payload),
  );
  const words = client.events
    .filter(
      (event) =>
        event["type"] === "response.output_audio_transcript.delta" &&
        event["response_id"] === response?.["id"],
    )
    .map((event) => textAt(event, "delta") ?? "");
  return { bytes: new Uint8Array(bytes), words: words.join("") };
}

test("[X411] a sentence of the application's and one of the client's are said, sample by sample, and counted", async () => {
  client = await ResumingClient.open(relay, "speaking", MANUAL);
  const control = await dialRaw(`${relay.wsUrl}/v1/sessions/${client.id}/control`, { apiKey: relay.apiKey });
  await control.log.next("session.created");
  control.send({ type: "relay.say", say_id: "one", text: "We close soon." });
  expect(await client.event("relay.say.completed")).toMatchObject({ say_id: "one" });
  client.say({ type: "relay.say", say_id: "two", text: "All right." });
  await client.until(() => own("announcement").length === 2, "the client's");
  await client.event("relay.say.completed", client.events.length);
  const said = own("announcement").map(heard);
  expect(said.map(({ words }) => words)).toEqual(["We close soon.", "All right."]);
  for (const { bytes, words } of said) expect(bytes).toEqual(voiceOf(words));
  expect(stages.keys.has(`Bearer ${KEY}`)).toBe(true);
  ask("Hello!");
  const cost = await client.event("relay.cost");
  const spoken = objectsAt(cost, "upstreams").find(({ role }) => role === "speech");
  expect(spoken).toMatchObject({
    kind: "own",
    speech_characters: 24 + (stages.said.includes(MOMENT) ? 19 : 0),
  });
  expect(JSON.stringify([client.events, relay.logs])).not.toContain(KEY);
  await control.hangUp();
});

test("[X411] [X403] a sentence fills a silence, and the next call asks nobody for it", async () => {
  client = await ResumingClient.open(relay, "speaking", MANUAL);
  ask("Hello!");
  await client.until(() => own("filler").length === 1, "a filler");
  await client.event("relay.cost");
  expect(heard(own("filler")[0]).words).toBe(MOMENT);
  expect(heard(own("filler")[0]).bytes).toEqual(voiceOf(MOMENT));
  await client.hangUp();
  stages.said.length = 0;
  client = await ResumingClient.open(relay, "speaking", MANUAL);
  ask("Hello!");
  await client.until(() => own("filler").length === 1, "another filler");
  expect(stages.said).toEqual([]);
});

test("[X411] what a guard refuses is replaced by a sentence that is heard", async () => {
  client = await ResumingClient.open(relay, "judged", MANUAL);
  ask("Tell me a story.");
  const done = await client.event("relay.say.completed");
  expect(heard(own("announcement")[0]).words).toBe("I would rather not talk about that.");
  const item = client.events.findLast(({ type }) => type === "conversation.item.done");
  expect(done["say_id"]).toBe(objectAt(item ?? null, "item")?.["id"]);
});

test("[X411] a voice that stops holds nothing: the call is answered, and the sentence dropped", async () => {
  stages.voices.push({ breakAfter: 4001 });
  client = await ResumingClient.open(relay, "judged", MANUAL);
  const control = await dialRaw(`${relay.wsUrl}/v1/sessions/${client.id}/control`, { apiKey: relay.apiKey });
  await control.log.next("session.created");
  control.send({ type: "relay.say", text: "We close soon." });
  expect(await client.event("relay.say.dropped")).toMatchObject({
    reason: "not_spoken",
    error: { code: "upstream_closed" },
  });
  ask("Hello!");
  await client.event("response.done");
  await control.hangUp();
});

test("[X412] the demo says a sentence while it is late, and one in place of the weather", async () => {
  client = await ResumingClient.open(demo, "demo-filler", MANUAL);
  ask("Count to 3.");
  await client.until(() => own("filler").length === 1, "a filler");
  await client.until(() => heard(own("filler")[0]).bytes.length > 24_000, "half a second of it");
  expect(heard(own("filler")[0]).words).toBe(MOMENT);
  await client.hangUp();
  client = await ResumingClient.open(demo, "demo-guard", MANUAL);
  ask("Tell me a story.");
  await client.event("relay.say.completed");
  expect(heard(own("announcement")[0]).words).toBe("I would rather not talk about the weather.");
});
