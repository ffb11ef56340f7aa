/** Clients that lose their connection to a whole relay and come back: the benchmark `delivery`, small and judged. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import { CutLine } from "../../bench/delivery/line.ts";
import { bytesOf, compare, samplesOf, sha256, watermark } from "../../bench/delivery/watermark.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const MANUAL = { type: "realtime", audio: { input: { turn_detection: null } } };
/** 20 ms at 24 kHz. */
const FRAME = 480;
const SEED = 30;
/** Added to the line in each direction, so that something is always under way. */
const DELAY_MS = 20;
/** Timers of two processes. */
const TOLERANCE_MS = 100;

let relay: Relay;
beforeAll(async () => void (relay = await startRelay()));
afterAll(() => relay.close());

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

async function dial(model: string): Promise<{ client: ResumingClient; line: CutLine }> {
  const line = await CutLine.open(relay.port, DELAY_MS);
  ending.push(() => line.close());
  const client = await ResumingClient.open({ ...relay, port: line.port }, model, MANUAL);
  ending.push(() => client.hangUp());
  return { client, line };
}

/** Frames `[from, to)` of what the caller says. */
function speak(client: ResumingClient, from: number, to: number): void {
  for (let n = from; n < to; n += 1) client.speak(bytesOf(watermark(SEED, n * FRAME, FRAME)));
}

function askToCount(client: ResumingClient): void {
  const content = [{ type: "input_text", text: "count to 5" }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
}

async function heardWhole(client: ResumingClient): Promise<Int16Array> {
  const done = await client.event("response.done");
  expect(textAt(objectAt(done, "response"), "status")).toBe("completed");
  return samplesOf(client.frames.map(({ payload }) => payload));
}

/** The same question in a call that nothing happens to. */
async function reference(): Promise<Int16Array> {
  const { client } = await dial("demo");
  askToCount(client);
  return heardWhole(client);
}

/** Every number once, in order, from the first on. */
function expectWhole(client: ResumingClient): void {
  expect(client.numbers).toEqual(client.numbers.map((_, at) => at + 1));
}

describe("a client that loses its connection", () => {
  test("[Y30] in mid-answer hears the rest of it after the resume: the very samples of a call that was never cut", async () => {
    const [{ client }, said] = await Promise.all([dial("demo"), reference()]);
    askToCount(client);
    for (const frames of [5, 20, 30]) {
      await client.until(() => client.frames.length >= frames, `${frames} frames`);
      client.terminate();
      expect(await client.resume()).toMatchObject({ verdict: "resumed" });
    }
    const heard = await heardWhole(client);
    expect(compare(said, heard)).toEqual({ lost: 0, twice: 0, foreign: 0, disordered: 0 });
    expect(heard.length).toBe(said.length);
    expectWhole(client);
  });

  test("[Y31] in mid-sentence is heard completely: what was under way, and what was said without a connection", async () => {
    const { client } = await dial("demo");
    for (const from of [0, 50, 100]) {
      speak(client, from, from + 30);
      // Twenty milliseconds before any of it arrives.
      client.terminate();
      speak(client, from + 30, from + 50);
      const { verdict, resent } = await client.resume();
      expect(verdict).toBe("resumed");
      expect(resent).toBeGreaterThanOrEqual(50);
    }
    client.say({ type: "input_audio_buffer.commit" });
    client.say({ type: "response.create" });
    const done = await client.event("response.done");
    const said = bytesOf(watermark(SEED, 0, 150 * FRAME));
    expect(objectAt(done, "response")).toMatchObject({
      metadata: { demo_input_samples: String(150 * FRAME), demo_input_sha256: sha256(said) },
    });
    await client.until(() => client.acknowledged === client.sent, "the last acknowledgement");
  });

  test("[Y32] without a word is closed with 4008 after five seconds of nothing, and gets on its return what fell into the hole", async () => {
    const [{ client, line }, said] = await Promise.all([dial("demo"), reference()]);
    askToCount(client);
    await client.until(() => client.frames.length >= 5, "the answer");
    const hole = line.blackHole();
    const { code, afterMs } = await hole.closed;
    expect(code).toBe(4008);
    expect(afterMs).toBeGreaterThan(2500);
    expect(afterMs).toBeLessThanOrEqual(5000 + TOLERANCE_MS);
    const { verdict, replayed } = await client.resume();
    expect(verdict).toBe("resumed");
    expect(replayed).toBeGreaterThan(0);
    expect(sha256(bytesOf(await heardWhole(client)))).toBe(sha256(bytesOf(said)));
    expectWhole(client);
  });

  test("[Y33] and notices it first takes the session over: the former connection is closed with 4001", async () => {
    const { client, line } = await dial("echo");
    speak(client, 0, 50);
    await client.until(() => client.frames.length > 0, "an echo");
    const hole = line.blackHole();
    // Said into the hole.
    speak(client, 50, 100);
    const { verdict, resent } = await client.resume();
    expect(verdict).toBe("resumed");
    expect(resent).toBeGreaterThanOrEqual(50);
    expect(await hole.closed).toMatchObject({ code: 4001 });
    speak(client, 100, 120);
    const said = watermark(SEED, 0, 120 * FRAME);
    const heard = (): Int16Array => samplesOf(client.frames.map(({ payload }) => payload));
    await client.until(() => heard().length >= said.length, "the echo of everything");
    expect(sha256(bytesOf(heard()))).toBe(sha256(bytesOf(said)));
    expectWhole(client);
  });
});

describe("a connection that comes and is not the client's", () => {
  const code = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => void socket.on("close", (each) => resolve(each)));

  test("[Y50] through a whole relay, dials that were given up arrive late, and the call goes on", async () => {
    const { client } = await dial("echo");
    const created = client.events.find((event) => textAt(event, "type") === "session.created");
    const token = textAt(objectAt(objectAt(created ?? {}, "session"), "relay"), "resume_token") ?? "";
    const url = `ws://127.0.0.1:${relay.port}/v1/sessions/${client.id}?resume_token=${token}`;
    const late = (): WebSocket => new WebSocket(url, ["duplex.v1"]);
    speak(client, 0, 20);
    const [silent, given, asking] = [late(), late(), late()];
    await Promise.all([silent, given, asking].map((each) => once(each, "open")));
    speak(client, 20, 40);
    given.terminate();
    client.terminate();
    expect(await client.resume()).toMatchObject({ verdict: "resumed" });
    speak(client, 40, 60);
    await client.until(() => client.frames.length >= 60, "sixty frames");
    asking.send(JSON.stringify({ type: "session.resume", resume_token: "rt_wrong", last_received: 0 }));
    expect(await code(asking)).toBe(4003);
    speak(client, 60, 80);
    const said = watermark(SEED, 0, 80 * FRAME);
    const heard = (): Int16Array => samplesOf(client.frames.map(({ payload }) => payload));
    await client.until(() => heard().length >= said.length, "the echo of everything");
    expect(sha256(bytesOf(heard()))).toBe(sha256(bytesOf(said)));
    expectWhole(client);
    expect(silent.readyState).toBe(WebSocket.OPEN);
    silent.close();
  });
});

