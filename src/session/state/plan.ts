/** What `relay.config.ts` resolves a model name to: which upstreams a session dials and how it treats them. */
import type { BackgroundPlan } from "./background-plan.ts";
import type { Price } from "./price.ts";
import type { GuardPlan } from "./guard-plan.ts";
import type { Limits } from "../limits.ts";
import type { BackchannelPlan, FillerPlan, Sounds, SpeechPlan } from "./sounds.ts";
import type { ToolPlan } from "./tool-plan.ts";
import type { JsonObject, UpstreamOptions } from "../../upstreams/upstream.ts";

export interface Plan {
  /** The route's name in `relay.config.ts`, for metrics. */
  readonly name: string;
  /** The experiment of which the route is an arm; absent: it was asked for itself. */
  readonly experiment?: string;
  /** One to `Limits.upstreams` entries, shadows last; the first is the primary (its transcription and errors count first). */
  readonly upstreams: readonly PlannedUpstream[];
  /** Of the prices of its upstreams; absent: none has any, and nothing is counted in money. */
  readonly currency?: string;
  /** How several upstreams answer; absent: each for itself. */
  readonly strategy?: StrategyChoice;
  /** Session defaults of this plan, deep-merged under the client's first `session.update`. OpenAI's shape. */
  readonly session: JsonObject;
  /** What is stored of a session. Default: `audio`. */
  readonly storage?: StorageMode;
  /** What is stored is sealed, and what cannot be is not stored; the object sees to it. */
  readonly sealed?: boolean;
  /** Where its sessions lie; the doors see to it. */
  readonly jurisdiction?: "eu" | "fedramp" | "fedramp-high" | "us";
  /** Fields of the session that no client changes (`src/session/client/locks.ts`). */
  readonly locked?: readonly string[];
  /** Kinds of tools that clients may bring; absent: any. */
  readonly toolTypes?: readonly string[];
  /** What this route has otherwise than `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Pick<Limits, "parkMs" | "sessionMs" | "answersPerMinute">>;
  /** A remote model that is asked, where the relay decides by `semantic_vad`, whether a silence ends the turn. */
  readonly endOfTurn?: EndOfTurnModel;
  /** Words are judged before they pass; absent: nobody does. */
  readonly guard?: GuardPlan;
  /** Tools that the relay runs; absent: none. */
  readonly tools?: readonly ToolPlan[];
  /** A text model works on what speakers hand on; absent: none does. */
  readonly background?: BackgroundPlan;
  /** What its listener hears while nobody answers; absent: nothing. */
  readonly fillers?: FillerPlan;
  /** While a caller tells something long. Absent: nothing is. */
  readonly backchannels?: BackchannelPlan;
  /** By name, for its application to have played; absent: none. */
  readonly sounds?: Sounds;
  /** The relay's own voice; absent: it has none, and says no sentences. */
  readonly speech?: SpeechPlan & { readonly price?: Price };
  /** Under `semantic_vad` the relay's own network hears how a voice ended; absent: it does. */
  readonly cadence?: boolean;
  /** Hears the caller always and answers never: its transcripts are the words of the caller's turns, and evidence. */
  readonly transcriber?: PlannedUpstream;
  /** `auto`: neural where its kernel is loaded, else energy. */
  readonly detector: "auto" | "energy";
}

/** Strategies that a plan has to name, with what they need to know. */
export type StrategyChoice =
  | { readonly name: "race" | "failover" | "panel" }
  | { readonly name: "hedge"; readonly hedgeMs: number };

/**
 * `audio`: everything, so that a session survives its object whole. `text`: all but samples, so that its conversation
 * does. `none`: nothing; it dies with its object.
 */
export const STORAGE_MODES = ["audio", "text", "none"] as const;
export type StorageMode = (typeof STORAGE_MODES)[number];

/** Asked by the shell; the core only knows that there is one. */
export type EndOfTurnModel =
  | { readonly adapter: "workers-ai"; readonly binding: string; readonly model: string }
  | { readonly adapter: "http"; readonly url: string; readonly headers: Readonly<Record<string, string>> };

export interface PlannedUpstream {
  /** Unique in the plan; shown to duplex.v1 clients and in metrics. */
  readonly name: string;
  readonly options: UpstreamOptions;
  /** Keep a second connection ready, to the next of `fallback`: it takes over at once. Costs what the provider asks. */
  readonly standby?: boolean;
  /** Change to a new connection when one is so old, at a gap; default: before the provider's own cap. */
  readonly rolloverMs?: number;
  /** Tried in this order, then round again, when the connection fails or falls silent. */
  readonly fallback?: readonly UpstreamOptions[];
  /** Of itself and of each fallback; null: nobody said. Absent: of none. */
  readonly prices?: readonly (Price | null)[];
  /** Absent: it speaks. A shadow hears all and is asked for every answer, and nobody hears it. */
  readonly role?: "shadow";
}

/** It hears all, is asked for every answer, and is never heard. */
export function isShadow({ role }: Pick<PlannedUpstream, "role">): boolean {
  return role === "shadow";
}
