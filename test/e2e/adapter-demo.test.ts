/** The `openai-compatible` adapter against the demo voice, over a real socket. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

import { type Demo, startDemo } from "../../demo/server.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type {
  Command,
  JsonObject,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  WireMessage,
} from "../../src/upstreams/upstream.ts";
import { chunk, CONFIG, orderFaults } from "../upstreams/connection.ts";

const FRAME_BYTES = 960;
const respond = (responseId: string): Command => ({
  type: "respond",
  responseId,
  options: { params: {}, outOfBand: false },
});

/** A dialled adapter: sends its messages, keeps its events, waits for one of them. */
class Call {
  readonly events: UpstreamEvent[] = [];
  readonly upstream: Upstream;
  readonly #socket: WebSocket;
  #waiting: { readonly until: () => boolean; readonly done: () => void } | null = null;

  constructor(query: string, settings: JsonObject = {}, config: Partial<UpstreamConfig> = {}) {
    const url = `${demo.url}?${query}`;
    this.upstream = createUpstream({ adapter: "openai-compatible", url, settings });
    const { url: dialled, headers, protocols } = this.upstream.request();
    this.#socket = new WebSocket(dialled.replace(/^http/, "ws"), [...protocols], { headers });
    this.#socket.on("open", () => this.#write(this.upstream.greet({ ...CONFIG, ...config })));
    this.#socket.on("message", (data: Buffer, isBinary) =>
      this.#hear(isBinary ? data : data.toString("utf8")),
    );
    calls.push(this);
  }

  send(command: Command): void {
    this.#write(this.upstream.encode(command));
  }

  of<T extends UpstreamEvent["type"]>(type: T): Extract<UpstreamEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<UpstreamEvent, { type: T }> => event.type === type);
  }

  async until(type: UpstreamEvent["type"], count = 1): Promise<void> {
    const until = (): boolean => this.of(type).length >= count;
    if (until()) return;
    await new Promise<void>((done) => {
      this.#waiting = { until, done };
    });
    this.#waiting = null;
  }

  async hangUp(): Promise<void> {
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((done) => {
      this.#socket.once("close", () => done());
      this.#socket.close(1000);
    });
  }

  #hear(data: WireMessage): void {
    for (const event of this.upstream.decode(data)) {
      if (event.type === "reply") this.#write([event.data]);
      this.events.push(event.type === "audio" ? { ...event, bytes: event.bytes.slice() } : event);
    }
    if (this.#waiting?.until()) this.#waiting.done();
  }

  #write(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#socket.send(message);
  }
}

let demo: Demo;
const calls: Call[] = [];

beforeAll(async () => {
  demo = await startDemo({ port: 0 });
});

afterAll(async () => {
  await Promise.all(calls.map((call) => call.hangUp()));
  await demo.close();
});

/** A second of a tone, as s16le at 24 kHz. */
function tone(): Uint8Array {
  const samples = Int16Array.from({ length: 24_000 }, (_, n) => Math.round(8000 * Math.sin(n / 9)));
  return new Uint8Array(samples.buffer);
}

function speak(call: Call, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    call.send({ type: "audio", chunk: chunk(bytes.subarray(at, at + FRAME_BYTES)) });
  }
}

