/**
 * The fault list of the simulator, small, against real processes: workerd, objects, the demo voice and the network
 * between them die in the middle of calls, and the demo voice tells by hash what it heard.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import { CutLine } from "../../bench/delivery/line.ts";
import { Listener } from "../../bench/delivery/listener.ts";
import { comeBack } from "../../bench/delivery/scene.ts";
import { abortObject, SOURCE } from "../../bench/delivery/stage.ts";
import { bytesOf, sha256, watermark } from "../../bench/delivery/watermark.ts";
import { startDemo, type Demo } from "../../demo/server.ts";
import { freePort, startProcess, type Started } from "../../tools/relay/processes.ts";
import { objectAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const MANUAL = { type: "realtime", audio: { input: { turn_detection: null } } };
/** 20 ms at 24 kHz. */
const FRAME = 480;
const SEED = 77;

let demo: Demo;
let holes: CutLine;
let slices: CutLine;
let mortal: { port: number; process: Started };
let relay: Relay;

beforeAll(async () => {
  demo = await startDemo({ port: 0 });
  holes = await CutLine.open(demo.port);
  slices = await CutLine.open(demo.port, 0, true);
  mortal = await startMortal(await freePort(0, "none"));
  // Short answers: what was heard is told by their metadata.
  const at = (port: number, knobs = "reply=Yes."): string => `http://127.0.0.1:${port}/v1/realtime?${knobs}`;
  relay = await startRelay({
    source: SOURCE,
    demoUrl: at(demo.port),
    vars: {
      FIRST_URL: at(holes.port),
      KILLED_URL: at(mortal.port),
      NEAR_URL: at(demo.port),
      FAR_URL: at(slices.port),
      STALLING_URL: at(demo.port, "stall_after_ms=300"),
      MUTE_URL: at(demo.port, "stall_after_ms=0"),
    },
  });
});
afterAll(async () => {
  await relay.close();
  await mortal.process.stop();
  for (const line of [holes, slices]) await line.close();
  await demo.close();
});

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

/** A demo voice in a process of its own. */
async function startMortal(port: number): Promise<{ port: number; process: Started }> {
  const ready = Promise.withResolvers<void>();
  const process = startProcess("node", ["demo/server.ts", "--port", String(port)], {
    cwd: new URL("../../", import.meta.url).pathname,
    env: globalThis.process.env,
    onLine: (line) => line.includes("demo voice on") && ready.resolve(),
  });
  void process.ended.then((how) => ready.reject(new Error(`the demo voice did not start: ${how}`)));
  await ready.promise;
  return { port, process };
}

interface Call {
  readonly client: ResumingClient;
  readonly listener: Listener;
}

async function dial(model: string, port = relay.port): Promise<Call> {
  const client = await ResumingClient.open({ ...relay, port }, model, MANUAL);
  ending.push(() => client.hangUp());
  const listener = new Listener(client);
  await client.until(() => listener.upstream.some(({ status }) => status === "ready"), "the provider");
  return { client, listener };
}

/** Frames `[from, to)` of what the caller says. */
function speak({ client }: Call, from: number, to: number): void {
  for (let n = from; n < to; n += 1) client.speak(bytesOf(watermark(SEED, n * FRAME, FRAME)));
}

/** Ends the turn of `frames` frames that was spoken, and expects the provider to have heard its very samples. */
async function expectHeard({ client }: Call, frames: number): Promise<void> {
  const from = client.events.length;
  client.say({ type: "input_audio_buffer.commit" });
  client.say({ type: "response.create" });
  const done = await client.event("response.done", from);
  const said = bytesOf(watermark(SEED, 0, frames * FRAME));
  expect(objectAt(done, "response")).toMatchObject({
    status: "completed",
    metadata: { demo_input_samples: String(frames * FRAME), demo_input_sha256: sha256(said) },
  });
}

/** Every number once, in order, but for those that the verdict named. */
function expectInOrder({ client }: Call): void {
  expect(client.numbers).toEqual([...new Set(client.numbers)].toSorted((a, b) => a - b));
}

