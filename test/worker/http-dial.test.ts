/** HTTP requests of upstreams inside workerd: the head, the bytes as they come, one end. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dialler, type DialEvents } from "../../durable-objects/dial.ts";
import type { DialRequest, ResponseHead, WireMessage } from "../../src/upstreams/upstream.ts";

const request: DialRequest = {
  url: "https://text.example/v1/chat/completions",
  headers: { Authorization: "Bearer sk-secret", "Content-Type": "application/json" },
  protocols: [],
  http: { method: "POST", body: '{"model":"m"}' },
};

type Told = ResponseHead | WireMessage | readonly [number, string];

class Line implements DialEvents {
  readonly log: Told[] = [];
  readonly #end = Promise.withResolvers<void>();
  readonly end = this.#end.promise;
  #told: (() => void) | null = null;

  opened(socket: unknown, head?: ResponseHead): void {
    expect(socket).toBe(null);
    this.#tell(head ?? "no head");
  }

  message(data: WireMessage): void {
    this.#tell(data);
  }

  closed(code: number, reason: string): void {
    this.#tell([code, reason]);
    this.#end.resolve();
  }

  #tell(what: Told): void {
    this.log.push(what);
    this.#told?.();
  }

  async until(count: number): Promise<void> {
    while (this.log.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }
}

/** What was fetched, and how it is answered. */
class Provider {
  readonly asked: Request[] = [];
  cancelled = false;
  readonly #answer = Promise.withResolvers<Response>();
  #body: ReadableStreamDefaultController<Uint8Array> | null = null;

  fetch = (url: string, init: RequestInit): Promise<Response> => {
    this.asked.push(new Request(url, init));
    init.signal?.addEventListener("abort", () => this.#answer.reject(new Error("aborted with sk-secret")));
    return this.#answer.promise;
  };

  answer(status: number, headers: Readonly<Record<string, string>> = {}): void {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller;
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
    this.#answer.resolve(new Response(body, { status, headers }));
  }

  fail(): void {
    this.#answer.reject(new Error("cannot reach https://text.example/?key=sk-secret"));
  }

  send(...bytes: readonly number[]): void {
    this.#body?.enqueue(Uint8Array.from(bytes));
  }

  end(): void {
    this.#body?.close();
  }

  break(): void {
    this.#body?.error(new Error("broken with sk-secret"));
  }
}

describe("an HTTP request of an upstream", () => {
  let provider: Provider;
  let line: Line;
  beforeEach(() => {
    provider = new Provider();
    line = new Line();
    vi.stubGlobal("fetch", provider.fetch);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test("[U124] is made as it is said, and its response comes as a head, bytes and an end", async () => {
    new Dialler(1000, {}).dial(request, line);
    provider.answer(429, { "Content-Type": "Text/Event-Stream; charset=utf-8" });
    provider.send(1, 2, 3);
    provider.send(4);
    provider.end();
    await line.end;
    expect(line.log).toEqual([
      { status: 429, type: "text/event-stream" },
      Uint8Array.of(1, 2, 3),
      Uint8Array.of(4),
      [1000, ""],
    ]);
    const [asked] = provider.asked;
    expect([asked?.method, asked?.url, asked?.redirect]).toEqual(["POST", request.url, "manual"]);
    expect(asked?.headers.get("Authorization")).toBe("Bearer sk-secret");
    expect(await asked?.text()).toBe('{"model":"m"}');
  });

  test("[U124] that fails says so in static text, before its response and in the middle of it", async () => {
    new Dialler(1000, {}).dial(request, line);
    provider.fail();
    await line.end;
    expect(line.log).toEqual([[0, "connection failed"]]);
    provider = new Provider();
    vi.stubGlobal("fetch", provider.fetch);
    const broken = new Line();
    new Dialler(1000, {}).dial(request, broken);
    provider.answer(200);
    provider.send(1);
    await broken.until(2);
    provider.break();
    await broken.end;
    expect(broken.log).toEqual([{ status: 200, type: "" }, Uint8Array.of(1), [1006, "connection failed"]]);
  });

  test("[U124] that is hung up is aborted, and nothing is reported after it, of whatever it still brings", async () => {
    const call = new Dialler(1000, {}).dial(request, line);
    provider.answer(200);
    provider.send(1);
    await line.until(2);
    call.hangUp(1000, "");
    expect(provider.asked[0]?.signal.aborted).toBe(true);
    provider.send(2);
    await vi.waitFor(() => expect(provider.cancelled).toBe(true));
    expect(line.log).toHaveLength(2);
    const waiting = new Line();
    provider = new Provider();
    vi.stubGlobal("fetch", provider.fetch);
    new Dialler(1000, {}).dial(request, waiting).hangUp(1000, "");
    expect(provider.asked[0]?.signal.aborted).toBe(true);
    provider.answer(200);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(waiting.log).toEqual([]);
  });

  test("[U124] whose response never begins ends after a minute, a socket's time for a handshake being too short for a model", async () => {
    vi.useFakeTimers();
    new Dialler(1000, {}).dial(request, line);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(line.log).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(line.log).toEqual([[0, "timed out"]]);
  });
});
