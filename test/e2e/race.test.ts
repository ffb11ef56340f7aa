/** Two models as one voice, through a whole relay in workerd, over sockets. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({
    source: { entry: here("../../src/worker.ts"), config: here("race-routes.ts") },
  });
});
afterAll(() => relay.close());

async function dial(model: string): Promise<RawCall> {
  const call = await dialRaw(`${relay.wsUrl}/v1/realtime?model=${model}`, {
    apiKey: relay.apiKey,
    protocols: ["realtime", "duplex.v1"],
  });
  const ready = new Set<string>();
  while (ready.size < 2) {
    const event = await call.log.next("relay.upstream");
    if (event.status === "ready") ready.add(event.upstream);
  }
  return call;
}

/** A typed question and its whole answer. */
async function ask(call: RawCall, text: string) {
  const framesBefore = call.frames.length;
  const content = [{ type: "input_text", text }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  const askedAt = performance.now();
  call.send({ type: "response.create" });
  await call.framesUntil((frames) => frames.length > framesBefore);
  const firstMs = performance.now() - askedAt;
  const won = await call.log.next("relay.race");
  const { transcript } = await call.log.next("response.output_audio_transcript.done");
  const { response } = await call.log.next("response.done");
  const frames = call.frames.slice(framesBefore);
  return { firstMs, won, transcript, response, frames };
}

const stats = async () => {
  const response = await fetch(new URL("/stats", relay.demo?.url.replace(/^ws/, "http")));
  return (await response.json()) as { readonly responses: number; readonly cancelled: number };
};

test("[X100][X101][X116] the sooner of two models is heard alone, and the application is told who it was", async () => {
  const call = await dial("race");
  const before = await stats();
  for (let turn = 0; turn < 2; turn += 1) {
    const { firstMs, won, transcript, response, frames } = await ask(call, "Hello.");
    expect(firstMs).toBeLessThan(8000);
    expect(won).toMatchObject({
      plan: "race",
      upstream: "cedar",
      others: [{ upstream: "marin", outcome: "slower" }],
    });
    expect(transcript).toBe("This is what cedar says.");
    expect(response).toMatchObject({ status: "completed", relay: { stream: 0, upstream: "cedar" } });
    expect(new Set(frames.map(({ stream }) => stream))).toEqual(new Set([0]));
  }
  const after = await stats();
  expect(after.responses - before.responses).toBe(4);
  expect(after.cancelled - before.cancelled).toBe(2);
  expect(call.log.all("response.created")).toHaveLength(2);
  await call.hangUp();
});

test("[X120] the second is asked when the first is late, and heard", async () => {
  const call = await dial("hedge");
  const { firstMs, won, transcript } = await ask(call, "Hello.");
  expect(firstMs).toBeGreaterThan(300);
  expect(firstMs).toBeLessThan(8000);
  expect(won).toMatchObject({ upstream: "cedar", others: [{ upstream: "marin", outcome: "slower" }] });
  expect(transcript).toBe("This is what cedar says.");
  await call.hangUp();
});

test("[X121] a first that is in time is asked alone", async () => {
  const call = await dial("prompt");
  const before = await stats();
  const { won, transcript } = await ask(call, "Hello.");
  expect(won).toMatchObject({ upstream: "marin", others: [{ upstream: "cedar", outcome: "not_asked" }] });
  expect(transcript).toBe("This is what marin says.");
  expect((await stats()).responses - before.responses).toBe(1);
  await call.hangUp();
});

test("[X362] a race becomes one voice alone, and a race again, in one call", async () => {
  const call = await dial("both");
  const [created] = call.log.all("session.created");
  const id = (created?.session as { readonly id?: string } | undefined)?.id ?? "";
  const holds = async (): Promise<unknown> => {
    const url = new URL(`/v1/sessions/${id}`, relay.wsUrl.replace(/^ws/, "http"));
    const response = await fetch(url, { headers: { Authorization: `Bearer ${relay.apiKey}` } });
    return ((await response.json()) as { readonly plan?: unknown }).plan;
  };
  const state = async (upstream: string, status: string) => {
    for (;;) {
      const event = await call.log.next("relay.upstream");
      if (event.upstream === upstream && event.status === status) return event;
    }
  };
  expect((await ask(call, "Hello.")).won).toMatchObject({ plan: "race", upstream: "marin" });

  const alone = { strategy: "single", upstreams: ["cedar"] };
  call.send({ type: "relay.plan.update", plan: alone });
  expect((await call.log.next("relay.plan.updated")).plan).toEqual(alone);
  expect(await state("marin", "idle")).toMatchObject({ cause: "left" });
  expect(await holds()).toEqual(alone);
  const before = await stats();
  const content = [{ type: "input_text", text: "And now?" }];
  call.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  call.send({ type: "response.create" });
  const { transcript } = await call.log.next("response.output_audio_transcript.done");
  expect(transcript).toBe("This is what cedar says.");
  expect((await call.log.next("response.done")).response).toMatchObject({ relay: { upstream: "cedar" } });
  expect((await stats()).responses - before.responses).toBe(1);

  call.send({ type: "relay.plan.update", plan: { strategy: "race", upstreams: ["marin", "cedar"] } });
  await state("marin", "ready");
  const again = await ask(call, "Both of you.");
  expect(again.won).toMatchObject({ plan: "race", upstream: "marin", others: [{ upstream: "cedar" }] });
  expect(again.transcript).toBe("This is what marin says.");
  expect(call.log.all("relay.race")).toHaveLength(2);
  await call.hangUp();
});
