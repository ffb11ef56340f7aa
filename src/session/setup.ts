/** What a session is made of, given by whoever makes it. */
import type { AudioKernels } from "../audio/kernels.ts";
import type { JsonObject } from "../protocol/json.ts";
import type { UpstreamFactory } from "../upstreams/upstream.ts";
import type { SpeechStore } from "./aside/kept-speech.ts";
import type { Locks } from "./client/locks.ts";
import type { DrawId } from "./io.ts";
import type { Limits } from "./limits.ts";
import type { Plan } from "./state/plan.ts";

export interface SessionSetup {
  readonly id: string;
  /** The model string the client asked for, echoed in `session.model`. */
  readonly model: string;
  readonly plan: Plan;
  /** `transcription` for `?intent=transcription`. */
  readonly intent: "conversation" | "transcription";
  /** Session object given with the token (client_secrets `session`, POST /v1/sessions `session`), or `{}`. */
  readonly session: JsonObject;
  /** What its client may not change; absent: it may change all there is. */
  readonly locks?: Locks;
  /** What its door says to the dialect of its clients. */
  readonly dialectSettings?: JsonObject;
}

export interface SessionDependencies {
  readonly drawId: DrawId;
  readonly kernels: AudioKernels;
  readonly createUpstream: UpstreamFactory;
  readonly limits?: Partial<Limits>;
  /** What all sessions that share this one's memory may keep of audio; absent: it shares it with none. */
  readonly audioPool?: AudioPool;
  /** Sentences of the configuration as they sound, of all sessions that share this one's memory; absent: it has its own. */
  readonly speechStore?: SpeechStore;
}

/** Audio that sessions keep in one memory. */
export interface AudioPool {
  /** @param bytes what it keeps at present. */
  join(member: { readonly bytes: number }): void;
  /** Bytes that this one may keep of audio in all. */
  share(member: { readonly bytes: number }): number;
}
