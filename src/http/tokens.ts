/**
 * What the relay signs: session tokens (`POST /v1/sessions`, used once) and client secrets (`ek_…`, used until they
 * expire). Both are JSON Web Tokens with HS256, so that creating a session needs no store and no object.
 *
 * They carry the session configuration and travel in URLs and headers, and what is between (nginx, a client's library)
 * takes lines of 8 KiB or less: above a kilobyte the configuration is deflated, and one that still makes its token too
 * long, or that has secrets of tools, stays with the relay.
 */
import { sign, verify } from "hono/jwt";
import * as v from "valibot";
import { drawId } from "../../durable-objects/identifiers.ts";
import { type JsonObject, parseJsonObject } from "../protocol/json.ts";
import type { ApiKey } from "./api-keys.ts";
import { hasToolSecrets } from "../protocol/tool-secrets.ts";
import type { DoorContext } from "./door.ts";
import { keepSession, keptSession } from "./kept-sessions.ts";
import { JURISDICTIONS, type Jurisdiction } from "../config/jurisdictions.ts";
import { Problem } from "./problem.ts";
import { jurisdictionOf } from "./session-id.ts";
import { signingKey } from "./signing.ts";

export interface Grant {
  readonly audience: "session" | "client_secret";
  /** The API key that asked for it. */
  readonly key: Pick<ApiKey, "id" | "fingerprint">;
  /**
   * The session's id; of a client secret that may be gone on with its first session's, those after it are drawn. Empty in
   * those of before 0.2, and in those that may not.
   */
  readonly sessionId: string;
  /** Null: the default route. */
  readonly model: string | null;
  /** Of a client secret: what its URL may ask for. Null: what `model` says, and nothing else. */
  readonly models: readonly string[] | null;
  /** Of a client secret: who has it goes on with a session that it opened and that lost its client, unnamed too. */
  readonly resumable: boolean;
  /** Of a client secret: sessions that it opens in all; null: as many as its key's limits allow. */
  readonly maxSessions: number | null;
  /** Fields of the session that its client may not change. */
  readonly locked: readonly string[];
  /** Kinds of tools that its client may bring; null: nobody said. */
  readonly toolTypes: readonly string[] | null;
  readonly intent: "conversation" | "transcription";
  readonly session: JsonObject;
  readonly locationHint: string | null;
  /** Nothing of its sessions is kept in the clear: their configuration is in the token, or nowhere. */
  readonly sealed: boolean;
  /** Where its sessions lie. */
  readonly jurisdiction: Jurisdiction | null;
  /** What the arm of an experiment is drawn by; null: each session has its own. */
  readonly sticky: string | null;
}

