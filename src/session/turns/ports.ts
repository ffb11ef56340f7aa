/** What turns use of other parts of the session. Whoever joins the parts passes the real ones. */
import type { EndpointerOptions } from "../../audio/endpointer.ts";
import type { AudioFormat } from "../../audio/format.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { SessionConfig, TurnDetection } from "../../protocol/session-config.ts";
import type {
  Capabilities,
  Command,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
} from "../../upstreams/upstream.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import type { ClientKind, RelaySettings } from "../state/relay-settings.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { Eagerness } from "../state/waits.ts";
import type { LinkPhase } from "../transitions.ts";
import type { AudioInput } from "./audio-input.ts";

/** Whoever hears the caller: what it can be given now, and what waits for it. */
interface Hearer extends AudioTap {
  readonly phase: LinkPhase;
  readonly capabilities: Capabilities;
  readonly remote: boolean;
  readonly formats: readonly AudioFormat[];
  readonly parked: boolean;
  readonly struck: boolean;
  readonly neededFrom: number;
  readonly congested: boolean;
  readonly reading: { readonly stuckMs: number; readonly overdraws: boolean } | null;
  spared(ms: number): void;
  ensure(): void;
  hurry(ms: number): void;
}

/** An upstream: it hears turns, is told where they end, and is watched where it finds them by itself. */
export interface Link extends Hearer {
  readonly index: number;
  readonly name: string;
  readonly watched: boolean;
  command(command: Command): boolean;
  rename(itemId: string, upstreamId: string): void;
  watch(leastMs: number): void;
  unwatch(): void;
  abandon(code: string, message: string): void;
}

/** An upstream that only transcribes. */
export interface Ear extends Link {
  retryIn(ms: number): void;
}

/** What becomes of the transcriber's connection, and of what it says: told as of any upstream. */
export interface UpstreamEvents {
  onPhase(link: Link, fault: UpstreamFault | null, cause: null): void;
  tellLost(link: Link, fault: UpstreamFault, final: boolean): void;
  tellBeside(link: Link, fault: UpstreamFault): void;
  onMissed(link: Link, ms: number): void;
  onSpared(link: Link, ms: number): void;
  changed(itemId: string): void;
  spent(usage: JsonObject, link: Link): void;
}

/** What an upstream says of its configuration. */
export type Verdict = Extract<UpstreamEvent, { readonly type: "configured" | "unconfigured" | "refused" }>;

/** What is made of it. */
export interface Refusals {
  verdict(link: Link, verdict: Verdict, of: "transcriber"): void;
}

/** The client: what it is told of its turns. */
export interface ClientPort extends ClientKind {
  readonly connected: boolean;
  emit(event: ServerEvent): void;
}

/** The session's configuration: who finds turns, and what an upstream is told. */
export interface Configuration {
  readonly current: SessionConfig;
  readonly turnDetection: TurnDetection | null;
  readonly transcriptionOnly: boolean;
  upstream(): UpstreamConfig;
  relay(client: ClientKind): RelaySettings;
}

/** Who takes part now. */
export interface Cast {
  readonly present: readonly Link[];
}

/** Who judges the caller's words before they are answered; null: nobody. */
export interface Guard {
  readonly input: object | null;
}

/** What answers the client may still have: those asked for in advance, and those to its silence. */
export interface Budget {
  readonly answersSilence: boolean;
  readonly mayHurry: boolean;
  hurried(): void;
  silence(): void;
}

/** Who is asked for an answer, also before the turn is known to be over. */
export interface Asking {
  /** Answers are the relay's to ask for, not only the client's. */
  readonly may: boolean;
  /** A `response.create` waits for the end of the caller's turn. */
  readonly holding: boolean;
  inAdvance(links: readonly Link[]): readonly { readonly id: string; readonly stream: number }[];
  anew(stream: number): void;
  takenBack(): void;
}

/** Answers that were asked for in advance. */
export interface Rounds {
  confirm(id: string): boolean;
  discard(id: string): void;
}

/** Answers: whether there was one, and whether one is being given. */
export interface Responses {
  readonly count: number;
  readonly underway: boolean;
  get(id: string): { readonly outOfBand: boolean } | undefined;
}

/** The session's reactions to what the caller does (`reactions.ts`). */
export interface Reactions {
  /** Speech began (null; `sinceMs` ago, pre-roll included), or ended after so long: heard, though not decided here. */
  witnessed(speechMs: number | null, sinceMs?: number): void;
  /** Speech began, decided at the edge or by a provider. */
  speechStarted(): void;
  /** The caller's turn is in the conversation under this name. */
  announced(itemId: string): void;
  /** A user turn is in the conversation and with the upstreams. `detected`: by speech, not by the client. */
  turnTaken(detected: boolean): void;
  /** So is a part of one that goes on. */
  turnBegan(): void;
  /** Words of the caller, while they are being said. */
  words(text: string): void;
}

/** How long a silence must be to end a turn, by all that is known. */
export interface TurnEnd {
  candidate(input: AudioInput, startTicks: number): void;
  consulted(id: number, probability: number | null): boolean;
  words(text: string): boolean;
  paused(ms: number): void;
  began(now: number, input: AudioInput, startTicks: number): void;
  ended(now: number, afterMs: number | null): void;
  waitMs(eagerness: Eagerness): number;
}

/** The client's heartbeat. */
export interface Delivery {
  readonly pulse: {
    /** A client that is bound to its heartbeat has said nothing at all since. */
    silentSince(at: number): boolean;
  };
}

/** When agents will have been heard. */
export interface Listener {
  playingUntil(): number;
}

/** Calls that the relay makes, for which the caller waits. */
export interface Tools {
  readonly answersSoon: boolean;
}

/** Sounds over an agent: whether one is a turn is judged there. */
export interface Floor {
  /** An agent is audible and may be interrupted: what begins now is first judged by the floor. */
  readonly contested: boolean;
  readonly judging: boolean;
  readonly late: {
    /** Where a sound began that was dismissed just before one that begins here, and belongs to it; else here. */
    earliest(prefixTicks: number): number;
    /** The same of one that may begin there. */
    wouldBegin(prefixTicks: number): number;
  };
  readonly guard: {
    /** What is heard may be the agent: an echo is known, or nothing speaks against one yet. */
    readonly possible: boolean;
    heard(samples: Int16Array, rateHz: number, fromMs: number, at: number, now: number): void;
  };
  /** Just now nothing is heard but an echo. */
  readonly hearsEcho: boolean;
  onset(prefixTicks: number): void;
  ended(): void;
  /** The detector begins anew, or nobody decides here any more: what was being judged is not judged to its end. */
  abandon(): void;
  hop(probability: number, hopMs: number, speech: EndpointerOptions): void;
}

/** What the relay plays by itself. */
export interface Asides {
  /** What the microphone hears in the caller's turn may be that. */
  readonly echoes: boolean;
}
