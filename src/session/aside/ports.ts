/** What the relay's own sounds use of other parts of the session. Whoever joins the parts passes the real ones. */
import type { AudioFormat, ProviderFormat } from "../../audio/format.ts";
import type { Capabilities } from "../../upstreams/upstream.ts";
import type { ClientKind, RelaySettings } from "../state/relay-settings.ts";
import type { Ending, OwnSound, ResponseRecord } from "../state/response.ts";
import type { ServerEvent } from "../state/server-events.ts";

/** An upstream, on whose stream they sound. */
export interface Link {
  readonly index: number;
  readonly capabilities: Capabilities;
}

/** The client. */
export interface ClientPort extends ClientKind {
  readonly connected: boolean;
  readonly live: boolean;
  tell(event: ServerEvent): void;
}

/** Whether the client reads what it is sent. */
export interface Backpressure {
  readonly congested: boolean;
}

/** The session's configuration: whether anything is heard, and how far ahead. */
export interface Configuration {
  readonly transcriptionOnly: boolean;
  readonly modality: "audio" | "text";
  readonly outputFormat: AudioFormat;
  relay(client: ClientKind): RelaySettings;
}

/** What of agents is audible. */
export interface Listener {
  readonly audible: boolean;
  playingUntil(): number;
}

/** The ledger of what is heard. */
export interface Playout {
  heardMs(itemId: string, now: number): number;
  unheard(now: number): readonly string[];
  aheadMs(stream: number, now: number): number;
}

/** Whether a sound over an agent is judged, how agents give way to it, and whether the microphone hears them. */
export interface Floor {
  readonly guard: { readonly settled: boolean };
  readonly judging: boolean;
  readonly held: boolean;
  readonly way: { readonly stands: boolean };
}

/** The caller's turn: there is a gap only where nobody speaks. */
export interface TurnTaking {
  readonly openItem: string | null;
  readonly unmade: "heard" | "sent" | null;
  /** Turns so far. */
  readonly count: number;
  readonly telling: Telling | null;
}

/** A turn that the relay hears and that goes on. */
export interface Telling {
  readonly forMs: number;
  /** The caller pauses for so long by now, and after so much more the turn is over. */
  readonly silentMs: number;
  readonly leftMs: number;
}

/** Whether what comes of the caller was said a while ago. */
export interface Arrival {
  readonly late: boolean;
}

/** An answer that is asked for before the turn is over. */
export interface Eager {
  readonly active: boolean;
}

/** A client that takes its turns itself may be in the middle of one. */
export interface Talk {
  readonly talks: boolean;
}

/** Whether an answer is under way or asked for. */
export interface Asking {
  readonly underway: boolean;
}

/** Answers, of which a sound of the relay's own is one. */
export interface Responses {
  readonly answering: readonly ResponseRecord[];
  readonly own: {
    begin(link: Link, own: OwnSound, words: string | null): ResponseRecord;
    play(response: ResponseRecord, samples: Int16Array, format: ProviderFormat): void;
  };
  get(id: string): ResponseRecord | undefined;
  drain(): void;
  end(response: ResponseRecord, ending: Ending): void;
  cancel(response: ResponseRecord, ending: Ending): void;
}

/** What an interrupting announcement takes the place of. */
export interface BargeIn {
  interrupt(reason: "client_cancelled"): void;
}

/** Tools that the relay runs: whether one does, and that the caller waits for none any more. */
export interface Tools {
  readonly running: boolean;
  stopped(): void;
}
