/** From a model name and the Worker's bindings to the plan that a session runs. */
import type { PlannedUpstream, Plan } from "../session/plan.ts";
import type { UpstreamOptions } from "../upstreams/upstream.ts";
import type { RelayConfig, RouteConfig, UpstreamConfigEntry } from "./define.ts";

/** The Worker's environment: only strings are looked at. */
export type Bindings = object;

/** Why a model has no plan. Names routes and bindings, never their values. */
export class PlanError extends Error {
  override readonly name = "PlanError";
  /** `model_not_found`: the client's mistake. `binding_missing`: the deployment's. */
  readonly code: "model_not_found" | "binding_missing";

  constructor(code: "model_not_found" | "binding_missing", message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Any model string resolves: to the route of that name, else to the default route, whose upstreams with
 * `model: "*"` are asked for the very string. Null: the default route.
 * @throws PlanError
 */
export function resolvePlan(config: RelayConfig, model: string | null, bindings: Bindings): Plan {
  const name = routeName(config, model);
  const route = name === null ? undefined : config.routes[name];
  if (name === null || route === undefined) {
    throw new PlanError(
      "model_not_found",
      `No route is named '${model ?? ""}' and there is no default route.`,
    );
  }
  return {
    name,
    upstreams: route.upstreams.map((upstream) => resolveUpstream(name, upstream, model ?? name, bindings)),
    session: route.session ?? {},
    detector: route.detector ?? "auto",
    ...limitsOf(route),
  };
}

/** Names of the routes whose bindings are all there: what `GET /v1/models` offers. */
export function offeredRoutes(config: RelayConfig, bindings: Bindings): readonly string[] {
  return Object.keys(config.routes).filter((name) => {
    try {
      resolvePlan(config, name, bindings);
      return true;
    } catch (error) {
      if (error instanceof PlanError) return false;
      throw error;
    }
  });
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

function routeName(config: RelayConfig, model: string | null): string | null {
  if (model !== null && Object.hasOwn(config.routes, model)) return model;
  return config.defaultRoute ?? null;
}

function resolveUpstream(
  route: string,
  upstream: UpstreamConfigEntry,
  model: string,
  bindings: Bindings,
): PlannedUpstream {
  const read = (binding: string): string => {
    const value: unknown = Reflect.get(bindings, binding);
    if (typeof value === "string" && value !== "") return value;
    const reason = `Route '${route}' needs the binding ${binding} for its upstream '${upstream.name}'.`;
    throw new PlanError("binding_missing", reason);
  };
  const fallback = (upstream.fallback ?? []).map((target) => resolveTarget(target, model, read));
  return {
    name: upstream.name,
    options: resolveTarget(upstream, model, read),
    ...(fallback.length > 0 && { fallback }),
    ...(upstream.standby !== undefined && { standby: upstream.standby }),
    ...(upstream.rolloverMs !== undefined && { rolloverMs: upstream.rolloverMs }),
  };
}

type Target = Omit<UpstreamConfigEntry, "name" | "fallback" | "standby" | "rolloverMs">;

function resolveTarget(target: Target, model: string, read: (binding: string) => string): UpstreamOptions {
  const { url, headers } = target;
  return {
    adapter: target.adapter,
    ...(url !== undefined && { url: typeof url === "string" ? url : read(url.env) }),
    ...(target.model !== undefined && { model: target.model === "*" ? model : target.model }),
    ...(headers !== undefined && { headers: resolveHeaders(headers, read) }),
    ...(target.settings !== undefined && { settings: target.settings }),
  };
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
