/** What happens at upstreams, and what that asks of other parts of the session. */
import type { Json } from "../../protocol/json.ts";
import type { UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { InputTranscript, ResponseUpstreamEvent } from "../state/upstream-said.ts";
import type { Link } from "./link.ts";

/** The client: it is told of faults, and of the caller's words. */
export interface ClientPort {
  readonly extended: boolean;
  readonly audience: {
    /** Errors that this tells cost the client nothing. */
    harmlessly(tell: () => void): void;
  };
  emit(event: ServerEvent): void;
  failed(code: string, message: string): void;
  /** The same, which may come again and again. */
  failedOften(code: string, message: string): void;
  /** A provider refused what the client asked for. */
  refused(fault: UpstreamFault, eventId: string | null): void;
}

/** The caller's turn, which an upstream may decide. */
export interface TurnTaking {
  /** Turns are decided here. */
  readonly decides: boolean;
  readonly openItem: string | null;
  readonly lastItem: string | null;
  upstreamSpeech(state: "started" | "stopped"): void;
  /** @returns the item that the turn became. */
  upstreamCommitted(): string;
  /** A connection is ready, and all that was asked of it has been sent. */
  serves(link: Link): void;
  /** Another connection hears the present turn. */
  replay(link: Link): void;
  takeBack(): void;
  providerLost(): void;
  /** Nothing of the caller's would be missed by another connection. */
  atGap(link: Link): boolean;
}

/** Answers that are asked for before a turn has ended: words of it come under another name. */
export interface Eager {
  itemOf(name: string): string | null;
  keep(event: InputTranscript): void;
}

/** Who takes part now: the turns of the first of them count. */
export interface Cast<L> {
  readonly primary: L | undefined;
}

/** What of agents is audible. */
export interface Listener {
  /** Nothing of this upstream's is under way, and nothing of it is audible that may yet be cut. */
  atGap(link: Link): boolean;
}

/** Who judges the caller's words: it looks at an item of the conversation anew. */
export interface Guard {
  readonly input: { changed(): void } | null;
  /** Null: what agents say is not judged. */
  readonly output: object | null;
}

/** The session's reactions to what happens at upstreams (`reactions.ts`). */
export interface Reactions {
  /** Another connection of an upstream serves, perhaps to another provider. */
  serves(): void;
}

/** Stops what is heard. */
export interface BargeIn {
  interruptedAt(link: Link): void;
}

/** Several that are asked for one answer. */
export interface Rounds {
  /** Somebody else may still give this one. */
  others(response: ResponseRecord): boolean;
  /** @returns whether the client is to be told of these limits. */
  tellsLimits(link: Link, limits: Json): boolean;
}

/** Speech of which an upstream decides what it means. */
export interface Witness {
  said(link: Link, event: UpstreamEvent): void;
  committed(link: Link): void;
  /** It has made a turn, and its answer has not begun. */
  owes(link: Link): boolean;
  redialled(link: Link): void;
  lost(link: Link): void;
}

/** What a lost upstream still owes. */
export interface Recovery {
  /** A response that this provider fails is to be looked for elsewhere. */
  goesElsewhere(link: Link, responseId: string | null, fault: UpstreamFault): boolean;
  /** @returns whether the connection was left for it. */
  failed(link: Link, key: string, fault: UpstreamFault): boolean;
  silent(link: Link, response: ResponseRecord, fault: UpstreamFault): void;
  redialled(link: Link): void;
  /** It was asked for an answer that it has not begun: another connection is asked for it again. */
  asks(stream: number): boolean;
  lost(link: Link, fault: UpstreamFault, final: boolean, departed: boolean): void;
}

/** Answers, from request to end. */
export interface Responses {
  get(id: string): ResponseRecord | undefined;
  handle(link: Link, event: ResponseUpstreamEvent): void;
  /** What was asked of it has left. */
  left(link: Link): void;
}

/** Items of a provider's own, and events about them. */
export interface PlacedItems {
  placed(link: Link, event: Extract<UpstreamEvent, { readonly type: "item.placed" }>): void;
  passed(link: Link, event: Extract<UpstreamEvent, { readonly type: "passed" }>): void;
}

/** Upstreams that are tried out beside those that speak. */
export interface Shadows {
  spoke(link: Link, event: ResponseUpstreamEvent): void;
}

/** Whose verdict on the configuration it is. */
export type Judge = "primary" | "transcriber";

/** The session's configuration, which upstreams judge. */
export interface SessionObject {
  readonly updates: {
    configured(judge: Judge): void;
    unconfigured(fields: readonly string[]): void;
    /** @returns the cause of the update that is refused, where that is known. */
    refused(cause: string | null, param: string | null): string | null;
  };
}

/** Whose voice an upstream is. */
export interface Voices {
  /** This upstream is told what any of them said and what tools gave. */
  knowsAll(index: number): boolean;
  /** All upstreams are one. */
  readonly one: boolean;
  /** This upstream is told what any of them said and what tools gave. */
  knowsAll(stream: number): boolean;
}
