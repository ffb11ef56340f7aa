import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Dialler, type DialEvents, type Socket } from "../../durable-objects/dial.ts";
import type { DialRequest, WireMessage } from "../../src/upstreams/upstream.ts";
import { stubUpstreams } from "./upstream.ts";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const request: DialRequest = {
  url: "https://far.example/v1?model=m",
  headers: { Authorization: "Bearer sk-secret", "X-Any": "1" },
  protocols: ["realtime", "other"],
};

/** Everything that a call reports, and promises for the two that matter. */
class Line implements DialEvents {
  readonly log: (WireMessage | readonly [number, string])[] = [];
  readonly #opened = Promise.withResolvers<Socket>();
  readonly #closed = Promise.withResolvers<readonly [number, string]>();
  #message = Promise.withResolvers<WireMessage>();
  readonly open = this.#opened.promise;
  readonly end = this.#closed.promise;

  get nextMessage(): Promise<WireMessage> {
    return this.#message.promise;
  }

  opened(socket: Socket | null): void {
    if (socket !== null) this.#opened.resolve(socket);
  }

  message(data: WireMessage): void {
    this.log.push(data);
    this.#message.resolve(data);
    this.#message = Promise.withResolvers();
  }

  closed(code: number, reason: string): void {
    this.log.push([code, reason]);
    this.#closed.resolve([code, reason]);
  }
}

describe("dialling", () => {
  let upstreams: ReturnType<typeof stubUpstreams>;
  beforeEach(() => {
    upstreams = stubUpstreams();
  });

  test("[O3] sends the adapter's headers and protocols, and no redirect is followed", async () => {
    const line = new Line();
    new Dialler(1000, {}).dial({ ...request, url: "wss://far.example/v1?model=m" }, line);
    const dialled = await upstreams.next();
    expect(dialled.url).toBe("https://far.example/v1?model=m");
    expect(Object.fromEntries(dialled.headers)).toEqual({
      authorization: "Bearer sk-secret",
      "sec-websocket-protocol": "realtime, other",
      upgrade: "websocket",
      "x-any": "1",
    });
    expect(dialled.redirect).toBe("manual");
    dialled.refuse(302);
    expect(await line.end).toEqual([0, "HTTP 302"]);
  });

  test.each([
    [999, false],
    [1000, true],
  ])(
    "[E123] a provider that goes on after we hung up is cut off after 1,000 messages (%i)",
    async (late, cut) => {
      const line = new Line();
      const call = new Dialler(1000, {}).dial(request, line);
      const dialled = await upstreams.next();
      const provider = dialled.accept();
      await line.open;
      for (let n = 0; n < 10; n += 1) provider.send("before");
      await vi.waitFor(() => expect(line.log).toHaveLength(10));
      // It does not know yet.
      for (let n = 0; n < late; n += 1) provider.send("on its way");
      call.hangUp(1008, "flood");
      await provider.closed;
      await scheduler.wait(50);
      expect(dialled.signal?.aborted).toBe(cut);
      expect(line.log).toHaveLength(10);
    },
  );

  test("[O3] messages arrive as text or bytes, the end with its code, and closes are answered", async () => {
    const line = new Line();
    new Dialler(1000, {}).dial(request, line);
    const provider = (await upstreams.next()).accept();
    const socket = await line.open;
    socket.send("hello");
    expect(await provider.next()).toBe("hello");
    let arrived = line.nextMessage;
    provider.send("text");
    await arrived;
    arrived = line.nextMessage;
    provider.send(Uint8Array.of(1, 2));
    await arrived;
    provider.close(4007, "enough");
    expect(await line.end).toEqual([4007, "enough"]);
    expect(line.log).toEqual(["text", Uint8Array.of(1, 2), [4007, "enough"]]);
    await provider.closed;
  });

  test("[O3] a refusal is its status, a failure static text, neither says a word of the provider's", async () => {
    const [refused, failed] = [new Line(), new Line()];
    const dialler = new Dialler(1000, {});
    dialler.dial(request, refused);
    (await upstreams.next()).refuse(401);
    expect(await refused.end).toEqual([0, "HTTP 401"]);
    dialler.dial(request, failed);
    (await upstreams.next()).fail("cannot reach https://far.example/?key=sk-secret");
    expect(await failed.end).toEqual([0, "connection failed"]);
  });

  test("[O3] a call that nobody answers ends in time, and is not heard of again", async () => {
    vi.useFakeTimers();
    const line = new Line();
    new Dialler(1000, {}).dial(request, line);
    const dialled = await upstreams.next();
    await vi.advanceTimersByTimeAsync(999);
    expect(line.log).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(line.log).toEqual([[0, "timed out"]]);
    expect(dialled.signal?.aborted).toBe(true);
    const provider = dialled.accept();
    await vi.advanceTimersByTimeAsync(5000);
    expect(line.log).toHaveLength(1);
    provider.close(1000, "");
  });

  test("[O3] hanging up ends a call in either state, and nothing is reported after it", async () => {
    const dialler = new Dialler(1000, {});
    const [waiting, talking] = [new Line(), new Line()];
    const first = dialler.dial(request, waiting);
    const dialled = await upstreams.next();
    first.hangUp(1000, "");
    expect(dialled.signal?.aborted).toBe(true);
    const second = dialler.dial(request, talking);
    const provider = (await upstreams.next()).accept();
    await talking.open;
    second.hangUp(1001, "over");
    expect(await provider.closed).toEqual({ code: 1001, reason: "over" });
    expect([waiting.log, talking.log]).toEqual([[], []]);
  });

  test("[O3] six handshakes are pending at once, the seventh waits for one of them", async () => {
    const dialler = new Dialler(1000, {});
    const lines = Array.from({ length: 7 }, () => new Line());
    for (const line of lines) dialler.dial(request, line);
    const first = await upstreams.next();
    for (let n = 1; n < 6; n += 1) await upstreams.next();
    expect(upstreams.count()).toBe(6);
    first.refuse(503);
    await lines[0]?.end;
    (await upstreams.next()).refuse(500);
    expect(await lines[6]?.end).toEqual([0, "HTTP 500"]);
  });
});
