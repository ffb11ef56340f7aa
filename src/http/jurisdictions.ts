/** Where a session is to lie: as its route demands, or whoever makes it asks for; never neither where one of them says. */
import { JURISDICTIONS, type Jurisdiction } from "../config/jurisdictions.ts";
import type { Plan } from "../session/state/plan.ts";
import { type DoorContext, isDevelopment } from "./door.ts";
import type { LocationHint } from "./locations.ts";
import { Problem, type ProblemCode } from "./problem.ts";

/** Locations that lie in it; the first is where most callers are. A hint of another one is none. */
const LOCATIONS: Readonly<Record<Jurisdiction, readonly LocationHint[]>> = {
  eu: ["weur", "eeur"],
  us: ["enam", "wnam"],
  fedramp: ["enam", "wnam"],
  "fedramp-high": ["enam", "wnam"],
};

/** @throws Problem `wrong` where the route demands another one than is asked for, or this runtime has none. */
export function jurisdictionFor(
  c: DoorContext,
  { name, jurisdiction }: Plan,
  asked: Jurisdiction | null,
  wrong: ProblemCode,
): Jurisdiction | null {
  const demanded = jurisdiction ?? null;
  if (demanded !== null && asked !== null && asked !== demanded) {
    const detail = `Invalid 'jurisdiction': sessions of '${name}' lie in '${demanded}', not in '${asked}'.`;
    throw new Problem(wrong, detail, { param: "jurisdiction" });
  }
  const wanted = demanded ?? asked;
  if (wanted === null || isThere(c, wanted)) return wanted;
  // All of development lies on this machine.
  if (asked === null && isDevelopment(c.env, c.req.url)) return null;
  throw new Problem(wrong, `The jurisdiction '${wanted}' is not available here.`, { param: "jurisdiction" });
}

/** Local workerd implements none. */
function isThere(c: DoorContext, jurisdiction: Jurisdiction): boolean {
  try {
    c.env.VOICE_SESSION.jurisdiction(jurisdiction);
    return true;
  } catch {
    return false;
  }
}

/** `?jurisdiction=` of the OpenAI door. @throws Problem 400 */
export function askedJurisdiction(c: DoorContext): Jurisdiction | null {
  const said = c.req.query("jurisdiction");
  if (said === undefined) return null;
  const known = JURISDICTIONS.find((each) => each === said);
  if (known !== undefined) return known;
  throw new Problem("invalid_value", `Invalid 'jurisdiction': expected one of ${JURISDICTIONS.join(", ")}.`, {
    param: "jurisdiction",
  });
}

/**
 * Where in its jurisdiction a session is built; null: near its first client. A country outside is nearest to the first of its
 * locations, and so is nobody knows where, for one that is pre-warmed.
 * @throws Problem 422 for a hint that lies elsewhere.
 */
export function locationWithin(
  jurisdiction: Jurisdiction | null,
  said: {
    readonly hint: LocationHint | null;
    readonly country: LocationHint | null;
    readonly prewarm: boolean;
  },
): LocationHint | null {
  const { hint, country, prewarm } = said;
  if (jurisdiction === null) return hint ?? country;
  const [first = null, ...others] = LOCATIONS[jurisdiction];
  const lies = (location: LocationHint): boolean => location === first || others.includes(location);
  if (hint !== null && !lies(hint)) {
    const within = LOCATIONS[jurisdiction].join(" and ");
    const detail = `Invalid 'location_hint': '${hint}' does not lie in '${jurisdiction}'; ${within} do.`;
    throw new Problem("unprocessable", detail, { param: "location_hint" });
  }
  if (hint !== null || (country === null && !prewarm)) return hint;
  return country !== null && lies(country) ? country : first;
}
