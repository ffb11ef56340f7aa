/** What the floor uses of other parts of the session. Whoever joins the parts passes the real ones. */
import type { EndpointerOptions } from "../../audio/endpointer.ts";
import type { TurnDetection } from "../../protocol/session-config.ts";
import type { Capabilities } from "../../upstreams/upstream.ts";
import type { ClientKind, RelaySettings } from "../state/relay-settings.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** The client, whose player may be told to hold or to duck. */
export interface ClientPort extends ClientKind {
  readonly connected: boolean;
  emit(event: ServerEvent): void;
}

/** The session's configuration: how a sound is judged, and whether it may interrupt. */
export interface Configuration {
  readonly turnDetection: TurnDetection | null;
  relay(client: ClientKind): RelaySettings;
}

/** An upstream: whether it takes turns. */
export interface Link {
  readonly capabilities: Capabilities;
}

/** What of agents is audible. */
export interface Listener {
  readonly audible: boolean;
  playingUntil(): number;
}

/** The listener's player, as far as the relay knows it: it stands still while a sound is judged. */
export interface Playout {
  pause(now: number, reason: "floor"): void;
  resume(now: number, reason: "floor"): { readonly fromMs: number; readonly byMs: number } | null;
}

/** Answers, of which something waits to pass. */
export interface Responses {
  drain(): void;
}

/** The interruption that a sound proves to be. */
export interface BargeIn {
  around(interrupts: boolean, begin: () => void): void;
}

/** The caller's audio: where the detector is in it. */
export interface AudioInput {
  readonly hopEndTicks: number;
  readonly restMs: number;
  readonly endpointer: { readonly options: EndpointerOptions };
}

/** Whether the caller's audio comes late, and so was not said over what an agent says now. */
export interface Arrival {
  readonly late: boolean;
}

/** Turns of the caller: a sound becomes one, or does not. */
export interface TurnTaking {
  readonly watch: { readonly messageMs: number };
  begin(prefixTicks: number): void;
  adopt(fromTicks: number, toTicks: number): void;
  forget(): void;
}

/** What the relay plays by itself. */
export interface Asides {
  /** What the microphone hears in the caller's turn may be that. */
  readonly echoes: boolean;
}
