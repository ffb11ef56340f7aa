/** The background mind through real workerd, with the demo voice and a real server of chat completions. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ResumingClient } from "../../bench/delivery/client.ts";
import { abortObject } from "../../bench/delivery/stage.ts";
import { messagesOf, startStages, type Stages } from "../../demo/stages.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { startRelay, type Relay } from "../support/relay.ts";

const KEY = "sk-mind-0123456789abcdef0123456789";
const TEXT = { type: "realtime", output_modalities: ["text"], audio: { input: { turn_detection: null } } };
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

let stages: Stages;
let menu: Server;
let relay: Relay;
let client: ResumingClient;
const read: string[] = [];

beforeAll(async () => {
  stages = await startStages();
  menu = createServer((request, response) => {
    read.push(String(request.headers["webhook-id"]));
    response.end("fish");
  });
  await new Promise<void>((resolve) => menu.listen(0, "127.0.0.1", resolve));
  relay = await startRelay({
    // Its objects can be told to die.
    source: { entry: here("../../bench/delivery/relay-worker.ts"), config: here("background-routes.ts") },
    vars: {
      MIND_URL: stages.textUrl,
      MIND_KEY: KEY,
      MENU_URL: `http://127.0.0.1:${(menu.address() as AddressInfo).port}/menu`,
      TOOL_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
    },
  });
});
afterAll(async () => {
  await relay.close();
  await stages.close();
  menu.closeAllConnections();
  await new Promise((resolve) => menu.close(resolve));
});
beforeEach(() => {
  stages.asked.length = 0;
  read.length = 0;
});
afterEach(() => client.hangUp());

async function dial(route = "minded"): Promise<void> {
  client = await ResumingClient.open(relay, route, TEXT);
}

function ask(words: string): void {
  const content = [{ type: "input_text", text: words }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
}

const said = (): readonly string[] =>
  client.events
    .filter(({ type }) => type === "response.output_text.done")
    .map((event) => textAt(event, "text") ?? "");

const steps = (): readonly string[] =>
  client.events.flatMap((event) => {
    const [relays, delegation, what] = (textAt(event, "type") ?? "").split(".");
    if (relays !== "relay" || delegation !== "delegation") return [];
    return [[what, textAt(event, "step") ?? textAt(event, "reason") ?? ""].join(" ").trim()];
  });

async function placed(): Promise<void> {
  await client.until(() => steps().some((step) => step.startsWith("placed")), "what came of it");
}

test("[X278] a task is handed on, asked with its key, worked on with a tool, and told at the next gap", async () => {
  stages.script.push(
    { call: { name: "get_menu", id: "m", args: "{}" } },
    { say: ["They have ", "fish."], everyMs: 100 },
  );
  await dial();
  ask("Book me a table.");
  await client.until(() => said().length > 0, "that it is under way");
  expect(said()[0]).toContain("look into it");
  await placed();
  await client.until(() => said().length > 1, "what came of it");
  expect(said()[1]).toBe("By the way, about what you asked for: They have fish.");
  expect(steps()).toEqual([
    "started",
    "progress asked",
    "progress calls",
    "progress asked",
    "progress writing",
    "done",
    "placed gap",
  ]);
  expect(read).toHaveLength(1);
  expect(stages.keys.has(`Bearer ${KEY}`)).toBe(true);
  expect(textAt(messagesOf(stages.asked[0]).at(-1) ?? null, "content")).toContain(
    "The task:\nBook me a table.",
  );
  expect(messagesOf(stages.asked[1]).at(-1)).toMatchObject({ role: "tool", content: "fish" });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(said()).toHaveLength(2);
});

test("[X278] what goes wrong is told in a sentence, without the key, and another question is answered meanwhile", async () => {
  const error = { error: { code: "invalid_api_key", message: `Incorrect API key provided: ${KEY}` } };
  stages.script.push({ status: 401, json: error });
  await dial();
  ask("Book me a table.");
  await placed();
  expect(steps()).toContain("failed refused");
  const told = JSON.stringify(client.events);
  expect(told).toContain("refused it.");
  expect(told).not.toContain(KEY);
});

test("[X278] what is called off is told of by nobody, and its request is given up", async () => {
  stages.script.push({ say: Array.from({ length: 100 }, () => "word "), everyMs: 50 });
  await dial();
  ask("Book me a table.");
  await client.until(() => steps().includes("progress writing"), "that it writes");
  const before = stages.givenUp.text;
  const started = await client.event("relay.delegation.started");
  client.say({ type: "relay.delegation.cancel", delegation_id: textAt(started, "delegation_id") });
  await client.until(() => steps().includes("dropped cancelled"), "that it is called off");
  await expect.poll(() => stages.givenUp.text, { timeout: 5000 }).toBe(before + 1);
  await client.until(() => said().length > 0, "the end of what is being said");
  ask("Hello!");
  await client.until(() => said().some((words) => words.startsWith("Hello!")), "another answer");
  expect(steps().some((step) => step.startsWith("placed"))).toBe(false);
});

test("[X278] a task outlives its object: it is asked anew, and told once", async () => {
  stages.script.push({ say: ["They "], ends: "stall" }, { say: ["Fish."] });
  await dial();
  ask("Book me a table.");
  await client.until(() => said().length > 0 && steps().includes("progress writing"), "that it writes");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await abortObject(relay, client.id);
  await client.ended();
  await client.resume();
  await placed();
  await client.until(() => said().some((words) => words.includes("Fish.")), "what is said of it");
  expect(stages.asked).toHaveLength(2);
  expect(steps().filter((step) => step.startsWith("placed"))).toHaveLength(1);
});

test("[X279] the demo hands on what takes a while, and tells it later", async () => {
  await dial("demo-delegate");
  ask("Book me a table for two.");
  await placed();
  await client.until(() => said().some((words) => words.includes("Luigi's")), "what came of it");
  expect(said()[0]).toContain("look into it");
});
