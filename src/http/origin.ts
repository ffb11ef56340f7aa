/**
 * Browsers say from which page they call (`Origin`), and a WebSocket is not held back by CORS: a foreign page that got
 * hold of a key, or guesses the development key of a loopback relay, is refused here. Programs send no Origin.
 */
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { type DoorContext, type DoorEnv, isDevelopment, isLoopback, isUpgrade } from "./door.ts";
import { Problem } from "./problem.ts";

/** @throws Problem 403 */
export const guardOrigin = createMiddleware<DoorEnv>(async (c, next) => {
  const origin = c.req.header("Origin");
  if (origin !== undefined && !isAllowed(c, origin)) {
    throw new Problem(
      "origin_refused",
      `Pages of ${shown(origin)} may not call this relay (allowedOrigins).`,
    );
  }
  await next();
});

const answerCors = cors({
  origin: (origin, c) => (isAllowed(c, origin) ? origin : null),
  allowMethods: ["GET", "POST", "DELETE"],
  maxAge: 600,
});

/** Not for upgrades: the object's answer carries a socket and must pass untouched. */
export const corsHeaders = createMiddleware<DoorEnv>((c, next) =>
  isUpgrade(c.req.raw) ? next() : answerCors(c, next),
);

function isAllowed(c: DoorContext, origin: string): boolean {
  const allowed = c.var.config.allowedOrigins ?? [];
  if (allowed.includes(origin) || allowed.includes("*")) return true;
  if (!URL.canParse(origin)) return false;
  if (origin === new URL(c.req.url).origin) return true;
  // `npm start -- --tls` and a page on another port: same machine, another origin.
  return isDevelopment(c.env, c.req.url) && isLoopback(origin);
}

function shown(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin : "an opaque origin";
}
