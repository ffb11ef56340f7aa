/** What doors need to know of a session before there is one: its plan, and whether its configuration is valid. */
import { PlanError, resolvePlan } from "../config/resolve.ts";
import { ClientError } from "../protocol/client-error.ts";
import { isJsonObject, type JsonObject } from "../protocol/json.ts";
import { initialConfig, mergeConfig } from "../protocol/session-config.ts";
import type { Plan } from "../session/plan.ts";
import type { DoorContext } from "./door.ts";
import { Problem, type ProblemCode } from "./problem.ts";

export type Intent = "conversation" | "transcription";

/** Characters of a model's name; it is echoed, signed and stored. */
const MODEL_LIMIT = 256;
/** Bytes of a session configuration as JSON. */
const SESSION_LIMIT = 16 * 1024;

/** @throws Problem 400, 404 or, for a missing binding, 500. */
export function planFor(c: DoorContext, model: string | null): Plan {
  if (model !== null && model.length > MODEL_LIMIT) {
    throw new Problem("invalid_value", `Invalid 'model': at most ${MODEL_LIMIT} characters.`, {
      param: "model",
    });
  }
  try {
    return resolvePlan(c.var.config, model, c.env);
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    throw error.code === "model_not_found"
      ? new Problem("model_not_found", error.message, { param: "model" })
      : new Problem("misconfigured", error.message);
  }
}

export function intentOf(session: JsonObject): Intent {
  return session["type"] === "transcription" ? "transcription" : "conversation";
}

/** `session.model`, which OpenAI's clients set in place of a member of their own. */
export function modelOf(session: JsonObject): string | null {
  const model = session["model"];
  return typeof model === "string" && model !== "" ? model : null;
}

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
    const config: unknown = mergeConfig(mergeConfig(initial, plan.session), session);
    // JSON by construction: it came out of a schema over JSON.
    return isJsonObject(config as JsonObject) ? (config as JsonObject) : {};
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new Problem(wrongField, error.message, { param: error.param ?? "session" });
  }
}
