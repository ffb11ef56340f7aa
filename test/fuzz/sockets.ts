/** The same hostile messages over real sockets, into a whole relay in workerd: what only the shell and the runtime do. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { fileURLToPath } from "node:url";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectOf } from "../oracle/fields.ts";
import { Random } from "../sim/random.ts";
import { startRelay, type Relay } from "../support/relay.ts";
import { clientEvent } from "./client-grammar.ts";
import { describeRequest, doorRequest, type DoorNames } from "./door-grammar.ts";
import { loose, type LooseObject } from "./hostile.ts";
import { Known } from "./known.ts";
import { mutate } from "./mutate.ts";
import { Caller } from "./phone.ts";
import { arrive, type Arrival, byKey, comeBack } from "./socket-doors.ts";
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
  /** How many calls came by each door. */
  readonly doors: Readonly<Record<string, number>>;
}

export async function runSockets(seed: number, messages: number): Promise<SocketReport> {
  const source = {
    entry: fileURLToPath(new URL("../../src/worker.ts", import.meta.url)),
    config: fileURLToPath(new URL("relay-config.ts", import.meta.url)),
  };
  const relay = await startRelay({ source });
  const findings: string[] = [];
  const doors: Record<string, number> = {};
  const came = (door: string): void => void (doors[door] = (doors[door] ?? 0) + 1);
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
      const fault = await hostileCall(relay, random, came);
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
  return { requests: said, findings: findings.slice(0, 10), doors };
}

/** What is heard on a connection. */
class Line {
  readonly arrival: Arrival;
  readonly known = new Known();
  readonly caller = new Caller("twilio");
  readonly closed: Promise<number>;
  fault: string | null = null;
  /** The last `session.created` or `session.resumed`. */
  created: JsonObject | null = null;

  constructor(arrival: Arrival) {
    this.arrival = arrival;
    const { socket } = arrival;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", (error) => (this.fault ??= `${arrival.door}: socket: ${error.message}`));
    socket.on("message", (data: Buffer, binary: boolean) => {
      if (!binary) this.#told(data.toString());
    });
  }

  #told(text: string): void {
    const event = parseJsonObject(text);
    if (event === null) {
      this.fault ??= `${this.arrival.door}: it is sent what is no JSON: ${text.slice(0, 200)}`;
      return;
    }
    if (event["type"] === "session.created") this.created = event;
    this.known.note(this.known.items, event["item_id"]);
    if (typeof event["server_event_seq"] === "number") this.known.received = event["server_event_seq"];
    const mark = event["event"] === "mark" ? objectOf(event["mark"])["name"] : null;
    if (typeof mark === "string") this.caller.marked(mark);
  }

  get open(): boolean {
    return this.arrival.socket.readyState === WebSocket.OPEN;
  }

  message(random: Random): string | Uint8Array {
    const { dialect } = this.arrival;
    if (random.chance(0.05)) return bytes(random);
    const event =
      dialect === "twilio"
        ? this.caller.next(random)
        : (loose(clientEvent(random, this.known, dialect === "duplex.v1")) as LooseObject);
    if (random.chance(dialect === "twilio" ? 0.2 : 0.5)) mutate(event, random, this.known.all());
    return spell(event, random, 0.1);
  }
}

async function opened(arrival: Arrival): Promise<Line> {
  const line = new Line(arrival);
  await Promise.race([once(arrival.socket, "open"), line.closed, after(PATIENCE_MS)]);
  return line;
}

/** @returns what was wrong. */
async function hostileCall(
  relay: Relay,
  random: Random,
  came: (door: string) => void,
): Promise<string | null> {
  const first = await opened(await arrive(relay, random));
  came(first.arrival.door);
  if (first.arrival.dialect === "twilio" && first.open) {
    first.arrival.socket.send(JSON.stringify(first.caller.start(random)));
  }
  for (let at = 0; at < PER_CALL && first.open; at += 1) {
    first.arrival.socket.send(first.message(random));
    if (random.chance(0.1)) await after(5);
  }
  const returns = first.arrival.dialect === "duplex.v1" && first.open && random.chance(0.6);
  if (!returns || first.created === null) return ended(first);
  // Its connection is lost, and it comes back to what it had, or to a new beginning.
  first.arrival.socket.terminate();
  await Promise.race([first.closed, after(PATIENCE_MS)]);
  const again = await opened(comeBack(relay, first.created));
  came(again.arrival.door);
  const own = objectOf(objectOf(first.created["session"])["relay"]);
  const last_received = Math.max(0, first.known.received - random.int(0, 3));
  if (again.open && random.chance(0.9)) {
    const resume = { type: "session.resume", resume_token: own["resume_token"] ?? "", last_received };
    again.arrival.socket.send(JSON.stringify(resume));
  }
  return first.fault ?? (await ended(again));
}

/** A session that lives takes an update; a telephone's lives as long as its line. */
async function ended(line: Line): Promise<string | null> {
  const { socket, dialect } = line.arrival;
  if (line.open && dialect !== "twilio") {
    socket.send(
      '{"type":"session.update","event_id":"probe","session":{"type":"realtime","instructions":"probe"}}',
    );
    const answered = new Promise<true>((resolve) => {
      socket.on("message", (data: Buffer) => {
        if (data.includes("session.updated") || data.includes('"event_id":"probe"')) resolve(true);
      });
    });
    const outcome = await Promise.race([answered, line.closed, after(PATIENCE_MS)]);
    if (outcome === undefined) line.fault ??= `${line.arrival.door}: the probe is not answered`;
  }
  socket.close(1000, "end");
  const code = await Promise.race([line.closed, after(1_000)]);
  if (code !== undefined && FAULTS.has(code)) line.fault ??= `${line.arrival.door}: closed with ${code}`;
  socket.terminate();
  return line.fault;
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
  const { socket } = byKey(relay, "demo", relay.apiKey, null, "");
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
