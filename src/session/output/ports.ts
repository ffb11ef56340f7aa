/** What responses and playback use of other parts of the session. Whoever joins the parts passes the real ones. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { SessionConfig, TurnDetection } from "../../protocol/session-config.ts";
import type { Capabilities, Command } from "../../upstreams/upstream.ts";
import type { ClientKind, RelaySettings } from "../state/relay-settings.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { AudioAddress, ServerEvent } from "../state/server-events.ts";
import type { Strategy } from "../state/strategy.ts";
import type { TokenSums } from "../state/usage.ts";
import type { LaneEvent } from "../state/upstream-said.ts";
import type { LinkPhase, TurnPhase } from "../transitions.ts";

/** An upstream: it is asked, told what was heard of it, and given up when its answer stands still. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly phase: LinkPhase;
  readonly capabilities: Capabilities;
  readonly alive: boolean;
  readonly hasFallback: boolean;
  readonly serving: number;
  readonly responses: Map<string, string>;
  /** How its connection reads: when its line, a slow one, last carried something of what waits in its socket. */
  readonly reading: { readonly tookAt: number | null } | null;
  readonly format: AudioFormat;
  readonly usage: TokenSums;
  readonly acknowledging: { heard(itemId: string, ms: number): void } | null;
  command(command: Command): boolean;
  /** @returns whether the ask waited for a connection: it is not asked for. */
  withdraw(responseId: string): boolean;
  changed(itemId: string, whole?: boolean): void;
  tellLater(itemId: string): void;
  ensure(): void;
  answerMs(): number;
  stalled(): boolean;
  abandon(code: string, message: string): void;
}

/** The client: all that it is told. */
export interface ClientPort extends ClientKind {
  readonly live: boolean;
  emit(event: ServerEvent): void;
  tell(event: ServerEvent): void;
  audio(address: AudioAddress, bytes: Uint8Array, audioMs: number, aloud?: Uint8Array): void;
  rejected(error: ClientError, eventId: string | null): void;
  failed(code: string, message: string): void;
}

/** Whether the client reads what it is sent. */
export interface Backpressure {
  readonly congested: boolean;
}

/** The session's configuration: what answers are made by, and when the relay asks for them. */
export interface Configuration {
  readonly current: SessionConfig;
  readonly turnDetection: TurnDetection | null;
  readonly transcriptionOnly: boolean;
  readonly modality: "audio" | "text";
  readonly output: JsonObject;
  readonly outputFormat: AudioFormat;
  readonly inputFormat: AudioFormat;
  relay(client: ClientKind): RelaySettings;
}

/** What answers the client may still have. */
export interface Budget {
  refusedAnswer(): ClientError | null;
}

/** Who takes part now, and by which strategy they answer. */
export interface Cast {
  readonly present: readonly Link[];
  readonly strategy: Strategy;
}

/** What a broken connection still owed: what is asked now stands for it. */
export interface Recovery {
  superseded(link: Link): void;
}

/** Upstreams that are asked for comparison, and that nobody hears. */
export interface Shadows {
  ask(given: ResponseParams): void;
  stop(): void;
}

/** Calls that the relay makes: those that a new question makes pointless, and results that wait for a client. */
export interface Tools {
  superseded(stream: number): void;
  back(): void;
}

/** The caller's turn: answers wait for its end. */
export interface TurnTaking {
  readonly phase: TurnPhase;
  readonly openItem: string | null;
  takeBack(): void;
}

/** What the floor makes of a sound over an agent: it holds the listener's audio back, and looks for echo of it. */
export interface Floor {
  readonly way: Loudness & { readonly stands: boolean; back(): void };
  readonly guard: { delayed(fromMs: number, byMs: number): void; paused(now: number): void };
  /** Samples are on their way to the listener, and will sound then. */
  played(stream: number, samples: Int16Array, rateHz: number, atMs: number): void;
}

/** Makes what is sent quieter while a sound over its agent is judged. */
export interface Loudness {
  /** Something may be quieter just now. */
  readonly reduces: boolean;
  /** The next samples of a response, as they are sent. Valid until the next call. */
  reduce(id: string, stream: number, samples: Int16Array, rateHz: number, place: Place): Int16Array;
  /** The response has no more. */
  over(id: string): void;
}

/** Who is whose voice. */
export interface Voices {
  /** The listener's stream that an upstream is heard on. */
  channelOf(stream: number): number;
  /** The item of an answer is one of the conversation from now on: who is the same voice is told of it. */
  tellOthers(response: ResponseRecord, itemId: string): void;
  /** Who can go on now where this upstream broke off: itself, or another that is the same voice; null: nobody yet. */
  whoGoesOn(link: Link): Link | null;
}

/** What happens at upstreams. */
export interface UpstreamEvents {
  /** An answer says nothing that can be heard. */
  onSilent(link: Link, response: ResponseRecord): void;
}

/** The session's reactions to what becomes of answers (`reactions.ts`). */
export interface Reactions {
  responseDone(response: ResponseRecord): void;
}

/** Where samples stand: in the middle of an item, at its beginning, or where nothing of its stream sounds before it. */
export type Place = "goes on" | "follows" | "alone";

/** What the relay plays by itself. */
export interface Asides {
  readonly speaking: boolean;
  /** More of an answer is about to be sent. */
  answered(): void;
}

/** Who judges words before they pass. */
export interface Guard {
  readonly input: InputGuard | null;
  readonly output: OutputGuard | null;
  refused(response: ResponseRecord, judgement: Judgement): void;
}

/** Answers that wait until the caller's words have been judged. */
interface InputGuard {
  readonly answers: boolean;
  readonly brings: boolean;
  readonly count: number;
  holds(group: readonly Link[], params: ResponseParams): boolean;
  withholds(responseId: string): boolean;
  withdraw(): boolean;
}

/** How much of an answer has been judged and may pass. */
export interface OutputGuard {
  lacksWords(response: ResponseRecord): boolean;
  noted(response: ResponseRecord, event: LaneEvent): void;
  passed(response: ResponseRecord, event: LaneEvent): void;
  room(response: ResponseRecord, event: LaneEvent): number;
  withholds(response: ResponseRecord): boolean;
  vetoOf(response: ResponseRecord): Judgement | null;
  forget(response: ResponseRecord): void;
}

/** `open`, `closed`: not judged in time, and so let pass or refused. */
export interface Judgement {
  readonly decision: "pass" | "veto" | "open" | "closed";
  /** Of a veto. */
  readonly category: string | null;
}
