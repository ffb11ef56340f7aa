/** Hostile requests to the doors: the Worker's own app in this process, in front of doubles of its objects. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { RelayConfigInput } from "../../src/config/define.ts";
import { Random } from "../sim/random.ts";
import { describeRequest, doorRequest, type DoorNames, type DoorRequest } from "./door-grammar.ts";

/** Only the operator and its server know it. */
const KEY = "key-fuzz-9dT4uVx2LmQ8sWb6";
const HOST = "https://relay.example";
/** Doors that ask for no key. */
const OPEN = /^\/+(?:(?:openai\/+)?(?:v1\/+)?healthz|$)/;
const SLOW_MS = 1_000;

export interface DoorReport {
  readonly requests: number;
  readonly findings: readonly string[];
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** How many requests came to each door, and how many of them were let in. */
  readonly doors: Readonly<Record<string, { readonly asked: number; readonly taken: number }>>;
}

type Fetch = (request: Request, env: object) => Response | Promise<Response>;
/** Typed for the Worker, and loaded by name: its types are not this room's. */
const APP = new URL("../../src/http/app.ts", import.meta.url).href;
const DEFINE = new URL("../../src/config/define.ts", import.meta.url).href;

/** With which Twilio signs. */
const PHONE_SECRET = "an auth token that only Twilio and the fuzzer know";
const OPERATOR = "key-fuzz-operator-7hKq2PzXw4Tn";

const ROUTES: RelayConfigInput = {
  routes: {
    sealed: { upstreams: [{ name: "echo", adapter: "echo" }], sealed: true, locked: ["instructions"] },
    echo: { upstreams: [{ name: "echo", adapter: "echo" }] },
    constructor: { upstreams: [{ name: "echo", adapter: "echo" }] },
  },
  defaultRoute: "echo",
  allowedOrigins: ["https://*.example.com"],
  twilio: {
    authToken: { env: "TWILIO_AUTH_TOKEN" },
    publicUrl: HOST,
    numbers: { "+15550001": { model: "echo" }, "*": { model: "constructor", greeting: "Say hello." } },
  },
};

export async function runDoors(seed: number, requests: number): Promise<DoorReport> {
  const { createApp } = (await import(APP)) as { createApp: (config: object) => { fetch: Fetch } };
  const { defineRelay } = (await import(DEFINE)) as { defineRelay: (config: RelayConfigInput) => object };
  const restore = actAsWorkerd();
  const app = createApp(defineRelay(ROUTES));
  const env = bindings();
  const names: DoorNames = {
    key: KEY,
    operator: OPERATOR,
    phoneSecret: PHONE_SECRET,
    host: HOST,
    tokens: [],
    sessions: [],
    streams: [],
  };
  const findings = new Map<string, string>();
  const statuses: Record<string, number> = {};
  const doors: Record<string, { asked: number; taken: number }> = {};
  const logged: string[] = [];
  const { error } = console;
  console.error = (...said: unknown[]) => logged.push(said.map(String).join(" "));
  try {
    for (let number = 1; number <= requests && findings.size < 5; number += 1) {
      const request = doorRequest(new Random(Math.imul(seed, 0x01000193) ^ number), names);
      const found = await ask(app.fetch, env, request, names, { statuses, doors });
      const said = logged
        .splice(0)
        .find(
          (line) =>
            line.includes(KEY) ||
            line.includes(OPERATOR) ||
            line.includes(PHONE_SECRET) ||
            line.includes("failed"),
        );
      const fault = found ?? (said === undefined ? null : `the log says: ${said}`);
      if (fault === null) continue;
      const kind = fault.replaceAll(/\d+/g, "#").slice(0, 60);
      if (!findings.has(kind)) findings.set(kind, `request ${number}: ${fault}\n${describeRequest(request)}`);
    }
  } finally {
    console.error = error;
    restore();
  }
  return { requests, findings: [...findings.values()], statuses, doors };
}

