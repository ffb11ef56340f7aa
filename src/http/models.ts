/** `GET /v1/models`: the routes whose bindings are there, as OpenAI lists models. */
import { Hono } from "hono";
import { offeredRoutes } from "../config/resolve.ts";
import { requireApiKey } from "./access.ts";
import type { DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

const shape = (id: string) => ({ id, object: "model" as const, created: 0, owned_by: "relay" });

export const models = new Hono<DoorEnv>()
  .get("/", async (c) => {
    await requireApiKey(c);
    return c.json({ object: "list", data: offeredRoutes(c.var.config, c.env).map(shape) });
  })
  .get("/:id{.+}", async (c) => {
    await requireApiKey(c);
    const id = c.req.param("id");
    if (!offeredRoutes(c.var.config, c.env).includes(id)) {
      throw new Problem("model_not_found", "No route of this name is offered.", { param: "model" });
    }
    return c.json(shape(id));
  });
