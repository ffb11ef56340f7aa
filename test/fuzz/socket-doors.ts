/** The doors by which a client comes to a relay in workerd: by key, token, secret, by telephone, and back again. */
import { WebSocket } from "ws";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectOf, textOf } from "../oracle/fields.ts";
import type { Random } from "../sim/random.ts";
import type { Relay } from "../support/relay.ts";

const ROUTES = ["demo", "echo", "demo+echo", "sealed", "sealed", "text", "none"];

/** A connection, and how it came. */
export interface Arrival {
  readonly socket: WebSocket;
  readonly door: string;
  /** Null: an OpenAI client's. */
  readonly dialect: "duplex.v1" | "twilio" | null;
}

export async function arrive(relay: Relay, random: Random): Promise<Arrival> {
  const model = random.pick(ROUTES);
  const dialect = random.chance(0.6) ? "duplex.v1" : null;
  const kind = random.next();
  if (kind < 0.4) return byKey(relay, model, relay.apiKey, dialect, `/v1/realtime (${model})`);
  if (kind < 0.6) {
    const secret = await create(relay, "/v1/realtime/client_secrets", {
      session: { type: "realtime", model },
      resumable: random.chance(0.5),
      ...(random.chance(0.5) ? { locked: ["audio.output.voice", "unknown"], tool_types: ["function"] } : {}),
    });
    return byKey(relay, model, textOf(secret["value"]), dialect, "client secret");
  }
  if (kind < 0.8) {
    const session = await create(relay, "/v1/sessions", { model });
    const protocols = [dialect ?? "realtime", `relay-token.${textOf(session["token"])}`];
    return { socket: new WebSocket(textOf(session["url"]), protocols), door: "/v1/sessions token", dialect };
  }
  const stream = await create(relay, "/v1/twilio/streams", { call: "CA_fuzz" });
  return { socket: new WebSocket(textOf(stream["url"])), door: "/v1/twilio", dialect: "twilio" };
}

export function byKey(
  relay: Relay,
  model: string,
  key: string,
  dialect: Arrival["dialect"],
  door: string,
): Arrival {
  const url = `${relay.wsUrl}/v1/realtime?model=${encodeURIComponent(model)}`;
  const protocols = ["realtime", ...(dialect === null ? [] : [dialect]), `openai-insecure-api-key.${key}`];
  return { socket: new WebSocket(url, protocols), door, dialect };
}

/** The same call again, by the token that its client was told. */
export function comeBack(relay: Relay, created: JsonObject): Arrival {
  const own = objectOf(objectOf(created["session"])["relay"]);
  const url = `${relay.wsUrl}/v1/sessions/${encodeURIComponent(textOf(own["session_id"]))}`;
  const protocols = ["duplex.v1", `relay-resume.${textOf(own["resume_token"])}`];
  return { socket: new WebSocket(url, protocols), door: "resume token", dialect: "duplex.v1" };
}

async function create(relay: Relay, path: string, body: JsonObject): Promise<JsonObject> {
  const response = await fetch(relay.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${relay.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const made = parseJsonObject(text);
  if (!response.ok || made === null)
    throw new Error(`${path} answered ${response.status}: ${text.slice(0, 200)}`);
  return made;
}
