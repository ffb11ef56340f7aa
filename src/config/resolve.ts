/** From a model name and the Worker's bindings to the plan that a session runs. */
import { DEFAULT_LIMITS } from "../session/limits.ts";
import type { EndOfTurnModel, PlannedUpstream, Plan } from "../session/state/plan.ts";
import type { ToolPlan } from "../session/state/tool-plan.ts";
import type { UpstreamOptions } from "../upstreams/upstream.ts";
import { armOf } from "./experiments.ts";
import { faultOfHost } from "./addresses.ts";
import { defaultRoutes, type RelayConfig, type RouteConfig, type UpstreamConfigEntry } from "./define.ts";
import { speakersFirst, strategyChosen } from "./plans.ts";
import { currencyChosen, priceChosen, pricesChosen } from "./prices.ts";
import { resolveBackground } from "./resolve-background.ts";
import { moderatorsOf, resolveGuard, type Found } from "./resolve-guard.ts";
import { resolveFillers, soundsOf } from "./sounds.ts";
import { resolveTool } from "./resolve-tools.ts";

/** The Worker's environment: strings are read, of services only whether they are there. */
export type Bindings = object;

/** `model_not_found`: the client's mistake. The others: the deployment's. */
type PlanErrorCode = "model_not_found" | "binding_missing" | "unreachable";

/** Why a model has no plan. Names routes and bindings, never their values. */
export class PlanError extends Error {
  override readonly name = "PlanError";
  readonly code: PlanErrorCode;

