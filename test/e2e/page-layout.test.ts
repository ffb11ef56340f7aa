/** The page on a phone, in the dark, and where the browser keeps the sound off: in headless Chromium. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../tools/build/client.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openPage, type TestPage } from "../support/page-browser.ts";
import { startRelay, type Relay } from "../support/relay.ts";

if (NO_CHROMIUM !== null) process.stdout.write(`page tests not run: ${NO_CHROMIUM}\n`);

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };

interface Control {
  readonly name: string;
  readonly height: number;
  readonly bottom: number;
  readonly right: number;
}

/** Runs in the page. */
const CONTROLS = `[".bar", ".intro", ".call"].flatMap((part) =>
  Array.from(document.querySelectorAll(part + " :is(button, input, select)"), (control) => {
    const { height, bottom, right } = control.getBoundingClientRect();
    return { name: control.id || control.textContent, height, bottom, right };
  }).filter(({ height }) => height > 0),
)`;

/** Runs in the page: keeps its audio contexts at hand, and lets the test forbid them to run. */
const WATCH_AUDIO = `
  globalThis.contexts = [];
  globalThis.audioAllowed = true;
  const resume = AudioContext.prototype.resume;
  AudioContext.prototype.resume = function () {
    return globalThis.audioAllowed ? resume.call(this) : new Promise(() => {});
  };
  globalThis.AudioContext = class extends AudioContext {
    constructor(options) {
      super(options);
      globalThis.contexts.push(this);
    }
  };
`;

