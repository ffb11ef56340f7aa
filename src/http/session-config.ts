/** What doors need to know of a session before there is one: its plan, and whether its configuration is valid. */
import * as v from "valibot";
import type { CallSetup } from "../../durable-objects/call-setup.ts";
import { lockedFields, toolTypes } from "../config/locks.ts";
import { drawId } from "../../durable-objects/identifiers.ts";
import { PlanError } from "../config/plan-error.ts";
import { boundPlan, resolvePlan, spendsSecret } from "../config/resolve.ts";
import { ClientError } from "../protocol/client-error.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { initialConfig, mergeConfig } from "../protocol/session-config.ts";
import { restrain } from "../session/client/locks.ts";
import type { Plan } from "../session/state/plan.ts";
import { namesOfTools } from "../session/state/tool-plan.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext } from "./door.ts";
import { boundsOf } from "./limits.ts";
import { Problem, type ProblemCode } from "./problem.ts";
import type { Token } from "./tokens.ts";

export type Intent = "conversation" | "transcription";

/** Characters of a model's name; it is echoed, signed and stored. */
const MODEL_LIMIT = 256;
/** Bytes of a session configuration as JSON. */
const SESSION_LIMIT = 16 * 1024;

/** Who asks, and with what. */
export interface Caller {
  readonly key: ApiKey;
  /** A client secret or a session's token, which anybody may hold; null: the API key itself. */
  readonly by: Token | null;
}

/**
 * @param sticky of an experiment, what its arm is drawn by (`stickiness.ts`); null: anew.
 * @throws Problem 400, 404, 403 for the development key where the relay would spend a secret or, for a missing binding,
 * 500. Names of bindings are for holders of API keys.
 */
export function planFor(
  c: DoorContext,
  { key, by }: Caller,
  model: string | null,
  sticky: string | null = null,
): Plan {
  if (model !== null && model.length > MODEL_LIMIT) {
    throw new Problem("invalid_value", `Invalid 'model': at most ${MODEL_LIMIT} characters.`, {
      param: "model",
    });
  }
  if (key.spendsNothing && spendsSecret(c.var.config, model, c.env)) {
    const detail =
      "'relay-dev' opens only routes for which the relay spends no secret: use the key that npm start prints.";
    throw new Problem("key_refused", detail, { param: "model" });
  }
  try {
    return boundPlan(
      resolvePlan(c.var.config, model, c.env, { sticky: sticky ?? drawId() }),
      boundsOf(c, key),
    );
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    throw error.code === "model_not_found"
      ? new Problem("model_not_found", error.message, { param: "model" })
      : new Problem(
          "misconfigured",
          by === null ? error.message : "The relay is not configured for this model.",
        );
  }
}

/** What a session's client may not change, as a body says it. */
export const lockFields = {
  locked: v.nullish(lockedFields),
  tool_types: v.nullish(toolTypes),
};

/** For whom nothing was said: whoever holds a secret or token brings functions, which run in its own program. */
const CLIENTS_TOOLS: readonly string[] = ["function"];

/** Of a session that is begun with a secret or token (`by`), or by API key (null). */
export function locksOf(
  by: Pick<Token, "locked" | "toolTypes"> | null,
  plan: Plan,
): Pick<CallSetup, "locked" | "toolTypes"> {
  if (by === null) return { locked: [], toolTypes: null };
  const types = by.toolTypes ?? (plan.toolTypes === undefined ? CLIENTS_TOOLS : null);
  return { locked: [...by.locked], toolTypes: types === null ? null : [...types] };
}

export function intentOf(session: JsonObject): Intent {
  return session["type"] === "transcription" ? "transcription" : "conversation";
}

/**
 * `session.model`, which OpenAI's clients set in place of a member of their own.
 * @throws Problem `wrongField`: what is no name must not lead to the default route as if nothing had been said.
 */
export function modelOf(session: JsonObject, wrongField: ProblemCode): string | null {
  const model = session["model"] ?? null;
  if (model === null || model === "") return null;
  if (typeof model === "string" && model.length <= MODEL_LIMIT) return model;
  const detail = `Invalid 'session.model': expected a name of at most ${MODEL_LIMIT} characters.`;
  throw new Problem(wrongField, detail, { param: "session.model" });
}

/** A model in a body. */
export const modelName = v.pipe(
  v.string("expected a string"),
  v.nonEmpty("expected a name"),
  v.maxLength(MODEL_LIMIT, `expected at most ${MODEL_LIMIT} characters`),
);

/**
 * The full effective configuration that a session of this plan would have.
 * @throws Problem `wrongField` naming the field, or 413.
 */
export function effectiveSession(plan: Plan, session: JsonObject, wrongField: ProblemCode): JsonObject {
  const bytes = new TextEncoder().encode(JSON.stringify(session)).byteLength;
  if (bytes > SESSION_LIMIT) {
    throw new Problem(
      "session_too_large",
      `The session has ${bytes} bytes, at most ${SESSION_LIMIT} are taken.`,
      {
        param: "session",
      },
    );
  }
  try {
    const initial = initialConfig(intentOf(session) === "transcription" ? "transcription" : "realtime");
    const planned = mergeConfig(initial, plan.session);
    const merged = mergeConfig(planned, session);
    const taken = namesOfTools(plan);
    const locks = { fields: plan.locked ?? [], toolTypes: plan.toolTypes ?? null, taken };
    const [locked] = restrain(locks, planned, merged, planned).refused;
    if (locked !== undefined) throw locked;
    const config: unknown = merged;
    // JSON by construction: it came out of a schema over JSON.
    return isJsonObject(config as JsonObject) ? (config as JsonObject) : {};
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new Problem(wrongField, error.message, { param: error.param ?? "session" });
  }
}
