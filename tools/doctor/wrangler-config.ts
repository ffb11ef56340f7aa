/** wrangler.toml: what decides of bills, logs, and who is put out by a deploy. */
import { unstable_readConfig } from "wrangler";
import { demand, line, type Line } from "./line.ts";

interface KvNamespace {
  readonly binding: string;
  readonly id?: string;
}

/** Of what wrangler makes of the file, what is looked at. */
interface Read {
  readonly observability?: {
    readonly enabled?: boolean;
    readonly redact_query_string?: boolean;
    readonly logs?: { readonly invocation_logs?: boolean };
  };
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string }[];
    readonly code_update_strategy?: { readonly mode?: string; readonly max_delay?: number };
  };
  readonly exports?: Readonly<Record<string, { readonly storage?: string }>>;
  readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] }[];
  readonly assets?: { readonly binding?: string };
  readonly vars: Readonly<Record<string, unknown>>;
  readonly analytics_engine_datasets: readonly { readonly binding: string }[];
  readonly kv_namespaces: readonly KvNamespace[];
  readonly ratelimits: readonly { readonly name: string }[];
  readonly ai?: { readonly binding: string };
}

export interface WranglerConfig {
  readonly vars: Readonly<Record<string, unknown>>;
  /** Names of services that a Worker of this configuration has, besides its secrets. */
  readonly bindings: readonly string[];
  /** Which of them is Workers AI's; null: none, and a deploy adds the one that the routes name. */
  readonly ai: string | null;
}

/** Classes of the Worker, and what is bound to them. */
const OBJECTS = [
  ["VOICE_SESSION", "VoiceSession", "no session can begin"],
  ["KEY_LEDGER", "KeyLedger", "no key can have a limit of sessions at once"],
  ["KEPT_SESSION", "KeptSession", "a session configuration longer than a token is refused"],
] as const;
const LONGEST_DEPLOY_S = 14_400;

/** @throws what wrangler says of a file that it cannot read. */
export function readWrangler(file: string): {
  readonly config: WranglerConfig;
  readonly lines: readonly Line[];
} {
  const config = unstable_readConfig({ config: file }, { hideWarnings: true }) as unknown as Read;
  const { observability, durable_objects: objects, exports = {}, migrations, assets } = config;
  const bound = objects.bindings.map(({ name }) => name);
  const sqlite = (name: string): boolean =>
    exports[name]?.storage === "sqlite" ||
    migrations.some(({ new_sqlite_classes: classes }) => classes?.includes(name));
  const strategy = objects.code_update_strategy;
  const lines = [
    demand(
      "wrangler",
      "logs",
      observability?.enabled === true,
      ["errors are kept", "nothing is logged"],
      "[observability] enabled = true",
      "warning",
    ),
    demand(
      "wrangler",
      "URLs in logs",
      observability?.redact_query_string === true,
      ["queries are redacted", "queries of URLs are logged, and tokens may stand in them"],
      "[observability] redact_query_string = true",
    ),
    demand(
      "wrangler",
      "invocation logs",
      observability?.logs?.invocation_logs === false,
      ["off", "one line per message: fifty a second and call"],
      "[observability.logs] invocation_logs = false",
    ),
    demand(
      "wrangler",
      "deploys",
      strategy?.mode === "deferred" && (strategy.max_delay ?? 0) >= LONGEST_DEPLOY_S,
      [`deferred, at most ${strategy?.max_delay} s`, "a deploy cuts every call"],
      `[durable_objects.code_update_strategy] mode = "deferred", max_delay = ${LONGEST_DEPLOY_S}`,
      "warning",
    ),
    ...OBJECTS.map(([binding, name, otherwise]) =>
      demand(
        "wrangler",
        binding,
        bound.includes(binding) && sqlite(name),
        [
          `${name}, SQLite`,
          bound.includes(binding) ? `${name} has no SQLite storage declared` : `not bound: ${otherwise}`,
        ],
        `[[durable_objects.bindings]] name = "${binding}", class_name = "${name}"; [exports.${name}] type = "durable-object", storage = "sqlite"`,
        binding === "VOICE_SESSION" ? "missing" : "warning",
      ),
    ),
    demand(
      "wrangler",
      "page",
      assets?.binding === "ASSETS",
      ["served", "no page and no sdk.js"],
      '[assets] binding = "ASSETS"',
      "warning",
    ),
    demand(
      "wrangler",
      "RELAY_DEV",
      config.vars["RELAY_DEV"] === undefined && config.vars["RELAY_DEV_KEY"] === undefined,
      ["not set", "set for every deploy: the key relay-dev and private addresses are for development"],
      "take it out of [vars]",
    ),
    keyStore(config.kv_namespaces.find(({ binding }) => binding === "RELAY_KEYS")),
    figures(config.analytics_engine_datasets.map(({ binding }) => binding)),
  ];
  const ai = config.ai?.binding ?? null;
  const services = [
    ...(ai === null ? [] : [ai]),
    ...config.kv_namespaces.map(({ binding }) => binding),
    ...config.ratelimits.map(({ name }) => name),
  ];
  return {
    lines,
    config: { vars: config.vars, bindings: [...bound, ...services], ai },
  };
}

/** Of a namespace at Cloudflare. */
const KV_ID = /^[0-9a-f]{32}$/i;

function keyStore(namespace: KvNamespace | undefined): Line {
  const what = "RELAY_KEYS";
  if (namespace === undefined) {
    const says = "not bound: a new key, and each change of one, is a deploy, and npm run keys does not work";
    return line("wrangler", what, "missing", says, `[[kv_namespaces]] binding = "${what}"`);
  }
  if (namespace.id === undefined) {
    const says =
      "bound; the first deploy makes the namespace, which wrangler then finds by the deployed Worker";
    return line("wrangler", what, "ok", says);
  }
  return demand(
    "wrangler",
    what,
    KV_ID.test(namespace.id),
    ["bound, with its id", "its id is none that Cloudflare gives"],
    "npx wrangler kv namespace list shows it; or take the line out, and the next deploy makes a namespace",
  );
}

function figures(datasets: readonly string[]): Line {
  if (datasets.includes("METRICS"))
    return line("wrangler", "METRICS", "ok", "figures go to Analytics Engine");
  const says = "no figures over all sessions; each session's state has its own";
  return line("wrangler", "METRICS", "ok", says);
}
