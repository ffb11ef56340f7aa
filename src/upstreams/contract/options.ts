/** What an upstream is made of. */
import type { JsonObject } from "../../protocol/json.ts";

/** What `relay.config.ts` says of one upstream, with secrets already resolved from bindings. */
export interface UpstreamOptions {
  /** Registry name: `openai-compatible`, `echo`. */
  readonly adapter: string;
  readonly url?: string;
  readonly model?: string;
  /** Name of the Worker's binding that runs the model, instead of an address. */
  readonly binding?: string;
  /** Full header values, secrets included. Never logged, never persisted. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Adapter-specific data, checked by the adapter's own schema. */
  readonly settings?: JsonObject;
  /** It speaks with this voice, whatever the session says. */
  readonly voice?: string;
  /** It is told this before the session's instructions. */
  readonly instructions?: string;
  /** Of an upstream that is made of others: what each is. */
  readonly parts?: Readonly<Record<string, UpstreamOptions>>;
}
