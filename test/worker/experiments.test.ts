import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RelayConfigInput } from "../../src/config/define.ts";
import { bearer, callWith, HOST, OTHER_KEY } from "./doors.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

const echo = { name: "echo", adapter: "echo" };
const absent = { name: "far", adapter: "openai-compatible", url: { env: "NOT_BOUND" } };
const config: RelayConfigInput = {
  routes: {
    here: { upstreams: [echo] },
    gone: { upstreams: [absent] },
    split: {
      experiment: {
        arms: [
          { route: "here", weight: 1 },
          { route: "gone", weight: 0 },
        ],
      },
    },
  },
};

/** Whether the experiment is offered, which it is while nobody is led to the arm that lacks its binding. */
async function offered(bindings: object = {}): Promise<boolean> {
  const headers = bearer(OTHER_KEY);
  const response = await callWith(config, bindings, new Request(`${HOST}/v1/models`, { headers }));
  const { data } = await response.json<{ readonly data: readonly { readonly id: string }[] }>();
  return data.some(({ id }) => id === "split");
}

async function store(text: string | null): Promise<void> {
  if (text === null) await env.RELAY_KEYS?.delete("experiment:split");
  else await env.RELAY_KEYS?.put("experiment:split", text);
  vi.setSystemTime(Date.now() + 31_000);
}

test("[X355] weights in the store hold without a deploy, and those of the file when they are gone", async () => {
  expect(await offered()).toBe(true);
  await store(JSON.stringify({ here: 1, gone: 1 }));
  expect(await offered()).toBe(false);
  await store(JSON.stringify({ here: 3 }));
  expect(await offered()).toBe(true);
  await store(JSON.stringify({ here: 0, gone: 5 }));
  expect(await offered()).toBe(false);
  await store(null);
  expect(await offered()).toBe(true);
});

test("[X355] what is no set of weights of its arms is ignored, and so is a store that fails", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  for (const text of ["{", "[]", '{"gone":-1}', '{"gone":1,"other":1}', '{"gone":0}', '{"gone":"1"}', "{}"]) {
    await store(text);
    expect(await offered(), text).toBe(true);
  }
  expect(said).toHaveBeenCalledTimes(7);
  await store(null);
  said.mockRestore();
  const get = (name: string) =>
    name.startsWith("experiment:") ? Promise.reject(new Error("KV is down")) : Promise.resolve(null);
  expect(await offered({ RELAY_KEYS: { get } })).toBe(true);
});
