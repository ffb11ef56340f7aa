/** All doors of the relay. */
import { Hono } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { routePath } from "hono/route";
import type { RelayConfig } from "../config/define.ts";
import { admin } from "./admin.ts";
import { DoorCounters } from "./counters.ts";
import type { DoorContext, DoorEnv } from "./door.ts";
import { models } from "./models.ts";
import { corsHeaders, guardOrigin } from "./origin.ts";
import { Problem } from "./problem.ts";
import { realtime } from "./realtime.ts";
import { sessions } from "./sessions.ts";

export function createApp(config: RelayConfig): Hono<DoorEnv> {
  const counters = new DoorCounters();
  const app = new Hono<DoorEnv>();
  app.use(async (c, next) => {
    c.set("config", config);
    c.set("counters", counters);
    await next();
    counters.count(door(c), c.res.status);
  });
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const allow = methods.join(", ");
        const detail = `${c.req.method} is not allowed here; these are: ${allow}.`;
        return new Problem("method_not_allowed", detail, { headers: { Allow: allow } }).toResponse();
      },
    }),
  );
  app.use("/v1/*", corsHeaders, guardOrigin);
  app.use("/metrics", guardOrigin);
  app.route("/v1/sessions", sessions);
  app.route("/v1/realtime", realtime);
  app.route("/v1/models", models);
  app.route("/", admin);
  app.notFound(() => new Problem("not_found", "The relay has no such address.").toResponse());
  app.onError((error) => {
    if (error instanceof Problem) return error.toResponse();
    // Its message may quote what a client sent.
    console.error("a door failed", error.name);
    return new Problem("internal_error", "The relay failed to answer; its log says where.").toResponse();
  });
  return app;
}

/** The pattern that matched last, so that metrics have a bounded number of series. */
function door(c: DoorContext): string {
  const path = routePath(c, -1);
  return path.endsWith("*") ? "none" : `${c.req.method} ${path}`;
}
