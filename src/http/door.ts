/** What every door works with: the Worker's bindings, relay.config.ts, and counters of this isolate. */
import type { Context } from "hono";
import type { RelayEnv } from "../../durable-objects/env.ts";
import type { RelayConfig } from "../config/define.ts";
import type { DoorCounters } from "./counters.ts";

export interface DoorEnv {
  readonly Bindings: RelayEnv;
  readonly Variables: {
    readonly config: RelayConfig;
    readonly counters: DoorCounters;
    /** Whose refusals these are (refusals.ts); absent: nobody is known. */
    readonly caller?: string;
    /** The answer is a refusal, whatever its status. */
    readonly refused?: boolean;
  };
}

export type DoorContext = Context<DoorEnv>;

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

export function isLoopback(url: string): boolean {
  return LOOPBACK.has(new URL(url).hostname);
}

/** Development, and on this very machine: the variable alone would open a deployment that carries it by mistake. */
export function isDevelopment(env: RelayEnv, requestUrl: string): boolean {
  return env.RELAY_DEV === "1" && isLoopback(requestUrl);
}

export function isUpgrade(request: Request): boolean {
  return request.headers.get("Upgrade")?.toLowerCase() === "websocket";
}

/** The host that a proxy was asked for, as it says; null: there is none, or it says nothing. */
export function forwardedHost(c: DoorContext): string | null {
  return c.req.header("X-Forwarded-Host")?.split(",")[0]?.trim() || null;
}

/** Whoever asks, as Cloudflare says it; empty: there is none, as on this machine. */
export function addressOf(c: DoorContext): string {
  return c.req.header("CF-Connecting-IP") ?? "";
}
