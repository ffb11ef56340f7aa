/** Headless Chromium with the SDK scenarios bundled into a page of the target's own origin. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium, type Page } from "playwright-core";
import type { PageReport, PageSettings, ScenarioName } from "./sdk-browser-page.ts";

const EXECUTABLE = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";

/** Null where Chromium is installed, else why the browser tests cannot run. */
export const NO_CHROMIUM: string | null = existsSync(EXECUTABLE) ? null : `no Chromium at ${EXECUTABLE}`;

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // The listener's certificate is self-signed.
  "--ignore-certificate-errors",
];

export interface SdkPage {
  run(name: ScenarioName, settings: PageSettings): Promise<PageReport>;
  /** Everything the page wrote to its console as an error. */
  readonly consoleErrors: readonly string[];
  close(): Promise<void>;
}

export async function openSdkPage(httpsUrl: string): Promise<SdkPage> {
  const [script, browser] = await Promise.all([
    bundle(),
    chromium.launch({ executablePath: EXECUTABLE, args: FLAGS }),
  ]);
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const consoleErrors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") consoleErrors.push(message.text());
    });
    page.on("pageerror", (error) => consoleErrors.push(error.message));
    await servePage(page, httpsUrl, script);
    return {
      consoleErrors,
      run: (name, settings) =>
        page.evaluate(
          ([scenario, given]) => {
            const scope = globalThis as unknown as {
              runSdkScenario(name: ScenarioName, settings: PageSettings): Promise<PageReport>;
            };
            return scope.runSdkScenario(scenario, given);
          },
          [name, settings] as const,
        ),
      close: () => browser.close(),
    };
  } catch (error) {
    await browser.close();
    throw error;
  }
}

/** A page of the target's origin that the target itself does not have. */
async function servePage(page: Page, httpsUrl: string, script: string): Promise<void> {
  const url = `${httpsUrl}/sdk-acceptance.html`;
  await page.route(url, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>SDK acceptance</title>" }),
  );
  await page.goto(url);
  await page.addScriptTag({ content: script });
}

async function bundle(): Promise<string> {
  const result = await build({
    entryPoints: [fileURLToPath(new URL("sdk-browser-page.ts", import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    platform: "browser",
    target: "chrome120",
    logLevel: "silent",
  });
  const file = result.outputFiles[0];
  if (file === undefined) throw new Error("esbuild wrote nothing");
  return file.text;
}
