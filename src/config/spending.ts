/** What the sessions of a route dial, and whether that costs the deployment. */
import type { RouteConfig, UpstreamConfigEntry } from "./define.ts";
import type { Bindings } from "./plan-error.ts";
import { moderatorsOf } from "./resolve-guard.ts";
import type { Part, Target } from "./resolve-target.ts";

/**
 * Whether the relay spends a secret of the deployment's for sessions of this route: a header or an address's query or user
 * that comes from a binding, what signs the calls of its tools, or Workers AI.
 */
export function spendsOne(route: RouteConfig, bindings: Bindings): boolean {
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
export function targetsOf({ fallback = [], ...own }: UpstreamConfigEntry): readonly Part[] {
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
