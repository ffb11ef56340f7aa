import { afterEach, describe, expect, test, vi } from "vitest";
import { createConsult } from "../../durable-objects/consult.ts";

afterEach(() => vi.unstubAllGlobals());

const SAMPLES = Int16Array.of(0, 16_384, -32_768, 1);
const HTTP = {
  adapter: "http",
  url: "https://turns.example/ask",
  headers: { Authorization: "Bearer sk-secret" },
} as const;

function answering(answer: () => Response | Promise<Response>): Request[] {
  const requests: Request[] = [];
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    requests.push(new Request(url, init));
    return Promise.resolve(answer());
  });
  return requests;
}

describe("Workers AI", () => {
  const PLANNED = { adapter: "workers-ai", binding: "AI", model: "@cf/pipecat-ai/smart-turn-v2" } as const;
  const service = (answer: unknown) => {
    const asked: { model: string; input: { audio: string; dtype: string } }[] = [];
    const run = (model: string, input: { audio: string; dtype: string }) => {
      asked.push({ model, input });
      return Promise.resolve(Response.json(answer));
    };
    return { env: { AI: { run } }, asked };
  };

  test("[O32] is given the samples as base64 float32, and its probability is the answer", async () => {
    const { env, asked } = service({ is_complete: true, probability: 0.93 });
    expect(await createConsult(PLANNED, env)(SAMPLES)).toBe(0.93);
    expect(asked[0]?.model).toBe("@cf/pipecat-ai/smart-turn-v2");
    expect(asked[0]?.input.dtype).toBe("float32");
    const bytes = Uint8Array.fromBase64(asked[0]?.input.audio ?? "");
    expect([...new Float32Array(bytes.buffer)]).toEqual([0, 0.5, -1, Math.fround(1 / 32_768)]);
  });

  test.each([[null], ["1"], [{}], [{ probability: "1" }], [{ probability: NaN }], [{ probability: 1.01 }]])(
    "[O32] an answer of %j is a failure",
    async (answer) => {
      const consult = createConsult(PLANNED, service(answer).env);
      await expect(consult(SAMPLES)).rejects.toThrow("no probability");
    },
  );

  test("[O32] that never answers fails within a second", async () => {
    const env = { AI: { run: () => new Promise(() => {}) } };
    const began = Date.now();
    await expect(createConsult(PLANNED, env)(SAMPLES)).rejects.toThrow("in time");
    expect(Date.now() - began).toBeLessThan(2000);
  });
});

describe("over HTTP", () => {
  test("[O32] is given a WAV file of the samples with the plan's headers", async () => {
    const requests = answering(() => Response.json({ probability: 0.25, more: true }));
    expect(await createConsult(HTTP, {})(SAMPLES)).toBe(0.25);
    const [request] = requests;
    expect(request?.method).toBe("POST");
    expect(request?.redirect).toBe("manual");
    expect(request?.headers.get("Authorization")).toBe("Bearer sk-secret");
    expect(request?.headers.get("Content-Type")).toBe("audio/wav");
    const file = new Uint8Array(await (request?.arrayBuffer() ?? new ArrayBuffer(0)));
    const words = [0, 8, 12, 36].map((at) => new TextDecoder().decode(file.subarray(at, at + 4)));
    expect(words).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
    const view = new DataView(file.buffer);
    expect([view.getUint32(4, true), view.getUint32(24, true), view.getUint32(40, true)]).toEqual([
      44, 16_000, 8,
    ]);
    expect([...new Int16Array(file.buffer.slice(44))]).toEqual([...SAMPLES]);
  });

  test.each([
    ["a refusal", () => new Response('{"probability":1}', { status: 503 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://b.example" } })],
    ["no JSON", () => new Response("<html>")],
    ["an endless answer", () => new Response(`{"probability":1,"x":"${"y".repeat(5000)}"}`)],
    ["no connection", () => Promise.reject(new TypeError("connection refused"))],
  ])("[O32] %s is a failure that repeats no secret", async (_, answer) => {
    answering(answer);
    const failure = await createConsult(HTTP, {})(SAMPLES).catch((error: unknown) => String(error));
    expect(failure).toEqual(expect.any(String));
    expect(failure).not.toContain("sk-secret");
  });
});

test("[O32] a plan without a model has no answer", async () => {
  await expect(createConsult(undefined, {})(SAMPLES)).rejects.toThrow("names no end-of-turn model");
});
