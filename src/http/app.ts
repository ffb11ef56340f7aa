/** All doors of the relay. */
import { type Context, Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { routePath } from "hono/route";
import { getPath } from "hono/utils/url";
import type { RelayConfig } from "../config/define.ts";
import { canonicalPath, isOtherApi, nearestAddress } from "./addresses.ts";
import { admin } from "./admin.ts";
import { betaSecrets } from "./beta-secrets.ts";
import { DoorCounters } from "./counters.ts";
import { DIALECT_DOORS } from "./dialect-doors.ts";
import { type DoorContext, type DoorEnv, isLoopback } from "./door.ts";
import { elsewhere, NO_WEB_RTC } from "./elsewhere.ts";
import { models } from "./models.ts";
import { corsHeaders, guardOrigin } from "./origin.ts";
import { Problem } from "./problem.ts";
import { realtime } from "./realtime.ts";
import { holdBack } from "./refusals.ts";
import { weighed } from "./weights.ts";
import { sessions } from "./sessions.ts";

export function createApp(config: RelayConfig): Hono<DoorEnv> {
  const counters = new DoorCounters();
  const app = new Hono<DoorEnv>({ getPath: (request) => canonicalPath(getPath(request)) });
  app.use(async (c, next) => {
    c.set("config", config);
    c.set("counters", counters);
    await next();
    if (c.res.status !== 101) tellBrowsers(c);
    counters.count(door(c), c.res.status);
    await holdBack(c);
  });
  app.use(methodNotAllowed({ app, onMethodNotAllowed: notAllowed }));
  app.use("/v1/*", corsHeaders, guardOrigin);
  app.use("/metrics", guardOrigin);
  app.use("/v1/*", async (c, next) => {
    c.set("config", await weighed(config, c.env));
    await next();
  });
  app.route("/v1/realtime", elsewhere);
  app.route("/v1/sessions", sessions);
  app.route("/v1/realtime", realtime);
  app.route("/v1/realtime", betaSecrets);
  app.route("/v1/models", models);
  for (const [name, door] of Object.entries(DIALECT_DOORS)) app.route(`/v1/${name}`, door);
  app.route("/", admin);
  app.notFound(({ req }) => noDoor(req.path).toResponse());
  app.onError((error) => problemOf(error).toResponse());
  return app;
}

function notAllowed({ req }: Context, methods: readonly string[]): Response {
  const allow = methods.join(", ");
  const webRtc = req.method === "POST" && req.path === "/v1/realtime" ? ` ${NO_WEB_RTC}` : "";
  const detail = `${req.method} is not allowed here; these are: ${allow}.${webRtc}`;
  return new Problem("method_not_allowed", detail, { headers: { Allow: allow } }).toResponse();
}

function noDoor(path: string): Problem {
  if (isOtherApi(path)) {
    const detail = "This relay speaks the Realtime API alone, and none of the others: /v1/realtime.";
    return new Problem("not_offered", detail);
  }
  return new Problem("not_found", `The relay has no such address; the nearest is ${nearestAddress(path)}.`);
}

function problemOf(error: Error): Problem {
  if (error instanceof Problem) return error;
  // Its message may quote what a client sent.
  console.error("a door failed", error.name);
  return isPassing(error)
    ? new Problem("overloaded", "The session's object could not be reached: try again.")
    : new Problem("internal_error", "The relay failed to answer; its log says where.");
}

/** What is JSON is not to be taken for a page, and who came over TLS comes over TLS again. */
function tellBrowsers(c: DoorContext): void {
  c.header("X-Content-Type-Options", "nosniff");
  // Loopback is every program of this machine, and most have no TLS.
  if (c.req.url.startsWith("https:") && !isLoopback(c.req.url))
    c.header("Strict-Transport-Security", "max-age=31536000");
}

/** The runtime's word for what another attempt may find better: an overload, an object that was reset or moved. */
function isPassing(error: Error): boolean {
  return Reflect.get(error, "overloaded") === true || Reflect.get(error, "retryable") === true;
}

/** The pattern that matched last, so that metrics have a bounded number of series. */
function door(c: DoorContext): string {
  const path = routePath(c, -1);
  return path.endsWith("*") ? "none" : `${c.req.method} ${path}`;
}
