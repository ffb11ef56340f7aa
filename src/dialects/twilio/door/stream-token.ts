/** What opens one stream of one call, once: a JSON Web Token in the path of its URL. */
import { sign, verify } from "hono/jwt";
import * as v from "valibot";
import { drawId } from "../../../../durable-objects/identifiers.ts";
import type { DoorContext } from "../../../http/door.ts";
import { Problem } from "../../../http/problem.ts";
import { signingKey } from "../../../http/signing.ts";
import { CARRIERS } from "../carriers.ts";

/** A carrier connects as soon as it has its answer; an application that places a call needs the time until it is taken. */
const LIFETIME_S = { answered: 60, placed: 600 } as const;
const TOKEN_LIMIT = 4096;

const claims = v.object({
  iss: v.literal("relay"),
  aud: v.literal("stream"),
  /** The session's name. */
  sub: v.string(),
  jti: v.string(),
  exp: v.number(),
  carrier: v.picklist(Object.keys(CARRIERS) as (keyof typeof CARRIERS)[]),
  /** The carrier's name of the call; null: not known when the token was made. */
  call: v.nullable(v.string()),
  /** The number by which the answer is found in relay.config.ts. */
  to: v.string(),
  /** The account: an API key's id, and its fingerprint. Null: the door's own. */
  key: v.nullable(v.string()),
});

type Claims = v.InferOutput<typeof claims>;
export type StreamGrant = Pick<Claims, "sub" | "carrier" | "call" | "to" | "key">;
export type StreamToken = Claims;

export async function issueStreamToken(
  c: DoorContext,
  grant: StreamGrant,
  when: keyof typeof LIFETIME_S,
): Promise<{ readonly value: string; readonly exp: number }> {
  const exp = Math.floor(Date.now() / 1000) + LIFETIME_S[when];
  const payload: Claims = { iss: "relay", aud: "stream", jti: drawId(), exp, ...grant };
  return { value: await sign(payload, signingKey(c.env, c.req.url), "HS256"), exp };
}

/** @throws Problem 401 */
export async function readStreamToken(c: DoorContext, value: string): Promise<StreamToken> {
  const key = signingKey(c.env, c.req.url);
  const payload = await verified(value.slice(0, TOKEN_LIMIT), key);
  const result = v.safeParse(claims, payload);
  if (!result.success) throw invalid();
  return result.output;
}

async function verified(value: string, key: string): Promise<unknown> {
  try {
    return await verify(value, key, { alg: "HS256", iat: false });
  } catch (error) {
    if (error instanceof Error && error.name === "JwtTokenExpired")
      throw new Problem("token_expired", "The stream's token has expired: answer the call again.");
    throw invalid();
  }
}

function invalid(): Problem {
  return new Problem("invalid_credentials", "The stream's token was not issued by this relay.");
}
