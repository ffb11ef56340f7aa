/** The Worker's bindings. Those with a question mark may be absent; what then happens is said at each. */
import type { KeyLedgerRpc } from "./key-ledger-rpc.ts";
import type { KeptSessionRpc } from "./kept-session-rpc.ts";
import type { VoiceSessionRpc } from "./voice-session-rpc.ts";

export interface RelayEnv {
  readonly VOICE_SESSION: DurableObjectNamespace<VoiceSessionRpc & Rpc.DurableObjectBranded>;
  /** What of an API key's limits is exact. Absent: a key with one of those is answered with 500. */
  readonly KEY_LEDGER?: DurableObjectNamespace<KeyLedgerRpc & Rpc.DurableObjectBranded>;
  /** Session configurations that are too long for a token. Absent: those are answered with 413. */
  readonly KEPT_SESSION?: DurableObjectNamespace<KeptSessionRpc & Rpc.DurableObjectBranded>;
  /** Static files of public/. Absent: `GET /` is 404. */
  readonly ASSETS?: Fetcher;
  /** Secret of at least 32 characters that signs tokens. Absent: 500, but for development on loopback. */
  readonly RELAY_SIGNING_KEY?: string;
  /** API keys, written by `npm run keys` (key-store.ts). Absent: those of RELAY_API_KEYS alone. */
  readonly RELAY_KEYS?: KVNamespace;
  /** JSON `[{id, sha256, operator?, limits?: {sessions_per_minute?, concurrent?, …}}]`. Absent: those of RELAY_KEYS alone. */
  readonly RELAY_API_KEYS?: string;
  /** `"1"`: on loopback the key `relay-dev` is accepted. Never set it in a deployment. */
  readonly RELAY_DEV?: string;
  /** With RELAY_DEV: a key of 32 characters or more that opens every route, from wherever it comes. */
  readonly RELAY_DEV_KEY?: string;
  /** Workers rate limiting, keyed by API key. Absent: each isolate counts for itself. */
  readonly RATE_LIMIT?: RateLimit;
  /** Analytics Engine data set. Absent: counters are seen in the session's state only. */
  readonly METRICS?: AnalyticsEngineDataset;
}
