/** Models that a binding runs, inside workerd: what it is asked, how it ends, and what is told of how it fails. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { createConsult } from "../../durable-objects/consult.ts";
import { Dialler, type DialEvents, type Socket } from "../../durable-objects/dial.ts";
import type { DialRequest, ResponseHead, WireMessage } from "../../src/upstreams/upstream.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { socketPair } from "../../durable-objects/upgrade.ts";

type Told = ResponseHead | WireMessage | readonly [number, string];

class Line implements DialEvents {
  readonly log: Told[] = [];
  socket: Socket | null = null;
  opened(socket: Socket | null, head?: ResponseHead): void {
    this.socket = socket;
    this.log.push(head ?? "open");
  }
  message(data: WireMessage): void {
    this.log.push(data);
  }
  closed(code: number, reason: string): void {
    this.log.push([code, reason]);
  }
  async until(count: number): Promise<readonly Told[]> {
    await vi.waitFor(() => expect(this.log.length).toBeGreaterThanOrEqual(count));
    return this.log;
  }
}

interface Asked {
  readonly model: string;
  readonly inputs: unknown;
  readonly options: { readonly signal?: AbortSignal; readonly [name: string]: unknown };
}

/** A binding that answers as it is told. */
class Service {
  readonly asked: Asked[] = [];
  readonly #answer: (asked: Asked) => unknown;
  constructor(answer: (asked: Asked) => unknown) {
    this.#answer = answer;
  }
  async run(model: string, inputs: unknown, options: Asked["options"]): Promise<unknown> {
    const asked = { model, inputs, options };
    this.asked.push(asked);
    return this.#answer(asked);
  }
}

const never = ({ options: { signal } }: Asked): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("sk-secret"))));

const request = (gives: "socket" | "response"): DialRequest => ({
  url: "binding:AI/@cf/some/model",
  headers: {},
  protocols: [],
  run: { binding: "AI", model: "@cf/some/model", inputs: { text: "Good day." }, gives },
});

function dial(service: unknown, gives: "socket" | "response" = "response", timeoutMs = 1000) {
  const line = new Line();
  const call = new Dialler(timeoutMs, { AI: service }).dial(request(gives), line);
  return { line, call };
}

afterEach(() => void vi.useRealTimers());

describe("a model that a binding runs", () => {
  test("[U134] is asked for its raw response, whose head, bytes and end are told", async () => {
    const body = "data: [DONE]\n\n";
    const service = new Service(
      () => new Response(body, { status: 429, headers: { "Content-Type": "Text/Event-Stream; x=y" } }),
    );
    const { line } = dial(service);
    expect(await line.until(3)).toEqual([
      { status: 429, type: "text/event-stream" },
      new TextEncoder().encode(body),
      [1000, ""],
    ]);
    const [asked] = service.asked;
    expect(asked).toMatchObject({ model: "@cf/some/model", inputs: { text: "Good day." } });
    expect(asked?.options).toEqual({ returnRawResponse: true, signal: expect.any(AbortSignal) });
  });

  test("[U134] is asked for a socket, which is spoken through and closed", async () => {
    const { theirs, ours } = socketPair();
    const service = new Service(() => new Response(null, { status: 101, webSocket: theirs }));
    const { line, call } = dial(service, "socket");
    await line.until(1);
    expect(service.asked[0]?.options).toMatchObject({ websocket: true, returnRawResponse: true });
    const heard: unknown[] = [];
    ours.binaryType = "arraybuffer";
    ours.addEventListener("message", ({ data }) => void heard.push(data));
    const closed = new Promise<number>((resolve) =>
      ours.addEventListener("close", ({ code }) => resolve(code)),
    );
    ours.accept();
    ours.send("words");
    line.socket?.send(Uint8Array.of(1, 2));
    await vi.waitFor(() => expect(heard).toHaveLength(1));
    expect(await line.until(2)).toEqual(["open", "words"]);
    call.hangUp(1000, "");
    expect(await closed).toBe(1000);
    expect(line.log).toHaveLength(2);
  });

  test.each([
    [undefined, "the Worker has no binding AI"],
    ["text", "the Worker has no binding AI"],
    [new Service(() => ({ response: "sk-secret" })), "the binding AI gave no response"],
    [new Service(() => Promise.reject(new Error("sk-secret"))), "connection failed"],
  ])(
    "[U134] that is not there, or gives no response, is told in static text (%#)",
    async (service, reason) => {
      for (const gives of ["response", "socket"] as const)
        expect(await dial(service, gives).line.until(1)).toEqual([[0, reason]]);
    },
  );

  test.each([
    [429, '{"internalCode":3036,"description":"sk-secret"}', "HTTP 429, error 3036"],
    [400, '{"errors":[{"code":5006,"message":"sk-secret"}]}', "HTTP 400, error 5006"],
    [200, "{}", "HTTP 200"],
    [503, "x".repeat(9000), "HTTP 503"],
  ])(
    "[U134] that gives no socket is told by its status and Workers AI's number: %i %s",
    async (status, body, reason) => {
      const service = new Service(() => new Response(body, { status }));
      expect(await dial(service, "socket").line.until(1)).toEqual([[0, reason]]);
    },
  );

  test("[U134] is not waited for longer than others, and is told that it is over", async () => {
    vi.useFakeTimers();
    const [socket, response] = [new Service(never), new Service(never)];
    const calls = [dial(socket, "socket"), dial(response)];
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls.map(({ line }) => line.log)).toEqual([[[0, "timed out"]], []]);
    expect(socket.asked[0]?.options.signal?.aborted).toBe(true);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(calls[1]?.line.log).toEqual([[0, "timed out"]]);
    expect(response.asked[0]?.options.signal?.aborted).toBe(true);
  });

  test("[U134] is told when it is hung up, before it answered and in the middle, and nothing comes after that", async () => {
    const waiting = new Service(never);
    const first = dial(waiting);
    await vi.waitFor(() => expect(waiting.asked).toHaveLength(1));
    first.call.hangUp(1000, "");
    expect(waiting.asked[0]?.options.signal?.aborted).toBe(true);
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await scheduler.wait(1);
        controller.enqueue(Uint8Array.of(1));
      },
      cancel: () => {
        cancelled = true;
      },
    });
    const talking = new Service(() => new Response(body));
    const second = dial(talking);
    await second.line.until(3);
    second.call.hangUp(1000, "");
    const { length } = second.line.log;
    await vi.waitFor(() => expect(cancelled).toBe(true));
    expect(second.line.log).toHaveLength(length);
    expect(first.line.log).toEqual([]);
  });
});

