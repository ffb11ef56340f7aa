/** A route's upstream that has a voice and instructions of its own. */
import { describe, expect, test } from "vitest";
import { resolvePlan } from "../../src/config/resolve.ts";
import { defineRelay } from "../../src/config/define.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { UpstreamConfig } from "../../src/upstreams/upstream.ts";
import { plain } from "../support/opus.ts";

const CONFIG: UpstreamConfig = {
  kind: "conversation",
  instructions: "Be kind.",
  modality: "audio",
  tools: [],
  toolChoice: "auto",
  maxOutputTokens: "inf",
  voice: "alloy",
  speed: 1,
  transcription: null,
  turnDetection: null,
  extra: {},
};
const URL = { url: "https://provider.example/v1/realtime", model: "m" };
const ANNA = { voice: "marin", instructions: "You are Anna." };
const BOTH = "You are Anna.\\n\\nBe kind.";

const made = (adapter: string, own: object = ANNA) => createUpstream({ adapter, ...URL, ...own });
const spoken = (messages: readonly unknown[]) => messages.map(String).join("\n");

describe.each([
  ["openai-compatible", "marin", "alloy"],
  ["gemini-live", "Kore", "Puck"],
])("[U126] an upstream (%s)", (adapter, voice, other) => {
  const config = { ...CONFIG, voice: other };
  const upstream = made(adapter, { ...ANNA, voice });

  test("is greeted with its own voice and part, the part before the session's instructions", () => {
    const greeting = spoken(upstream.greet(config));
    expect(greeting).toContain(BOTH);
    expect(greeting).toContain(voice);
    expect(greeting).not.toContain(other);
    expect(spoken(upstream.greet({ ...config, instructions: "" }))).toContain('"You are Anna."');
  });

  test("without either is as it was", () => {
    expect(spoken(made(adapter, {}).greet(config))).toContain(other);
  });
});

test("[U126] a change of the session's configuration and the parameters of one answer leave them as they are", () => {
  const upstream = made("openai-compatible");
  upstream.greet(CONFIG);
  const updated = spoken(
    upstream.encode({ type: "configure", config: { ...CONFIG, instructions: "Be brief." } }),
  );
  expect(updated).toContain("You are Anna.\\n\\nBe brief.");
  const params = {
    instructions: "Sing.",
    audio: { output: { voice: "alloy", format: { type: "audio/pcm" } } },
  };
  const options = { params, outOfBand: false };
  const asked = spoken(upstream.encode({ type: "respond", responseId: "r", options }));
  expect(asked).toContain("You are Anna.\\n\\nSing.");
  expect(asked).not.toContain("alloy");
  const plain = spoken(
    upstream.encode({ type: "respond", responseId: "s", options: { params: {}, outOfBand: false } }),
  );
  expect(plain).not.toContain("Anna");
});

test("[U126] who stands in for it plays the same part, with its voice where that is the same provider's", () => {
  const target = { adapter: "openai-compatible", url: URL.url };
  const fallback = [target, { adapter: "gemini-live" }, { ...target, voice: "cedar" }];
  const config = defineRelay({
    routes: { a: { upstreams: [{ name: "anna", ...target, ...ANNA, fallback }] } },
  });
  const [upstream] = resolvePlan(config, "a", {}).upstreams;
  expect(upstream?.options).toMatchObject(ANNA);
  expect(upstream?.fallback).toMatchObject([
    ANNA,
    { instructions: ANNA.instructions },
    { ...ANNA, voice: "cedar" },
  ]);
  expect(upstream?.fallback?.[1]).not.toHaveProperty("voice");
});

describe("[U305] an upstream with a part of its own", () => {
  const vllm = (own: object) => {
    const upstream = made("vllm-omni-duplex", own);
    upstream.greet(CONFIG);
    const session = { id: "s_1", resume_token: "token_1", capabilities: {} };
    upstream.decode(
      JSON.stringify({ type: "session.created", session_id: "s_1", resume_token: "token_1", session }),
    );
    return upstream;
  };

  test("leaves what its provider keeps, and is gone on with", () => {
    const [plainly, own] = [vllm({}), vllm(ANNA)];
    expect(plainly.leaves).toBe("all");
    expect(own.leaves).toBe("all");
    const next = made("vllm-omni-duplex");
    next.goOn?.(own.snapshot());
    expect(spoken(next.greet(CONFIG))).toContain("session.resume");
  });

  test("is told what was heard, where its provider has that, and not where it has not", () => {
    expect(vllm(ANNA).heard).toBeDefined();
    expect(made("openai-compatible").heard).toBeUndefined();
    expect(made("openai-compatible").goOn).toBeUndefined();
  });

  test("is admitted as its provider admits", () => {
    const upstream = createUpstream({ adapter: "moshi", ...URL, ...ANNA }, { opus: plain });
    expect(upstream.admission).toMatchObject({ withinMs: 30_000, fault: { code: "upstream_busy" } });
  });
});
