/**
 * Addresses as clients spell them. SDKs join a base URL and a path each in its own way, and people give them the base
 * with or without `/v1`, with a slash too many, or with the prefix of another vendor: all of these mean one address.
 */

/** What there is, for who asks for something else. */
const ADDRESSES = [
  "/v1/realtime",
  "/v1/realtime/client_secrets",
  "/v1/sessions",
  "/v1/models",
  "/healthz",
  "/metrics",
] as const;

/** First segments of the addresses under `/v1`. */
const ROOMS = new Set(["realtime", "sessions", "models"]);
/** Addresses without `/v1`, which a client with a base URL asks for with it. */
const OUTSIDE = new Set(["healthz", "metrics"]);
/** What a base URL may bring along: the version, Azure's prefix. */
const PREFIXES = new Set(["v1", "openai"]);

/**
 * The address that is meant by a path: `//openai/realtime/` is `/v1/realtime`. A path that means none of ours comes back
 * without doubled and trailing slashes.
 */
export function canonicalPath(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "");
  const first = segments.findIndex((segment) => !PREFIXES.has(segment));
  const room = segments[first];
  if (room !== undefined && OUTSIDE.has(room)) return `/${segments.slice(first).join("/")}`;
  if (room === undefined || !ROOMS.has(room)) return `/${segments.join("/")}`;
  const rest = segments.slice(first + 1);
  // A base URL that is the whole address, with the SDK's own path behind it.
  const repeated = room === "realtime" && rest[0] === room;
  return ["/v1", room, ...rest.slice(repeated ? 1 : 0)].join("/");
}

/** Names that others have for what is here: probes of clusters and load balancers. */
const HEALTH = new Set([
  "health",
  "healthcheck",
  "livez",
  "live",
  "readyz",
  "ready",
  "ping",
  "status",
  "heartbeat",
]);
/** First segments of OpenAI's other APIs. */
const OTHER_APIS = new Set([
  "audio",
  "batches",
  "chat",
  "completions",
  "conversations",
  "embeddings",
  "files",
  "images",
  "moderations",
  "responses",
  "threads",
]);

/** Of OpenAI's, and no API of this relay's. */
export function isOtherApi(path: string): boolean {
  const segments = path.split("/").filter((segment) => segment !== "" && !PREFIXES.has(segment));
  return OTHER_APIS.has(segments[0] ?? "");
}

/** The one that differs in the fewest letters, those of its last part counted three times. */
export function nearestAddress(path: string): string {
  const asked = canonicalPath(path).slice(0, PATH_LIMIT);
  if (HEALTH.has(lastOf(asked))) return "/healthz";
  const distances = ADDRESSES.map((address) => ({
    address,
    distance: editDistance(asked, address) + 2 * editDistance(lastOf(asked), lastOf(address)),
  }));
  return distances.reduce((best, each) => (each.distance < best.distance ? each : best)).address;
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Characters of a path that are compared. */
const PATH_LIMIT = 64;

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let former = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 0; i < a.length; i += 1) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j += 1) {
      const replaced = (former[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      row.push(Math.min(replaced, (former[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    former = row;
  }
  return former[b.length] ?? 0;
}
