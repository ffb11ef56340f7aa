/** `GET /v1/models`: the routes whose bindings are there, as OpenAI lists models. */
import { Hono } from "hono";
import { offeredRoutes, spendsSecret } from "../config/resolve.ts";
import { requireApiKey } from "./access.ts";
import type { ApiKey } from "./api-keys.ts";
import type { DoorContext, DoorEnv } from "./door.ts";
import { Problem } from "./problem.ts";

/** OpenAI's, and what `relay.config.ts` says of the route. */
function shape(c: DoorContext, id: string) {
  const { description, examples } = c.var.config.routes[id] ?? {};
  return {
    id,
    object: "model" as const,
    created: 0,
    owned_by: "relay",
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
  };
}

function offeredTo(c: DoorContext, key: ApiKey): readonly string[] {
  const { config } = c.var;
  const offered = offeredRoutes(config, c.env);
  return key.spendsNothing ? offered.filter((name) => !spendsSecret(config, name, c.env)) : offered;
}

export const models = new Hono<DoorEnv>()
  .get("/", async (c) => {
    const key = await requireApiKey(c);
    return c.json({ object: "list", data: offeredTo(c, key).map((id) => shape(c, id)) });
  })
  .get("/:id{.+}", async (c) => {
    const key = await requireApiKey(c);
    const id = c.req.param("id");
    if (!offeredTo(c, key).includes(id)) {
      throw new Problem("model_not_found", "No route of this name is offered.", { param: "model" });
    }
    return c.json(shape(c, id));
  });
