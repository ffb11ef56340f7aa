/** The beta's doors to a client secret: `POST /v1/realtime/sessions` and `/transcription_sessions`. The body is a flat session. */
import { Hono } from "hono";
import * as v from "valibot";
import {
  BEGIN_TEMPERATURE,
  fromSession,
  readTemperature,
  renamed,
  toOwn,
} from "../dialects/openai-beta/fields.ts";
import { ClientError } from "../protocol/client-error.ts";
import type { JsonObject } from "../protocol/json.ts";
import { requireApiKey } from "./access.ts";
import { expiresAfter, limitBody, readBody } from "./body.ts";
import { mint, secretRequest } from "./client-secrets.ts";
import type { DoorContext, DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

/** How long the secret is good: the reference names it one way, types of that year the other. */
const lifetime = v.nullish(
  v.looseObject({ expires_after: expiresAfter(10, 7200), expires_at: expiresAfter(10, 7200) }),
);
const flatSession = v.looseObject({ client_secret: lifetime });

export const betaSecrets = new Hono<DoorEnv>()
  .post("/sessions", limitBody, (c) => answer(c, {}))
  .post("/transcription_sessions", limitBody, (c) => answer(c, { type: "transcription" }));

/** @param fixed what its kind of session has. */
async function answer(c: DoorContext, fixed: JsonObject): Promise<Response> {
  const key = await requireApiKey(c);
  const { client_secret: asked, ...given } = await readBody(c, flatSession, "invalid_value");
  try {
    // What was parsed from JSON is JSON.
    const flat = given as JsonObject;
    const temperature = readTemperature(flat, "session") ?? BEGIN_TEMPERATURE;
    const session = { ...toOwn(flat, "session"), ...fixed };
    const expires_after = asked?.expires_after ?? asked?.expires_at;
    const body = v.parse(secretRequest, { session, ...(expires_after && { expires_after }) });
    const { value, expires_at, session: shown } = await mint(c, key, body);
    const told = { ...fromSession(shown, temperature), client_secret: { value, expires_at } };
    return c.json(told, 200, { "Cache-Control": "no-store" });
  } catch (error) {
    throw inItsWords(error);
  }
}

/** The body is the session: its fields stand alone. */
function inItsWords(error: unknown): unknown {
  const alone = (text: string): string => renamed(text).replaceAll("session.", "");
  if (error instanceof ClientError) {
    const { message, param } = error;
    return new Problem("invalid_value", alone(message), param === null ? {} : { param: alone(param) });
  }
  if (!(error instanceof Problem)) return error;
  const { param, ...options } = error.options;
  return new Problem(error.code, alone(error.message), {
    ...options,
    ...(param !== undefined && { param: alone(param) }),
  });
}
