import type { UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Untold } from "./replay.ts";
import type { Serving } from "./serving.ts";

/** Of `LinkHost`. */
export interface ServingHost {
  upstreamConfig(): UpstreamConfig;
  onUntold(link: Serving, untold: Untold): void;
  onMissed(link: Serving, ms: number): void;
  onSpared(link: Serving, ms: number): void;
  readonly leaving?: boolean;
}
