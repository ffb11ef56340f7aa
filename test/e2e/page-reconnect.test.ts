/** The page in headless Chromium, over a line that breaks under it: the page lives, its connection does not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CutLine } from "../../bench/delivery/line.ts";
import { build } from "../../tools/build/client.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openPage, type TestPage } from "../support/page-browser.ts";
import { startRelay, type Relay } from "../support/relay.ts";

if (NO_CHROMIUM !== null) process.stdout.write(`page tests not run: ${NO_CHROMIUM}\n`);

describe.runIf(NO_CHROMIUM === null)("the page whose connection breaks", () => {
  let relay: Relay;
  let line: CutLine;
  let opened: TestPage;
  let sessionId: string;

  beforeAll(async () => {
    await build();
    relay = await startRelay();
    line = await CutLine.open(relay.port);
    opened = await openPage(`http://127.0.0.1:${line.port}`, new Int16Array(24_000), 24_000);
    const { page } = opened;
    await page.selectOption("#model", "demo");
    const created = page.waitForResponse((response) => response.url().endsWith("/v1/sessions"));
    await page.click("#connect");
    sessionId = ((await (await created).json()) as { readonly id: string }).id;
    await page.waitForSelector("#state[data-state=open]");
  });
  afterAll(async () => {
    await opened?.close();
    await line?.close();
    await relay?.close();
  });

  const textOf = async (selector: string): Promise<string> => (await opened.page.textContent(selector)) ?? "";

  async function ask(text: string): Promise<void> {
    await opened.page.fill("#text", text);
    await opened.page.press("#text", "Enter");
  }

  /** What `SCREENSHOTS` asks for: pictures to look at. */
  async function picture(name: string): Promise<void> {
    const folder = process.env["SCREENSHOTS"];
    if (folder !== undefined) await opened.page.screenshot({ path: `${folder}/${name}.png` });
  }

  const heardS = async (): Promise<number> => Number.parseFloat(await textOf("#heard"));

  async function heardMore(seconds: number): Promise<void> {
    const least = (await heardS()) + seconds;
    await expect.poll(heardS, { timeout: 20_000 }).toBeGreaterThan(least);
  }

  test("[C32] shows each attempt, and goes on with the answer where it was", async () => {
    const { page } = opened;
    await ask("Tell me a story.");
    await heardMore(0.5);
    line.down();
    await page.waitForSelector("#state[data-state=reconnecting]");
    await expect.poll(() => textOf("#state")).toMatch(/Connection lost, attempt [3-9] …/);
    await picture("reconnecting");
    const before = await textOf("#transcript li.assistant:nth-child(2)");
    line.up();
    await page.waitForSelector("#state[data-state=open]");
    await expect.poll(() => textOf("#state")).toContain("resumed");
    await heardMore(1.5);
    const after = await textOf("#transcript li.assistant:nth-child(2)");
    expect(after.length).toBeGreaterThan(before.length + 10);
    expect(after).not.toContain("cut after");
    await picture("resumed");
    expect(await page.locator("#notice").isHidden()).toBe(true);
  });

  test("[C32] takes what is typed without a connection, and has it answered", async () => {
    const { page } = opened;
    line.down();
    await page.waitForSelector("#state[data-state=reconnecting]");
    expect(await page.isEnabled("#text")).toBe(true);
    await ask("Hello.");
    line.up();
    await page.waitForSelector("#transcript .user:has-text('Hello.')");
    await page.waitForSelector("#transcript li.assistant:nth-child(4):not(.pending)");
    expect(await page.locator("#notice").isHidden()).toBe(true);
  });

  test("[C32] says at once that the session is gone, and can call again", async () => {
    const { page } = opened;
    line.down();
    await page.waitForSelector("#state[data-state=reconnecting]");
    const ended = await fetch(`${relay.url}/v1/sessions/${sessionId}`, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${relay.apiKey}` },
    });
    expect(ended.status).toBe(204);
    const before = performance.now();
    line.up();
    await page.waitForSelector("#state[data-state=closed]");
    expect(performance.now() - before).toBeLessThan(5000);
    expect(await textOf("#notice")).toContain("could not go on with the session");
    await picture("gone");
    await page.click("#connect");
    await page.waitForSelector("#state[data-state=open]");
    expect(await page.locator("#notice").isHidden()).toBe(true);
  });
});
