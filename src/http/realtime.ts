/** The OpenAI door: `GET /v1/realtime` upgrades, exactly as that API's clients expect it. */
import { Hono } from "hono";
import * as v from "valibot";
import { requireApiKey, requireKeyOrSecret } from "./access.ts";
import { expiresAfter, jsonObject, limitBody, readBody } from "./body.ts";
import { negotiate } from "./credentials.ts";
import { type DoorContext, type DoorEnv, isUpgrade } from "./door.ts";
import { connect, newSessionId, sessionObject } from "./object.ts";
import { Problem } from "./problem.ts";
import { countSession } from "./rate.ts";
import { effectiveSession, type Intent, intentOf, modelOf, planFor } from "./session-config.ts";
import { coreId } from "./sessions.ts";
import { issueToken, type Token } from "./tokens.ts";

const SECRET_LIFETIME_S = 600;

const secretRequest = v.object({
  session: v.nullish(jsonObject),
  expires_after: expiresAfter(10, 7200),
});

export const realtime = new Hono<DoorEnv>()
  .get("/", async (c) => {
    if (!isUpgrade(c.req.raw)) {
      throw new Problem("upgrade_required", "Connect with a WebSocket (Upgrade: websocket).", {
        headers: { Upgrade: "websocket", Connection: "Upgrade" },
      });
    }
    const { key, secret } = await requireKeyOrSecret(c);
    const { model, intent } = readTarget(c, secret);
    const plan = planFor(c, model);
    await countSession(c, key);
    const id = newSessionId(null);
    const call = {
      id: coreId(id),
      model: model ?? plan.name,
      intent,
      session: secret?.session ?? {},
      keyId: key.id,
      token: null,
    };
    const stub = sessionObject(c.env, id, null);
    const negotiated = negotiate(c.req.raw.headers);
    return connect(stub, { call, keyId: key.id, resume: null, ...negotiated, ticket: null });
  })
  .post("/client_secrets", limitBody, async (c) => {
    const key = await requireApiKey(c);
    const body = await readBody(c, secretRequest, "invalid_value");
    const session = body.session ?? {};
    const model = modelOf(session);
    const plan = planFor(c, model);
    const effective = effectiveSession(plan, session, "invalid_value");
    const intent = intentOf(session);
    const secret = await issueToken(
      c.env,
      c.req.url,
      { audience: "client_secret", keyId: key.id, sessionId: "", model, intent, session, locationHint: null },
      body.expires_after?.seconds ?? SECRET_LIFETIME_S,
    );
    const shown = {
      ...effective,
      id: newSessionId(null),
      object: intent === "transcription" ? "realtime.transcription_session" : "realtime.session",
      model: model ?? plan.name,
    };
    return c.json({ value: secret.value, expires_at: secret.exp, session: shown }, 200, {
      "Cache-Control": "no-store",
    });
  });

/** The URL says which model or intent; what it leaves open is the client secret's. */
function readTarget(
  c: DoorContext,
  secret: Token | null,
): { readonly model: string | null; readonly intent: Intent } {
  const intent = c.req.query("intent") ?? "";
  const model = c.req.query("model") ?? "";
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
  return { model: model === "" ? (secret?.model ?? null) : model, intent: asked };
}
