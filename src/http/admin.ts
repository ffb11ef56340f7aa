/** For those who run the relay: health, metrics, the page. */
import { Hono } from "hono";
import { requireOperator } from "./access.ts";
import type { DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

export const admin = new Hono<DoorEnv>()
  .get("/healthz", (c) => c.json({ status: "ok" }, 200, { "Cache-Control": "no-store" }))
  .get("/metrics", async (c) => {
    await requireOperator(c, "Metrics are");
    return c.body(c.var.counters.toText(), 200, {
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
    });
  })
  .get("/", async (c) => {
    // Where assets are served before the Worker this is never reached.
    const page = await c.env.ASSETS?.fetch(c.req.raw);
    if (page === undefined) throw new Problem("not_found", "This relay has no page.");
    return page;
  });
