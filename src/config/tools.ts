/** Tools that the relay runs, as `relay.config.ts` says them: what they are, where they are posted to, and what does not fit. */
import * as v from "valibot";
import { isJsonObject, type Json, type JsonObject } from "../protocol/json.ts";
import { binding } from "./named.ts";

const MOST_TOOLS = 32;
const MOST_DESCRIPTION = 4096;
/** Characters of a schema: it goes to the model with every configuration. */
const MOST_SCHEMA = 16_384;
const MOST_TIMEOUT_MS = 30_000;
/** A caller who has waited longer has hung up. */
const MOST_BUDGET_MS = 60_000;
const MOST_RETRIES = 5;
/** A silence that is longer is none that anybody keeps. */
const MOST_CONFIRM_MS = 10_000;
/** Of one attempt, of all together, and attempts beyond the first, where a tool says nothing of them. */
export const TIMEOUT_MS = 5000;
export const BUDGET_MS = 15_000;
export const RETRIES = 2;

const milliseconds = (most: number) =>
  v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(most)));

const schema = v.pipe(
  v.custom<JsonObject>((value) => isJsonObject(value as Json), "expected an object"),
  v.check(({ type }) => type === "object", "a tool's arguments are an object: its schema has type 'object'"),
  v.check(
    (parameters) => JSON.stringify(parameters).length <= MOST_SCHEMA,
    `a schema has at most ${MOST_SCHEMA} characters`,
  ),
);

const webhook = v.pipe(
  v.strictObject({
    /** `https:`, of a host in `toolHosts`; or the binding that holds it. */
    url: v.union([v.pipe(v.string(), v.url()), v.strictObject({ env: binding })]),
    /** `whsec_` and base64 of 24 to 64 bytes (standardwebhooks.com): what every post is signed with. */
    secret: v.strictObject({ env: binding }),
    /** Of one attempt. Default 5,000. */
    timeoutMs: milliseconds(MOST_TIMEOUT_MS),
    /** Of all attempts and the waits between them. Default 15,000. */
    budgetMs: milliseconds(MOST_BUDGET_MS),
    /** Attempts beyond the first, after a 5xx, a timeout or a lost connection. Default 2. */
    retries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_RETRIES))),
  }),
  v.forward(
    v.check(
      ({ timeoutMs = TIMEOUT_MS, budgetMs = BUDGET_MS }) => timeoutMs <= budgetMs,
      "all attempts together have less time than one",
    ),
    ["budgetMs"],
  ),
);

const mcp = v.strictObject({
  /** Of its endpoint for streamable HTTP: `https:`, of a host in `toolHosts`; or the binding that holds it. */
  url: v.union([v.pipe(v.string(), v.url()), v.strictObject({ env: binding })]),
  /** Its name there. Default: the tool's. */
  tool: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(128))),
  /** The header of that name: `{ env: "SHOP_TOKEN", prefix: "Bearer " }`. */
  authorization: v.optional(v.strictObject({ env: binding, prefix: v.optional(v.string()) })),
  /** Of the call, with all that the protocol has around it. Default 15,000. */
  timeoutMs: milliseconds(MOST_BUDGET_MS),
});

const tool = v.pipe(
  v.strictObject({
    name: v.pipe(
      v.string(),
      v.regex(/^[\w-]{1,64}$/, "a tool's name is 1 to 64 letters, digits or any of _ -"),
    ),
    /** When the model is to call it. */
    description: v.pipe(v.string(), v.nonEmpty(), v.maxLength(MOST_DESCRIPTION)),
    /** JSON schema of its arguments. Default: none. */
    parameters: v.optional(schema),
    /** Where it is posted to; or whose tool it is. */
    webhook: v.optional(webhook),
    mcp: v.optional(mcp),
    /** The caller may take it back for so long after its answer was heard, by saying something. Default: not at all. */
    confirmMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(100), v.maxValue(MOST_CONFIRM_MS))),
  }),
  v.check((one) => (one.webhook === undefined) !== (one.mcp === undefined), "a tool has 'webhook' or 'mcp'"),
);

/** Tools of a route that the relay runs (docs/tools.md). */
export const toolFields = {
  tools: v.optional(
    v.pipe(
      v.array(tool),
      v.minLength(1, "name a tool, or leave 'tools' out"),
      v.maxLength(MOST_TOOLS, `a route has at most ${MOST_TOOLS} tools`),
      v.check((list) => new Set(list.map(({ name }) => name)).size === list.length, "tool names must differ"),
    ),
  ),
};

const HOST = /^(?:\*\.)?[a-z\d-]+(?:\.[a-z\d-]+)*$/;

/** Hosts that tools may be posted to: `tools.example.com`, or `*.example.com` for all below one. */
export const toolHosts = v.optional(
  v.array(
    v.pipe(v.string(), v.regex(HOST, "a host is a name in small letters, without scheme, port or path")),
  ),
);

export function isToolHost(hosts: readonly string[], url: string): boolean {
  const { hostname } = new URL(url);
  return hosts.some((host) => (host.startsWith("*.") ? hostname.endsWith(host.slice(1)) : hostname === host));
}

interface Dialled {
  readonly adapter: string;
  readonly settings?: JsonObject | undefined;
}

export interface WithTools {
  readonly tools?: readonly { readonly name: string; readonly confirmMs?: number | undefined }[] | undefined;
  readonly upstreams: readonly (Dialled & { readonly fallback?: readonly Dialled[] | undefined })[];
  readonly session?: JsonObject | undefined;
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of a route's tools does not fit the rest of it. */
export function faultOfTools({ tools, upstreams, session }: WithTools): Fault | null {
  if (tools === undefined) return null;
  const given = session?.["tools"];
  const names = (Array.isArray(given) ? given : []).map((one: Json) =>
    isJsonObject(one) ? one["name"] : null,
  );
  const twice = names.findIndex((name) => tools.some((own) => own.name === name));
  if (twice >= 0)
    return {
      path: ["session", "tools", twice, "name"],
      message: "the route has a tool of this name, which the relay runs",
    };
  for (const [index, { fallback = [], ...own }] of upstreams.entries()) {
    for (const [at, one] of [own, ...fallback].entries()) {
      const path = ["upstreams", index, ...(at === 0 ? [] : ["fallback", at - 1])];
      if (one.adapter === "echo") return { path: [...path, "adapter"], message: "'echo' calls no tools" };
      if (one.settings?.["tools"] === false)
        return { path: [...path, "settings", "tools"], message: "the route has tools, and this calls none" };
    }
  }
  return null;
}

interface Addressed {
  readonly webhook?: { readonly url: unknown } | undefined;
  readonly mcp?: { readonly url: unknown } | undefined;
}

interface Routed {
  readonly routes: Readonly<Record<string, { readonly tools?: readonly Addressed[] | undefined }>>;
  readonly toolHosts?: readonly string[] | undefined;
}

/** The first tool that is posted to a host that is not allowed; null: there is none. What a binding holds is looked at later. */
export function faultOfHosts({ routes, toolHosts: hosts = [] }: Routed): Fault | null {
  for (const [name, { tools = [] }] of Object.entries(routes)) {
    for (const [index, { webhook: posted, mcp: server }] of tools.entries()) {
      const url = posted?.url ?? server?.url;
      if (typeof url !== "string" || isToolHost(hosts, url)) continue;
      const where = posted === undefined ? "mcp" : "webhook";
      return {
        path: ["routes", name, "tools", index, where, "url"],
        message: "its host is not in 'toolHosts'",
      };
    }
  }
  return null;
}
