/** A guard through a whole relay in workerd: patterns of the demo's route, and a moderator over real HTTP. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startJsonService, type JsonService } from "../support/json-service.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw } from "../support/sdk-raw.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const worker = here("../../src/worker.ts");
const KEY = "a-key-that-is-not-to-be-seen";
let service: JsonService;
let relay: Relay;
let ownRoutes: Relay;
let status = 200;

beforeAll(async () => {
  service = await startJsonService(({ body }) => {
    const flagged = /secret/i.test(body.toString());
    return {
      status,
      afterMs: 150,
      body: JSON.stringify({ results: [{ flagged, categories: { illicit: flagged } }] }),
    };
  });
  relay = await startRelay({
    source: { entry: worker, config: here("guard-routes.ts") },
    vars: { MODERATOR_URL: service.url, MODERATOR_KEY: KEY },
  });
  ownRoutes = await startRelay();
});
afterAll(async () => {
  await Promise.all([relay.close(), ownRoutes.close()]);
  await service.close();
});

/** A typed request, and all that comes of it: words that were shown, milliseconds of sound, and how it ended. */
async function ask({ wsUrl, apiKey }: Relay, model: string, text: string) {
  const call = await dialRaw(`${wsUrl}/v1/realtime?model=${model}`, {
    apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  await call.log.next("session.created");
  const content = [{ type: "input_text", text }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.send({ type: "response.create" });
  const { response } = await call.log.next("response.done");
  const shown = call.log.all("response.output_audio_transcript.delta").map(({ delta }) => delta);
  const bytes = call.frames.reduce((sum, { payload }) => sum + payload.byteLength, 0);
  const verdicts = call.log.all("relay.guard");
  await call.hangUp();
  return { response, shown: shown.join(""), ms: bytes / 48, verdicts };
}

test("[X200] [X201] the demo's guard: a story is told up to the weather", async () => {
  const { response, shown, ms, verdicts } = await ask(ownRoutes, "demo-guard", "Tell me a story.");
  expect(response).toMatchObject({ status: "incomplete", status_details: { reason: "content_filter" } });
  expect(verdicts).toMatchObject([{ decision: "veto", category: "weather" }]);
  // What waited when the word came is cut with it: how much that is, the demo's clock decides.
  expect(shown).toMatch(/^Once upon a time/);
  expect(shown).not.toMatch(/storm|One night/);
  expect(ms).toBeGreaterThan(100);
});

test("[X201] [X232] [X234] a moderator over HTTP refuses a sentence, and what came before it is heard", async () => {
  status = 200;
  const { response, shown, ms, verdicts } = await ask(relay, "judged", "Hello.");
  expect(response).toMatchObject({ status: "incomplete", status_details: { reason: "content_filter" } });
  expect(verdicts).toMatchObject([{ decision: "veto", category: "illicit" }]);
  expect("All is well here.").toContain(shown.trim());
  expect(shown.length).toBeGreaterThan(3);
  expect(ms).toBeGreaterThan(50);
  expect(service.asked[0]?.authorization).toBe(`Bearer ${KEY}`);
});

test("[X207] [X234] a closed guard whose moderator fails lets nothing pass, and says so without a word of it", async () => {
  status = 500;
  const { response, shown, ms, verdicts } = await ask(relay, "judged", "Hello.");
  expect(response).toMatchObject({ status: "incomplete", status_details: { reason: "content_filter" } });
  expect(verdicts).toMatchObject([{ decision: "closed", category: null }]);
  expect([shown, ms]).toEqual(["", 0]);
  expect(relay.logs.join("\n")).not.toMatch(/a-key-that|secret/i);
});
