/** What a key may cost, and development's keys. */
import { against, type Removal } from "./removal.ts";

const SECRETS = "test/worker/secret-bounds.test.ts";
const KEYS_TEST = "test/worker/key-store.test.ts";
const PLACES = "test/worker/places-door.test.ts";
const BUDGETS = "test/worker/budgets.test.ts";

export const KEY_LIMITS: readonly Removal[] = [
  ...against(
    "one key starts sessions without end",
    {
      rule: "H117",
      what: "the configuration that ships has no limits",
      file: "relay.config.ts",
      from: "limits: { sessionsPerMinute: 60, concurrent: 20, sessionsPerSecret: 100 },",
      to: "",
      test: "test/tools/wrangler.test.ts",
    },
    {
      rule: "H21",
      what: "sessions of a minute are not counted",
      file: "src/http/rate.ts",
      from: "perMinute === null ? 0 : buckets.take(key.id, perMinute, Date.now());",
      to: "0;",
      test: "test/worker/doors.test.ts",
    },
    {
      rule: "H31",
      what: "sessions at once are not counted",
      file: "durable-objects/key-ledger.ts",
      from: 'if (count >= limit) return "none";',
      to: "",
      test: PLACES,
      named: "at either door one more",
    },
    {
      rule: "H50",
      what: "what fails keeps its place",
      file: "src/http/places.ts",
      from: "if (taker && !alive) await putBack(c, key, candidate, taken);",
      to: "",
      test: PLACES,
    },
    {
      rule: "H131",
      what: "a client secret begins as many as its key",
      file: "src/http/rate.ts",
      from: "const SECRET_PART = 1 / 3;",
      to: "const SECRET_PART = 100;",
      test: SECRETS,
    },
    {
      rule: "H131",
      what: "a client secret begins a minute's at once",
      file: "src/http/rate.ts",
      from: "const AT_ONCE_PART = 1 / 4;",
      to: "const AT_ONCE_PART = 1;",
      test: SECRETS,
    },
  ),
  ...against(
    "one key, or one leaked secret of it, talks without end",
    {
      rule: "H120",
      what: "answers are not counted",
      file: "src/session/client/budget.ts",
      from: "if (this.#left < 1) return this.#refuseAnswer(...this.#keysRefusal());",
      to: "",
      test: BUDGETS,
    },
    {
      rule: "H121",
      what: "who has used up the day goes on",
      file: "durable-objects/key-account.ts",
      from: "if (left <= 0 && this.#drawn?.grant.talkMs === 0) return this.#spent(this.#drawn);",
      to: "",
      test: BUDGETS,
    },
    {
      rule: "H122",
      what: "a session lasts as long as its route says",
      file: "src/config/resolve.ts",
      from: "Math.min(sessionMinutes * 60_000, sessionMs)",
      to: "sessionMs",
      test: BUDGETS,
    },
    {
      rule: "H123",
      what: "a client secret opens sessions without end",
      file: "durable-objects/key-ledger.ts",
      from: "if (count >= most) return false;",
      to: "",
      test: BUDGETS,
    },
  ),
  ...against(
    "somebody tries resume tokens or session ids, or wakes a session again and again",
    {
      rule: "H27",
      what: "signatures of names are not compared",
      file: "src/http/session-id.ts",
      from: "if (!equal(given, await tag(env, requestUrl, name))) throw unknownSession();",
      to: "",
      test: "test/worker/resume-door.test.ts",
    },
    {
      rule: "H119",
      what: "returns are not counted",
      file: "src/http/rate.ts",
      from: "const waitMs = returns.take(who, RETURNS_PER_MINUTE, Date.now(), 1, RETURNS_AT_ONCE);",
      to: "const waitMs: number = 0;",
      test: SECRETS,
    },
  ),
  ...against(
    "the development port is reached by a tunnel, a container, another user",
    {
      rule: "H116",
      what: "'relay-dev' opens what costs",
      file: "src/http/session-config.ts",
      from: "if (key.spendsNothing && spendsSecret(c.var.config, model, c.env)) {",
      to: "if (false) {",
      test: KEYS_TEST,
    },
    {
      rule: "T31",
      what: "the relay is not given the key that was drawn",
      file: "tools/start.ts",
      from: "...(key !== null && { RELAY_DEV_KEY: key }),",
      to: "",
      test: "test/tools/start.test.ts",
      named: "T31",
    },
  ),
  ...against(
    "a page that a developer visits calls the relay or the demo voice on loopback",
    {
      rule: "H18",
      what: "in development every page is this machine's",
      file: "src/http/origin.ts",
      from: "URL.canParse(origin) && isLoopback(origin);",
      to: "URL.canParse(origin);",
      test: "test/worker/doors.test.ts",
    },
    {
      rule: "D50",
      what: "the demo voice takes foreign pages",
      file: "demo/guard.ts",
      from: "if (origin !== undefined && !isLoopback(origin))",
      to: "if (false)",
      test: "test/demo/handshake.test.ts",
    },
  ),
  ...against(
    "nobody sees which key costs what",
    {
      rule: "H118",
      what: "points of a session are not its key's",
      file: "src/telemetry/counters.ts",
      from: "indexes: [keyId],",
      to: 'indexes: [""],',
      test: "test/worker/metrics.test.ts",
    },
    {
      rule: "H124",
      what: "refused sessions are no figure",
      file: "src/http/limits.ts",
      from: "c.env.METRICS?.writeDataPoint({ indexes: [key.id], blobs, doubles: [1] });",
      to: "",
      test: BUDGETS,
    },
  ),
];
