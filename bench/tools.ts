/**
 * Calls of tools that the relay runs, through real workerd: every second one is taken back at a moment that is drawn. What was
 * posted is compared with what became of the answers: nothing of one that was taken back, nothing twice, nothing left out.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../src/upstreams/json.ts";
import { Random } from "../test/sim/random.ts";
import { startRelay, type Relay } from "../tools/relay/relay.ts";
import { ResumingClient } from "./delivery/client.ts";
import type { Flags } from "./flags.ts";
import { markdownTable } from "./report.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "tools that the relay runs: none that was taken back, none twice, through workerd";
export const flags: Flags = {
  calls: { value: "N", says: "how often the model calls the tool (500)" },
  seed: { value: "N", says: "other moments" },
};
export const lasts = "a minute";

const CALLS = 500;
const SESSIONS = 10;
/** Of what is asked so much is cancelled, within so many milliseconds; where a call waits, since it does. */
const CANCELLED = 0.5;
const WITHIN_MS = { tooled: 60, careful: 300 } as const;
const SETTLES_MS = 1500;
const OPENINGS = 4;
const TEXT = { type: "realtime", output_modalities: ["text"], audio: { input: { turn_detection: null } } };
const TARGETS = { fired_after_cancel: 0, fired_twice: 0, not_fired: 0, unknown: 0 };

/** By the item that called: how its answer ended, or that the call was taken back. */
type Wanted = Map<string, string>;
/** What became of a call that was made. */
const MADE: ReadonlySet<string> = new Set(["timeout", "unreachable", "refused", "too_large"]);

