/** What the client's side uses of other parts of the session. Whoever joins the parts passes the real ones. */
import type { AudioFormat } from "../../audio/format.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Capabilities, Command } from "../../upstreams/upstream.ts";
import type { Entry } from "../memory/entry.ts";
import type { PlanGiven, PlanNow } from "../state/plan-now.ts";
import type { Ending, ResponseRecord } from "../state/response.ts";
import type { LinkPhase } from "../transitions.ts";

/** An upstream: it is told what the client does to the conversation and the configuration. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly phase: LinkPhase;
  readonly capabilities: Capabilities;
  readonly format: AudioFormat;
  readonly waiting: number;
  readonly dormant: boolean;
  command(command: Command): boolean;
  ensure(): void;
}

/** The same of one whose connections died with the session's object. */
export interface LostLink {
  readonly phase: LinkPhase;
  readonly serving: number;
  doomed: boolean;
  died(knownUntil: number): void;
  ensure(): void;
  retryWithin(ms: number): void;
}

/** Who takes part now: the client changes it, and is shown it. */
export interface Cast {
  readonly primary: Link | undefined;
  readonly shown: PlanNow | null;
  update(given: PlanGiven, check: (before: PlanNow, after: PlanNow) => void): void;
}

/** Whether upstreams are one voice, and so are all told what a tool gave. */
export interface Voices {
  knowsAll(index: number): boolean;
}

/** An upstream that only transcribes: it judges the configuration as well. */
export interface Transcriber {
  readonly link: Link;
  reconfigure(): boolean;
}

/** Who is asked for an answer. */
export interface Asking {
  readonly underway: boolean;
  /** Answers are the relay's to ask for (`create_response`), not only the client's. */
  readonly may: boolean;
  readonly owed: { readonly size: number };
  requireSomebody(params: ResponseParams): void;
  /** Asks the conversation's upstreams, or the first that can for one out of band. */
  respond(params: ResponseParams): void;
  /** Asks for the answer to the last turn. */
  answer(): void;
  withdraw(): boolean;
  /** The client is cancelling these by their names. */
  cancelled(responses: readonly ResponseRecord[]): void;
  settle(): void;
}

/** Answers from request to end. */
export interface Responses {
  readonly active: readonly ResponseRecord[];
  readonly answering: readonly ResponseRecord[];
  readonly underway: boolean;
  get(id: string): ResponseRecord | undefined;
  ofItem(itemId: string): ResponseRecord | null;
  truncatable(itemId: string): boolean;
  cancel(response: ResponseRecord, ending: Ending): void;
}

/** Questions to several: what is kept of them, and that nobody wants their answers any more. */
export interface Rounds {
  readonly size: number;
  concede(): void;
  halt(): void;
}

/** What was being said stops where it was heard. */
export interface BargeIn {
  interrupt(reason: "client_cancelled"): void;
  cancel(responses: readonly ResponseRecord[]): void;
  truncate(entry: Entry, audioEndMs: number): void;
  clear(): void;
  tellUnreceived(): void;
}

/** What of an answer was sent, and where the client says that it is. */
export interface Playout {
  readonly totalMs: number;
  has(itemId: string): boolean;
  cutAt(itemId: string, heardMs: number, now: number): number;
}

/** Who listens: told what was heard, and that nobody does. */
export interface Listener {
  heard(itemId: string, playedMs: number): void;
  away(): void;
}

/** The caller's turn, and the buffer of a client that takes its turns itself. */
export interface TurnTaking {
  readonly openItem: string | null;
  readonly buffer: { commit(): void; clear(): void };
  takeBack(): void;
  tellOpen(): void;
  tellAgain(): void;
  renew(): void;
}

/** The caller's silence, which may be answered. */
export interface Idle {
  arm(): void;
  /** The silence begins now, where one is waited for. */
  anew(): void;
}

/** Numbers of what is received, and the way back of a client that dropped. */
export interface Delivery {
  readonly token: string;
  readonly pulse: { beat(): void; heard(): void; spoke(): void };
  acknowledge(sequence: number): void;
  resume(token: string, lastReceived: number): void;
  heard(sequence: number): boolean;
  settle(): void;
  closed(): void;
}

/** Who judges the client's words before they are answered. */
export interface Guard {
  readonly input: {
    /** An answer waits until they have been judged. */
    readonly answers: boolean;
    readonly size: number;
    changed(): void;
    drop(): void;
  } | null;
}

/** Tools that the relay runs: a result that a client gives for one is refused, and a call may be taken back. */
export interface Tools {
  refuseResult(call: Entry | undefined): void;
  takeBack(): void;
}

/** What lost connections owed. */
export interface Recovery {
  forsake(): void;
  askOwed(): void;
}

/** Answers asked for in advance. */
export interface Eager {
  forget(): void;
}

/** What the floor told the client's player. */
export interface Floor {
  tellAgain(): void;
}

/** Calls of tools that the relay runs. */
export interface Tools {
  /** Who answers a call that is the relay's. @throws ClientError */
  refuseResult(call: Entry | undefined): void;
  /** The caller types, or stops the agent: what waits for that is not done. */
  takeBack(): void;
}

/** The session's reactions to what its client does (`reactions.ts`). */
export interface Reactions {
  /** The configuration changed: what turn taking follows of it. */
  configured(): void;
}
