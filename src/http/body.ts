/** JSON bodies: bounded, objects only, read by schema; unknown fields pass. */
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import { excessOf, isJsonObject, type Json, type JsonObject, parseJsonObject } from "../protocol/json.ts";
import { DEFAULT_LIMITS } from "../session/limits.ts";
import { jsonMost } from "../session/state/json-most.ts";
import type { DoorContext } from "./door.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** Session configurations of 16 KiB pass with room; see tokens.ts for what fits a token. */
const BODY_LIMIT = 64 * 1024;

export const limitBody = bodyLimit({
  maxSize: BODY_LIMIT,
  onError: () => {
    throw new Problem("body_too_large", `A body has at most ${BODY_LIMIT} bytes.`);
  },
});

/**
 * @param wrongField what a wrong field is called: 422 at our own doors, OpenAI's 400 at the OpenAI door.
 * @throws Problem 400, 415 or that.
 */
export async function readBody<S extends v.GenericSchema>(
  c: DoorContext,
  schema: S,
  wrongField: ProblemCode,
): Promise<v.InferOutput<S>> {
  const text = utf8Of(await c.req.arrayBuffer());
  if (text !== "") {
    const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
    if (type !== "application/json") {
      throw new Problem("unsupported_media_type", "Send the body as application/json.");
    }
  }
  checkExcess(text);
  const body = parseJsonObject(text === "" ? "{}" : text);
  if (body === null) throw new Problem("invalid_json", "The body is not a JSON object.");
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const param = v.getDotPath(issue) ?? "body";
  throw new Problem(wrongField, `Invalid '${param}': ${issue.message}.`, { param });
}

/** As bytes first: `text()` warns about bodies that do not call themselves text, and takes what is none. @throws Problem 400 */
function utf8Of(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new Problem("invalid_json", "The body is not UTF-8 (RFC 8259 §8.1).");
  }
}

/** A session is told and stored as the session's events are, and has no more levels. @throws Problem 400, 413 */
function checkExcess(text: string): void {
  const most = jsonMost(DEFAULT_LIMITS);
  const excess = excessOf(text, most);
  if (typeof excess === "number") return;
  if (excess === "levels")
    throw new Problem("invalid_json", `The JSON of a body is at most ${most.levels} levels deep.`);
  // Of what is outside of strings, and of escapes, there is less than a body may be long.
  throw new Problem("body_too_large", `A body has at most ${most.members} members and elements.`);
}

/** A JSON object, whatever is in it. */
export const jsonObject = v.custom<JsonObject>((value) => isJsonObject(value as Json), "expected an object");

/** OpenAI's shape of a lifetime. */
export function expiresAfter(leastS: number, mostS: number) {
  const message = `expected a whole number from ${leastS} to ${mostS}`;
  return v.nullish(
    v.object(
      {
        anchor: v.optional(v.literal("created_at", 'expected "created_at"')),
        seconds: v.optional(
          v.pipe(
            v.number(message),
            v.integer(message),
            v.minValue(leastS, message),
            v.maxValue(mostS, message),
          ),
        ),
      },
      "expected an object",
    ),
  );
}
