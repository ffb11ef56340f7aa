/** JSON bodies: bounded, objects only, read by schema; unknown fields pass. */
import { bodyLimit } from "hono/body-limit";
import * as v from "valibot";
import { isJsonObject, type Json, type JsonObject, parseJsonObject } from "../protocol/json.ts";
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
  // As bytes first: `text()` warns about bodies that do not call themselves text.
  const text = new TextDecoder().decode(await c.req.arrayBuffer());
  if (text !== "") {
    const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
    if (type !== "application/json") {
      throw new Problem("unsupported_media_type", "Send the body as application/json.");
    }
  }
  const body = parseJsonObject(text === "" ? "{}" : text);
  if (body === null) throw new Problem("invalid_json", "The body is not a JSON object.");
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const param = v.getDotPath(issue) ?? "body";
  throw new Problem(wrongField, `Invalid '${param}': ${issue.message}.`, { param });
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
