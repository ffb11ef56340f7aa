import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PHONE_RATE_HZ, type PhoneSummary, TelephoneCall } from "../../tools/phone/call.ts";
import { readWav, resample, toInt16 } from "../../tools/wav.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { run } from "./command.ts";

const HELLO = "test/fixtures/hello.wav";
const LIMIT_MS = 90_000;
/** -40 dBFS: a voice. */
const LOUD = 327;

let relay: Relay;
let directory: string;

beforeAll(async () => {
  relay = await startRelay();
  directory = await mkdtemp(join(tmpdir(), "phone-"));
}, LIMIT_MS);

afterAll(async () => {
  await relay?.close();
  await rm(directory, { recursive: true, force: true });
});

describe("npm run talk -- --phone", () => {
  it.concurrent(
    "[T14] rings, hears the greeting, speaks, hears an answer, and hangs up",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const out = join(directory, "phone.wav");
      const done = await run("tools/talk.ts", [HELLO, "--url", relay.url, "--phone", "--out", out, "--json"]);
      expect(done.code, done.stderr).toBe(0);
      const summary: PhoneSummary = JSON.parse(done.stdout);
      expect(summary).toMatchObject({ answered: true, streams: 1, faults: [] });
      expect(summary.greetingAtMs).not.toBeNull();
      // Every mark of what was played has come back, one for each tenth of a second or less.
      expect(summary.marks).toBeGreaterThanOrEqual(Math.floor(summary.receivedMs / 200));
      const heard = readWav(new Uint8Array(await readFile(out)));
      expect(heard.sampleRateHz).toBe(PHONE_RATE_HZ);
      expect(heard.samples.some((sample) => Math.abs(sample) > 0.05)).toBe(true);
    },
  );

  it.concurrent(
    "[T14][N8] goes on over streams that break, and is answered",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const done = await run("tools/talk.ts", [
        HELLO,
        "--url",
        relay.url,
        "--phone",
        "--drop",
        "2",
        "--json",
      ]);
      expect(done.code, done.stderr).toBe(0);
      const summary: PhoneSummary = JSON.parse(done.stdout);
      expect(summary).toMatchObject({ answered: true, faults: [] });
      expect(summary.streams).toBeGreaterThanOrEqual(3);
    },
  );

  it.concurrent(
    "[T14][N3] an agent that is spoken over falls silent, and answers what was said",
    { timeout: LIMIT_MS },
    async ({ expect }) => {
      const speech = toInt16(resample(readWav(new Uint8Array(await readFile(HELLO))), PHONE_RATE_HZ));
      const begun = speech.findIndex((sample) => Math.abs(sample) > LOUD);
      let spokenAtMs = 0;
      const call = new TelephoneCall({
        relay: relay.url,
        speech,
        number: "+15550199",
        authToken: null,
        interruptAfterMs: 300,
        keys: "",
        report: (atMs, what) => {
          if (what === "the caller speaks") spokenAtMs = atMs;
        },
      });
      const summary = await call.run();
      expect(summary).toMatchObject({ answered: true, faults: [] });
      // 1.3 s after the caller's first word, while they still speak: nothing of the agent's is left. What they said is answered
      // half a second after their last word.
      const ended = speech.findLastIndex((sample) => Math.abs(sample) > LOUD);
      const fromMs = spokenAtMs + (begun / PHONE_RATE_HZ) * 1000 + 1300;
      const toMs = spokenAtMs + (ended / PHONE_RATE_HZ) * 1000 + 200;
      const over = call.recording.subarray((fromMs * PHONE_RATE_HZ) / 1000, (toMs * PHONE_RATE_HZ) / 1000);
      expect(over.length).toBeGreaterThan(PHONE_RATE_HZ / 4);
      expect(over.filter((sample) => Math.abs(sample) > LOUD).length).toBe(0);
    },
  );

  it("[T14] says what the webhook answered when it is not taken", { timeout: LIMIT_MS }, async () => {
    const done = await run("tools/talk.ts", [HELLO, "--url", "http://127.0.0.1:9", "--phone"]);
    expect(done.code).toBe(1);
    expect(done.stderr).toContain("cannot reach http://127.0.0.1:9/v1/twilio");
    const wrong = await run("tools/talk.ts", [HELLO, "--phone", "--keys", "12x"]);
    expect(wrong.code).toBe(2);
  });
});
