/** The first page in headless Chromium: served by the relay, talking to the demo voice. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { synthesise } from "../../demo/flite.ts";
import { build } from "../../tools/build/client.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openPage, type TestPage } from "../support/page-browser.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const present = NO_CHROMIUM === null;
if (!present) process.stdout.write(`page tests not run: ${NO_CHROMIUM}\n`);

/** A sentence between silences long enough for an answer. */
function microphone(): { samples: Int16Array; rateHz: number } {
  const { samples, rateHz } = synthesise("Good morning. How are you today?", "slt");
  const recording = new Int16Array(samples.length + 12 * rateHz);
  recording.set(samples, rateHz);
  return { samples: recording, rateHz };
}

describe.runIf(present)("the page", () => {
  let relay: Relay;
  let opened: TestPage;

  beforeAll(async () => {
    await build();
    relay = await startRelay();
    const { samples, rateHz } = microphone();
    opened = await openPage(relay.url, samples, rateHz);
  });
  afterAll(async () => {
    await opened?.close();
    await relay?.close();
  });

  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      const notice = await opened.page.textContent("#notice");
      const state = await opened.page.textContent("#state");
      process.stdout.write(
        `the page says "${state}", "${notice}"; the relay logged: ${relay.logs.join("")}\n`,
      );
    });
  });

  /** What the log says of an event type, oldest first. */
  async function logged(type: string): Promise<string[]> {
    const rows = await opened.page.locator("#events li .name").allTextContents();
    return rows.filter((row) => row.startsWith(type));
  }

  async function seconds(id: string): Promise<number> {
    return Number.parseFloat((await opened.page.locator(id).textContent()) ?? "");
  }

  /** Waits until so many seconds of answers were heard. */
  async function heard(least: number): Promise<void> {
    await expect
      .poll(() => seconds("#heard"), { timeout: 20_000, interval: 20 })
      .toBeGreaterThanOrEqual(least);
  }

  test("[C31] says why a key is refused, and takes another", async () => {
    const { page } = opened;
    await page.fill("#key", "wrong");
    await page.press("#key", "Enter");
    await page.waitForSelector("#notice:not([hidden])");
    expect(await page.textContent("#notice")).not.toBe("");
    await page.waitForSelector("#state[data-state=closed]");
    await page.fill("#key", "relay-dev");
    await page.press("#key", "Enter");
    await page.waitForSelector("#state[data-state=open]");
    expect(await page.locator("#model option").allTextContents()).toContain("demo");
    expect(await page.locator("#notice").isHidden()).toBe(true);
    // The browser itself reports the refused requests.
    expect(opened.problems.filter((problem) => !problem.includes("401"))).toEqual([]);
  });

  test("[C76] a typed turn is answered in writing and aloud, heard to its end, and logged", async () => {
    const { page } = opened;
    await page.fill("#text", "Hello.");
    await page.press("#text", "Enter");
    await page.waitForSelector("#transcript .user:has-text('Hello.')");
    await page.waitForSelector("#transcript .assistant:not(.pending)");
    await page.waitForSelector("#latency:has-text('ms')");
    const audio = await logged("audio stream 0");
    const received = audio.map((row) => Number.parseFloat(row.match(/([\d.]+) s$/)?.[1] ?? "0"));
    const total = received.reduce((sum, part) => sum + part, 0);
    expect(total).toBeGreaterThan(0.5);
    // Every sample that came is heard: the figure has one decimal.
    await heard(total - 0.1);
    expect(await seconds("#heard")).toBeLessThan(total + 0.1);
    // Runs of them are one row each.
    const acks = (await logged("playback.ack")).map((row) => Number(row.match(/: (\d+) ×/)?.[1]));
    expect(acks.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(Math.floor(total / 0.25));
  });

  test("[C30] a spoken turn is found, transcribed and answered", async () => {
    const { page } = opened;
    await page.click("#microphone");
    await page.waitForSelector("#microphone[aria-pressed=true]");
    await page.waitForSelector("#transcript li.user:nth-child(3):not(.pending)");
    await page.waitForSelector("#transcript li.assistant:nth-child(4):not(.pending)");
    expect(await logged("input_audio_buffer.speech_started")).toHaveLength(1);
    expect(await logged("input_audio_buffer.speech_stopped")).toHaveLength(1);
    expect(await seconds("#sent")).toBeGreaterThan(3);
    await page.click("#microphone");
    await page.waitForSelector("#microphone[aria-pressed=false]");
    expect(await page.locator("#notice").isHidden()).toBe(true);
  });

  test("[C30] an answer is stopped by the button, and the events can be searched", async () => {
    const { page } = opened;
    const before = await seconds("#heard");
    await page.fill("#text", "Tell me a story.");
    await page.press("#text", "Enter");
    await heard(before + 0.3);
    await page.click("#stop");
    await page.waitForSelector("#transcript .who:has-text('cut after')");
    expect(await page.locator("#notice").isHidden()).toBe(true);
    await page.fill("#filter", "output_audio_buffer.clear");
    const visible = await page.locator("#events li:visible .name").allTextContents();
    expect(visible).toContain("output_audio_buffer.clear");
    expect(visible.every((row) => row.includes("output_audio_buffer.clear"))).toBe(true);
    await page.click("#connect");
    await page.waitForSelector("#state[data-state=closed]");
    expect(opened.problems.filter((problem) => !problem.includes("401"))).toEqual([]);
  });

  test("[C103] what is tried out while the call is being connected is said when it is", async () => {
    const { page } = opened;
    const clicked = await page.evaluate(`{
      document.querySelector("#connect").click();
      const tries = Array.from(document.querySelectorAll(".try"));
      tries.find(({ textContent }) => textContent === "Count to 20.").click();
      document.querySelector("#state").dataset.state;
    }`);
    expect(clicked).toBe("connecting");
    await page.waitForSelector("#transcript .user:has-text('Count to 20.')");
    await page.waitForSelector("#transcript .assistant");
    await page.click("#connect");
    await page.waitForSelector("#state[data-state=closed]");
  });

  test("[C109] an answer that failed is told, and nothing is left waiting after the call", async () => {
    const { page } = opened;
    // A provider that fails in the middle of its answer, behind the relay's back.
    await page.routeWebSocket(/\/v1\/sessions\//, (socket) => {
      const relayed = socket.connectToServer();
      relayed.onMessage((data) => {
        if (typeof data !== "string" || !data.startsWith('{"type":"response.done"')) return socket.send(data);
        const event = JSON.parse(data);
        event.response.status = "failed";
        event.response.status_details = { type: "failed", error: { code: "c", message: "The voice broke." } };
        socket.send(JSON.stringify(event));
      });
    });
    await page.click(".try:has-text('Count to 20.')");
    await page.waitForSelector("#transcript .who:has-text('failed')");
    expect(await page.textContent("#notice")).toBe("The answer failed: The voice broke.");
    await page.fill("#text", "Tell me a story.");
    await page.press("#text", "Enter");
    await page.waitForSelector("#transcript .assistant.pending");
    await page.click("#connect");
    await page.waitForSelector("#state[data-state=closed]");
    expect(await page.locator("#transcript .pending").count()).toBe(0);
  });
});
