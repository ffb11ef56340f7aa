/** What the routes of relay.config.ts name of a Worker's environment. */
import type { RelayConfig, RouteConfig } from "../../src/config/define.ts";
import { moderatorsOf } from "../../src/config/resolve-guard.ts";

/** A binding that a route names: a secret, one that is an address, or what runs a model. */
interface Named {
  readonly name: string;
  readonly is: "secret" | "url" | "model";
}

type Dialled = Pick<RouteConfig["upstreams"][number], "url" | "headers" | "binding">;

function dialledBy(route: RouteConfig): readonly Dialled[] {
  const upstreams =
    route.transcriber === undefined ? route.upstreams : [...route.upstreams, route.transcriber];
  const end = route.endOfTurn?.adapter === "http" ? [route.endOfTurn as Dialled] : [];
  const asked = moderatorsOf(route.guard).filter(({ adapter }) => adapter === "openai") as Dialled[];
  const tools = (route.tools ?? []).map(({ webhook, mcp }) => ({
    url: webhook?.url ?? mcp?.url,
    headers: webhook
      ? { secret: webhook.secret }
      : mcp?.authorization
        ? { Authorization: mcp.authorization }
        : {},
  }));
  const targets = upstreams.flatMap((upstream) => [upstream, ...(upstream.fallback ?? [])]);
  const dialled = targets.flatMap((target) => [target, ...Object.values(target.parts ?? {})]);
  const background = route.background === undefined ? [] : [route.background.text];
  return [...dialled, ...end, ...asked, ...tools, ...background];
}

export function literalUrls(route: RouteConfig): readonly string[] {
  return dialledBy(route).flatMap(({ url }) => (typeof url === "string" ? [url] : []));
}

export function bindingsOf(route: RouteConfig): readonly Named[] {
  const named = new Map<string, Named>();
  for (const { url, headers } of dialledBy(route)) {
    if (typeof url === "object") named.set(url.env, { name: url.env, is: "url" });
    for (const header of Object.values(headers ?? {})) {
      if (typeof header === "object") named.set(header.env, { name: header.env, is: "secret" });
    }
  }
  for (const name of modelsOf(route)) named.set(name, { name, is: "model" });
  return [...named.values()];
}

function modelsOf(route: RouteConfig): readonly string[] {
  const { endOfTurn } = route;
  const ends = endOfTurn?.adapter === "workers-ai" ? [endOfTurn.binding ?? "AI"] : [];
  const judging = moderatorsOf(route.guard).flatMap((one) =>
    one.adapter === "workers-ai" ? [one.binding ?? "AI"] : [],
  );
  return [...dialledBy(route).flatMap(({ binding }) => binding ?? []), ...ends, ...judging];
}

/** Bindings of Workers AI that the routes name, each once. */
export function modelBindings({ routes }: RelayConfig): readonly string[] {
  return [...new Set(Object.values(routes).flatMap(modelsOf))];
}
