/** Session configurations that do not fit into their token (`durable-objects/kept-session.ts`). */
import type { RelayEnv } from "../../durable-objects/env.ts";
import type { Jurisdiction } from "../config/jurisdictions.ts";
import { Problem } from "./problem.ts";

interface TokenName {
  readonly jti: string;
  readonly jurisdiction: Jurisdiction | null;
  /** Seconds since 1970. */
  readonly exp: number;
}

/** @throws Problem 413 where this relay keeps none. */
export async function keepSession(env: RelayEnv, token: TokenName, session: string): Promise<void> {
  const object = keptObject(env, token);
  if (object !== null) return object.keep(session, token.exp * 1000);
  const advice = "send most of it by session.update after connecting, or bind KEPT_SESSION";
  throw new Problem("session_too_large", `The session does not fit into its token: ${advice}.`, {
    param: "session",
  });
}

export async function keptSession(env: RelayEnv, token: TokenName): Promise<string | null> {
  return (await keptObject(env, token)?.kept()) ?? null;
}

/** What belongs into a jurisdiction stays there. */
function keptObject({ KEPT_SESSION: world }: RelayEnv, { jti, jurisdiction }: TokenName) {
  if (world === undefined) return null;
  const namespace = jurisdiction === null ? world : world.jurisdiction(jurisdiction);
  return namespace.get(namespace.idFromName(jti));
}