export interface Token extends Omit<Grant, "key" | "sealed"> {
  /** Fingerprint null: it is of before 0.3. */
  readonly key: { readonly id: string; readonly fingerprint: string | null };
  readonly jti: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

export interface IssuedToken {
  readonly value: string;
  readonly jti: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

const claims = v.object({
  iss: v.literal("relay"),
  aud: v.picklist(["session", "client_secret"]),
  sub: v.string(),
  jti: v.string(),
  exp: v.number(),
  iat: v.number(),
  key: v.string(),
  model: v.nullable(v.string()),
  intent: v.picklist(["conversation", "transcription"]),
  hint: v.nullable(v.string()),
  /** Null: it is kept by the relay, under `jti`. */
  session: v.nullable(v.string()),
  packed: v.boolean(),
  // Those of before 0.3 do not say.
  by: v.optional(v.string()),
  models: v.optional(v.array(v.string())),
  resumable: v.optional(v.boolean()),
  most: v.optional(v.number()),
  // What it does not say, the session's name does.
  where: v.optional(v.picklist(JURISDICTIONS)),
  locked: v.optional(v.array(v.string()), []),
  tools: v.optional(v.array(v.string())),
  sticky: v.optional(v.string()),
});

/** Of a client secret, which names its first session; a session's own token is good for less. */
export const LONGEST_SECRET_S = 7200;
/** Nothing that opens a session is good for longer, whatever the clocks of two locations. */
export const LONGEST_TOKEN_MS = (LONGEST_SECRET_S + 60) * 1000;

const SECRET_PREFIX = "ek_";
const PACK_ABOVE = 1024;
/** Characters, prefix included. */
const TOKEN_LIMIT = 4096;

/** @throws Problem 413 when the session configuration makes it too long to travel and cannot be kept. */
export async function issueToken(c: DoorContext, grant: Grant, lifetimeS: number): Promise<IssuedToken> {
  const key = signingKey(c.env, c.req.url);
  const prefix = grant.audience === "client_secret" ? SECRET_PREFIX : "";
  const text = JSON.stringify(grant.session);
  const packed = text.length > PACK_ABOVE;
  const payload = { ...claimsOf(grant, lifetimeS), session: packed ? await deflate(text) : text, packed };
  const { jti, exp } = payload;
  const value = prefix + (await sign(payload, key, "HS256"));
  // Whoever holds a token can read it: a tool's secret is between who made it and the provider.
  if (value.length <= TOKEN_LIMIT && !hasToolSecrets(grant.session)) return { value, jti, exp };
  const without = prefix + (await sign({ ...payload, session: null }, key, "HS256"));
  if (without.length > TOKEN_LIMIT) {
    const detail = `Models, locks and kinds of tools do not fit into a token of ${TOKEN_LIMIT} characters.`;
    throw new Problem("session_too_large", detail, { param: grant.models === null ? "locked" : "models" });
  }
  if (grant.sealed) {
    const detail =
      "The session does not fit into its token, or has secrets of tools, and its route is sealed: nothing of it is kept. " +
      "Send most of it by session.update after connecting.";
    throw new Problem("session_too_large", detail, { param: "session" });
  }
  await keepSession(c.env, { jti, jurisdiction: grant.jurisdiction, exp }, text);
  return { value: without, jti, exp };
}

/** All but the session's configuration. */
function claimsOf(grant: Grant, lifetimeS: number): Omit<v.InferOutput<typeof claims>, "session" | "packed"> {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: "relay",
    aud: grant.audience,
    sub: grant.sessionId,
    jti: drawId(),
    exp: iat + lifetimeS,
    iat,
    key: grant.key.id,
    by: grant.key.fingerprint,
    model: grant.model,
    intent: grant.intent,
    hint: grant.locationHint,
    locked: [...grant.locked],
    ...(grant.models !== null && { models: [...grant.models] }),
    ...(grant.jurisdiction !== null && { where: grant.jurisdiction }),
    ...(grant.sticky !== null && { sticky: grant.sticky }),
    ...(grant.maxSessions !== null && { most: grant.maxSessions }),
    ...(grant.toolTypes !== null && { tools: [...grant.toolTypes] }),
    ...(grant.audience === "client_secret" && { resumable: grant.resumable }),
  };
}

export function isClientSecret(key: string): boolean {
  return key.startsWith(SECRET_PREFIX);
}

/** @throws Problem 401 when it is not one of ours, for another purpose, or expired. */
export async function readToken(c: DoorContext, value: string, audience: Grant["audience"]): Promise<Token> {
  const key = signingKey(c.env, c.req.url);
  const jwt = audience === "client_secret" ? value.slice(SECRET_PREFIX.length) : value;
  const payload = await verified(value.length > TOKEN_LIMIT ? "" : jwt, key);
  const result = v.safeParse(claims, payload);
  if (!result.success || result.output.aud !== audience) throw invalid();
  const { sub, jti, exp, key: keyId, by, model, models, intent, hint, session, packed } = result.output;
  const jurisdiction = result.output.where ?? (sub === "" ? null : jurisdictionOf(sub));
  const carried = session !== null && packed ? await inflate(session) : session;
  const text = carried ?? (await keptSession(c.env, { jti, jurisdiction, exp }));
  if (text === null) throw expired();
  const config = parseJsonObject(text);
  if (config === null) throw invalid();
  return {
    audience,
    key: { id: keyId, fingerprint: by ?? null },
    sessionId: sub,
    model,
    models: models ?? null,
    resumable: result.output.resumable ?? true,
    maxSessions: result.output.most ?? null,
    intent,
    session: config,
    locationHint: hint,
    jurisdiction,
    sticky: result.output.sticky ?? null,
    locked: result.output.locked,
    toolTypes: result.output.tools ?? null,
    jti,
    exp,
  };
}

async function verified(jwt: string, key: string): Promise<unknown> {
  try {
    // Without the check of `iat`: clocks of two locations may differ by more than the hundred milliseconds in between.
    return await verify(jwt, key, { alg: "HS256", iat: false });
  } catch (error) {
    // hono names the class of each refusal; its messages quote the token.
    if (error instanceof Error && error.name === "JwtTokenExpired") throw expired();
    throw invalid();
  }
}

function expired(): Problem {
  return new Problem(
    "token_expired",
    "The token or client secret has expired: ask for a new one.",
    CHALLENGE,
  );
}

function invalid(): Problem {
  return new Problem(
    "invalid_credentials",
    "The token or client secret was not issued by this relay.",
    CHALLENGE,
  );
}

const CHALLENGE = { headers: { "WWW-Authenticate": "Bearer" } };

async function deflate(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64({ alphabet: "base64url" });
}

/** Of signed text only, so its size is what `issueToken` let through. */
async function inflate(text: string): Promise<string> {
  const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}