describe("the adapter and the demo voice", () => {
  it("[U6] delivers a spoken turn sample by sample and plays the answer, however it is cut", async () => {
    const call = new Call("pace=0&odd_chunks=1");
    await call.until("ready");
    const said = tone();
    speak(call, said);
    call.send({ type: "commit", itemId: "item_turn" });
    call.send(respond("R1"));
    await call.until("response.done");
    const done = call.of("response.done")[0];
    expect(done).toMatchObject({ status: "completed", error: null });
    expect(done?.metadata).toMatchObject({
      demo_input_samples: "24000",
      demo_input_sha256: createHash("sha256").update(said).digest("hex"),
    });
    expect(call.of("response.started")).toMatchObject([{ answers: "R1" }]);
    const heard = call.of("audio").reduce((length, { bytes }) => length + bytes.length, 0);
    // It says how long it heard the caller and plays the turn back.
    expect(heard).toBeGreaterThan(said.length);
    for (const { bytes } of call.of("audio")) expect(bytes.length % 2).toBe(0);
    expect(call.of("transcript").length).toBeGreaterThan(0);
    expect(call.of("error")).toEqual([]);
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U8] cancels a story, truncates it to what was heard, and asks at once for the next answer", async () => {
    const call = new Call("pace=1");
    await call.until("ready");
    const story = {
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "Tell me a story" }],
    };
    call.send({ type: "item", item: { id: "item_story", ...story }, previousItemId: null });
    call.send(respond("R1"));
    await call.until("audio", 3);
    const item = call.of("item.started")[0]?.item ?? "";
    call.send({ type: "cancel", responseId: "R1" });
    call.send({ type: "truncate", itemId: item, contentIndex: 0, audioEndMs: 40 });
    const next = { type: "message", role: "user", content: [{ type: "input_text", text: "count to 2" }] };
    call.send({ type: "item", item: { id: "item_next", ...next }, previousItemId: item });
    call.send(respond("R2"));
    await call.until("response.done", 2);
    expect(call.of("response.started").map(({ answers }) => answers)).toEqual(["R1", "R2"]);
    expect(call.of("response.done").map(({ status }) => status)).toEqual(["cancelled", "completed"]);
    expect(call.of("error")).toEqual([]);
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U12] calls a tool and speaks its result", async () => {
    const tool = {
      type: "function",
      name: "get_time",
      description: "Tells the current time.",
      parameters: { type: "object", properties: {} },
    };
    const call = new Call("pace=0", {}, { tools: [tool], modality: "text" });
    await call.until("ready");
    const question = {
      type: "message",
      role: "user",
      content: [{ type: "input_text", text: "What time is it?" }],
    };
    call.send({ type: "item", item: { id: "item_q", ...question }, previousItemId: null });
    call.send(respond("R1"));
    await call.until("response.done");
    const started = call.of("item.started").find(({ kind }) => kind === "function_call");
    if (started?.kind !== "function_call") throw new Error("no tool was called");
    expect(started.name).toBe("get_time");
    const given = call.of("item.done").find(({ item }) => item === started.item)?.arguments ?? "";
    expect(JSON.parse(given)).toBeTypeOf("object");
    const output = { type: "function_call_output", call_id: started.callId, output: '{"time":"12:34"}' };
    call.send({ type: "item", item: { id: "item_o", ...output }, previousItemId: null });
    call.send(respond("R2"));
    await call.until("response.done", 2);
    expect(
      call
        .of("text")
        .map(({ delta }) => delta)
        .join(""),
    ).toMatch(/12:34/);
    expect(call.of("error")).toEqual([]);
  });

  it("[U4] does not trouble a provider with keys that the dialect does not have", async () => {
    const call = new Call("pace=0", {}, { extra: { key_of_tomorrow: true } });
    await call.until("ready");
    expect(call.of("error")).toEqual([]);
  });

  it("[U14] goes on through garbage", async () => {
    const call = new Call("pace=0&garbage=1");
    await call.until("ready");
    speak(call, tone());
    call.send({ type: "commit", itemId: "item_turn" });
    call.send(respond("R1"));
    await call.until("response.done");
    expect(call.of("response.done")).toMatchObject([{ status: "completed" }]);
    for (const { error, fatal } of call.of("error")) {
      expect([error.code, fatal]).toEqual(["upstream_protocol_error", false]);
    }
    expect(orderFaults(call.events)).toEqual([]);
  });

  it("[U22] lets the provider take the turns and reports what it hears", async () => {
    const turnDetection = {
      type: "server_vad",
      silence_duration_ms: 200,
      create_response: true,
      interrupt_response: true,
    };
    const call = new Call("pace=0", { turns: "server" }, { turnDetection });
    await call.until("ready");
    speak(call, tone());
    speak(call, new Uint8Array(24_000 * 2));
    await call.until("response.done");
    expect(call.of("speech").map(({ state }) => state)).toEqual(["started", "stopped"]);
    expect(call.of("committed")).toHaveLength(1);
    expect(call.of("response.started")).toMatchObject([{ answers: null }]);
    expect(orderFaults(call.events)).toEqual([]);
  });
});