/** What workerd has and Node has not: answers of upgrades, pairs of sockets, a comparison in constant time, waits (which take no time here). */
function actAsWorkerd(): () => void {
  const { Response: before } = globalThis;
  const set = (target: object, name: string, value: unknown): void => {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  };
  set(crypto.subtle, "timingSafeEqual", timingSafeEqual);
  set(globalThis, "WebSocketPair", SocketPair);
  set(globalThis, "scheduler", { wait: () => Promise.resolve() });
  set(globalThis, "Response", UpgradableResponse);
  return () => set(globalThis, "Response", before);
}

class UpgradableResponse extends Response {
  constructor(body?: string | null, init: ResponseInit = {}) {
    super(body, init.status === 101 ? { ...init, status: 200 } : init);
    if (init.status === 101) Object.defineProperty(this, "status", { value: 101 });
  }
}

class SocketPair {
  readonly 0 = new SocketEnd();
  readonly 1 = new SocketEnd();
}

class SocketEnd {
  accept(): void {}
  send(): void {}
  close(): void {}
}

/** @returns what is wrong with the answer. */
async function ask(
  fetch: Fetch,
  env: object,
  { path, init, authorized }: DoorRequest,
  names: DoorNames,
  counts: Counts,
): Promise<string | null> {
  const url = requestUrl(path);
  const request = url && requestOf(url, init);
  // What no client of HTTP can send comes to no door.
  if (url === null || request === null) return null;
  const began = performance.now();
  const response = await Promise.resolve(fetch(request, env)).catch((error: unknown) => String(error));
  if (typeof response === "string") return `the app threw: ${response}`;
  const { status } = response;
  count(counts, `${request.method} ${doorOf(url.pathname)}`, status);
  const body = status === 101 ? "" : await response.text();
  if (performance.now() - began > SLOW_MS) return `it took ${Math.round(performance.now() - began)} ms`;
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  if ([KEY, OPERATOR, PHONE_SECRET].some((secret) => `${headers}\n${body}`.includes(secret)))
    return `the answer repeats the key: ${headers} ${body.slice(0, 300)}`;
  if (status >= 500) return `status ${status}: ${body.slice(0, 300)}`;
  if (
    status < 300 &&
    !authorized &&
    !OPEN.test(url.pathname) &&
    init.method !== "OPTIONS" &&
    init.method !== "HEAD"
  ) {
    return `status ${status} without a good key: ${body.slice(0, 200)}`;
  }
  // Lists in lists are of a session, which is told and stored: no event has so many levels.
  if (status < 300 && init.method === "POST" && init.body?.includes("[".repeat(65)) === true)
    return "a body of more than 64 levels is taken";
  remember(names, body);
  return status < 400 || init.method === "HEAD" ? null : problemFault(response, body);
}

interface Counts {
  readonly statuses: Record<string, number>;
  readonly doors: Record<string, { asked: number; taken: number }>;
}

function count({ statuses, doors }: Counts, door: string, status: number): void {
  statuses[status] = (statuses[status] ?? 0) + 1;
  const counted = (doors[door] ??= { asked: 0, taken: 0 });
  counted.asked += 1;
  if (status < 300) counted.taken += 1;
}

/** The address without what is drawn. */
function doorOf(pathname: string): string {
  const path = pathname.replaceAll(/\/+/g, "/").replace(/^\/(?:openai|v1)(?=\/v1)/, "");
  const known = /^\/v1\/(?:realtime(?:\/client_secrets)?|sessions|twilio(?:\/streams)?|models)\/?$/.exec(
    path,
  );
  if (known !== null) return path.replace(/\/$/, "");
  const within = /^\/v1\/(?:sessions|twilio|models)(?=\/.)/.exec(path)?.[0];
  return within === undefined ? "elsewhere" : `${within}/…`;
}

