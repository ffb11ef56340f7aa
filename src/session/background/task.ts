/** A task that a speaker handed on, from the call to what became of it. Plain data: what is done with it is `index.ts`. */
import type { Entry } from "../../upstreams/cascade/history.ts";
import type { TaskFailure } from "./told.ts";

/** A call of a tool that the text model wants made for the task. */
export interface Wanted {
  /** The same however often it is made: `webhook-id`. */
  readonly id: string;
  readonly callId: string;
  readonly name: string;
  /** A JSON object. */
  readonly arguments: string;
  /** What it gave; null: it is waited for. */
  output: string | null;
}

export interface Task {
  /** The item of the call, which names it everywhere. */
  readonly id: string;
  readonly callId: string;
  readonly response: string;
  readonly stream: number;
  readonly text: string;
  readonly urgent: boolean;
  /** Its speaker speaks when it likes: what comes of the task is the call's own result. */
  readonly duplex: boolean;
  readonly since: number;
  /** What the text model is told: the conversation and the task, then its calls and what they gave. */
  entries: readonly Entry[];
  /** Requests that brought calls. */
  round: number;
  /** The request that runs was made a second time. */
  again: boolean;
  wanted: readonly Wanted[];
  /** The snapshot that has `wanted` on record has this number. */
  record: number;
  /** What came of it; null: nothing yet. */
  result: string | null;
  failure: TaskFailure | null;
}

/** It came to its end: what came of it waits for its moment. */
export function isOver({ result, failure }: Task): boolean {
  return result !== null || failure !== null;
}

/** The beginning of every event about a task. */
export function about(
  what: "started" | "progress" | "done" | "failed" | "placed" | "dropped",
  { id }: { readonly id: string },
) {
  return { type: `relay.delegation.${what}`, delegation_id: id };
}
