/** Requests to the doors: every address with its methods, headers and bodies, whole and broken. */
import { createHmac } from "node:crypto";
import type { Random } from "../sim/random.ts";
import { hostileText, loose, type Loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { spell } from "./spell.ts";

export interface DoorNames {
  readonly key: string;
  /** Of sessions and client secrets, as they were given. */
  readonly tokens: string[];
  readonly sessions: string[];
  /** Of telephone streams. */
  readonly streams: string[];
  /** An operator's key. */
  readonly operator: string;
  /** With which a telephone carrier signs, and the address that it knows. */
  readonly phoneSecret: string;
  readonly host: string;
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
  if (random.chance(0.2)) return phoneRequest(random, names);
  if (random.chance(0.08)) return endRequest(random, names);
  if (random.chance(0.12)) return returnRequest(random, names);
  return anyRequest(random, names);
}

/** `DELETE /v1/sessions?key=…`: for the key's own sessions, and for an operator's key. */
function endRequest(random: Random, names: DoorNames): DoorRequest {
  const good = random.chance(0.6);
  const key = good ? random.pick([names.key, names.operator]) : hostileCredential(random, names);
  const id = random.pick(["fuzz", "operator", "@twilio", "constructor", "", wellFormed(hostileText(random))]);
  const query = random.chance(0.9) ? `key=${encodeURIComponent(id)}` : `key=${id}&key=fuzz`;
  return {
    path: `/v1/sessions${random.pick(["", "/"])}?${query}`,
    authorized: good || names.tokens.includes(key),
    init: { method: "DELETE", headers: { authorization: `Bearer ${key}` } },
  };
}

/** A dropped client comes back: by its secret or key to `session_id`, or by a resume token to the session's address. */
function returnRequest(random: Random, names: DoorNames): DoorRequest {
  const session =
    names.sessions.length > 0 && random.chance(0.9) ? random.pick(names.sessions) : "sess_nobody";
  const secret = names.tokens.length > 0 && random.chance(0.6);
  const key = secret
    ? random.pick(names.tokens)
    : random.chance(0.6)
      ? names.key
      : hostileCredential(random, names);
  const token = random.chance(0.7) ? "r".repeat(random.pick([1, 43, 256, 257])) : latin(hostileText(random));
  const byId = random.chance(0.5);
  const protocols = byId
    ? ["realtime", "duplex.v1", `openai-insecure-api-key.${key}`]
    : ["duplex.v1", `relay-resume.${token}`];
  const address = encodeURIComponent(wellFormed(session));
  return {
    path: byId ? `/v1/realtime?session_id=${address}&model=echo` : `/v1/sessions/${address}`,
    // A resume token is the session's own to judge.
    authorized: !byId || names.tokens.includes(key) || key === names.key,
    init: {
      method: "GET",
      headers: { upgrade: "websocket", "sec-websocket-protocol": protocols.join(", ") },
    },
  };
}

/** The telephone's door: webhooks that are signed or are not, streams for an application, and streams themselves. */
function phoneRequest(random: Random, names: DoorNames): DoorRequest {
  const kind = random.next();
  if (kind < 0.45) return webhook(random, names);
  if (kind < 0.7) return placedCall(random, names);
  const known = names.streams.length > 0 && random.chance(0.7);
  const given = known
    ? random.pick(names.streams)
    : random.pick([...names.tokens, latin(hostileText(random)), "x.y.z"]);
  const token = known && random.chance(0.3) ? given.slice(0, -2) : given;
  const upgrade = random.chance(0.8);
  return {
    path: `/v1/twilio/${encodeURIComponent(wellFormed(token))}`,
    authorized: names.streams.includes(token),
    init: { method: "GET", headers: upgrade ? { upgrade: "websocket" } : {} },
  };
}

function webhook(random: Random, names: DoorNames): DoorRequest {
  const form = new URLSearchParams();
  if (random.chance(0.9))
    form.append("CallSid", random.pick(["CA1", "CA2", wellFormed(hostileText(random))]));
  if (random.chance(0.9))
    form.append("To", random.pick(["+15550001", "*", "constructor", wellFormed(hostileText(random))]));
  if (random.chance(0.3)) form.append("From", "+15551234");
  if (random.chance(0.2)) form.append("To", "+15550001");
  if (random.chance(0.1)) form.append(wellFormed(hostileText(random)), wellFormed(hostileText(random)));
  const session = names.sessions.length > 0 ? random.pick(names.sessions) : "sess_nobody";
  const path = random.chance(0.75) ? "/v1/twilio" : `/v1/twilio/${encodeURIComponent(session)}`;
  const good = random.chance(0.7);
  const text = Array.from(new Set(form.keys()))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) =>
      Array.from(new Set(form.getAll(name)))
        .toSorted((a, b) => (a < b ? -1 : 1))
        .map((value) => name + value)
        .join(""),
    )
    .join("");
  const signature = createHmac("sha1", good ? names.phoneSecret : "another secret").update(
    `${names.host}${path}${text}`,
  );
  const body = form.toString();
  return {
    path,
    authorized: good,
    init: {
      method: "POST",
      headers: {
        "content-type": random.chance(0.95) ? "application/x-www-form-urlencoded" : "application/json",
        "x-twilio-signature": random.chance(0.95) ? signature.digest("base64") : latin(hostileText(random)),
      },
      body: random.chance(0.95) ? body : body.slice(0, random.int(0, body.length)),
    },
  };
}

