/** The relay's page in headless Chromium, with a recording for a microphone. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { writeWav } from "../../tools/wav.ts";
import { CHROMIUM, CHROMIUM_FLAGS } from "./chromium.ts";

const FLAGS = [
  ...CHROMIUM_FLAGS,
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
];

export interface TestPage {
  readonly page: Page;
  /** What the page wrote to its console as an error, and exceptions nobody caught. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** Opens the page at `url`; its microphone plays `speech`, again and again. */
export async function openPage(url: string, speech: Int16Array, rateHz: number): Promise<TestPage> {
  const folder = await mkdtemp(join(tmpdir(), "relay-page-"));
  const recording = join(folder, "microphone.wav");
  await writeFile(recording, writeWav(speech, rateHz));
  const args = [...FLAGS, `--use-file-for-fake-audio-capture=${recording}`];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  const close = async (): Promise<void> => {
    await browser.close();
    await rm(folder, { recursive: true });
  };
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 760 } });
    const problems: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    await page.goto(url);
    return { page, problems, close };
  } catch (error) {
    await close();
    throw error;
  }
}