export async function run({ given, json, say }: BenchOptions): Promise<BenchResult> {
  const calls = given.number("calls", CALLS);
  const seed = given.number("seed", 1);
  const posted: string[] = [];
  const server = createServer((request, response) => {
    posted.push(String(request.headers["webhook-id"]));
    request.resume();
    response.end('{"time":"14:05"}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const relay = await relayFor(server);
  const wanted: Wanted = new Map();
  try {
    const each = Math.ceil(calls / SESSIONS);
    const asked = (): void => say(`${wanted.size} calls, ${posted.length} posts`);
    const clients = await opened(relay);
    const talks = clients.map(({ client, route }, n) =>
      talk(client, route, each, new Random(seed * 1000 + n), wanted),
    );
    const told = setInterval(asked, 5000);
    await Promise.all(talks);
    clearInterval(told);
    await sleep(SETTLES_MS);
  } finally {
    await relay.close();
    server.closeAllConnections();
    server.close();
  }
  return resultOf(calls, wanted, posted, json);
}

function relayFor(server: Server): Promise<Relay> {
  return startRelay({
    source: {
      entry: fileURLToPath(new URL("../src/worker.ts", import.meta.url)),
      config: fileURLToPath(new URL("tools/routes.ts", import.meta.url)),
    },
    vars: {
      TIME_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/time`,
      TOOL_SECRET: `whsec_${Buffer.alloc(32, 5).toString("base64")}`,
    },
  });
}

interface Opened {
  readonly client: ResumingClient;
  readonly route: keyof typeof WITHIN_MS;
}

/** One after the other: all at once are more than a busy machine answers in time. */
async function opened(relay: Relay): Promise<readonly Opened[]> {
  const all: Opened[] = [];
  for (let n = 0; n < SESSIONS; n += 1) {
    const route = n % 2 === 0 ? "tooled" : "careful";
    all.push({ route, client: await open(relay, route, OPENINGS) });
  }
  return all;
}

/** The first session of a relay is opened while it compiles; what times out is opened again. */
async function open(relay: Relay, route: string, times: number): Promise<ResumingClient> {
  try {
    return await ResumingClient.open(relay, route, TEXT);
  } catch (error) {
    if (times <= 1) throw error;
    return open(relay, route, times - 1);
  }
}

/** One session, in which the tool is wanted so often. */
async function talk(
  client: ResumingClient,
  route: keyof typeof WITHIN_MS,
  times: number,
  random: Random,
  wanted: Wanted,
): Promise<void> {
  client.listen((message) => {
    if ("type" in message) note(message, wanted);
  });
  try {
    for (let left = times; left > 0;) left -= await ask(client, route, random);
  } finally {
    await client.hangUp();
  }
}

/** What an answer came to, and what became of a call: of every answer, whoever asked for it. */
function note(event: JsonObject, wanted: Wanted): void {
  const reason = textAt(event, "reason") ?? "";
  if (event["type"] === "relay.tool.failed" && !MADE.has(reason))
    wanted.set(textAt(event, "item_id") ?? "", reason);
  if (event["type"] !== "response.done") return;
  const response = objectAt(event, "response");
  for (const item of objectsAt(response, "output"))
    if (item["type"] === "function_call" && !wanted.has(textAt(item, "id") ?? ""))
      wanted.set(textAt(item, "id") ?? "", textAt(response, "status") ?? "");
}

/** @returns how many calls came of it. */
async function ask(client: ResumingClient, route: keyof typeof WITHIN_MS, random: Random): Promise<number> {
  const from = client.events.length;
  const content = [{ type: "input_text", text: "What time is it?" }];
  client.say({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  client.say({ type: "response.create" });
  if (random.chance(CANCELLED)) {
    const afterMs = random.between(0, WITHIN_MS[route]);
    if (route === "careful") await client.event("relay.tool.confirming", from);
    await sleep(afterMs);
    client.say({ type: route === "careful" ? "output_audio_buffer.clear" : "response.cancel" });
  }
  const created = await client.event("response.created", from);
  const id = textAt(objectAt(created, "response"), "id");
  const ended = (): (typeof client.events)[number] | undefined =>
    client.events
      .slice(from)
      .find((event) => event["type"] === "response.done" && textAt(objectAt(event, "response"), "id") === id);
  await client.until(() => ended() !== undefined, "the end of the answer");
  const response = objectAt(ended() ?? null, "response");
  const status = textAt(response, "status") ?? "";
  const items = objectsAt(response, "output").filter((item) => item["type"] === "function_call");
  if (status === "completed" && items.length > 0) await goesOn(client, from);
  return items.length;
}

/** The result is spoken of, or that was cancelled. */
async function goesOn(client: ResumingClient, from: number): Promise<void> {
  const over = ({ type }: (typeof client.events)[number]): boolean =>
    type === "relay.tool.completed" || type === "relay.tool.failed";
  await client.until(() => client.events.slice(from).some(over), "what became of the call");
  const count = (type: string): number =>
    client.events.slice(from).filter((event) => event["type"] === type).length;
  await client.until(
    () => count("response.created") > 1 && count("response.done") > 1,
    "the answer behind the result",
  );
}

function resultOf(calls: number, wanted: Wanted, posted: readonly string[], json: boolean): BenchResult {
  const completed = [...wanted].filter(([, status]) => status === "completed").map(([id]) => id);
  const figures = {
    calls: wanted.size,
    taken_back: wanted.size - completed.length,
    posts: posted.length,
    fired_after_cancel: posted.filter((id) => wanted.has(id) && wanted.get(id) !== "completed").length,
    fired_twice: posted.length - new Set(posted).size,
    not_fired: completed.filter((id) => !posted.includes(id)).length,
    unknown: posted.filter((id) => !wanted.has(id)).length,
  };
  if (!json) {
    const rows = Object.entries(figures).map(([name, value]) => [name.replaceAll("_", " "), value]);
    process.stdout.write(`\n${markdownTable(["what", "how often"], rows)}\n\n`);
  }
  const missed = Object.keys(TARGETS)
    .filter((name) => figures[name as keyof typeof TARGETS] !== 0)
    .map((name) => `${name.replaceAll("_", " ")}: ${figures[name as keyof typeof TARGETS]}`);
  return { bench: "tools", figures, targets: TARGETS, missed, partial: calls !== CALLS };
}