describe("the comparison of both ends", () => {
  const said = watermark(1, 0, 1000);
  test.each([
    ["nothing", [[0, 1000]], { lost: 0, twice: 0, disordered: 0 }],
    [
      "a hole",
      [
        [0, 300],
        [350, 1000],
      ],
      { lost: 50, twice: 0, disordered: 0 },
    ],
    ["a missing end", [[0, 900]], { lost: 100, twice: 0, disordered: 0 }],
    [
      "a repetition",
      [
        [0, 500],
        [400, 1000],
      ],
      { lost: 0, twice: 100, disordered: 1 },
    ],
    [
      "two parts exchanged",
      [
        [0, 200],
        [600, 1000],
        [200, 600],
      ],
      { lost: 0, twice: 0, disordered: 1 },
    ],
  ] as const)("finds %s", (_, parts, found) => {
    const heard = samplesOf(parts.map(([from, to]) => bytesOf(said.subarray(from, to))));
    expect(compare(said, heard)).toEqual({ ...found, foreign: 0 });
  });

  test("finds what nobody said", () => {
    const heard = samplesOf([said.subarray(0, 400), watermark(2, 0, 30), said.subarray(400)].map(bytesOf));
    expect(compare(said, heard)).toEqual({ lost: 0, twice: 0, foreign: 30, disordered: 0 });
  });
});
