/** public/sdk.js in pages of other origins, as somebody else would use it: in headless Chromium. */
import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build } from "../../tools/build/client.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openPage, type TestPage } from "../support/page-browser.ts";
import { startRelay, type Relay } from "../support/relay.ts";

if (NO_CHROMIUM !== null) process.stdout.write(`page tests not run: ${NO_CHROMIUM}\n`);

interface Outcome {
  readonly error?: string;
  readonly playedMs?: number;
  readonly said?: string;
}

describe.runIf(NO_CHROMIUM === null)("the SDK in one file", () => {
  let relay: Relay;
  let site: Server;
  let origin: string;
  let opened: TestPage;
  let policy = "default-src * 'unsafe-inline' blob:";

  beforeAll(async () => {
    await build();
    relay = await startRelay();
    const sdk = await readFile(new URL("../../public/sdk.js", import.meta.url));
    // As bundlers leave it: the module without the file beside it.
    site = createServer((request, response) => {
      response.setHeader("Content-Security-Policy", policy);
      if (request.url === "/sdk.js") response.setHeader("Content-Type", "text/javascript").end(sdk);
      else if (request.url === "/") response.setHeader("Content-Type", "text/html").end("<!doctype html>");
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
    opened = await openPage(origin, new Int16Array(24_000), 24_000);
  });
  afterAll(async () => {
    await opened?.close();
    site?.close();
    await relay?.close();
  });

  /** Connects with the SDK from `source`, says hello and tells what was heard of the answer. */
  async function call(source: string): Promise<Outcome> {
    await opened.page.goto(origin);
    return opened.page.evaluate<Outcome>(`(async () => {
      try {
        const { connect } = await import(${JSON.stringify(source)});
        const call = await connect({ url: ${JSON.stringify(relay.url)}, apiKey: ${JSON.stringify(relay.apiKey)} });
        const playedMs = await new Promise((resolve) => {
          call.on("playback", ({ playedMs }) => playedMs > 300 && resolve(playedMs));
          call.sendText("Hello.");
        });
        const said = call.messages[0].text;
        call.close();
        return { playedMs, said };
      } catch (error) {
        return { error: error.code };
      }
    })()`);
  }

  test("[C80] is loaded from the relay by a page of another origin, and heard", async () => {
    const outcome = await call(`${relay.url}/sdk.js`);
    expect(outcome).toEqual({ playedMs: expect.any(Number), said: "Hello." });
  });

  test("[C60] is heard where a bundler left the worklets behind", async () => {
    expect(await call("/sdk.js")).toEqual({ playedMs: expect.any(Number), said: "Hello." });
  });

  test("[C60] says so where the page's policy forbids what is built in", async () => {
    policy = "default-src * 'unsafe-inline'; script-src 'self' 'unsafe-inline' 'unsafe-eval'";
    expect(await call("/sdk.js")).toEqual({ error: "worklets_missing" });
  });
});