describe("what Cloudflare's types take", () => {
  const part = (adapter: string, model?: string) => ({ adapter, binding: "AI", ...(model && { model }) });
  type Inputs<Model extends keyof AiModels> = AiModels[Model]["inputs"];

  test("[U131] is what the transcriber is given", () => {
    const inputs: Inputs<"@cf/deepgram/flux"> = { encoding: "linear16", sample_rate: "16000" };
    expect(createUpstream(part("workers-ai-flux")).request().run?.inputs).toEqual(inputs);
  });

  test("[U132] [U133] is what the text model and the synthesiser are given", () => {
    const upstream = createUpstream({
      adapter: "cascade",
      parts: {
        transcriber: part("workers-ai-flux"),
        text: part("workers-ai", "@cf/google/gemma-4-26b-a4b-it"),
        speech: { ...part("workers-ai-aura", "@cf/deepgram/aura-2-en"), settings: { voice: "thalia" } },
      },
    });
    upstream.greet({
      kind: "conversation",
      instructions: "Be brief.",
      modality: "audio",
      tools: [{ type: "function", name: "book" }],
      toolChoice: "auto",
      maxOutputTokens: "inf",
      voice: null,
      speed: 1,
      transcription: null,
      turnDetection: null,
      extra: {},
    });
    upstream.encode({ type: "respond", responseId: "R", options: { params: {}, outOfBand: false } });
    const runs = () =>
      (upstream.channels?.effects() ?? []).flatMap((effect) =>
        effect.type === "open" ? [[effect.channel, effect.opening.request.run?.inputs] as const] : [],
      );
    const [first] = runs();
    const [channel, asked] = first ?? ["", null];
    const text: Inputs<"@cf/google/gemma-4-26b-a4b-it"> = {
      max_tokens: 2048,
      messages: [{ role: "system", content: "Be brief." }],
      stream: true,
      tools: [
        {
          type: "function",
          function: { name: "book", description: "", parameters: { type: "object", properties: {} } },
        },
      ],
      tool_choice: "auto",
    };
    expect(asked).toEqual(text);
    upstream.channels?.opened(channel, { status: 200, type: "text/event-stream" });
    upstream.channels?.data(
      channel,
      new TextEncoder().encode('data: {"response":"Good day."}\n\ndata: [DONE]\n\n'),
    );
    const speech: Inputs<"@cf/deepgram/aura-2-en"> = {
      text: "Good day.",
      speaker: "thalia",
      encoding: "linear16",
      container: "wav",
      sample_rate: 24_000,
    };
    expect(runs().map(([, inputs]) => inputs)).toEqual([speech]);
  });
});

describe("a question about the end of a turn", () => {
  const planned = { adapter: "workers-ai", binding: "AI", model: "@cf/pipecat-ai/smart-turn-v2" } as const;

  test("[U134] asks for the raw response too, which the binding would otherwise read for others as it does for this one", async () => {
    const service = new Service(() => Response.json({ is_complete: true, probability: 0.5 }));
    expect(await createConsult(planned, { AI: service })(Int16Array.of(1))).toBe(0.5);
    expect(service.asked[0]?.options).toMatchObject({ returnRawResponse: true });
  });

  test("[U134] is given up when it is too late", async () => {
    const service = new Service(never);
    await expect(createConsult(planned, { AI: service })(Int16Array.of(1))).rejects.toThrow("in time");
    expect(service.asked[0]?.options.signal?.aborted).toBe(true);
  });
});
