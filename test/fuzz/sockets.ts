/** The same hostile messages over real sockets, into a whole relay in workerd: what only the shell and the runtime do. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { parseJsonObject } from "../../src/protocol/json.ts";
import { Random } from "../sim/random.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { clientEvent } from "./client-grammar.ts";
import { describeRequest, doorRequest, type DoorNames } from "./door-grammar.ts";
import { loose, type LooseObject } from "./hostile.ts";
import { Known } from "./known.ts";
import { mutate } from "./mutate.ts";
import { bytes, spell } from "./spell.ts";

const PER_CALL = 100;
/** Requests among the messages: one in so many. */
const PER_REQUEST = 5;
const PATIENCE_MS = 20_000;
/** Closes that a client may earn, or that end a call; 1011 is the relay's own fault. */
const FAULTS: ReadonlySet<number> = new Set([1011, 1012]);

export interface SocketReport {
  readonly requests: number;
  readonly findings: readonly string[];
}

export async function runSockets(seed: number, messages: number): Promise<SocketReport> {
  const relay = await startRelay();
  const findings: string[] = [];
  let said = 0;
  try {
    const names: DoorNames = {
      key: relay.apiKey,
      operator: relay.apiKey,
      phoneSecret: "none",
      host: relay.url,
      tokens: [],
      sessions: [],
      streams: [],
    };
    for (let call = 1; said < messages && findings.length < 5; call += 1) {
      const random = new Random(Math.imul(seed, 0x01000193) ^ call);
      const fault = await hostileCall(relay, random);
      if (fault !== null) findings.push(`call ${call} of seed ${seed}: ${fault}`);
      said += PER_CALL;
      for (let at = 0; at < PER_CALL / PER_REQUEST; at += 1) {
        const refused = await knock(relay, random, names);
        if (refused !== null) findings.push(`call ${call} of seed ${seed}: ${refused}`);
        said += 1;
      }
    }
    const dead = await innocentCall(relay);
    if (dead !== null) findings.push(`after it all: ${dead}`);
    for (const line of relay.logs) {
      if (/failed|TypeError|RangeError|relay-dev/.test(line))
        findings.push(`the log says: ${line.slice(0, 300)}`);
    }
  } finally {
    await relay.close();
  }
  return { requests: said, findings: findings.slice(0, 10) };
}

function dial(relay: Relay, model: string, extended: boolean): WebSocket {
  const protocols = [
    "realtime",
    ...(extended ? ["duplex.v1"] : []),
    `openai-insecure-api-key.${relay.apiKey}`,
  ];
  return new WebSocket(`${relay.wsUrl}/v1/realtime?model=${encodeURIComponent(model)}`, protocols);
}

/** @returns what was wrong. */
async function hostileCall(relay: Relay, random: Random): Promise<string | null> {
  const extended = random.chance(0.5);
  const socket = dial(relay, random.pick(["demo", "echo", "demo+echo"]), extended);
  const known = new Known();
  let fault: string | null = null;
  socket.on("error", (error) => (fault ??= `socket: ${error.message}`));
  socket.on("message", (data: Buffer, binary: boolean) => {
    const event = binary ? null : parseJsonObject(data.toString());
    if (event === null) {
      if (!binary) fault ??= `it is sent what is no JSON: ${data.toString().slice(0, 200)}`;
      return;
    }
    known.note(known.items, event["item_id"]);
    if (typeof event["server_event_seq"] === "number") known.received = event["server_event_seq"];
  });
  await Promise.race([once(socket, "open"), after(PATIENCE_MS)]);
  for (let at = 0; at < PER_CALL && socket.readyState === WebSocket.OPEN; at += 1) {
    socket.send(message(random, known, extended));
    if (random.chance(0.1)) await after(5);
  }
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(
      '{"type":"session.update","event_id":"probe","session":{"type":"realtime","instructions":"probe"}}',
    );
    const answered = new Promise<true>((resolve) => {
      socket.on("message", (data: Buffer) => {
        if (data.includes("session.updated") || data.includes('"event_id":"probe"')) resolve(true);
      });
    });
    const outcome = await Promise.race([answered, closed, after(PATIENCE_MS)]);
    if (outcome === undefined) fault ??= "the probe is not answered";
    if (typeof outcome === "number" && FAULTS.has(outcome)) fault ??= `closed with ${outcome}`;
    socket.close(1000, "end");
  }
  const code = await Promise.race([closed, after(1_000)]);
  if (code !== undefined && FAULTS.has(code)) fault ??= `closed with ${code}`;
  socket.terminate();
  return fault;
}

function message(random: Random, known: Known, extended: boolean): string | Uint8Array {
  if (random.chance(0.05)) return bytes(random);
  const event = loose(clientEvent(random, known, extended)) as LooseObject;
  if (random.chance(0.5)) mutate(event, random, known.all());
  return spell(event, random, 0.1);
}

/** A request that no client of `fetch` is kept from. */
async function knock(relay: Relay, random: Random, names: DoorNames): Promise<string | null> {
  const request = doorRequest(random, names);
  const { method, body, headers } = request.init;
  const { upgrade: _, ...sent } = headers;
  if (!URL.canParse(request.path, relay.url)) return null;
  const init = {
    method,
    headers: sent,
    redirect: "manual" as const,
    signal: AbortSignal.timeout(PATIENCE_MS),
  };
  const response = await fetch(new URL(request.path, relay.url), {
    ...init,
    ...(body === undefined ? {} : { body }),
  }).catch((error: unknown) => (error instanceof TypeError ? null : String(error)));
  if (response === null) return null;
  if (typeof response === "string") return `${response}\n${describeRequest(request)}`;
  const text = await response.text();
  return response.status >= 500
    ? `status ${response.status}: ${text.slice(0, 200)}\n${describeRequest(request)}`
    : null;
}

/** A text turn of somebody who did nothing. */
async function innocentCall(relay: Relay): Promise<string | null> {
  const socket = dial(relay, "demo", false);
  try {
    await Promise.race([once(socket, "open"), after(PATIENCE_MS)]);
    if (socket.readyState !== WebSocket.OPEN) return "no new call is taken";
    const done = new Promise<true>((resolve) => {
      socket.on("message", (data: Buffer) => {
        if (data.includes('"response.done"') && data.includes('"completed"')) resolve(true);
      });
    });
    socket.send('{"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}}');
    socket.send(
      '{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}}',
    );
    socket.send('{"type":"response.create"}');
    return (await Promise.race([done, after(PATIENCE_MS)])) === true ? null : "a new call is not answered";
  } finally {
    socket.terminate();
  }
}

function after(ms: number): Promise<undefined> {
  // A race that was won long ago keeps no process alive.
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref());
}
