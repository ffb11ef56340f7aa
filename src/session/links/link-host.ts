/** What an upstream of the plan asks of the session, and what it tells it. */
import type { UpstreamConfig, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Link } from "./link.ts";
import type { Untold } from "./replay.ts";

/** Why another connection serves, or none does. */
export type PhaseCause = "rollover" | "failover" | "parked" | "left";

export interface LinkHost {
  /** The session is to end when all is heard: an upstream that has ended the call is not dialled again. */
  readonly leaving?: boolean;
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  onUpstream(link: Link, event: UpstreamEvent): void;
  /** The connection that serves can not be told of all that the caller said. */
  onUntold(link: Link, untold: Untold): void;
  /** Another connection serves from now on: what is commanded now reaches it first. */
  onRedial(link: Link): void;
  /** The connection that serves is ready, and all that was asked of it has been sent. */
  onSent(link: Link): void;
  onPhase(link: Link, fault: UpstreamFault | null, cause: PhaseCause | null): void;
  /** The connection ended. `final`: it will not be dialled again by itself. */
  onLost(link: Link, fault: UpstreamFault, final: boolean): void;
  /** So much of the caller's audio never reached it. */
  onMissed(link: Link, ms: number): void;
  /** So much of silence, which it did not have to hear. */
  onSpared(link: Link, ms: number): void;
  /** Nothing is under way at the upstream that another connection would not know of. */
  atGap(link: Link): boolean;
}
