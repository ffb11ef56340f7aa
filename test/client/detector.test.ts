import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createSileroDetector } from "../../src/audio/vad/index.ts";
import { loadDetector } from "../../src/client/detector.ts";
import { loadKernels } from "../support/kernels.ts";
import { conversation, probabilities } from "../audio/vad/speech.ts";

const module = Uint8Array.from(await readFile(new URL("../../wasm/build/silero.wasm", import.meta.url)));

test("[V14] the SDK's detector gives the relay's probabilities", async () => {
  const { silero } = loadKernels();
  if (silero === null) throw new Error("wasm/build/silero.wasm is missing: npm run build");
  const { pcm } = conversation();
  const expected = probabilities(createSileroDetector(silero), pcm);
  for (const source of [module, new Response(module)]) {
    const { detector, fallback } = await loadDetector(source);
    expect(fallback).toBeNull();
    expect(probabilities(detector, pcm)).toEqual(expected);
  }
});

test("[V14] a browser that cannot run it gets the energy detector, and a wrong address an error", async () => {
  const { detector, fallback } = await loadDetector(module.subarray(0, 1000));
  expect([detector.name, fallback]).toEqual(["energy", "kernel_missing"]);
  await expect(loadDetector(new Response("", { status: 404 }))).rejects.toThrow("HTTP 404");
});
