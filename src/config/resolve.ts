/** From a model name and the Worker's bindings to the plan that a session runs. */
import { DEFAULT_LIMITS } from "../session/limits.ts";
import type { EndOfTurnModel, Plan } from "../session/state/plan.ts";
import type { ToolPlan } from "../session/state/tool-plan.ts";
import { armOf } from "./experiments.ts";
import { defaultRoutes, type RelayConfig, type RouteConfig } from "./define.ts";
import { type Bindings, PlanError } from "./plan-error.ts";
import { speakersFirst, strategyChosen } from "./plans.ts";
import { currencyChosen, priceChosen } from "./prices.ts";
import { resolveBackground } from "./resolve-background.ts";
import { resolveGuard, type Found } from "./resolve-guard.ts";
import { resolveBackchannels, resolveFillers, soundsOf } from "./sounds.ts";
import {
  readBinding,
  requireService,
  resolveHeaders,
  resolveTarget,
  resolveUpstream,
  resolveUrl,
  resolvingFor,
} from "./resolve-target.ts";
import { resolveTool } from "./resolve-tools.ts";
import { spendsOne, targetsOf } from "./spending.ts";

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
  const asked = model ?? name;
  return {
    name,
    upstreams: speakersFirst(route.upstreams).map((upstream) =>
      resolveUpstream(name, upstream, asked, bindings),
    ),
    ...currencyChosen(route),
    ...strategyChosen(route),
    session: route.session ?? {},
    detector: route.detector ?? "auto",
    ...keptAndAllowed(route),
    ...limitsOf(route),
    ...(route.transcriber !== undefined && {
      transcriber: resolveUpstream(name, route.transcriber, asked, bindings),
    }),
    ...(route.cadence !== undefined && { cadence: route.cadence }),
    ...(route.endOfTurn !== undefined && { endOfTurn: resolveEndOfTurn(name, route.endOfTurn, bindings) }),
    ...(route.guard !== undefined && { guard: resolveGuard(route.guard, asksFor(name, bindings)) }),
    ...ownSounds(config, route),
    ...ownVoice(name, route, asked, bindings),
    ...(route.tools !== undefined && {
      tools: route.tools.map((tool) => toolOf(name, tool, config.toolHosts, bindings)),
    }),
    ...backgroundMind(name, route, asked, bindings),
  };
}

function keptAndAllowed({ storage, sealed, jurisdiction, locked, toolTypes }: RouteConfig) {
  return {
    ...(storage !== undefined && { storage }),
    ...(sealed !== undefined && { sealed }),
    ...(jurisdiction !== undefined && { jurisdiction }),
    ...(locked !== undefined && { locked }),
    ...(toolTypes !== undefined && { toolTypes }),
  };
}

function ownSounds(config: RelayConfig, { fillers, backchannels }: RouteConfig) {
  const sounds = soundsOf(config);
  return {
    sounds,
    ...(fillers !== undefined && { fillers: resolveFillers(fillers, sounds) }),
    ...(backchannels !== undefined && { backchannels: resolveBackchannels(backchannels, sounds) }),
  };
}

function ownVoice(name: string, { speech }: RouteConfig, asked: string, bindings: Bindings) {
  if (speech === undefined) return {};
  const resolving = resolvingFor(name, "the relay's own voice", asked, bindings);
  const options = resolveTarget(speech, resolving);
  return { speech: { options, clients: speech.clients === true, ...priceChosen(speech) } };
}

function backgroundMind(name: string, { background }: RouteConfig, asked: string, bindings: Bindings) {
  if (background === undefined) return {};
  const resolving = resolvingFor(name, "its background mind", asked, bindings);
  return { background: resolveBackground(background, resolveTarget(background.text, resolving)) };
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
