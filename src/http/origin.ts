/**
 * Browsers say from which page they call (`Origin`), and a WebSocket is not held back by CORS: a foreign page that got
 * hold of a key, or guesses the development key of a loopback relay, is refused here. Programs send no Origin.
 */
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { allowsOrigin } from "../config/origins.ts";
import {
  type DoorContext,
  type DoorEnv,
  forwardedHost,
  isDevelopment,
  isLoopback,
  isUpgrade,
} from "./door.ts";
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
  if (allowed.some((entry) => allowsOrigin(entry, origin))) return true;
  if (isOwn(c, origin)) return true;
  // `npm start -- --tls` and a page on another port: same machine, another origin.
  return isDevelopment(c.env, c.req.url) && URL.canParse(origin) && isLoopback(origin);
}

/**
 * The relay's own page. A proxy that ends TLS hands a request on by `http`, or under another host which it says in
 * X-Forwarded-Host: no page can set that header or Host, and a program that can needs no Origin at all. A page of
 * `http` is not taken for the relay's own where that has TLS: anybody on the way may have written it.
 */
function isOwn(c: DoorContext, origin: string): boolean {
  const own = new URL(c.req.url);
  if (origin === own.origin) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  const tls = own.protocol === "https:" || c.req.header("X-Forwarded-Proto") === "https";
  if (page.protocol !== "https:" && (page.protocol !== "http:" || tls)) return false;
  return [own.host, c.req.header("Host"), forwardedHost(c)].some((host) => {
    // Without the port that goes without saying.
    const url = `${page.protocol}//${host ?? ""}`;
    return URL.canParse(url) && new URL(url).host === page.host;
  });
}

function shown(origin: string): string {
  return /^[\w+.-]+:\/\/[\w.:[\]-]{0,100}$/.test(origin) ? origin : "an opaque origin";
}
