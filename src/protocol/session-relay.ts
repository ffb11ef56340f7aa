/** `session.relay`: what this relay alone understands. All of it is optional. */
import * as v from "valibot";

import { ClientError } from "./client-error.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { withoutNulls } from "./nulls.ts";

export const millis = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

export const relay = v.looseObject({
  lead_ms: v.optional(v.nullable(millis(20, 60_000))),
  eager_ms: v.optional(v.nullable(millis(50, 5000))),
  interruption: v.optional(
    v.looseObject({
      confirm_ms: v.optional(millis(0, 5000)),
      dismiss_ms: v.optional(millis(50, 5000)),
      over_agent: v.optional(v.picklist(["duck", "hold"])),
      duck_db: v.optional(v.pipe(v.number(), v.minValue(12), v.maxValue(18))),
    }),
  ),
});

/** What a client says of its own player: no setting of the session. */
const PLAYER = "player";

/** Whether the client's player ducks, by its `session.update`; null: it says nothing of it. @throws ClientError */
export function readPlayerDucks(session: JsonObject): boolean | null {
  const player = isJsonObject(session["relay"]) ? (session["relay"][PLAYER] ?? null) : null;
  if (player === null) return null;
  const ducks = isJsonObject(player) ? (player["duck"] ?? false) : null;
  if (typeof ducks === "boolean") return ducks;
  const param = `session.relay.${PLAYER}${isJsonObject(player) ? ".duck" : ""}`;
  throw new ClientError("invalid_value", `Invalid '${param}': expected a boolean in an object.`, param);
}

/** What a client may repeat but not change, or says of itself. */
const RELAY_OWNED = new Set(["session_id", "resume_token", "upstreams", "detector", "tools", "plan", PLAYER]);

/** What of `relay` can be set, without what is the server's to say; undefined: nothing is. */
export function completeRelay(relay: Json | undefined): Json | undefined {
  if (!isJsonObject(relay)) return relay ?? undefined;
  const { interruption, ...rest } = relay;
  const settings = Object.fromEntries(Object.entries(rest).filter(([key]) => !RELAY_OWNED.has(key)));
  if (interruption === undefined || interruption === null)
    return Object.keys(settings).length > 0 ? settings : undefined;
  return {
    ...settings,
    interruption: isJsonObject(interruption) ? withoutNulls(interruption) : interruption,
  };
}
