/** Where a session's object may be asked to lie (Durable Objects, data location). */

export const LOCATION_HINTS = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
] as const;
export type LocationHint = (typeof LOCATION_HINTS)[number];

export const COUNTRY = /^[A-Za-z]{2}$/;

/** ISO 3166-1 alpha-2. A country that spans a continent has the side where most of it lives. */
const COUNTRIES: { readonly [hint in LocationHint]?: string } = {
  enam: "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS NI PA PM PR SV SX TC TT US VC VG VI",
  wnam: "MX",
  sam: "AR BO BR BV CL CO EC FK GF GS GY PE PY SR UY VE",
  weur: "AD AT AX BE CH DE DK ES FI FO FR GB GG GI IE IM IS IT JE LI LU MC MT NL NO PT SE SJ SM VA",
  eeur: "AL AM AZ BA BG BY CY CZ EE GE GR HR HU KG KZ LT LV MD ME MK PL RO RS RU SI SK TJ TM TR UA UZ XK",
  me: "AE BH IL IQ IR JO KW LB OM PS QA SA SY YE",
  afr: "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG YT ZA ZM ZW",
  "apac-ne": "CN HK JP KP KR MN MO TW",
  "apac-se": "BN CC CX ID KH LA MM MY PH SG TH TL VN",
  apac: "AF BD BT IN IO LK MV NP PK",
  oc: "AQ AS AU CK FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
};

const BY_COUNTRY = new Map(
  LOCATION_HINTS.flatMap((hint) => (COUNTRIES[hint] ?? "").split(" ").map((code) => [code, hint] as const)),
);

/** Null: there is no such country. */
export function locationOf(country: string): LocationHint | null {
  return BY_COUNTRY.get(country.toUpperCase()) ?? null;
}
