/** A model that is tried out behind another, and what both cost, through a whole relay in workerd, over sockets. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startRelay, type Relay } from "../support/relay.ts";
import { dialRaw, type RawCall } from "../support/sdk-raw.ts";

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

interface State {
  readonly experiment?: { readonly name: string; readonly arm: string };
}

async function armOf(call: RawCall): Promise<string> {
  const { session } = await call.log.next("session.created");
  const headers = { Authorization: `Bearer ${relay.apiKey}` };
  const url = `${relay.wsUrl.replace(/^ws/, "http")}/v1/sessions/${(session as { readonly id?: string }).id}`;
  const { experiment } = (await (await fetch(url, { headers })).json()) as State;
  expect(experiment?.name).toBe("split");
  await call.hangUp();
  return experiment?.arm ?? "";
}

async function post(path: string, body: object) {
  const response = await fetch(new URL(path, relay.wsUrl.replace(/^ws/, "http")), {
    method: "POST",
    headers: { Authorization: `Bearer ${relay.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Readonly<Record<string, string>>;
}

test("[X352] [H132] a caller has the same arm by whatever door, and the session says which", async () => {
  const { apiKey, wsUrl } = relay;
  const byKey = (caller: string) =>
    dialRaw(`${wsUrl}/v1/realtime?model=split&caller=${caller}`, { apiKey }).then(armOf);
  const arms = new Map<string, string>();
  for (const caller of ["ann", "bob", "cem", "dea", "eve", "fay"]) arms.set(caller, await byKey(caller));
  expect(new Set(arms.values())).toEqual(new Set(["trial", "lone"]));
  for (const [caller, arm] of [...arms].slice(0, 3)) {
    expect(await byKey(caller)).toBe(arm);
    const { url = "", token = "" } = await post("/v1/sessions", { model: "split", caller });
    expect(await armOf(await dialRaw(url, { apiKey: token }))).toBe(arm);
    const session = { type: "realtime", model: "split" };
    const { value = "" } = await post("/v1/realtime/client_secrets", { session, caller });
    // What a secret's holder says in its URL changes nothing.
    const dialled = await dialRaw(`${wsUrl}/v1/realtime?caller=someone`, { apiKey: value });
    expect(await armOf(dialled)).toBe(arm);
  }
  const refused = await post("/v1/sessions", { model: "split", caller: "" });
  expect(JSON.stringify(refused)).toContain("caller");
});
