/** What the shell around a session has to be given: the clock, the network, the store, and what is told to whoever runs it. */
import type { PeerId } from "../src/session/io.ts";
import type { MetricName } from "../src/session/metrics.ts";
import type { SessionSnapshot } from "../src/session/session.ts";
import type { Services } from "./asked.ts";
import type { FoundCallers } from "./callers.ts";
import type { Dial } from "./dial.ts";
import type { ObserverMark } from "./observers.ts";
import type { ClientSocket } from "./pending-clients.ts";
import type { Clock } from "./timer.ts";

export interface ShellHost extends Services {
  readonly clock: Clock;
  readonly dial: Dial;
  /** Stores a snapshot, off the hot path. Resolves when it is durable, rejects when it could not be stored. */
  save(peers: readonly PeerId[], snapshot: SessionSnapshot): Promise<void>;
  /**
   * Instead of `save`, where nothing of the session is stored: the store knows that there is one. Such a session lives in
   * memory only, and does not leave it by itself.
   */
  readonly mark?: () => Promise<void>;
  /** It lives in memory only, though something is stored: it does not leave it by itself. */
  readonly stays?: boolean;
  metric(name: MetricName, value: number, upstream?: string): void;
  /**
   * Nothing keeps this object awake any more; it must be woken at `at` (null: by the client only).
   * @param current the stored snapshot is all there is to know.
   */
  sleep(at: number | null, current: boolean): void;
  /** The client's heartbeats are answered without waking the object, or are not any more. */
  rest(on: boolean): void;
  /** It was asleep, and something comes: the stored snapshot will not be all there is to know. */
  awake(): void;
  /** The session is over: nothing of it is needed any more. */
  ended(): void;
  /**
   * Message after message comes from a client that was put out: the object is to be ended, which ends its connections.
   * Called once; what was stored goes on with whoever comes.
   */
  cut(): void;
  /** The core threw. Called once; `error` must not be logged with its message, which may hold what was said. */
  failed(error: unknown): void;
}

/** What a session that comes back from storage finds. */
export interface Found extends FoundCallers {
  /** Observers of the application's that hibernated with it. */
  readonly observers?: readonly (readonly [ClientSocket, ObserverMark])[];
  /** It comes back exactly as it was stored. */
  readonly asleep: boolean;
}