function placedCall(random: Random, names: DoorNames): DoorRequest {
  const good = random.chance(0.7);
  const key = good ? names.key : hostileCredential(random, names);
  const event: LooseObject = {
    ...(random.chance(0.5) ? { carrier: random.pick(["twilio", "telnyx", "plivo", "constructor"]) } : {}),
    ...(random.chance(0.5) ? { number: random.pick(["+15550001", "*", "toString"]) } : {}),
    ...(random.chance(0.5) ? { call: random.pick(["CA1", "v3:abc", "", "x".repeat(300)]) } : {}),
  };
  if (random.chance(0.4)) mutate(event, random, ["twilio", "+15550001"]);
  const body = spell(event, random, 0.1);
  return {
    path: `/v1/twilio/streams${random.pick(["", "/"])}`,
    authorized: good || names.tokens.includes(key),
    init: {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: typeof body === "string" ? body : new TextDecoder().decode(body),
    },
  };
}

function anyRequest(random: Random, names: DoorNames): DoorRequest {
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
      ? random.pick(["echo", "constructor", "sealed", "transcription", session, "x".repeat(300)])
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
    model: random.pick(["echo", "constructor", "sealed", "anything"]),
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
    jurisdiction: random.pick<Loose>([null, null, null, null, "eu"]) as never,
    prewarm: random.chance(0.2),
    client_country: random.pick(["DE", "XX", "d"]),
    token_in_url: random.chance(0.5),
    models: random.chance(0.9)
      ? ["echo", "sealed", "constructor", "anything"]
      : random.pick<Loose>([["constructor", "nobody"], [], ["sealed"]]),
    locked: random.chance(0.9)
      ? random.pick<Loose>([["instructions"], ["unknown", "audio.output.voice"]])
      : random.pick<Loose>([["__proto__"], ["tools.0"]]),
    tool_types: random.chance(0.9)
      ? ["function"]
      : random.pick<Loose>([["function", "mcp"], [], ["constructor"]]),
    resumable: random.chance(0.5),
    max_sessions: random.pick<Loose>([1, 2, 3, 9, 1000, 1001]),
  }) as LooseObject;
  for (const name of Object.keys(event)) if (random.chance(0.4)) delete event[name];
  if (random.chance(0.6)) mutate(event, random, ["echo", "constructor"]);
  const body = spell(event, random, 0.15);
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  return random.chance(0.03) ? text.replace('"session":{', `"session":{"x":${nested(random)},`) : text;
}

/** Lists in lists: more levels than are taken, and more than a stack takes. */
function nested(random: Random): string {
  const levels = random.pick([1, 60, 100, 1000, 7000, 30_000]);
  return "[".repeat(levels) + "]".repeat(levels);
}

export function describeRequest({ path, init }: DoorRequest): string {
  const headers = Object.entries(init.headers).map(([name, value]) => `  ${name}: ${value.slice(0, 200)}`);
  return [`  ${init.method} ${path.slice(0, 300)}`, ...headers, `  ${(init.body ?? "").slice(0, 600)}`].join(
    "\n",
  );
}
