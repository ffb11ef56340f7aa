/** The OpenAI door: `GET /v1/realtime` upgrades, exactly as that API's clients expect it. */
import { Hono } from "hono";
import { namesDefaultRoute } from "../config/resolve.ts";
import { requireApiKey, requireKeyOrSecret } from "./access.ts";
import { limitBody, readBody } from "./body.ts";
import { mint, secretRequest } from "./client-secrets.ts";
import { negotiate } from "./credentials.ts";
import { type DoorContext, type DoorEnv, isUpgrade } from "./door.ts";
import type { ApiKey } from "./api-keys.ts";
import type { Jurisdiction } from "../config/jurisdictions.ts";
import { askedJurisdiction, jurisdictionFor } from "./jurisdictions.ts";
import { boundsOf } from "./limits.ts";
import { connect, namedObject, sessionObject } from "./object.ts";
import { inPlace, limitOf, LONGEST_LEASE_MS, sessionLeaseMs } from "./places.ts";
import { Problem } from "./problem.ts";
import { countReturn, countSession } from "./rate.ts";
import { type Intent, locksOf, planFor } from "./session-config.ts";
import { formerSessionId, jurisdictionOf, newSessionId } from "./session-id.ts";
import { coreId } from "./sessions.ts";
import { armDrawn, stickyOfUrl } from "./stickiness.ts";
import type { Token } from "./tokens.ts";
import { orTurnAway } from "./turn-away.ts";

export const realtime = new Hono<DoorEnv>()
  .get("/", async (c) => {
    if (!isUpgrade(c.req.raw)) {
      throw new Problem("upgrade_required", "Connect with a WebSocket (Upgrade: websocket).", {
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    const { key, secret } = await requireKeyOrSecret(c);
    const former = c.req.query("session_id");
    if (former !== undefined) return orTurnAway(c, () => goOn(c, former, key, secret));
    return begin(c, key, secret);
  })
  .post("/client_secrets", limitBody, async (c) => {
    const key = await requireApiKey(c);
    const body = await readBody(c, secretRequest, "invalid_value");
    const { value, expires_at, session } = await mint(c, key, body);
    return c.json({ value, expires_at, session }, 200, { "Cache-Control": "no-store" });
  });

/** With the session of that name: its owner's API key at any time, the secret that opened it once it lost its client. */
async function goOn(c: DoorContext, id: string, key: ApiKey, secret: Token | null): Promise<Response> {
  const stub = await namedObject(c, id);
  checkJurisdiction(c, jurisdictionOf(id));
  countReturn(c, id);
  const negotiated = negotiate(c.req.raw);
  const arrival = { call: null, keyId: key.id, resume: null, secret: secret?.jti ?? null, ticket: null };
  const place = { stub, id, leaseMs: LONGEST_LEASE_MS, former: true } as const;
  return inPlace(c, key, place, () => connect(stub, { ...arrival, ...negotiated }));
}

/**
 * A new session. The first one of a client secret that is resumable is named in it: who comes with the same one again,
 * after that session has lost its client, goes on with it.
 */
async function begin(c: DoorContext, key: ApiKey, secret: Token | null): Promise<Response> {
  const { model, intent } = readTarget(c, secret);
  // Who holds a secret is who it was minted for.
  const sticky = secret === null ? await stickyOfUrl(c.req.query("caller")) : secret.sticky;
  const plan = planFor(c, { key, by: secret }, model, sticky);
  const asked = secret === null ? askedJurisdiction(c) : secret.jurisdiction;
  checkJurisdiction(c, asked);
  const jurisdiction = jurisdictionFor(c, plan, asked, "invalid_value");
  await countSession(c, key, secret);
  const negotiated = negotiate(c.req.raw);
  const open = async (named?: string): Promise<Response> => {
    const id = named ?? (await newSessionId(c.env, c.req.url, jurisdiction, key.id));
    const call = {
      id: coreId(id),
      model: model ?? plan.name,
      intent,
      session: secret?.session ?? {},
      keyId: key.id,
      keyFingerprint: key.fingerprint,
      ...locksOf(secret, plan),
      ...boundsOf(c, key),
      ...armDrawn(plan),
      secret: secret?.jti ?? null,
      leased: limitOf(c, key) !== null,
      token: secret === null || named === undefined ? null : { jti: secret.jti, exp: secret.exp },
    };
    const arrival = { call, keyId: key.id, resume: null, secret: call.secret, ticket: null };
    const stub = sessionObject(c.env, id, null);
    const place = { stub, id, leaseMs: sessionLeaseMs(plan), secret };
    return inPlace(c, key, place, (_, drawn) => connect(stub, { ...arrival, ...negotiated, drawn }));
  };
  if (secret === null || !secret.resumable) return open();
  const first = secret.sessionId || (await formerSessionId(c.env, c.req.url, secret.jti));
  // The route demands another place since it was minted.
  if (jurisdictionOf(first) !== jurisdiction) return open();
  try {
    return await open(first);
  } catch (error) {
    // Its first session has its client, or is over.
    if (error instanceof Problem && error.code === "session_busy") return open();
    throw error;
  }
}

/** A session that is somewhere stays there. @throws Problem 400 where the URL asks for another place. */
function checkJurisdiction(c: DoorContext, is: Jurisdiction | null): void {
  const asked = askedJurisdiction(c);
  if (asked === null || asked === is) return;
  const detail = `Invalid 'jurisdiction': it lies in ${is === null ? "none" : `'${is}'`}, not in '${asked}'.`;
  throw new Problem("invalid_value", detail, { param: "jurisdiction" });
}

/** The URL says which model or intent; what it leaves open is the client secret's. */
function readTarget(
  c: DoorContext,
  secret: Token | null,
): { readonly model: string | null; readonly intent: Intent } {
  const intent = c.req.query("intent") ?? "";
  // Azure's name for it.
  const model = c.req.query("model") || (c.req.query("deployment") ?? "");
  if (c.req.query("call_id") !== undefined) {
    throw new Problem("invalid_value", "Invalid 'call_id': this relay has no WebRTC or SIP calls.", {
      param: "call_id",
    });
  }
  if (intent !== "" && intent !== "transcription" && intent !== "conversation") {
    throw new Problem("invalid_value", "Invalid 'intent': expected transcription.", { param: "intent" });
  }
  const granted = secret?.intent ?? null;
  const asked = intent === "" ? (granted ?? "conversation") : intent;
  if (granted !== null && asked !== granted && Object.keys(secret?.session ?? {}).length > 0) {
    throw new Problem("invalid_value", `Invalid 'intent': the client secret is for a ${granted} session.`, {
      param: "intent",
    });
  }
  if (model === "" && intent === "" && secret === null) {
    throw new Problem("missing_parameter", "Missing 'model': say ?model=… or ?intent=transcription.", {
      param: "model",
    });
  }
  if (secret !== null && model !== "") checkModel(c, secret, model);
  return { model: model === "" ? (secret?.model ?? null) : model, intent: asked };
}

/** A client secret is for what it was minted for. @throws Problem 400 */
function checkModel(c: DoorContext, { model, models }: Token, asked: string): void {
  const granted = models ?? (model === null ? null : [model]);
  const may = granted === null ? namesDefaultRoute(c.var.config, asked, c.env) : granted.includes(asked);
  if (may) return;
  const what = granted === null ? "the default route" : granted.map((each) => `'${each}'`).join(", ");
  throw new Problem("invalid_value", `Invalid 'model': the client secret is for ${what}.`, {
    param: "model",
  });
}
