/** Doors. */
import { against, type Removal } from "./removal.ts";

const HOSTILE = "test/e2e/hostile-doors.test.ts";
const SESSIONS = "test/worker/sessions-door.test.ts";
const CONTINUE = "test/worker/continue-door.test.ts";
const REALTIME = "test/worker/realtime-door.test.ts";
const DOORS_TEST = "test/worker/doors.test.ts";

/** Whatever is shown for a key is one. */
const ANY_KEY = {
  file: "durable-objects/key-store.ts",
  from: "return found ?? stored(env, hash.toHex(), asks);",
  to: 'return found ?? (await stored(env, hash.toHex(), asks)) ?? doorAccount("anybody", false);',
};
/** What was signed is not looked at: who can write JSON has a token of any kind. */
const UNSIGNED = {
  file: "src/http/tokens.ts",
  from: 'return await verify(jwt, key, { alg: "HS256", iat: false });',
  to: 'return JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(jwt.split(".")[1] ?? "", { alphabet: "base64url" })));',
};
const FOREIGN_OWNER = {
  file: "durable-objects/admission.ts",
  from: 'if (live.call.keyId !== keyId) return "session_not_found";',
  to: "",
};

export const DOORS: readonly Removal[] = [
  ...against(
    "a wrong key, none, or a token that is forged, used, expired or another session's",
    { rule: "S37", what: "any key is good", ...ANY_KEY, test: HOSTILE },
    {
      rule: "S38",
      what: "a session's token opens it again",
      file: "durable-objects/admission.ts",
      from: "if (token !== null && !store.consume(token))",
      to: "if (token !== null && !store.consume(token) && secret !== null)",
      test: HOSTILE,
    },
    { rule: "H6", what: "signatures of tokens are not looked at", ...UNSIGNED, test: SESSIONS },
    {
      rule: "H6",
      what: "a token opens another session",
      file: "src/http/access.ts",
      from: "if (token.sessionId !== sessionId) {",
      to: "if (false) {",
      test: SESSIONS,
    },
    { rule: "H10", what: "any key is good", ...ANY_KEY, test: REALTIME },
    { rule: "H29", what: "any key goes on with any session", ...FOREIGN_OWNER, test: CONTINUE },
  ),
  ...against(
    "a client secret after its time, or used for what a key is for",
    {
      rule: "H14",
      what: "a client secret never expires",
      file: "src/http/tokens.ts",
      from: '{ alg: "HS256", iat: false }',
      to: '{ alg: "HS256", iat: false, exp: false }',
      test: REALTIME,
    },
    {
      rule: "H14",
      what: "a client secret is a key",
      file: "src/http/access.ts",
      from: "  return checkApiKey(c, key);",
      to: '  return isClientSecret(key) ? keyBehind(c, await readToken(c, key, "client_secret")) : checkApiKey(c, key);',
      test: REALTIME,
    },
    {
      rule: "H9",
      what: "a client secret is a key, and sees its sessions",
      file: "src/http/access.ts",
      from: "  return checkApiKey(c, key);",
      to: '  return isClientSecret(key) ? keyBehind(c, await readToken(c, key, "client_secret")) : checkApiKey(c, key);',
      test: SESSIONS,
    },
  ),
  ...against(
    "another key's session",
    {
      rule: "H9",
      what: "a session is every key's",
      file: "durable-objects/voice-call.ts",
      from: "return keyId === null || this.#live?.call.keyId === keyId ? this.#live : null;",
      to: "return this.#live;",
      test: SESSIONS,
    },
    { rule: "H29", what: "any key goes on with any session", ...FOREIGN_OWNER, test: CONTINUE },
  ),
  ...against(
    "a session's name is guessed or made up",
    {
      rule: "H27",
      what: "a forged name reaches an object",
      file: "src/http/session-id.ts",
      from: "if (!equal(given, await tag(env, requestUrl, name))) throw unknownSession();",
      to: "",
      test: "test/worker/resume-door.test.ts",
    },
    {
      rule: "H82",
      what: "one with another id or jurisdiction reaches an object",
      file: "src/http/session-id.ts",
      from: "if (!equal(given, await tag(env, requestUrl, name))) throw unknownSession();",
      to: "",
      test: "test/worker/session-names.test.ts",
    },
  ),
  ...against(
    "a page of another origin",
    {
      rule: "H18",
      what: "nobody asks for the origin",
      file: "src/http/origin.ts",
      from: "if (origin !== undefined && !isAllowed(c, origin)) {",
      to: "if (false) {",
      test: DOORS_TEST,
    },
    {
      rule: "H45",
      what: "a name's star is any end of it",
      file: "src/config/origins.ts",
      from: "if (!asked.startsWith(before) || !asked.endsWith(after)) return false;",
      to: "",
      test: "test/config/origins.test.ts",
    },
    {
      rule: "H46",
      what: "a page of http is taken for the relay's own",
      file: "src/http/origin.ts",
      from: '(page.protocol !== "http:" || tls)',
      to: 'page.protocol !== "http:"',
      test: DOORS_TEST,
    },
    {
      rule: "S39",
      what: "nobody asks for the origin",
      file: "src/http/origin.ts",
      from: "if (origin !== undefined && !isAllowed(c, origin)) {",
      to: "if (false) {",
      test: HOSTILE,
    },
  ),
  ...against(
    "headers of a client reach the object",
    {
      rule: "H23",
      what: "a client's own header is handed on",
      file: "src/http/realtime.ts",
      from: "connect(stub, { ...arrival, ...negotiated, drawn })",
      to: 'c.req.header("x-relay-secret-setup") === undefined ? connect(stub, { ...arrival, ...negotiated, drawn }) : stub.fetch(c.req.raw)',
      test: REALTIME,
    },
    {
      rule: "O50",
      what: "it is a header that logs show",
      file: "durable-objects/call-setup.ts",
      from: 'export const SETUP_HEADER = "x-relay-secret-setup";',
      to: 'export const SETUP_HEADER = "x-relay-call";',
      test: "test/worker/versions.test.ts",
    },
  ),
  ...against(
    "bodies and headers without end",
    {
      rule: "H17",
      what: "a body may have megabytes",
      file: "src/http/body.ts",
      from: "maxSize: BODY_LIMIT,",
      to: "maxSize: 64 * BODY_LIMIT,",
      test: DOORS_TEST,
    },
    {
      rule: "H24",
      what: "a configuration has no limit",
      file: "src/http/session-config.ts",
      from: "const SESSION_LIMIT = 16 * 1024;",
      to: "const SESSION_LIMIT = Infinity;",
      test: REALTIME,
    },
  ),
  ...against(
    "requests that are none",
    {
      rule: "T44",
      what: "what is no JSON is a fault of the relay's",
      file: "src/http/body.ts",
      from: 'parseJsonObject(text === "" ? "{}" : text);',
      to: 'JSON.parse(text === "" ? "{}" : text) as JsonObject;',
      test: "test/fuzz/fuzz.test.ts",
      named: "T44",
    },
    {
      rule: "H16",
      what: "an answer repeats the key",
      file: "src/http/access.ts",
      from: '"The API key is not known here."',
      to: "`The API key ${presented} is not known here.`",
      test: DOORS_TEST,
    },
  ),
  ...against(
    "doors are tried again and again",
    {
      rule: "H21",
      what: "RATE_LIMIT is not asked",
      file: "src/http/rate.ts",
      from: "if (c.env.RATE_LIMIT === undefined || key.limits.sessionsPerMinute !== null) return;",
      to: "return;",
      test: DOORS_TEST,
    },
    {
      rule: "H31",
      what: "sessions at once are not counted",
      file: "durable-objects/key-ledger.ts",
      from: 'if (count >= limit) return "none";',
      to: "",
      test: HOSTILE,
    },
    {
      rule: "H117",
      what: "the Worker that ships has no rate limit",
      file: "wrangler.toml",
      from: 'name = "RATE_LIMIT"',
      to: 'name = "NO_LIMIT"',
      test: "test/tools/wrangler.test.ts",
    },
    {
      rule: "H130",
      what: "no refusal waits",
      file: "src/http/refusals.ts",
      from: "const waitMs = turnOf(callerOf(c), Date.now());",
      to: "const waitMs: number = 0;",
      test: "test/worker/refusals.test.ts",
    },
    {
      rule: "E64",
      what: "the store is asked for every key that is none",
      file: "durable-objects/key-store.ts",
      from: "if (kept?.text == null) asks();",
      to: "",
      test: "test/worker/key-store.test.ts",
    },
  ),
  ...against(
    "a page is made to run what a model or a caller said",
    {
      rule: "S95",
      what: "the page loads and sends anything anywhere",
      file: "public/_headers",
      from: "default-src 'self';",
      to: "default-src *;",
      test: "test/tools/page-safety.test.ts",
    },
    {
      rule: "S95",
      what: "what was said is written as HTML",
      file: "src/client/page/event-log.ts",
      from: "run.name.textContent = name;",
      to: "run.name.innerHTML = name;",
      test: "test/tools/page-safety.test.ts",
    },
    {
      rule: "S94",
      what: "a browser guesses what an answer is",
      file: "src/http/app.ts",
      from: 'c.header("X-Content-Type-Options", "nosniff");',
      to: "",
      test: "test/worker/headers.test.ts",
    },
  ),
];
