/** `POST /v1/sessions` and what a session's own address answers. */
import { Hono } from "hono";
import type { CallSetup } from "../../durable-objects/call-setup.ts";
import { drawId } from "../../durable-objects/identifiers.ts";
import { requireApiKey, requireOperator, requireTokenOrKey } from "./access.ts";
import { limitBody, readBody } from "./body.ts";
import { control } from "./control.ts";
import type { ApiKey } from "./api-keys.ts";
import { creation, granted, placeOf } from "./creation.ts";
import { negotiate, readCredentials } from "./credentials.ts";
import { type DoorContext, type DoorEnv, forwardedHost, isUpgrade } from "./door.ts";
import { stickyOf } from "../config/sticky.ts";
import { jurisdictionFor } from "./jurisdictions.ts";
import { boundsOf } from "./limits.ts";
import { connect, namedObject, sessionObject, type Stub } from "./object.ts";
import { endAll } from "./end-all.ts";
import { giveBack, inPlace, limitOf, LONGEST_LEASE_MS, sessionLeaseMs } from "./places.ts";
import { Problem } from "./problem.ts";
import { countReturn, countSession } from "./rate.ts";
import { knownAs } from "./refusals.ts";
import type { Plan } from "../session/state/plan.ts";
import { effectiveSession, locksOf, modelOf, planFor } from "./session-config.ts";
import { isOwnersSession, newSessionId } from "./session-id.ts";
import { armDrawn } from "./stickiness.ts";
import { type Grant, type IssuedToken, issueToken, LONGEST_TOKEN_MS } from "./tokens.ts";
import { orTurnAway } from "./turn-away.ts";

/** Of a key (api-key.ts), or of a door's own account. */
const KEY_ID = /^@?[\w.-]{1,64}$/;
/** Characters. */
const RESUME_TOKEN_LIMIT = 256;

