/** What is stored, logged and told. */
import { against, type Removal } from "./removal.ts";

const SHELL = "test/worker/shell.test.ts";
const SESSIONS = "test/worker/sessions-door.test.ts";
const CALL = "durable-objects/voice-call.ts";
const HOST = "durable-objects/call-host.ts";

export const DATA: readonly Removal[] = [
  ...against(
    "secrets in errors, events, logs",
    {
      rule: "H3",
      what: "an error has the values of bindings",
      file: "src/config/resolve-target.ts",
      from: 'if (typeof value === "string" && value !== "") return value;\n  throw missing(route, what, binding);',
      to: 'if (typeof value === "string" && value !== "") return value;\n  throw missing(route, what, binding + JSON.stringify(bindings));',
      test: "test/config/resolve.test.ts",
    },
    {
      rule: "O6",
      what: "the key that a door was shown is stored",
      file: "src/http/sessions.ts",
      from: "const session = body.session ?? {};",
      to: 'const session = { ...body.session, shown: c.req.header("Authorization") ?? "" };',
      test: "test/worker/voice-session.test.ts",
    },
    {
      rule: "O8",
      what: "the log has what was said",
      file: "durable-objects/failure.ts",
      from: "  return [\n    error.name,",
      to: "  return [\n    heading,",
      test: SHELL,
    },
    {
      rule: "H16",
      what: "an answer repeats a token",
      file: "src/http/tokens.ts",
      from: "    throw invalid();\n  }\n}",
      to: '    throw new Problem("invalid_credentials", String(error));\n  }\n}',
      test: "test/worker/doors.test.ts",
    },
  ),
  ...against(
    "tokens in logged URLs",
    {
      rule: "H80",
      what: "queries of addresses are logged",
      file: "wrangler.toml",
      from: "redact_query_string = true",
      to: "redact_query_string = false",
      test: "test/tools/wrangler.test.ts",
    },
    {
      rule: "H110",
      what: "every address has the token",
      file: "src/http/sessions.ts",
      from: "body.token_in_url === true ? token.value : null",
      to: "token.value",
      test: SESSIONS,
    },
  ),
  ...against(
    "what was said stays after the end",
    {
      rule: "O9",
      what: "timers go on",
      file: "durable-objects/shell.ts",
      from: "this.#over = true;\n    this.#timer.stop();",
      to: "this.#over = true;",
      test: SHELL,
    },
    {
      rule: "O9",
      what: "the end wipes nothing",
      file: CALL,
      from: "this.ctx.waitUntil(this.store.wipe(Date.now()));\n  }\n\n  /** Its key may begin",
      to: "}\n\n  /** Its key may begin",
      test: "test/worker/voice-session.test.ts",
    },
    {
      rule: "O18",
      what: "nothing wakes a session that died",
      file: "durable-objects/call-alarm.ts",
      from: "if (this.#at < leastAt || this.#at > mostAt) await this.set(mostAt);",
      to: "",
      test: "test/worker/resume.test.ts",
    },
    {
      rule: "O20",
      what: "nothing wakes a session that sleeps",
      file: HOST,
      from: "if (at !== null) ctx.waitUntil(store.alarm.set(at));",
      to: "",
      test: "test/worker/absence.test.ts",
    },
    {
      rule: "O60",
      what: "the pages of the database stay",
      file: "durable-objects/call-store.ts",
      from: "const emptied = this.#storage.deleteAll();",
      to: 'const emptied = Promise.resolve();\n    for (const [key] of Array.from(this.#storage.kv.list({ prefix: "" }))) if (key === MOMENT) this.#storage.kv.delete(key);',
      test: "test/worker/voice-session.test.ts",
    },
  ),
  ...against(
    "what was said is stored at all",
    {
      rule: "O61",
      what: '"none" is stored as all else',
      file: HOST,
      from: '...(storage === "none" && { mark: () => store.mark(call, Date.now()) }),',
      to: "",
      test: "test/worker/storage-modes.test.ts",
    },
    {
      rule: "O62",
      what: '"text" is stored with its sound',
      file: HOST,
      from: 'const session = storage === "text" ? silenced(whole) : whole;',
      to: "const session = whole;",
      test: "test/worker/storage-modes.test.ts",
    },
  ),
  ...against(
    "what a call stored is read from its database, or from the platform's log of it",
    {
      rule: "O65",
      what: "nothing is encrypted",
      file: HOST,
      from: "if (sealed) stored.seal(call, whole.delivery.tokens, at);",
      to: "",
      test: "test/worker/sealed.test.ts",
    },
    {
      rule: "O65",
      what: "every token makes the same key",
      file: "durable-objects/seal-key.ts",
      from: 'importKey("raw", text(token), "HKDF"',
      to: 'importKey("raw", text(token.slice(0, 3)), "HKDF"',
      test: "test/worker/sealed.test.ts",
    },
  ),
];
