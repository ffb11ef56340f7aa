/** Headless Chromium with the SDK scenarios bundled into a page, served as a web application in development is. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { CHROMIUM, CHROMIUM_FLAGS } from "./chromium.ts";
import type { PageReport, PageSettings, ScenarioName } from "./sdk-browser-page.ts";

const FLAGS = [
  ...CHROMIUM_FLAGS,
  // The listener's certificate is self-signed.
  "--ignore-certificate-errors",
];

export interface SdkPage {
  run(name: ScenarioName, settings: PageSettings): Promise<PageReport>;
  /** Everything the page wrote to its console as an error. */
  readonly consoleErrors: readonly string[];
  close(): Promise<void>;
}

export async function openSdkPage(): Promise<SdkPage> {
  const application = await serveApplication(await bundle());
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  const close = async (): Promise<void> => {
    await browser.close();
    await application.close();
  };
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const consoleErrors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") consoleErrors.push(message.text());
    });
    page.on("pageerror", (error) => consoleErrors.push(error.message));
    await page.goto(application.url);
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
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A real server on loopback, not a page that Playwright makes up: Chromium lets only a page that itself came from
 * this machine connect to it (Local Network Access checks).
 */
async function serveApplication(script: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/application.js";
    response.setHeader(
      "content-type",
      isScript ? "text/javascript; charset=utf-8" : "text/html; charset=utf-8",
    );
    response.end(
      isScript
        ? script
        : '<!doctype html><link rel="icon" href="data:,"><script src="/application.js"></script>',
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
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
