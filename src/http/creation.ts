/** What `POST /v1/sessions` takes, and what it makes of that. */
import * as v from "valibot";
import { JURISDICTIONS } from "../config/jurisdictions.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { Plan } from "../session/state/plan.ts";
import { expiresAfter, jsonObject } from "./body.ts";
import type { DoorContext } from "./door.ts";
import { jurisdictionFor, locationWithin } from "./jurisdictions.ts";
import { COUNTRY, LOCATION_HINTS, type LocationHint, locationOf } from "./locations.ts";
import { Problem } from "./problem.ts";
import { intentOf, lockFields, modelName } from "./session-config.ts";
import { caller } from "./stickiness.ts";

/** Long enough for a page to load and ask for the microphone. */
const TOKEN_LIFETIME_S = 120;
/** The runtime keeps an object with an outgoing socket and no client in memory for fifteen minutes. */
const PREWARM_LONGEST_S = 600;

const oneOf = <const T extends readonly string[]>(options: T) =>
  v.nullish(v.picklist(options, `expected one of ${options.join(", ")}`));

/** A body of `POST /v1/sessions`. */
export const creation = v.object({
  model: v.nullish(modelName),
  session: v.nullish(jsonObject),
  location_hint: oneOf(LOCATION_HINTS),
  client_country: v.nullish(
    v.pipe(v.string("expected a string"), v.regex(COUNTRY, "expected two letters (ISO 3166)")),
  ),
  jurisdiction: oneOf(JURISDICTIONS),
  prewarm: v.nullish(v.boolean("expected true or false")),
  expires_after: expiresAfter(10, 3600),
  token_in_url: v.nullish(v.boolean("expected true or false")),
  caller,
  ...lockFields,
});

export type Creation = v.InferOutput<typeof creation>;

/** Where the session lies, and how long its token is good for. @throws Problem */
export function placeOf(c: DoorContext, plan: Plan, body: Creation) {
  const jurisdiction = jurisdictionFor(c, plan, body.jurisdiction ?? null, "unprocessable");
  const hint = locationWithin(jurisdiction, {
    hint: body.location_hint ?? null,
    country: countryLocation(body.client_country),
    prewarm: body.prewarm === true,
  });
  const lifetimeS = body.expires_after?.seconds ?? TOKEN_LIFETIME_S;
  if (body.prewarm === true) checkPrewarm(hint, lifetimeS);
  return { jurisdiction, hint, lifetimeS };
}

/** What a session's token grants, whoever's and wherever it is. */
export function granted(body: Creation, plan: Plan, session: JsonObject) {
  return {
    audience: "session",
    models: null,
    resumable: false,
    maxSessions: null,
    intent: intentOf(session),
    session,
    locked: body.locked ?? [],
    toolTypes: body.tool_types ?? null,
    sealed: plan.sealed === true,
  } as const;
}

/** @throws Problem 422 for what is no country. */
function countryLocation(country: string | null | undefined): LocationHint | null {
  if (country == null) return null;
  const found = locationOf(country);
  if (found !== null) return found;
  const detail = `Invalid 'client_country': '${country}' is no country's code; say location_hint instead.`;
  throw new Problem("unprocessable", detail, { param: "client_country" });
}

/**
 * A session that is built before its client comes. An object lies near the first that asks for it, for ever: here that is
 * the application's server, not the caller.
 * @throws Problem 422
 */
function checkPrewarm(hint: LocationHint | null, lifetimeS: number): void {
  if (lifetimeS > PREWARM_LONGEST_S) {
    const detail = `Invalid 'expires_after.seconds': with prewarm at most ${PREWARM_LONGEST_S}.`;
    throw new Problem("unprocessable", detail, { param: "expires_after.seconds" });
  }
  if (hint !== null) return;
  throw new Problem(
    "unprocessable",
    "Missing 'location_hint': prewarm builds the session where this request comes from, which is not where its " +
      "caller is, and it stays there. Say location_hint or client_country.",
    { param: "location_hint" },
  );
}
