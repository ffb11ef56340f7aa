/** From what a route says of an upstream, or of another service, to what is dialled: bindings are read, addresses are checked. */
import type { PlannedUpstream } from "../session/state/plan.ts";
import type { UpstreamOptions } from "../upstreams/upstream.ts";
import { faultOfHost } from "./addresses.ts";
import type { RouteConfig, UpstreamConfigEntry } from "./define.ts";
import { type Bindings, PlanError } from "./plan-error.ts";
import { pricesChosen } from "./prices.ts";

export function readBinding(route: string, what: string, binding: string, bindings: Bindings): string {
  const value: unknown = Reflect.get(bindings, binding);
  if (typeof value === "string" && value !== "") return value;
  throw missing(route, what, binding);
}

function missing(route: string, what: string, binding: string): PlanError {
  return new PlanError("binding_missing", `Route '${route}' needs the binding ${binding} for ${what}.`);
}

/** @returns the binding's name. @throws PlanError when no service is bound to it. */
export function requireService(route: string, what: string, binding: string, bindings: Bindings): string {
  const service: unknown = Reflect.get(bindings, binding);
  if (typeof service !== "object" || service === null) throw missing(route, what, binding);
  return binding;
}

export function resolveUpstream(
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

export type Target = Omit<
  UpstreamConfigEntry,
  "name" | "fallback" | "standby" | "rolloverMs" | "price" | "role"
>;
export type Part = Omit<Target, "parts">;

/** What is asked of the Worker's environment; each throws a PlanError for what is not there. */
interface Resolving {
  /** What `"*"` stands for. */
  readonly model: string;
  readonly read: (binding: string) => string;
  readonly dialled: (url: string | { readonly env: string }) => string;
  readonly bound: (binding: string) => string;
}

export function resolvingFor(route: string, what: string, model: string, bindings: Bindings): Resolving {
  const read = (binding: string) => readBinding(route, what, binding, bindings);
  return {
    model,
    read,
    dialled: (url) => resolveUrl(route, what, url, read, bindings),
    bound: (binding) => requireService(route, what, binding, bindings),
  };
}

export function resolveTarget(target: Target, resolving: Resolving): UpstreamOptions {
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
export function resolveUrl(
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

export function resolveHeaders(
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
