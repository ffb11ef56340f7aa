/**
 * The telephone's door. `POST /v1/twilio` is a number's voice webhook and answers with the stream to connect to;
 * `GET /v1/twilio/:token` is that stream; `POST /v1/twilio/:session` is where Twilio asks what to do when a stream has ended
 * and the call has not. `POST /v1/twilio/streams` gives an application a stream for a call of its own, of any carrier.
 */
import { Hono } from "hono";
import * as v from "valibot";
import { doorAccount } from "../../../../durable-objects/api-key.ts";
import type { Jurisdiction } from "../../../config/jurisdictions.ts";
import { requireApiKey } from "../../../http/access.ts";
import { type ApiKey, apiKeyById } from "../../../http/api-keys.ts";
import { limitBody, readBody } from "../../../http/body.ts";
import {
  type DoorContext,
  type DoorEnv,
  forwardedHost,
  isDevelopment,
  isUpgrade,
} from "../../../http/door.ts";
import { jurisdictionFor } from "../../../http/jurisdictions.ts";
import { boundsOf } from "../../../http/limits.ts";
import { connect, namedObject } from "../../../http/object.ts";
import { inPlace, limitOf, sessionLeaseMs } from "../../../http/places.ts";
import { Problem } from "../../../http/problem.ts";
import { countReturn, countSession } from "../../../http/rate.ts";
import { effectiveSession, planFor } from "../../../http/session-config.ts";
import { jurisdictionOf, newSessionId } from "../../../http/session-id.ts";
import { coreId } from "../../../http/sessions.ts";
import { armDrawn } from "../../../http/stickiness.ts";
import type { JsonObject } from "../../../protocol/json.ts";
import { isJsonObject } from "../../../protocol/json.ts";
import { isShadow, type Plan } from "../../../session/state/plan.ts";
import { CARRIERS } from "../carriers.ts";
import type { Answer, TwilioSettings } from "../settings.ts";
import { isSigned } from "./signature.ts";
import { issueStreamToken, readStreamToken, type StreamGrant } from "./stream-token.ts";
import { connectTo, HANG_UP } from "./twiml.ts";

const ANY_NUMBER = "*";
/** In development a telephone needs no line in relay.config.ts. */
const DEVELOPMENT: TwilioSettings = {
  numbers: { [ANY_NUMBER]: { greeting: true, keys: true, session: {} } },
};
const MU_LAW = { format: { type: "audio/pcmu" } };
const CALL = /^[\w:.-]{1,256}$/;

const placed = v.object({
  carrier: v.nullish(
    v.picklist(
      Object.keys(CARRIERS) as (keyof typeof CARRIERS)[],
      `expected one of ${Object.keys(CARRIERS).join(", ")}`,
    ),
    "twilio",
  ),
  number: v.nullish(v.pipe(v.string("expected a number"), v.nonEmpty("expected a number")), ANY_NUMBER),
  call: v.nullish(
    v.pipe(v.string("expected a name"), v.regex(CALL, "expected the carrier's name of the call")),
  ),
});