describe.runIf(NO_CHROMIUM === null)("the page", () => {
  let relay: Relay;
  let opened: TestPage;

  beforeAll(async () => {
    await build();
    relay = await startRelay();
    opened = await openPage(relay.url, new Int16Array(24_000), 24_000);
    await opened.page.addInitScript(WATCH_AUDIO);
    await opened.page.setViewportSize(PHONE);
    await opened.page.reload();
    await opened.page.waitForSelector("#model option:nth-child(2)", { state: "attached" });
  });
  afterAll(async () => {
    await opened?.close();
    await relay?.close();
  });

  /** What `SCREENSHOTS` asks for: pictures to look at, in both themes. */
  async function picture(name: string): Promise<void> {
    const folder = process.env["SCREENSHOTS"];
    if (folder === undefined) return;
    for (const colorScheme of ["light", "dark"] as const) {
      await opened.page.emulateMedia({ colorScheme });
      await opened.page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
    }
    await opened.page.emulateMedia({ colorScheme: "light" });
  }

  /** Of each visible control on the first screen: its size and where it ends. */
  async function controls(): Promise<Control[]> {
    return opened.page.evaluate<Control[]>(CONTROLS);
  }

  async function ask(text: string): Promise<void> {
    await opened.page.fill("#text", text);
    await opened.page.press("#text", "Enter");
    await opened.page.waitForSelector(`#transcript .user:has-text("${text}")`);
  }

  function fits(found: readonly Control[]): void {
    for (const { name, height, bottom, right } of found) {
      expect(height, name).toBeGreaterThanOrEqual(44);
      expect(bottom, name).toBeLessThanOrEqual(PHONE.height);
      expect(right, name).toBeLessThanOrEqual(PHONE.width);
    }
  }

  test("[C70] says what it is and what to try, and one press on it begins a call that says it", async () => {
    const { page } = opened;
    await picture("390-first");
    fits(await controls());
    await page.click(".try:has-text('story')");
    await page.waitForSelector("#state[data-state=open]");
    await page.waitForSelector("#transcript .user:has-text('Tell me a story.')");
    await page.waitForSelector("#transcript .assistant");
  });

  test("[C71] keeps message field and buttons on a phone's screen when the transcript is full", async () => {
    const { page } = opened;
    for (let turn = 1; turn <= 8; turn++)
      await ask(`Repeat this: turn ${turn} of many, to fill the transcript.`);
    const list = await page.locator("#transcript").evaluate(({ scrollHeight, scrollTop, clientHeight }) => ({
      scrollHeight,
      clientHeight,
      left: scrollHeight - scrollTop - clientHeight,
    }));
    expect(list.scrollHeight).toBeGreaterThan(list.clientHeight);
    expect(list.clientHeight).toBeGreaterThan(150);
    const found = await controls();
    expect(found.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["text", "microphone", "send", "stop"]),
    );
    fits(found);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(PHONE.width);
    // The newest is in view.
    expect(list.left).toBeLessThan(20);
    await picture("390-full");
    await page.click("#microphone");
    await page.waitForSelector("#microphone[aria-pressed=true]");
    fits(await controls());
    await picture("390-listening");
  });

  test("[C64] mutes the microphone and keeps it", async () => {
    const { page } = opened;
    await page.click("#mute");
    await page.waitForSelector("#mute[aria-pressed=true]");
    expect(await page.textContent("#microphone span")).toBe("Muted");
    await page.click("#mute");
    await page.waitForSelector("#mute[aria-pressed=false]");
  });

  test("[C72] says when the browser keeps the sound off, and goes on with the next gesture", async () => {
    const { page } = opened;
    await page.evaluate("contexts.forEach((each) => each.suspend())");
    await expect
      .poll(() => page.evaluate("contexts.every((each) => ['running', 'closed'].includes(each.state))"))
      .toBe(true);
    expect(await page.locator("#blocked").isHidden()).toBe(true);

    await page.evaluate("audioAllowed = false; contexts.forEach((each) => each.suspend())");
    await page.waitForSelector("#blocked:not([hidden])");
    expect(await page.textContent("#blocked")).toContain("sound off");
    await picture("390-blocked");
    fits(await controls());
    await page.evaluate("audioAllowed = true");
    await page.click("h1");
    await page.waitForSelector("#blocked", { state: "hidden" });
    const heard = async (): Promise<number> => Number.parseFloat((await page.textContent("#heard")) ?? "");
    const before = await heard();
    await ask("Hello.");
    await expect.poll(heard, { timeout: 20_000 }).toBeGreaterThan(before + 0.5);
  });

  test("[C73] shows no token and no key in its log", async () => {
    const { page } = opened;
    for (const row of await page.locator("#events li:has-text('session.created') summary").all()) {
      await row.evaluate((summary) => summary.parentElement?.setAttribute("open", ""));
    }
    await expect.poll(() => page.locator("#events pre").count()).toBeGreaterThan(0);
    const shown = await page.textContent("#events");
    expect(shown).toContain("resume_token");
    expect(shown).not.toMatch(/\b(rt|ek)_\w{4}/);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write", "microphone"]);
    await page.click("#copy");
    await page.waitForSelector("#copy:has-text('Copied')");
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(copied).toContain("session.created");
    expect(copied).not.toMatch(/\b(rt|ek)_\w{4}/);
  });

  test("[C74] is read out by whole sentences, and each text stands out from what is behind it", async () => {
    const { page } = opened;
    expect(await page.locator("#transcript").getAttribute("aria-live")).toBeNull();
    expect(await page.textContent("#said")).toMatch(/^(You|demo): .+/);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      const ratios = await page.evaluate<Record<string, number>>(CONTRASTS);
      expect(Object.keys(ratios).length).toBeGreaterThan(6);
      for (const [name, ratio] of Object.entries(ratios))
        expect(ratio, `${colorScheme} ${name}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("[C71] has its two columns on a desk", async () => {
    const { page } = opened;
    await page.setViewportSize(DESK);
    await picture("1280-call");
    const found = await controls();
    for (const { name, bottom } of found) expect(bottom, name).toBeLessThanOrEqual(DESK.height);
    await page.click("#connect");
    await page.waitForSelector("#state[data-state=closed]");
    await picture("1280-closed");
    expect(opened.problems).toEqual([]);
  });

  test("[C57] ends its session when it is left: by a reload, or for another page", async () => {
    const { page } = opened;
    const gone: (() => Promise<void>)[] = [() => page.reload().then(), () => page.goto("about:blank").then()];
    for (const leave of gone) {
      const created = page.waitForResponse((response) => response.url().endsWith("/v1/sessions"));
      await page.click("#connect");
      const { id } = (await (await created).json()) as { readonly id: string };
      await page.waitForSelector("#state[data-state=open]");
      const status = async (): Promise<unknown> => {
        const headers = { Authorization: `Bearer ${relay.apiKey}` };
        const state: unknown = await (await fetch(`${relay.url}/v1/sessions/${id}`, { headers })).json();
        return state;
      };
      expect(await status()).not.toMatchObject({ status: "ended" });
      await leave();
      await expect.poll(status, { timeout: 5000 }).toMatchObject({ status: "ended" });
    }
    await page.goto(relay.url);
  });

  test("[C31] says one thing of a wrong key, before and after Connect", async () => {
    const { page } = opened;
    await page.fill("#key", "wrong");
    await page.press("#key", "Tab");
    await page.waitForSelector("#notice:not([hidden])");
    const before = await page.textContent("#notice");
    await page.press("#key", "Enter");
    await page.waitForSelector("#state[data-state=closed]");
    await expect.poll(() => page.textContent("#notice")).toBe(before);
  });
});

/** Runs in the page: WCAG contrast of small texts against everything that is painted behind them. */
const CONTRASTS = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [r, g, b] = Array.from(canvas.getImageData(0, 0, 1, 1).data, (v) => {
      const c = v / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratios = {};
  const names = [".user > .who", ".assistant > .who", ".user > p", ".state", ".figures dt", "figcaption .key",
    ".events time", ".events .out .name", ".events .in .name", "#connect", "#mute", "h1"];
  for (const name of names) {
    const found = document.querySelector(name);
    if (found === null) continue;
    const behind = [];
    for (let e = found; e !== null; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const text = paint([...behind, getComputedStyle(found).color]);
    const back = paint(behind);
    ratios[name] = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  }
  return ratios;
})()`;
