/**
 * The boundary of the core: a session is a synchronous function of (input, now) to actions.
 *
 * `now` is an argument in milliseconds of any monotonic-enough clock (a step backwards is tolerated). The shell
 * performs every returned action, in order, before it hands in the next input, and calls `handle` with `timeout`
 * no earlier than `session.deadline`. Too early or too late a timeout is harmless.
 */
import type { DialectName } from "../dialects/index.ts";
import type { MetricName } from "./metrics.ts";
import type { PlanNow } from "./state/plan-now.ts";
import type { ToolResult } from "./state/tool-plan.ts";
import type { DialRequest, JsonObject, ResponseHead, WireMessage } from "../upstreams/upstream.ts";

/** `client`, or an upstream connection's id (`up0.1`), or that of one of its channels (`up0.1/text.3`). */
export type PeerId = string;
export const CLIENT: PeerId = "client";

export type Input =
  /**
   * A client socket was accepted, or a dialled one opened. For the client: what it negotiated. For an HTTP request: its
   * response has begun; `message` is bytes of it as they come, and `close` with 1000 says that it is whole.
   */
  | { readonly type: "open"; readonly peer: PeerId; readonly dialect?: Dialect; readonly head?: ResponseHead }
  /** `data` may be a view on a buffer that the caller reuses after `handle` returns. */
  | { readonly type: "message"; readonly peer: PeerId; readonly data: WireMessage }
  /** A socket closed, or a dial failed (`code` 0 and `reason` says why, `HTTP 401`, redacted). */
  | { readonly type: "close"; readonly peer: PeerId; readonly code: number; readonly reason: string }
  /** Bytes accepted by `send` and not yet on the network, polled by the shell. */
  | { readonly type: "buffered"; readonly peer: PeerId; readonly bytes: number }
  /**
   * An observer of the application's (`control:1`) was let in. `again`: it was here before the session was restored, and
   * has to be said so before anything else is handed in. Its messages and its end are inputs like any peer's.
   */
  | { readonly type: "observer"; readonly peer: PeerId; readonly audio: boolean; readonly again: boolean }
  /** A connection came that has still to say whether it is the client that is waited for. */
  | { readonly type: "pending" }
  /** A snapshot is durable: the `covers` of that very one. Never fed for one that could not be stored. */
  | { readonly type: "persisted"; readonly covers: Covers }
  /** A remote end-of-turn model's probability that the turn of `consult` is over; null: it could not be had. */
  | { readonly type: "consulted"; readonly id: number; readonly probability: number | null }
  /** A moderator's word on `moderate`: the category of what may not pass, or null; `verdict` null: it could not be had. */
  | {
      readonly type: "moderated";
      readonly id: number;
      readonly moderator: number;
      readonly verdict: { readonly category: string | null } | null;
    }
  /** What the call of `tool` came to. */
  | { readonly type: "tool_answered"; readonly id: string; readonly result: ToolResult }
  /** What the account of its API key leaves the session, until the next of these. Never fed: all it wants. */
  | { readonly type: "allowance"; readonly allowance: Allowance | null }
  /** That account is used up: the session ends, and its client is told why. */
  | { readonly type: "spent"; readonly message: string }
  | { readonly type: "timeout" };

/** Answers that an API key may have its sessions ask for in a minute. */
export interface Allowance {
  /** This session has its share up to so many, of all that it asked for in this object (metric `answers_asked`). */
  readonly upTo: number;
  readonly perMinute: number;
  /** When more may be had, in milliseconds of `now`. */
  readonly moreAt: number;
}

/** What is in a snapshot: the client's messages up to which number, and how often it had begun to count anew. */
export interface Covers {
  readonly count: number;
  readonly received: number;
  /** So many calls of the relay's tools were decided; absent: none. */
  readonly calls?: number;
}

/** What the client understands. `realtime`: exactly OpenAI GA. `duplex.v1`: our extensions too. Others: src/dialects. */
export type Dialect = DialectName;

export type Action =
  /** Open a socket, or make an HTTP request. Answered by `open` or by `close` for this peer, within a bounded time. */
  | { readonly type: "dial"; readonly peer: PeerId; readonly request: DialRequest }
  /** `data` is only valid until the next call of `handle`: send it or copy it. */
  | { readonly type: "send"; readonly peer: PeerId; readonly data: WireMessage }
  | { readonly type: "close"; readonly peer: PeerId; readonly code: number; readonly reason: string }
  /**
   * Store `session.snapshot()` soon, off the hot path: at most about once per second, or `urgent`: at once, because a
   * crash must not forget what was just told (a turn, a response, a tool call; a few per utterance).
   */
  | { readonly type: "persist"; readonly urgent?: true }
  /** Ask the plan's end-of-turn model about 16 kHz audio, which is the receiver's. Answered once by `consulted`. */
  | { readonly type: "consult"; readonly id: number; readonly samples: Int16Array }
  /** Ask a moderator of the plan's guard, by its place, about words. Answered once by `moderated`. */
  | {
      readonly type: "moderate";
      readonly id: number;
      readonly side: "input" | "output";
      readonly moderator: number;
      readonly text: string;
    }
  /**
   * Call a tool of the plan, by its name, under the call's own, which is the same however often this is said: a call that
   * died with its object is made again. Answered once by `tool_answered`.
   */
  | {
      readonly type: "tool";
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      /** A JSON object. */
      readonly arguments: string;
    }
  /** Counters and timings for telemetry: static names, numeric values, nothing personal. */
  | { readonly type: "metric"; readonly name: MetricName; readonly value: number; readonly upstream?: string }
  /**
   * The client rests: until this is taken back answer its `{"type":"session.heartbeat"}` with the same, without handing it
   * in, so that the object may sleep through it.
   */
  | { readonly type: "rest"; readonly on: boolean }
  /** The session is over: nothing more will come, storage may be wiped. */
  | { readonly type: "end"; readonly reason: string };

/** Draws identifiers: 21 or so characters of [A-Za-z0-9], unique within the session and unguessable. */
export type DrawId = () => string;

/** What a finished session reports to `GET /v1/sessions/:id`. No transcripts, no audio. */
export interface SessionState {
  readonly id: string;
  readonly object: "relay.session";
  readonly status: "waiting" | "connected" | "ended";
  readonly model: string;
  /** Which route it has of the experiment that `model` led to. */
  readonly experiment?: { readonly name: string; readonly arm: string };
  readonly created_at: number;
  readonly expires_at: number;
  /** Where several upstreams are one voice: how they answer now, and which of them take part. */
  readonly plan?: PlanNow;
  readonly turns: number;
  readonly responses: number;
  readonly upstreams: readonly {
    readonly name: string;
    readonly status: string;
    /** It is tried out, and never heard. */
    readonly role?: "shadow";
    /** What its answers cost, heard or not; absent: it said of none. */
    readonly usage?: Readonly<Record<string, number>>;
  }[];
  readonly audio: { readonly received_ms: number; readonly sent_ms: number };
  readonly usage: JsonObject;
  /** In money; absent: nothing has a price. */
  readonly cost?: JsonObject;
}
