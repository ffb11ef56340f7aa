/** A model that is tried out behind another, and what both cost, through a whole relay in workerd, over sockets. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw } from "../support/sdk-raw.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("trial-routes.ts") },
  });
});
afterAll(() => relay.close());

const asked = async (): Promise<number> => {
  const response = await fetch(new URL("/stats", relay.demo?.url.replace(/^ws/, "http")));
  return ((await response.json()) as { readonly responses: number }).responses;
};

test("[X330] [X333] [X337] a shadow is asked and measured, and the client hears and learns nothing of it", async () => {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=trial`, {
    apiKey: relay.apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  const { session } = await call.log.next("session.created");
  const id = String((session as { readonly id?: string }).id);
  const backend = await dialRaw(`${relay.wsUrl}/v1/sessions/${id}/control`, { apiKey: relay.apiKey });
  await backend.log.next("session.created");
  const before = await asked();
  const content = [{ type: "input_text", text: "Hello." }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.send({ type: "response.create" });
  const { transcript } = await call.log.next("response.output_audio_transcript.done");
  expect(transcript).toBe("This is what marin says.");
  const cost = await call.log.next("relay.cost");
  const shadow = await backend.log.next("relay.shadow");
  expect(shadow).toMatchObject({ upstream: "cedar", outcome: "answered", response_id: cost.response_id });
  expect(shadow.after_ms).toBeGreaterThanOrEqual(0);
  expect(shadow.speaker_after_ms).toBeGreaterThanOrEqual(190);
  expect((await asked()) - before).toBe(2);
  expect(new Set(call.frames.map(({ stream }) => stream))).toEqual(new Set([0]));
  expect(JSON.stringify(call.log.events)).not.toContain("cedar");

  const response = call.log.all("response.done").at(-1)?.response;
  const usage = response?.usage?.total_tokens ?? Number.NaN;
  expect(usage).toBeGreaterThan(0);
  expect(cost.cost).toBe(usage);
  expect(cost.upstreams).toContainEqual(
    expect.objectContaining({ upstream: "marin", role: "speaker", kind: "heard", cost: usage }),
  );
  const headers = { Authorization: `Bearer ${relay.apiKey}` };
  const url = `${relay.wsUrl.replace(/^ws/, "http")}/v1/sessions/${id}`;
  const state = (await (await fetch(url, { headers })).json()) as {
    readonly cost: { readonly cost: number; readonly shadows: { readonly cost: number } };
  };
  expect(state.cost.cost).toBe(usage);
  expect(state.cost.shadows.cost).toBeGreaterThan(0);
  await call.hangUp();
});
