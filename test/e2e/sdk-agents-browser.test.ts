/** `@openai/agents-realtime` and `openai` in headless Chromium, with a client secret as their docs ask. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { say } from "../support/say.ts";
import { base64, concat, pcmBytes, silence } from "../support/sdk-audio.ts";
import { NO_CHROMIUM } from "../support/chromium.ts";
import { openSdkPage, type SdkPage } from "../support/sdk-browser.ts";
import type { PageSettings } from "../support/sdk-browser-page.ts";
import { openAIClient } from "../support/sdk-openai.ts";
import { startSdkTarget, type SdkTarget } from "../support/sdk-target.ts";

if (NO_CHROMIUM !== null) process.stdout.write(`browser tests not run: ${NO_CHROMIUM}\n`);

describe.runIf(NO_CHROMIUM === null)("in Chromium", () => {
  let target: SdkTarget;
  let page: SdkPage;
  let settings: PageSettings;
  beforeAll(async () => {
    target = await startSdkTarget();
    page = await openSdkPage();
    const speech = pcmBytes(await say("Stop please, I have another question for you.", { rateHz: 24_000 }));
    settings = {
      httpsUrl: target.httpsUrl,
      clientSecret: await mintSecret(target),
      model: target.model,
      speech: base64(concat([silence(300), speech])),
    };
  });
  afterAll(async () => {
    await page.close();
    await target.close();
  });

  test("[S20] an agent holds a typed and a spoken turn", async () => {
    const report = await page.run("conversation", settings);
    expect(report.errors).toEqual([]);
    expect(report.roles).toEqual(["user", "assistant", "user", "assistant"]);
    expect(report.answers.length).toBe(2);
    expect(report.answers.every((answer) => answer.length > 0)).toBe(true);
    expect(report.audioBytes).toBeGreaterThan(48_000);
    expect(report.wireTypes).toContain("input_audio_buffer.speech_started");
  });

  test("[S20] an agent's tool runs in the page and its result is spoken", async () => {
    const report = await page.run("tool", settings);
    expect(report.errors).toEqual([]);
    expect(report.toolCalls).toBe(1);
    expect(report.answers.at(-1)).toContain("a quarter to nine");
    expect(report.roles).toEqual(["user", "function_call", "assistant"]);
  });

  test("[S20] speech over an answer interrupts and truncates it", async () => {
    const report = await page.run("bargeIn", settings);
    expect(report.errors).toEqual([]);
    expect(report.responseStatuses.slice(0, 2)).toEqual(["cancelled", "completed"]);
    expect(report.truncatedAtMs.length).toBe(1);
  });

  test("[S20] the bare openai client talks over the browser's WebSocket", async () => {
    const report = await page.run("openai", settings);
    expect(report.errors).toEqual([]);
    expect(report.responseStatuses).toEqual(["completed"]);
    expect(report.answers[0]?.length).toBeGreaterThan(0);
    expect(report.audioBytes).toBeGreaterThan(9600);
    expect(page.consoleErrors).toEqual([]);
  });
});

/** The demo voice dialled directly mints none and takes any. */
async function mintSecret(target: SdkTarget): Promise<string> {
  if (target.name === "demo") return "ek_any";
  const secret = await openAIClient(target).realtime.clientSecrets.create({});
  return secret.value;
}
