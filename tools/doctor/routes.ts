/** relay.config.ts: which routes a deploy would offer, what the others lack, and what limits hold. */
import { faultOfHost } from "../../src/config/addresses.ts";
import { defaultRoutes, type RelayConfig, type RouteConfig } from "../../src/config/define.ts";
import { addedBinding } from "../deploy/workers-ai.ts";
import { bindingsOf, literalUrls } from "./bindings.ts";
import { demand, line, type Line, type Verdict } from "./line.ts";
import type { Secrets } from "./secrets.ts";
import type { WranglerConfig } from "./wrangler-config.ts";

export function routeLines(config: RelayConfig, given: WranglerConfig, secrets: Secrets): readonly Line[] {
  const added = addedBinding(config, given);
  const wrangler = { ...given, ai: added ?? given.ai };
  const lines = Object.entries(config.routes).map(([name, route]) =>
    routeLine(name, route, wrangler, secrets),
  );
  return [...lines, defaultLine(defaultRoutes(config.defaultRoute), lines)];
}

/** The first route of the list that is offered takes what names no route. */
function defaultLine(names: readonly string[], lines: readonly Line[]): Line {
  const what = "defaultRoute";
  if (names.length === 0) return line("routes", what, "ok", "none: a model that names no route is refused");
  const its = names.map((name) => lines.find((one) => one.what === name)?.verdict);
  const first = its.findIndex((verdict) => verdict === "ok" || verdict === "unknown");
  const sure = its.indexOf("ok");
  if (sure > first)
    return line("routes", what, "ok", `'${names[first]}' where it is offered, else '${names[sure]}'`);
  if (its[first] === "unknown") return line("routes", what, "unknown", `'${names[first]}' may be offered`);
  const failing = `'${names.join("', '")}' is not offered: a model that names no route gets an error`;
  const says = [`'${names[first]}' is offered`, failing] as const;
  const todo = "name another defaultRoute in relay.config.ts, or give it what it lacks";
  return demand("routes", what, first >= 0, says, todo);
}

function routeLine(name: string, route: RouteConfig, wrangler: WranglerConfig, secrets: Secrets): Line {
  const faults = literalUrls(route).flatMap((url) => faultOfHost(url) ?? []);
  if (faults[0] !== undefined) return notOffered(name, `its address ${faults[0]}`, "give it a public name");
  const lacks: string[] = [];
  const unsure: string[] = [];
  const models: string[] = [];
  for (const { name: binding, is } of bindingsOf(route)) {
    if (is === "model" && binding === wrangler.ai) {
      models.push(binding);
      continue;
    }
    if (is === "model") return notOffered(name, `no binding ${binding} of Workers AI`, aiTodo(wrangler));
    const local = secrets.local?.[binding];
    const fault = is === "url" && local !== undefined ? faultOfHost(local) : null;
    if (fault !== null)
      return notOffered(name, `the address in ${binding} of .dev.vars ${fault}`, "deploy another");
    const verdict = bindingVerdict(binding, wrangler, secrets);
    if (verdict === "missing") lacks.push(binding);
    else if (verdict === "unknown") unsure.push(binding);
  }
  if (lacks.length > 0) {
    const todo = lacks.map((binding) => `npx wrangler secret put ${binding}`).join(" && ");
    return notOffered(name, `not deployed: ${lacks.join(", ")}`, todo);
  }
  const by = models.length === 0 ? "" : `, by the binding ${models.join(", ")}`;
  if (unsure.length === 0) return line("routes", name, "ok", `offered${by}`);
  const here = unsure.filter((binding) => secrets.local?.[binding] === undefined);
  const says = `needs ${unsure.join(", ")}${here.length > 0 ? `; not in .dev.vars: ${here.join(", ")}` : ""}`;
  return line("routes", name, "unknown", says, `npx wrangler secret put ${unsure[0]}, unless it is there`);
}

