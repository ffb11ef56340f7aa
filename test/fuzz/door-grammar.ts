/** Requests to the doors: every address with its methods, headers and bodies, whole and broken. */
import type { Random } from "../sim/random.ts";
import { hostileText, loose, type Loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { spell } from "./spell.ts";

export interface DoorNames {
  readonly key: string;
  /** Of sessions and client secrets, as they were given. */
  readonly tokens: string[];
  readonly sessions: string[];
}

export interface DoorRequest {
  readonly path: string;
  readonly init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
  };
  /** It bears the key, or a token that was given, somewhere and unbroken. */
  readonly authorized: boolean;
}

const METHODS = ["GET", "GET", "GET", "POST", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD"];
const ORIGINS = [
  "https://relay.example",
  "https://app.example.com",
  "https://evil.example",
  "null",
  "chrome-extension://x",
];

export function doorRequest(random: Random, names: DoorNames): DoorRequest {
  const headers: Record<string, string> = {};
  const upgrade = random.chance(0.35);
  const creates = !upgrade && random.chance(0.5);
  const method = upgrade ? "GET" : creates ? "POST" : random.pick(METHODS);
  let path = pathOf(random, names, creates);
  const good = random.chance(0.6);
  const key = good ? names.key : hostileCredential(random, names);
  const protocols: string[] = random.chance(0.5) ? ["realtime"] : [];
  if (random.chance(0.3)) protocols.push("duplex.v1");
  const place = random.int(0, 4);
  if (place === 0) headers["authorization"] = `Bearer ${key}`;
  else if (place === 1) headers["api-key"] = key;
  else if (place === 2) protocols.push(`openai-insecure-api-key.${key}`);
  else if (place === 3) protocols.push(`relay-token.${key}`);
  else path += `${path.includes("?") ? "&" : "?"}token=${encodeURIComponent(wellFormed(key))}`;
  if (upgrade) headers["upgrade"] = random.pick(["websocket", "websocket", "WebSocket", "h2c", ""]);
  if (protocols.length > 0) headers["sec-websocket-protocol"] = protocols.join(", ");
  if (random.chance(0.2))
    headers["origin"] = random.chance(0.9) ? random.pick(ORIGINS) : latin(hostileText(random));
  if (random.chance(0.1))
    headers["x-forwarded-proto"] = random.pick(["https", "http", "javascript", "https,http"]);
  if (random.chance(0.1)) headers["x-forwarded-host"] = latin(hostileText(random));
  if (random.chance(0.05)) headers["x-relay-secret-setup"] = latin(hostileText(random));
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(random, headers);
  const tokens = names.tokens.some(
    (token) => path.includes(token) || Object.values(headers).some((value) => value.includes(token)),
  );
  const authorized = good || tokens || path.includes("resume_token") || method === "OPTIONS";
  return { path, authorized, init: { method, headers, ...(body === null ? {} : { body }) } };
}

/** Never the key, but near it. */
function hostileCredential(random: Random, { key, tokens }: DoorNames): string {
  return latin(
    random.pick([
      "",
      key.slice(0, -1),
      `${key} `.repeat(2),
      key.toUpperCase(),
      `${key}x`,
      "relay-dev",
      hostileText(random),
      "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
      tokens.at(-1) ?? "ek_nothing",
      (tokens.at(-1) ?? "ek_nothing.x.y").slice(0, -2),
    ]),
  );
}

/** What a header may bear. */
function latin(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/g, "?").trim();
}

function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, "?");
}

function pathOf(random: Random, { sessions }: DoorNames, creates: boolean): string {
  const session =
    sessions.length > 0 && random.chance(0.8)
      ? random.pick(sessions)
      : wellFormed(hostileText(random).slice(0, 80));
  const base = creates
    ? random.pick(["/v1/sessions", "/v1/realtime/client_secrets", "/v1/realtime/client_secrets"])
    : random.pick([
        "/v1/realtime",
        "/v1/realtime",
        "/v1/sessions",
        `/v1/sessions/${encodeURIComponent(session)}`,
        `/v1/sessions/${session}`,
        "/v1/models",
        `/v1/models/${encodeURIComponent(session)}`,
        "/v1/realtime/sessions",
        "/v1/realtime/calls",
        "/healthz",
        "/metrics",
        "/",
        `/${encodeURIComponent(session)}`,
        `/v1/${session}`,
      ]);
  const spelled = random.pick([
    base,
    base,
    base,
    base,
    base.replaceAll("/", "//"),
    `${base}/`,
    `/openai${base}`,
    `/v1${base}`,
  ]);
  const query = [
    "model",
    "intent",
    "session_id",
    "resume_token",
    "deployment",
    "call_id",
    "toString",
  ].flatMap((name) => {
    if (!random.chance(name === "model" ? 0.5 : 0.08)) return [];
    const value = random.chance(0.7)
      ? random.pick(["echo", "constructor", "transcription", session, "x".repeat(300)])
      : hostileText(random);
    return [`${name}=${random.chance(0.9) ? encodeURIComponent(wellFormed(value)) : value}`];
  });
  return query.length === 0 ? spelled : `${spelled}?${query.join("&")}`;
}

function bodyOf(random: Random, headers: Record<string, string>): string {
  headers["content-type"] = random.chance(0.9)
    ? "application/json"
    : random.pick(["text/plain", "", "application/json; charset=x"]);
  const event = loose({
    model: random.pick(["echo", "constructor", "anything"]),
    session: {
      type: random.pick(["realtime", "transcription"]),
      instructions: "be brief",
      audio: {
        input: { turn_detection: { type: "server_vad", threshold: 0.5 } },
        output: { voice: "marin" },
      },
      tools: [{ type: "function", name: "f", parameters: {} }],
    },
    expires_after: { anchor: "created_at", seconds: random.pick([10, 60, 600, 7200, 1e9]) },
    location_hint: random.pick<Loose>([null, "weur", "nowhere"]) as never,
    jurisdiction: random.pick<Loose>([null, null, "eu"]) as never,
    prewarm: random.chance(0.2),
    client_country: random.pick(["DE", "XX", "d"]),
  }) as LooseObject;
  for (const name of Object.keys(event)) if (random.chance(0.4)) delete event[name];
  if (random.chance(0.6)) mutate(event, random, ["echo", "constructor"]);
  const body = spell(event, random, 0.15);
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

export function describeRequest({ path, init }: DoorRequest): string {
  const headers = Object.entries(init.headers).map(([name, value]) => `  ${name}: ${value.slice(0, 200)}`);
  return [`  ${init.method} ${path.slice(0, 300)}`, ...headers, `  ${(init.body ?? "").slice(0, 600)}`].join(
    "\n",
  );
}
