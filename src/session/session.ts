/** The core. (Under construction: the interface is final.) */
import type { AudioKernels } from "../audio/kernels.ts";
import type { UpstreamFactory } from "../upstreams/upstream.ts";
import type { Action, DrawId, Input, SessionState } from "./io.ts";
import type { Plan } from "./plan.ts";

export interface SessionSetup {
  readonly id: string;
  /** The model string the client asked for, echoed in `session.model`. */
  readonly model: string;
  readonly plan: Plan;
  /** `transcription` for `?intent=transcription`. */
  readonly intent: "conversation" | "transcription";
  /** Session object given with the token (client_secrets `session`, POST /v1/sessions `session`), or `{}`. */
  readonly session: import("../upstreams/upstream.ts").JsonObject;
}

export interface SessionDependencies {
  readonly drawId: DrawId;
  readonly kernels: AudioKernels;
  readonly createUpstream: UpstreamFactory;
}

/** Structured-clonable. Holds no secret. */
export interface SessionSnapshot {
  readonly version: 1;
}

export class Session {
  constructor(_setup: SessionSetup, _dependencies: SessionDependencies, _now: number) {
    // replaced
  }

  /** Rebuilds a session in another isolate. Peers are as the snapshot had them: hand in `close` for dead ones. */
  static restore(
    _snapshot: SessionSnapshot,
    _setup: SessionSetup,
    _dependencies: SessionDependencies,
    _now: number,
  ): Session {
    throw new Error("replaced");
  }

  handle(_input: Input, _now: number): readonly Action[] {
    return [];
  }

  /** When to call `handle` with `timeout` at the latest; null: never. */
  get deadline(): number | null {
    return null;
  }

  /** Nothing is audible, pending or in flight: the shell may let the object hibernate. */
  get quiet(): boolean {
    return true;
  }

  snapshot(): SessionSnapshot {
    return { version: 1 };
  }

  state(): SessionState {
    throw new Error("replaced");
  }
}