export const sessions = new Hono<DoorEnv>()
  .post("/", limitBody, async (c) => {
    const key = await requireApiKey(c);
    const body = await readBody(c, creation, "unprocessable");
    const session = body.session ?? {};
    const model = body.model ?? modelOf(session, "unprocessable");
    // Drawn now, so that what is checked is what begins.
    const sticky = (await stickyOf(body.caller)) ?? drawId();
    const plan = planFor(c, { key, by: null }, model, sticky);
    effectiveSession(plan, session, "unprocessable");
    const { jurisdiction, hint, lifetimeS } = placeOf(c, plan, body);
    await countSession(c, key);
    const id = await newSessionId(c.env, c.req.url, jurisdiction, key.id);
    const stub = sessionObject(c.env, id, hint);
    const grant: Grant = {
      ...granted(body, plan, session),
      key,
      sessionId: id,
      model,
      locationHint: hint,
      jurisdiction,
      sticky: plan.experiment === undefined ? null : sticky,
    };
    // Of a session that finds no place nothing is kept: making its token keeps what does not fit into it.
    const create = async (leased: boolean): Promise<IssuedToken> => {
      const issued = await issueToken(c, grant, lifetimeS);
      if (body.prewarm === true) {
        const call = callOf(c, grant, { key, plan, token: issued, leased });
        await stub.prewarm(JSON.stringify(call));
      }
      return issued;
    };
    // One that is pre-warmed draws its share itself.
    const token = await inPlace(c, key, { stub, id, leaseMs: lifetimeS * 1000, later: true }, create);
    const created = {
      id,
      object: "relay.session",
      url: socketUrl(c, id, body.token_in_url === true ? token.value : null),
      token: token.value,
      expires_at: token.exp,
    };
    return c.json(created, 201, { Location: `/v1/sessions/${id}`, "Cache-Control": "no-store" });
  })
  .delete("/", async (c) => {
    const id = c.req.query("key") ?? "";
    const key = await requireApiKey(c);
    if (id === "") {
      const detail =
        "Missing 'key': say whose sessions are to end, ?key=<id>, or one session, /v1/sessions/<id>.";
      throw new Problem("missing_parameter", detail, { param: "key" });
    }
    if (key.id !== id) await requireOperator(c, "Sessions of other keys end");
    // The store and the ledgers take no name of any length.
    if (!KEY_ID.test(id)) {
      throw new Problem("invalid_value", "Invalid 'key': expected the id of an API key.", { param: "key" });
    }
    return c.json({ object: "relay.sessions.ended", key: id, ended: await endAll(c, id) });
  })
  .get("/:id", async (c) => {
    const id = c.req.param("id");
    if (isUpgrade(c.req.raw)) {
      const { resume: token } = readCredentials(c.req.raw);
      return token === null ? open(c, id) : orTurnAway(c, () => resume(c, id, token));
    }
    const key = await requireApiKey(c);
    const state = await (await namedObject(c, id)).state(ownerOf(key));
    if (state === null) throw unknown();
    return c.body(state, 200, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  })
  .get("/:id/control", (c) => control(c, c.req.param("id")))
  .delete("/:id", async (c) => {
    const key = await requireApiKey(c);
    const id = c.req.param("id");
    const stub = await namedObject(c, id);
    if (!(await stub.terminate(ownerOf(key))) && !(await withdraw(c, key, id, stub))) throw unknown();
    return c.body(null, 204);
  });

/** An operator sees and ends the sessions of all keys, those too whose key is gone. */
function ownerOf(key: ApiKey): string | null {
  return key.operator ? null : key.id;
}

/** A session that was created and not opened: its token is worth nothing from now on. False: it is not this key's. */
async function withdraw(c: DoorContext, key: ApiKey, id: string, stub: Stub): Promise<boolean> {
  const own = await isOwnersSession(c.env, c.req.url, id, key.id);
  if (!own && !key.operator) return false;
  if (!(await stub.withdraw(Date.now() + LONGEST_TOKEN_MS))) return false;
  if (own) await giveBack(c, key, id);
  return true;
}

/** What the object is told of a session that a token was issued for. */
function callOf(
  c: DoorContext,
  { sessionId, model, intent, session, locked, toolTypes }: Omit<Grant, "key" | "sealed">,
  begun: {
    readonly key: ApiKey;
    readonly plan: Plan;
    readonly token: { readonly jti: string; readonly exp: number };
    readonly leased: boolean;
  },
): CallSetup {
  const { key, plan, token, leased } = begun;
  return {
    id: coreId(sessionId),
    model: model ?? plan.name,
    intent,
    session,
    keyId: key.id,
    keyFingerprint: key.fingerprint,
    ...locksOf({ locked, toolTypes }, plan),
    ...boundsOf(c, key),
    ...armDrawn(plan),
    secret: null,
    leased,
    token: { jti: token.jti, exp: token.exp },
  };
}

async function open(c: DoorContext, id: string): Promise<Response> {
  const { key, token } = await requireTokenOrKey(c, id);
  const { dialect, protocol } = negotiate(c.req.raw);
  const plan = token && planFor(c, { key, by: token }, token.model, token.sticky);
  if (token && plan && jurisdictionFor(c, plan, token.jurisdiction, "invalid_value") !== token.jurisdiction) {
    const detail = `Sessions of '${plan.name}' lie in '${plan.jurisdiction}', and this one does not: create another.`;
    throw new Problem("invalid_value", detail, { param: "jurisdiction" });
  }
  const call = token && plan && callOf(c, token, { key, plan, token, leased: limitOf(c, key) !== null });
  const stub = token === null ? await namedObject(c, id) : sessionObject(c.env, id, token.locationHint);
  const arrival = { call, keyId: key.id, resume: null, secret: null, dialect, protocol, ticket: null };
  const place =
    plan === null
      ? ({ stub, id, leaseMs: LONGEST_LEASE_MS, former: true } as const)
      : { stub, id, leaseMs: sessionLeaseMs(plan) };
  return inPlace(c, key, place, (_, drawn) => connect(stub, { ...arrival, drawn }));
}

/** The token is all that a client needs who was here before; whether it is good, the object knows. */
async function resume(c: DoorContext, id: string, token: string): Promise<Response> {
  const { dialect, protocol } = negotiate(c.req.raw);
  if (dialect !== "duplex.v1") {
    throw new Problem("invalid_value", "A session is resumed with the subprotocol duplex.v1.", {
      param: "Sec-WebSocket-Protocol",
    });
  }
  // None of ours is longer, and it travels in a header. An empty one is never good.
  const known = token.length > RESUME_TOKEN_LIMIT ? "" : token;
  const stub = await namedObject(c, id);
  knownAs(c, `session ${id}`, null);
  countReturn(c, id);
  return connect(stub, {
    call: null,
    keyId: null,
    resume: known,
    secret: null,
    dialect,
    protocol,
    ticket: null,
  });
}

/** The core puts `sess_` before the identifier it is given, as OpenAI's session object has it. */
export function coreId(id: string): string {
  return id.slice("sess_".length);
}

function unknown(): Problem {
  return new Problem(
    "session_not_found",
    "No such session of this key: it was never connected or pre-warmed, or it has ended.",
  );
}

/** As the client knows the relay: a proxy that ends TLS, or has another name, says so. Who lies is told a lie. */
function socketUrl(c: DoorContext, id: string, token: string | null): string {
  const url = new URL(`/v1/sessions/${id}`, c.req.url);
  const host = forwardedHost(c);
  if (host !== null && URL.canParse(`https://${host}`)) {
    url.port = "";
    url.host = host;
  }
  const tls = url.protocol === "https:" || c.req.header("X-Forwarded-Proto") === "https";
  url.protocol = tls ? "wss:" : "ws:";
  if (token !== null) url.searchParams.set("token", token);
  return url.href;
}
