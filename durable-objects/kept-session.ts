/**
 * A session configuration that is too long for its token: kept until the token expires, under the token's name. An object
 * of its own, because it lies where the application's server asked for it, and the call's own should lie near its caller.
 */
import { DurableObject } from "cloudflare:workers";
import type { RelayEnv } from "./env.ts";
import type { KeptSessionRpc } from "./kept-session-rpc.ts";

const SESSION = "session";
/** Clocks of two locations differ: the door, which judges the token, must find it as long as that is good. */
const MARGIN_MS = 60_000;

export class KeptSession extends DurableObject<RelayEnv> implements KeptSessionRpc {
  async keep(session: string, until: number): Promise<void> {
    this.ctx.storage.kv.put(SESSION, session);
    await this.ctx.storage.setAlarm(until + MARGIN_MS);
  }

  async kept(): Promise<string | null> {
    return this.ctx.storage.kv.get<string>(SESSION) ?? null;
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }
}
