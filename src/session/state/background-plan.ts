/** What a route says of its background mind. */
import type { UpstreamOptions } from "../../upstreams/upstream.ts";

export interface BackgroundPlan {
  /** The text model: options of the cascade's `text` part. */
  readonly text: UpstreamOptions;
  /** How its speakers call it. */
  readonly name: string;
  /** When they are to. */
  readonly description: string;
  /** What the text model is told beside the task. */
  readonly instructions: string;
  /** Names of the route's tools that it may call. */
  readonly tools: readonly string[];
  /** The speaker is asked to tell what came of a task; else it only knows. */
  readonly announce: boolean;
  /** Milliseconds after which what came of a task, or has not come yet, is dropped. */
  readonly staleMs: number;
  /** Tasks under way at once. */
  readonly atOnce: number;
}