function aiTodo({ ai }: WranglerConfig): string {
  return `a Worker has one, and it is ${ai}: name that in relay.config.ts, or another in [ai] of wrangler.toml`;
}

/** A route that is not offered hurts nobody who does not ask for it; the default route has a line of its own. */
function notOffered(name: string, why: string, todo: string): Line {
  return line("routes", name, "warning", `not offered: ${why}`, todo);
}

function bindingVerdict(binding: string, { vars, bindings }: WranglerConfig, { deployed }: Secrets): Verdict {
  if (vars[binding] !== undefined || bindings.includes(binding)) return "ok";
  if (deployed === null) return "unknown";
  return deployed.includes(binding) ? "ok" : "missing";
}

export function limitLines({ limits }: RelayConfig, { bindings }: WranglerConfig): readonly Line[] {
  const minute = limits?.sessionsPerMinute;
  const once = limits?.concurrent;
  return [
    demand(
      "limits",
      "sessions a minute",
      minute !== undefined,
      [`${minute} for each key`, "none: a key that leaks starts as many as it likes"],
      "limits: { sessionsPerMinute: 60 } in relay.config.ts",
      "warning",
    ),
    demand(
      "limits",
      "sessions at once",
      once !== undefined,
      [`${once} for each key`, "none: a client secret that leaks holds as many as it likes, four hours each"],
      "limits: { concurrent: 20 } in relay.config.ts",
      "warning",
    ),
    demand(
      "limits",
      "sessions of a secret",
      limits?.sessionsPerSecret !== undefined,
      [
        `${limits?.sessionsPerSecret} in all`,
        "as many as its key may start: a client secret that leaks is good for all of them",
      ],
      "limits: { sessionsPerSecret: 100 } in relay.config.ts",
      "warning",
    ),
    budgetLine("answers a minute", limits?.answersPerMinute, "answers-per-minute"),
    budgetLine("minutes of talk a day", limits?.minutesPerDay, "minutes-per-day"),
    demand(
      "limits",
      "KEY_LEDGER",
      bindings.includes("KEY_LEDGER"),
      [
        "counts what is exact",
        "not bound: a key with any limit but sessions a minute is answered with an error",
      ],
      '[[durable_objects.bindings]] name = "KEY_LEDGER", class_name = "KeyLedger"',
      "warning",
    ),
    demand(
      "limits",
      "RATE_LIMIT",
      bindings.includes("RATE_LIMIT"),
      ["counts over all isolates of a location", "not bound: each isolate counts for itself"],
      "[[ratelimits]] in wrangler.toml",
      "warning",
    ),
  ];
}

/** What a key may cost is the operator's to say: none is no fault. */
function budgetLine(what: string, limit: number | undefined, option: string): Line {
  const todo = `npm run keys -- limit ID --${option} N bounds one key`;
  if (limit !== undefined) return line("limits", what, "ok", `${limit} for each key`);
  return line("limits", what, "ok", "none, but what a key brings", todo);
}

/** Who may call from a browser. */
export function originLines({ allowedOrigins = [] }: RelayConfig): readonly Line[] {
  if (allowedOrigins.length === 0)
    return [line("origins", "allowedOrigins", "ok", "the relay's own page alone")];
  return allowedOrigins.map((origin) => {
    const [says, todo] = faultOfAllowed(origin);
    return says === null
      ? line("origins", origin, "ok", "may call")
      : line("origins", origin, "warning", says, todo);
  });
}

function faultOfAllowed(origin: string): readonly [says: string | null, todo: string] {
  if (origin === "*")
    return ["every page may call, with whatever secret it got hold of", "name those that are yours"];
  if (origin === "null") {
    return [
      "every sandboxed frame and local file may call: none of them says whose it is",
      "give the page an origin",
    ];
  }
  const local = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:|$)/.test(origin);
  if (local) return ["any program of a visitor's machine may serve that page", "leave it to development"];
  if (origin.startsWith("http:")) return ["anybody on the way may write that page", "https:"];
  return [null, ""];
}