  constructor(code: PlanErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Any model string resolves: to the route of that name, else to the default route, whose upstreams with
 * `model: "*"` are asked for the very string. Null: the default route.
 * @throws PlanError
 */
export function resolvePlan(
  config: RelayConfig,
  model: string | null,
  bindings: Bindings,
  drawn: Drawn = {},
): Plan {
  const name = routeName(config, model, bindings);
  const tried = config.experiments?.[name ?? ""];
  const arm = keptArm(config, drawn);
  if (name !== null && tried !== undefined) {
    const route = arm ?? armOf(name, tried, drawn.sticky ?? "");
    return { ...planOf(config, route, model, bindings), experiment: name };
  }
  if (arm !== null) return planOf(config, arm, model, bindings);
  if (name === null) {
    throw new PlanError(
      "model_not_found",
      `No route is named '${model ?? ""}' and there is no default route.`,
    );
  }
  return planOf(config, name, model, bindings);
}

/** Of an experiment: the arm that its session has already, or the value by which it is drawn. */
export interface Drawn {
  readonly arm?: string | null | undefined;
  readonly sticky?: string;
}

/** A session keeps its arm, whatever became of the experiment, as long as there is such a route. Null: it has none. */
function keptArm({ routes }: RelayConfig, { arm }: Drawn): string | null {
  return arm != null && Object.hasOwn(routes, arm) ? arm : null;
}

/** The routes that a name leads to. */
function routesOf({ routes, experiments }: RelayConfig, name: string | null): readonly RouteConfig[] {
  const arms = experiments?.[name ?? ""]?.arms.map(({ route }) => route) ?? [name ?? ""];
  return arms.flatMap((each) => routes[each] ?? []);
}

function planOf(config: RelayConfig, name: string, model: string | null, bindings: Bindings): Plan {
  const route = config.routes[name];
  if (route === undefined) throw new PlanError("model_not_found", `No route is named '${name}'.`);
  return {
    name,
    upstreams: speakersFirst(route.upstreams).map((upstream) =>
      resolveUpstream(name, upstream, model ?? name, bindings),
    ),
    ...currencyChosen(route),
    ...strategyChosen(route),
    session: route.session ?? {},
    detector: route.detector ?? "auto",
    ...(route.storage !== undefined && { storage: route.storage }),
    ...(route.sealed !== undefined && { sealed: route.sealed }),
    ...(route.jurisdiction !== undefined && { jurisdiction: route.jurisdiction }),
    ...limitsOf(route),
    ...(route.locked !== undefined && { locked: route.locked }),
    ...(route.toolTypes !== undefined && { toolTypes: route.toolTypes }),
    ...(route.transcriber !== undefined && {
      transcriber: resolveUpstream(name, route.transcriber, model ?? name, bindings),
    }),
    ...(route.cadence !== undefined && { cadence: route.cadence }),
    ...(route.endOfTurn !== undefined && { endOfTurn: resolveEndOfTurn(name, route.endOfTurn, bindings) }),
    ...(route.guard !== undefined && { guard: resolveGuard(route.guard, asksFor(name, bindings)) }),
    sounds: soundsOf(config),
    ...(route.fillers !== undefined && { fillers: resolveFillers(route.fillers, soundsOf(config)) }),
    ...(route.speech !== undefined && {
      speech: {
        options: resolveTarget(
          route.speech,
          resolvingFor(name, "the relay's own voice", model ?? name, bindings),
        ),
        clients: route.speech.clients === true,
        ...priceChosen(route.speech),
      },
    }),
    ...(route.tools !== undefined && {
      tools: route.tools.map((tool) => toolOf(name, tool, config.toolHosts, bindings)),
    }),
    ...(route.background !== undefined && {
      background: resolveBackground(
        route.background,
        resolveTarget(
          route.background.text,
          resolvingFor(name, "its background mind", model ?? name, bindings),
        ),
      ),
    }),
  };
}

/** Names of the routes whose bindings are all there: what `GET /v1/models` offers. */
export function offeredRoutes(config: RelayConfig, bindings: Bindings): readonly string[] {
  const names = [...Object.keys(config.routes), ...Object.keys(config.experiments ?? {})];
  return names.filter((name) => isOffered(config, name, bindings));
}

/** An experiment is where every arm is that anybody is led to: else its shares were others. */
function isOffered(config: RelayConfig, name: string, bindings: Bindings): boolean {
  const arms = config.experiments?.[name]?.arms.filter(({ weight }) => weight > 0);
  try {
    for (const route of arms?.map((arm) => arm.route) ?? [name]) planOf(config, route, name, bindings);
    return true;
  } catch (error) {
    if (error instanceof PlanError) return false;
    throw error;
  }
}

/**
 * Whether the relay spends a secret of the deployment's for sessions of this model: a header or an address's query or
 * user that comes from a binding, what signs the calls of its tools, or Workers AI.
 */
export function spendsSecret(config: RelayConfig, model: string | null, bindings: Bindings): boolean {
  const routes = routesOf(config, routeName(config, model, bindings));
  return routes.some((route) => spendsOne(route, bindings));
}

function spendsOne(route: RouteConfig, bindings: Bindings): boolean {
  const { upstreams, transcriber, endOfTurn, tools, background, speech } = route;
  // Whoever is posted to takes the signature for the deployment's word.
  if (tools !== undefined) return true;
  const dialled = [...upstreams, ...(transcriber === undefined ? [] : [transcriber])];
  const services = [...(endOfTurn === undefined ? [] : [endOfTurn]), ...moderatorsOf(route.guard)];
  const targets: readonly Spending[] = [
    ...dialled.flatMap(targetsOf),
    ...(background === undefined ? [] : [background.text]),
    ...(speech === undefined ? [] : [speech]),
    ...services.flatMap((service) =>
      service.adapter === "http" || service.adapter === "openai" ? [service] : [],
    ),
  ];
  return (
    services.some(({ adapter }) => adapter === "workers-ai") ||
    targets.some((target) => carriesSecret(target, bindings))
  );
}

/** Everything that an upstream of the configuration dials: itself, its fallbacks and the parts of each. */
function targetsOf({ fallback = [], ...own }: UpstreamConfigEntry): readonly Part[] {
  return [own, ...fallback].flatMap((target) => [target, ...Object.values(target.parts ?? {})]);
}

type Spending = Pick<Target, "url" | "headers"> & { readonly binding?: string | undefined };

function carriesSecret({ url, headers, binding }: Spending, bindings: Bindings): boolean {
  if (binding !== undefined) return true;
  if (Object.values(headers ?? {}).some((value) => typeof value !== "string")) return true;
  if (url === undefined || typeof url === "string") return false;
  const value: unknown = Reflect.get(bindings, url.env);
  if (typeof value !== "string" || !URL.canParse(value)) return value !== undefined;
  const { username, password, search } = new URL(value);
  return username + password + search !== "";
}

/**
 * Whether a client that may have the default route only may call it by this name: the route's own, or any that leads to
 * it, where its upstreams are not asked for the very string.
 */
export function namesDefaultRoute(config: RelayConfig, model: string, bindings: Bindings): boolean {
  const name = defaultRoute(config, bindings);
  const routes = routesOf(config, name);
  if (routes.length === 0 || routeName(config, model, bindings) !== name) return false;
  const dialled = routes.flatMap(({ upstreams, transcriber }) => [
    ...upstreams,
    ...(transcriber === undefined ? [] : [transcriber]),
  ]);
  const behind = routes.flatMap(({ background }) => (background === undefined ? [] : [background.text]));
  const targets = [...dialled.flatMap(targetsOf), ...behind];
  return model === name || !targets.some((target) => target.model === "*");
}

function limitsOf({ parkAfterMs, sessionMinutes }: RouteConfig): Pick<Plan, "limits"> {
  if (parkAfterMs === undefined && sessionMinutes === undefined) return {};
  return {
    limits: {
      ...(parkAfterMs !== undefined && { parkMs: parkAfterMs }),
      ...(sessionMinutes !== undefined && { sessionMs: sessionMinutes * 60_000 }),
    },
  };
}

/** What an API key allows one session, where that is less than the route does. Null: it does not say. */
export interface Bounds {
  readonly answersPerMinute?: number | null | undefined;
  readonly sessionMinutes?: number | null | undefined;
}

export function boundPlan(plan: Plan, { answersPerMinute, sessionMinutes }: Bounds): Plan {
  const { sessionMs, answersPerMinute: answers } = { ...DEFAULT_LIMITS, ...plan.limits };
  return {
    ...plan,
    limits: {
      ...plan.limits,
      ...(answersPerMinute != null && { answersPerMinute: Math.min(answersPerMinute, answers) }),
      ...(sessionMinutes != null && { sessionMs: Math.min(sessionMinutes * 60_000, sessionMs) }),
    },
  };
}

function routeName(config: RelayConfig, model: string | null, bindings: Bindings): string | null {
  if (
    model !== null &&
    [config.routes, config.experiments ?? {}].some((names) => Object.hasOwn(names, model))
  )
    return model;
  return defaultRoute(config, bindings);
}

/** Of several that are named the first that is offered; where none is, the first, which says what it lacks. */
function defaultRoute(config: RelayConfig, bindings: Bindings): string | null {
  const [first = null, ...more] = defaultRoutes(config.defaultRoute);
  if (first === null || more.length === 0) return first;
  return [first, ...more].find((name) => isOffered(config, name, bindings)) ?? first;
}

function readBinding(route: string, what: string, binding: string, bindings: Bindings): string {
  const value: unknown = Reflect.get(bindings, binding);
  if (typeof value === "string" && value !== "") return value;
  throw missing(route, what, binding);
}

function missing(route: string, what: string, binding: string): PlanError {
  return new PlanError("binding_missing", `Route '${route}' needs the binding ${binding} for ${what}.`);
}

/** How a service that a route names is found. */
function asksFor(route: string, bindings: Bindings): Found {
  const what = "its guard";
  const read = (binding: string) => readBinding(route, what, binding, bindings);
  return {
    url: (url) => resolveUrl(route, what, url, read, bindings),
    headers: (headers) => resolveHeaders(headers, read),
    service: (binding) => requireService(route, what, binding, bindings),
  };
}

/** @throws PlanError for a tool that is not whole, or may not be called. */
function toolOf(
  route: string,
  tool: NonNullable<RouteConfig["tools"]>[number],
  hosts: readonly string[] = [],
  bindings: Bindings,
): ToolPlan {
  const what = `its tool '${tool.name}'`;
  const read = (binding: string) => readBinding(route, what, binding, bindings);
  return resolveTool(tool, {
    url: (url) => resolveUrl(route, what, url, read, bindings),
    secret: read,
    refuse: (why) => {
      throw new PlanError("unreachable", `Route '${route}': ${what} ${why}.`);
    },
    hosts,
    development: Reflect.get(bindings, "RELAY_DEV") === "1",
  });
}

/** @returns the binding's name. @throws PlanError when no service is bound to it. */
function requireService(route: string, what: string, binding: string, bindings: Bindings): string {
  const service: unknown = Reflect.get(bindings, binding);
  if (typeof service !== "object" || service === null) throw missing(route, what, binding);
  return binding;
}

function resolveEndOfTurn(
  route: string,
  model: NonNullable<RouteConfig["endOfTurn"]>,
  bindings: Bindings,
): EndOfTurnModel {
  const what = "its end-of-turn model";
  if (model.adapter === "workers-ai") {
    const binding = requireService(route, what, model.binding ?? "AI", bindings);
    return { adapter: model.adapter, model: model.model, binding };
  }
  const read = (binding: string) => readBinding(route, what, binding, bindings);
  return {
    adapter: model.adapter,
    url: resolveUrl(route, what, model.url, read, bindings),
    headers: resolveHeaders(model.headers ?? {}, read),
  };
}

function resolveUpstream(
  route: string,
  upstream: UpstreamConfigEntry,
  model: string,
  bindings: Bindings,
): PlannedUpstream {
  const resolving = resolvingFor(route, `its upstream '${upstream.name}'`, model, bindings);
  const { adapter, voice, instructions } = upstream;
  // It is the same part that goes on; a voice is its provider's.
  const fallback = (upstream.fallback ?? []).map((target) => {
    const same = target.adapter === adapter ? { instructions, voice } : { instructions };
    return resolveTarget({ ...same, ...target }, resolving);
  });
  return {
    name: upstream.name,
    options: resolveTarget(upstream, resolving),
    ...(fallback.length > 0 && { fallback }),
    ...pricesChosen(upstream),
    ...(upstream.role === "shadow" && { role: upstream.role }),
    ...(upstream.standby !== undefined && { standby: upstream.standby }),
    ...(upstream.rolloverMs !== undefined && { rolloverMs: upstream.rolloverMs }),
  };
}

type Target = Omit<UpstreamConfigEntry, "name" | "fallback" | "standby" | "rolloverMs" | "price" | "role">;
type Part = Omit<Target, "parts">;

/** What is asked of the Worker's environment; each throws a PlanError for what is not there. */
interface Resolving {
  /** What `"*"` stands for. */
  readonly model: string;
  readonly read: (binding: string) => string;
  readonly dialled: (url: string | { readonly env: string }) => string;
  readonly bound: (binding: string) => string;
}

function resolvingFor(route: string, what: string, model: string, bindings: Bindings): Resolving {
  const read = (binding: string) => readBinding(route, what, binding, bindings);
  return {
    model,
    read,
    dialled: (url) => resolveUrl(route, what, url, read, bindings),
    bound: (binding) => requireService(route, what, binding, bindings),
  };
}

function resolveTarget(target: Target, resolving: Resolving): UpstreamOptions {
  const { url, headers, parts, binding } = target;
  const { model, read, dialled, bound } = resolving;
  const resolved = Object.entries(parts ?? {}).map(
    ([name, part]) => [name, resolveTarget(part, resolving)] as const,
  );
  return {
    adapter: target.adapter,
    ...(binding !== undefined && { binding: bound(binding) }),
    ...(url !== undefined && { url: dialled(url) }),
    ...(target.model !== undefined && { model: target.model === "*" ? model : target.model }),
    ...(headers !== undefined && { headers: resolveHeaders(headers, read) }),
    ...(target.settings !== undefined && { settings: target.settings }),
    ...(target.voice !== undefined && { voice: target.voice }),
    ...(target.instructions !== undefined && { instructions: target.instructions }),
    ...(parts !== undefined && { parts: Object.fromEntries(resolved) }),
  };
}

/** @throws PlanError for an address that works in development only. */
function resolveUrl(
  route: string,
  what: string,
  url: string | { readonly env: string },
  read: (binding: string) => string,
  bindings: Bindings,
): string {
  const found = typeof url === "string" ? url : read(url.env);
  const fault = Reflect.get(bindings, "RELAY_DEV") === "1" ? null : faultOfHost(found);
  if (fault === null) return found;
  const where = typeof url === "string" ? "" : ` in the binding ${url.env}`;
  throw new PlanError("unreachable", `Route '${route}': the host of ${what}${where} ${fault}.`);
}

function resolveHeaders(
  headers: NonNullable<RouteConfig["upstreams"][number]["headers"]>,
  read: (binding: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === "string" ? value : `${value.prefix ?? ""}${read(value.env)}`,
    ]),
  );
}
