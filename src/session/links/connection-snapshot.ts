import type { AudioFormat } from "../../audio/format.ts";
import type { JsonObject, UpstreamFault } from "../../upstreams/upstream.ts";
import type { LinkPhase } from "../transitions.ts";
import type { BacklogSnapshot } from "./backlog.ts";
import type { ChannelsSnapshot } from "../channel-peers.ts";
import type { CongestionSnapshot } from "./congestion.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";
import type { FloodSnapshot } from "./flood.ts";
import type { HeldVerdict } from "./held-verdicts.ts";

/** That a connection goes on with another one that broke off. */
export interface GoesOn {
  /** Number of the first of them, by which the session knows what was asked of it. */
  readonly serving: number;
  /** Of the one before, of which nobody was told. */
  readonly fault: UpstreamFault | null;
}

/** Everything that a connection and its codec know. */
export interface ConnectionSnapshot extends CongestionSnapshot {
  readonly identity: ConnectionIdentity;
  readonly phase: LinkPhase;
  readonly loop: boolean;
  readonly openedAt: number | null;
  readonly expiresAt?: number;
  /** Absent: all is earned back. */
  readonly flood?: FloodSnapshot;
  readonly reconfigure: boolean;
  readonly responses: readonly (readonly [string, string])[];
  readonly told: readonly (readonly [string, string])[];
  readonly later: readonly string[];
  readonly live: boolean;
  readonly useful: boolean;
  readonly acknowledged: boolean;
  readonly names: readonly (readonly [string, string])[];
  readonly own: readonly string[];
  readonly asked: readonly string[];
  readonly watched: boolean;
  readonly upstream: JsonObject;
  /** In which its backlog is, where its provider has not stated yet what it takes. */
  readonly expected?: AudioFormat;
  readonly backlog: BacklogSnapshot;
  /** Absent: there are none. */
  readonly verdicts?: readonly HeldVerdict[];
  /** Absent: it began anew. */
  readonly goesOn?: GoesOn;
  readonly brokeOff?: true;
  readonly departs?: true;
  /** Absent: its adapter has none. */
  readonly channels?: ChannelsSnapshot;
}