function requestUrl(path: string): URL | null {
  return URL.canParse(path, HOST) ? new URL(path, HOST) : null;
}

function requestOf(url: URL, init: DoorRequest["init"]): Request | null {
  try {
    return new Request(url, init);
  } catch {
    return null;
  }
}

function problemFault(response: Response, body: string): string | null {
  if (response.status === 404 && body === "") return null;
  if (response.headers.get("content-type") !== "application/problem+json") {
    return `status ${response.status} is no problem: ${body.slice(0, 200)}`;
  }
  const { status, detail, error } = JSON.parse(body) as {
    status: number;
    detail: string;
    error: { code: string; message: string };
  };
  const whole = status === response.status && detail !== "" && error.code !== "" && error.message !== "";
  return whole ? null : `a problem that contradicts itself: ${body.slice(0, 300)}`;
}

function remember(names: DoorNames, body: string): void {
  for (const [, token = ""] of body.matchAll(/"(?:token|value)":"([^"]{8,})"/g)) names.tokens.push(token);
  for (const [, id = ""] of body.matchAll(/"id":"(sess_[^"]+)"/g)) names.sessions.push(id);
  for (const [, token = ""] of body.matchAll(/\/v1\/twilio\/([\w.-]{80,})/g)) names.streams.push(token);
  if (names.streams.length > 20) names.streams.splice(0, 10);
  if (names.tokens.length > 20) names.tokens.splice(0, 10);
  if (names.sessions.length > 20) names.sessions.splice(0, 10);
}

function bindings(): object {
  const sha256 = (key: string): string => createHash("sha256").update(key).digest("hex");
  return {
    VOICE_SESSION: namespace(sessionDouble),
    KEY_LEDGER: namespace(ledgerDouble),
    KEPT_SESSION: namespace(keptDouble),
    RELAY_SIGNING_KEY: "a signing key that only the fuzzer knows",
    RELAY_API_KEYS: JSON.stringify([
      { id: "fuzz", sha256: sha256(KEY), limits: { concurrent: 5 } },
      { id: "operator", sha256: sha256(OPERATOR), operator: true },
    ]),
    TWILIO_AUTH_TOKEN: PHONE_SECRET,
    RELAY_KEYS: { get: storedKey },
  };
}

/** A KV namespace without entries, with KV's own bound for names. */
function storedKey(name: string): Promise<null> {
  return new TextEncoder().encode(name).length > 512
    ? Promise.reject(new Error("KV GET failed: 414 UTF-8 encoded length exceeds key length limit of 512"))
    : Promise.resolve(null);
}

/** Has a place for everybody. */
function ledgerDouble(): object {
  return {
    take: () => "taken",
    release: () => undefined,
    holders: () => [],
    openBy: () => Promise.resolve(true),
    notOpened: () => undefined,
  };
}

/** Lets every client in, and knows no session. */
function sessionDouble(): object {
  return {
    fetch: () => Promise.resolve(new UpgradableResponse(null, { status: 101 })),
    prepare: () => Promise.resolve(),
    prewarm: () => Promise.resolve(),
    state: () => Promise.resolve(null),
    alive: () => Promise.resolve(false),
    terminate: () => Promise.resolve(false),
    withdraw: () => Promise.resolve(true),
  };
}

function keptDouble(name: string): object {
  return {
    keep: (session: string) => void kept.set(name, session),
    kept: () => Promise.resolve(kept.get(name) ?? null),
  };
}
const kept = new Map<string, string>();

function namespace(make: (name: string) => object): object {
  let drawn = 0;
  const id = (name: string): object => ({ name, toString: () => name });
  const whole = {
    newUniqueId: () => id((drawn += 1).toString(16).padStart(64, "0")),
    idFromName: (name: string) => id(name),
    idFromString: (name: string) => id(name),
    get: (of: { readonly name: string }) => make(of.name),
    jurisdiction: () => whole,
  };
  return whole;
}