describe("through a whole relay", () => {
  test("[Y34] callers whose sockets are all destroyed at once in mid-sentence lose no sample", async () => {
    const line = await CutLine.open(relay.port);
    ending.push(() => line.close());
    const calls = await Promise.all([1, 2, 3, 4].map(() => dial("plain", line.port)));
    for (const call of calls) speak(call, 0, 40);
    line.down();
    await Promise.all(calls.map(({ client }) => client.ended()));
    for (const call of calls) speak(call, 40, 80);
    line.up();
    const back = await Promise.all(calls.map(({ client }) => comeBack(client)));
    expect(back.map(({ resumption }) => resumption.verdict)).toEqual(calls.map(() => "resumed"));
    for (const call of calls) speak(call, 80, 100);
    await Promise.all(calls.map((call) => expectHeard(call, 100)));
    for (const { client } of calls) expect(client.numbers).toEqual(client.numbers.map((_, at) => at + 1));
  });

  test("[Y35] an object that dies in mid-sentence loses no sample of the caller", async () => {
    const call = await dial("plain");
    const { client } = call;
    speak(call, 0, 60);
    // What is acknowledged, nobody sends again.
    await client.until(() => client.acknowledged >= 60, "an acknowledgement");
    speak(call, 60, 90);
    await abortObject(relay, client.id);
    await client.ended();
    speak(call, 90, 120);
    const { resumption } = await comeBack(client);
    expect(["resumed", "partial"]).toContain(resumption.verdict);
    speak(call, 120, 150);
    await expectHeard(call, 150);
    expectInOrder(call);
  });

  test("[Y35] nor does a workerd that is killed and comes back, of two callers", async () => {
    const calls = await Promise.all([dial("plain"), dial("plain")]);
    for (const call of calls) speak(call, 0, 60);
    await calls[0]?.client.until(() => calls.every(({ client }) => client.acknowledged >= 60), "both");
    for (const call of calls) speak(call, 60, 90);
    process.kill(relay.worker.pid(), "SIGKILL");
    await Promise.all(calls.map(({ client }) => client.ended()));
    for (const call of calls) speak(call, 90, 120);
    for (const { client } of calls) {
      const { resumption } = await comeBack(client);
      expect(["resumed", "partial"]).toContain(resumption.verdict);
    }
    for (const call of calls) speak(call, 120, 150);
    await Promise.all(calls.map((call) => expectHeard(call, 150)));
    for (const call of calls) expectInOrder(call);
  });

  test("[Y36] a call cut into writes of one to seven bytes on both sides is the same call", async () => {
    const line = await CutLine.open(relay.port, 0, true);
    ending.push(() => line.close());
    const [sliced, whole] = await Promise.all([dial("sliced", line.port), dial("plain")]);
    for (const call of [sliced, whole]) speak(call, 0, 50);
    await Promise.all([expectHeard(sliced, 50), expectHeard(whole, 50)]);
    const heard = ({ listener }: Call): string =>
      sha256(Buffer.concat(listener.answers.flatMap(({ chunks }) => chunks)));
    expect(heard(sliced)).toBe(heard(whole));
    expect(sliced.client.numbers).toEqual(sliced.client.numbers.map((_, at) => at + 1));
  });

  test("[Y37] a provider that is killed in mid-sentence and comes back hears the turn from its beginning", async () => {
    const call = await dial("mortal");
    speak(call, 0, 60);
    process.kill(mortal.process.pid, "SIGKILL");
    const { client, listener } = call;
    await client.until(() => listener.upstream.at(-1)?.status === "closed", "the loss");
    speak(call, 60, 90);
    mortal = await startMortal(mortal.port);
    await client.until(() => listener.upstream.at(-1)?.status === "ready", "the provider again");
    speak(call, 90, 120);
    await expectHeard(call, 120);
  });

  test("[Y38] one that stalls in mid-answer is left for the fallback, and the call goes on there", async () => {
    const call = await dial("stalling");
    const { client, listener } = call;
    speak(call, 50, 100);
    client.say({ type: "input_audio_buffer.commit" });
    client.say({ type: "response.create" });
    const done = await client.event("response.done");
    expect(objectAt(done, "response")).toMatchObject({ status: "failed" });
    const told = listener.upstream.find(({ status }) => status === "closed");
    expect(told?.code).toBe("upstream_timeout");
    // It was left two seconds after what there was of the answer had been heard, by clocks of two busy processes.
    const leftMs = (told?.at ?? 0) - (told?.dryAt ?? 0);
    expect(leftMs).toBeGreaterThan(1500);
    expect(leftMs).toBeLessThan(3000);
    speak(call, 0, 50);
    await expectHeard(call, 50);
  });

  test("[Y38] one that stalls when its answer begins is left for the fallback, which hears the turn and answers it", async () => {
    const call = await dial("mute");
    speak(call, 0, 50);
    await expectHeard(call, 50);
    expect(call.listener.upstream.find(({ status }) => status === "closed")?.code).toBe("upstream_timeout");
    expect(call.listener.answers).toHaveLength(1);
  });

  test("[Y38] one in a black hole is left for the fallback, which answers in its place", async () => {
    const call = await dial("near");
    const { client, listener } = call;
    speak(call, 0, 50);
    holes.blackHole();
    await expectHeard(call, 50);
    expect(listener.upstream.find(({ status }) => status === "closed")?.code).toBe("upstream_timeout");
    expect(listener.answers).toHaveLength(1);
    expect(client.numbers).toEqual(client.numbers.map((_, at) => at + 1));
  });
});
