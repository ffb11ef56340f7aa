/** Client secrets: what a page is handed in place of an API key. */
import * as v from "valibot";
import { JURISDICTIONS } from "../config/jurisdictions.ts";
import { stickyOf } from "../config/sticky.ts";
import type { JsonObject } from "../protocol/json.ts";
import { withoutToolSecrets } from "../protocol/tool-secrets.ts";
import type { ApiKey } from "./api-keys.ts";
import { expiresAfter, jsonObject } from "./body.ts";
import type { DoorContext } from "./door.ts";
import { jurisdictionFor } from "./jurisdictions.ts";
import { Problem } from "./problem.ts";
import { effectiveSession, intentOf, lockFields, modelName, modelOf, planFor } from "./session-config.ts";
import { newSessionId } from "./session-id.ts";
import { caller } from "./stickiness.ts";
import { type Grant, issueToken, LONGEST_SECRET_S } from "./tokens.ts";

const SECRET_LIFETIME_S = 600;
/** That one client secret is for: they travel in it. */
const MODELS_LIMIT = 16;
/** Each session of a secret that has a bound is a row in its key's ledger. */
const MOST_SESSIONS = 1000;

/** A body of `POST /v1/realtime/client_secrets`. */
export const secretRequest = v.object({
  session: v.nullish(jsonObject),
  expires_after: expiresAfter(10, LONGEST_SECRET_S),
  models: v.nullish(
    v.pipe(
      v.array(modelName, "expected a list of models"),
      v.minLength(1, "expected a model"),
      v.maxLength(MODELS_LIMIT, `expected at most ${MODELS_LIMIT} models`),
    ),
  ),
  resumable: v.nullish(v.boolean("expected true or false")),
  jurisdiction: v.nullish(v.picklist(JURISDICTIONS, `expected one of ${JURISDICTIONS.join(", ")}`)),
  max_sessions: v.nullish(
    v.pipe(
      v.number("expected a number"),
      v.integer("expected a whole number"),
      v.minValue(1, "expected at least 1"),
      v.maxValue(MOST_SESSIONS, `expected at most ${MOST_SESSIONS}`),
    ),
  ),
  caller,
  ...lockFields,
});

export interface Minted {
  readonly value: string;
  /** Seconds since 1970. */
  readonly expires_at: number;
  /** As its sessions begin. */
  readonly session: JsonObject;
}

type SecretRequest = v.InferOutput<typeof secretRequest>;

/** What a session of this model is under the secret. @throws Problem */
function leadsTo(
  c: DoorContext,
  key: ApiKey,
  { session, jurisdiction }: SecretRequest,
  model: string | null,
  sticky: string | null,
) {
  const plan = planFor(c, { key, by: null }, model, sticky);
  const effective = effectiveSession(plan, session ?? {}, "invalid_value");
  return { plan, effective, jurisdiction: jurisdictionFor(c, plan, jurisdiction ?? null, "invalid_value") };
}

function shownOf(session: JsonObject, intent: Grant["intent"]): JsonObject {
  const object = intent === "transcription" ? "realtime.transcription_session" : "realtime.session";
  return { ...session, tools: withoutToolSecrets(session["tools"] ?? []), object };
}

function invalidModels(why: string): Problem {
  return new Problem("invalid_value", `Invalid 'models': ${why}`, { param: "models" });
}

/** @throws Problem naming the field, or 404 for a model that is not offered. */
export async function mint(c: DoorContext, key: ApiKey, body: SecretRequest): Promise<Minted> {
  const session = body.session ?? {};
  const models = body.models ?? null;
  const model = modelOf(session, "invalid_value") ?? models?.[0] ?? null;
  if (model !== null && models?.includes(model) === false) {
    throw invalidModels("session.model is not among them.");
  }
  const sticky = await stickyOf(body.caller);
  const { plan, effective, jurisdiction } = leadsTo(c, key, body, model, sticky);
  const others = models?.map((other) => leadsTo(c, key, body, other, sticky)) ?? [];
  if (others.some((its) => its.jurisdiction !== jurisdiction)) {
    throw invalidModels("sessions of one secret lie in one jurisdiction.");
  }
  const resumable = body.resumable ?? false;
  const intent = intentOf(session);
  // Drawn now and not used before its first client comes: the object is made near that one.
  const sessionId = await newSessionId(c.env, c.req.url, jurisdiction, key.id);
  const grant: Grant = {
    audience: "client_secret",
    key,
    // The secret can be read by who holds it: a name in it is told to all of them.
    sessionId: resumable ? sessionId : "",
    model,
    models,
    resumable,
    maxSessions: body.max_sessions ?? null,
    intent,
    session,
    locked: body.locked ?? [],
    toolTypes: body.tool_types ?? null,
    locationHint: null,
    jurisdiction,
    sticky,
    sealed: [plan, ...others.map((its) => its.plan)].some(({ sealed }) => sealed === true),
  };
  const secret = await issueToken(c, grant, body.expires_after?.seconds ?? SECRET_LIFETIME_S);
  const shown = { ...shownOf(effective, intent), id: sessionId, model: model ?? plan.name };
  return { value: secret.value, expires_at: secret.exp, session: shown };
}
