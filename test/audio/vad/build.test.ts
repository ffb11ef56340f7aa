import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadNetwork, ONNX_URL } from "../../../tools/build/silero/network.ts";
import { readConstants } from "../../../tools/build/silero/onnx.ts";
import { withDataSegment } from "../../../tools/build/silero/wasm-data.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vad-test-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function damaged(change: (bytes: Uint8Array) => Uint8Array): Promise<URL> {
  const file = join(folder, "weights.onnx");
  await writeFile(file, change(Uint8Array.from(await readFile(ONNX_URL))));
  return pathToFileURL(file);
}

describe("the weights", () => {
  test("[V11] one changed byte fails the build with a message that names the file and both hashes", async () => {
    const file = await damaged((bytes) => bytes.with(1_000_000, (bytes[1_000_000] ?? 0) ^ 1));
    await expect(loadNetwork(file)).rejects.toThrow(
      /weights\.onnx is not the expected .* sha256 is [0-9a-f]{64}, expected 1a153a22/,
    );
  });

  test("[V11] so does a file cut short, and a missing one", async () => {
    await expect(loadNetwork(await damaged((bytes) => bytes.subarray(0, 5000)))).rejects.toThrow(
      /not the expected/,
    );
    const missing = pathToFileURL(join(folder, "none.onnx"));
    await expect(loadNetwork(missing)).rejects.toThrow(
      /cannot read the weights at .*none\.onnx; run npm install/,
    );
  });

  test("[V11] the reader refuses damaged protobuf instead of reading past it", async () => {
    const bytes = await readFile(ONNX_URL);
    expect(() => readConstants(Uint8Array.from(bytes.subarray(0, 70_000)), "If_0_then_branch__")).toThrow(
      /not a valid ONNX/,
    );
    expect(() => readConstants(Uint8Array.of(0x3f, 1, 2), "")).toThrow(/not a valid ONNX/);
    expect(() => readConstants(Uint8Array.of(0x80), "")).toThrow(/not a valid ONNX/);
  });

  test("the network that is used has 223,105 weights", async () => {
    const { conv, inputWeights, hiddenWeights, inputBias, outputWeights } = await loadNetwork();
    // The first tap of the third convolution and the outer ones of the fourth only ever meet padding.
    const taps = [3, 3, 2, 1];
    const used = conv.map((layer, i) => layer.outputs * (layer.inputs * (taps[i] ?? 0) + 1));
    const lstm = inputWeights.length + hiddenWeights.length + 2 * inputBias.length;
    expect(used.reduce((sum, count) => sum + count, 0) + lstm + outputWeights.length + 1).toBe(223_105);
  });

  test("a module with data of its own is not given a second data section", () => {
    const module = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 11, 1, 0);
    expect(() => withDataSegment(module, new Uint8Array(4))).toThrow(/data of its own/);
  });
});