export const twilio = new Hono<DoorEnv>()
  .post("/", limitBody, async (c) => {
    const settings = settingsOf(c);
    const { call, to, param } = await readWebhook(c, settings);
    const key = await accountOf(c, settings);
    const id = await newCall(c, key, planOf(c, key, answerTo(settings, to, param)));
    return answered(c, settings, { sub: id, carrier: "twilio", call, to, key: null });
  })
  .post("/streams", limitBody, async (c) => {
    const settings = settingsOf(c);
    const key = await requireApiKey(c);
    const { carrier, number, call } = await readBody(c, placed, "unprocessable");
    const to = number ?? ANY_NUMBER;
    const id = await newCall(c, key, planOf(c, key, answerTo(settings, to)));
    const grant = { sub: id, carrier: carrier ?? "twilio", call: call ?? null, to, key: key.id };
    const { value, exp } = await issueStreamToken(c, grant, "placed");
    const url = streamUrl(publicUrl(c, settings), value);
    return c.json({ id, object: "relay.stream", url, expires_at: exp }, 201, { "Cache-Control": "no-store" });
  })
  .post("/:session", limitBody, async (c) => {
    const settings = settingsOf(c);
    const { call, to } = await readWebhook(c, settings);
    const key = await accountOf(c, settings);
    const id = c.req.param("session");
    const stub = await namedObject(c, id);
    // One that cannot be connected to comes back here at once, and again.
    countReturn(c, id);
    if (!(await stub.alive(key.id))) return xml(HANG_UP);
    return answered(c, settings, { sub: id, carrier: "twilio", call, to, key: null });
  })
  .get("/:token", async (c) => {
    if (!isUpgrade(c.req.raw)) {
      throw new Problem("upgrade_required", "Connect with a WebSocket (Upgrade: websocket).", {
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    return openStream(c, c.req.param("token"));
  });

async function openStream(c: DoorContext, value: string): Promise<Response> {
  const settings = settingsOf(c);
  const token = await readStreamToken(c, value);
  const key = token.key === null ? await accountOf(c, settings) : await apiKeyById(c, token.key);
  if (key === null)
    throw new Problem("invalid_credentials", "The key that issued this is not known any more.");
  const answer = answerTo(settings, token.to);
  const plan = planOf(c, key, answer, token.sub);
  if (jurisdictionOf(token.sub) !== placeOf(c, plan))
    throw new Problem(
      "misconfigured",
      `Sessions of '${plan.name}' lie elsewhere since this call was answered.`,
    );
  const stub = await namedObject(c, token.sub);
  const call = {
    id: coreId(token.sub),
    model: answer.model ?? plan.name,
    intent: "conversation" as const,
    session: sessionOf(answer),
    keyId: key.id,
    keyFingerprint: key.fingerprint || null,
    locked: [],
    toolTypes: null,
    ...boundsOf(c, key),
    ...armDrawn(plan),
    secret: null,
    leased: limitOf(c, key) !== null,
    token: { jti: token.jti, exp: token.exp },
    dialectSettings: { call: token.call, greeting: answer.greeting, keys: answer.keys },
  };
  const { carrier: dialect } = token;
  const arrival = { call, keyId: key.id, resume: null, secret: null, ticket: null, dialect, protocol: null };
  const place = { stub, id: token.sub, leaseMs: sessionLeaseMs(plan) };
  return inPlace(c, key, place, (_, drawn) => connect(stub, { ...arrival, drawn }));
}

/** @throws Problem 429 when its account has had its share. */
async function newCall(c: DoorContext, key: ApiKey, plan: Plan): Promise<string> {
  const jurisdiction = placeOf(c, plan);
  await countSession(c, key);
  return newSessionId(c.env, c.req.url, jurisdiction, key.id);
}

/** As the route demands: a carrier asks for none. @throws Problem 500 where there is none. */
function placeOf(c: DoorContext, plan: Plan): Jurisdiction | null {
  return jurisdictionFor(c, plan, null, "misconfigured");
}

/** @throws Problem 404 */
function settingsOf(c: DoorContext): TwilioSettings {
  const { twilio: configured } = c.var.config;
  if (configured !== undefined) return configured;
  if (isDevelopment(c.env, c.req.url)) return DEVELOPMENT;
  throw new Problem("not_offered", "This relay takes no telephone calls: relay.config.ts has no 'twilio'.");
}

/** @throws Problem 404 */
function answerTo({ numbers }: TwilioSettings, to: string, param = "To"): Answer {
  const answer = Object.hasOwn(numbers, to) ? numbers[to] : numbers[ANY_NUMBER];
  if (answer !== undefined) return answer;
  throw new Problem(
    "not_found",
    "This number is not answered: it is not among 'twilio.numbers' of relay.config.ts.",
    { param },
  );
}

/** The secret with which Twilio signs; null: development, where nobody signs. @throws Problem 500 */
function secretOf(c: DoorContext, { authToken }: TwilioSettings): string | null {
  const secret: unknown = authToken === undefined ? undefined : Reflect.get(c.env, authToken.env);
  if (typeof secret === "string" && secret !== "") return secret;
  if (isDevelopment(c.env, c.req.url)) return null;
  const binding =
    authToken === undefined ? "'twilio.authToken' of relay.config.ts" : `the binding ${authToken.env}`;
  throw new Problem("misconfigured", `Twilio's calls cannot be told from others: ${binding} is missing.`);
}

/**
 * What Twilio says of a call. `to`: the account's own number, which an application calls from (`Direction` `outbound-api`,
 * `outbound-dial`) and everybody else calls; `param`: where it stands. @throws Problem 400, 401, 415 */
async function readWebhook(
  c: DoorContext,
  settings: TwilioSettings,
): Promise<{ readonly call: string; readonly to: string; readonly param: string }> {
  const secret = secretOf(c, settings);
  const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded")
    throw new Problem("unsupported_media_type", "A webhook's body is application/x-www-form-urlencoded.");
  const parameters = new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()));
  if (secret !== null) {
    const { pathname, search } = new URL(c.req.url);
    const url = publicUrl(c, settings) + pathname + search;
    const signature = c.req.header("X-Twilio-Signature") ?? "";
    if (!(await isSigned(secret, url, parameters, signature)))
      throw new Problem(
        "invalid_credentials",
        "X-Twilio-Signature is not that of this account and this URL.",
      );
  }
  const call = parameters.get("CallSid") ?? "";
  if (!CALL.test(call)) throw new Problem("missing_parameter", "Missing 'CallSid'.", { param: "CallSid" });
  const param = parameters.get("Direction")?.startsWith("outbound") === true ? "From" : "To";
  return { call, to: parameters.get(param) ?? "", param };
}

/** On whose account calls run. @throws Problem 500 */
async function accountOf(c: DoorContext, settings: TwilioSettings): Promise<ApiKey> {
  if (settings.key !== undefined) {
    const key = await apiKeyById(c, settings.key);
    if (key !== null) return key;
    throw new Problem("misconfigured", "'twilio.key' of relay.config.ts is no API key of this relay.");
  }
  // Whoever reaches a machine in development spends none of its secrets.
  return doorAccount("twilio", secretOf(c, settings) === null);
}

/** @throws Problem as `planFor`, and 500 for what cannot be told by one telephone. */
function planOf(c: DoorContext, key: ApiKey, answer: Answer, session: string | null = null): Plan {
  const plan = planFor(c, { key, by: null }, answer.model ?? null, session);
  // Several that race are one voice.
  const voices = plan.upstreams.filter((upstream) => !isShadow(upstream)).length;
  if (voices > 1 && plan.strategy === undefined) {
    const detail = `Route '${plan.name}' has ${voices} voices: a telephone plays one.`;
    throw new Problem("misconfigured", detail);
  }
  effectiveSession(plan, sessionOf(answer), "misconfigured");
  return plan;
}

/** G.711 both ways, whatever else is said: a provider that speaks it gets the caller's very bytes. */
function sessionOf({ session }: Answer): JsonObject {
  const audio = memberOf(session, "audio");
  return {
    ...session,
    audio: {
      ...audio,
      input: { ...memberOf(audio, "input"), ...MU_LAW },
      output: { ...memberOf(audio, "output"), ...MU_LAW },
    },
  };
}

function memberOf(object: JsonObject, name: string): JsonObject {
  const member = object[name];
  return isJsonObject(member) ? member : {};
}

async function answered(c: DoorContext, settings: TwilioSettings, grant: StreamGrant): Promise<Response> {
  const { value } = await issueStreamToken(c, grant, "answered");
  const origin = publicUrl(c, settings);
  return xml(connectTo(streamUrl(origin, value), `${origin}/v1/twilio/${grant.sub}`, { session: grant.sub }));
}

/** As Twilio knows the relay: by configuration, or as it was asked for. In development a tunnel says who it is. */
function publicUrl(c: DoorContext, { publicUrl: configured }: TwilioSettings): string {
  if (configured !== undefined) return configured;
  const { origin } = new URL(c.req.url);
  const tunnel = isDevelopment(c.env, c.req.url) ? forwardedHost(c) : null;
  return tunnel !== null && URL.canParse(`https://${tunnel}`) ? `https://${tunnel}` : origin;
}

function streamUrl(origin: string, token: string): string {
  return `${origin.replace(/^http/, "ws")}/v1/twilio/${token}`;
}

function xml(text: string): Response {
  return new Response(text, {
    headers: { "Content-Type": "text/xml; charset=utf-8", "Cache-Control": "no-store" },
  });
}
