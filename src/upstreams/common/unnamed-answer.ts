/** One answer of a provider that names none: its message and its calls, from its beginning to its end. */
import { parseJsonObject } from "../../protocol/json.ts";
import { ITEM_LIMITS } from "../openai-compatible/output-item.ts";
import type { JsonObject, UpstreamEvent, UpstreamFault } from "../upstream.ts";

export interface Answer {
  readonly key: string;
  /** The session's response that it answers, or is; null: the model answers by itself, and the session has not named it yet. */
  answers: string | null;
  begun: boolean;
  /** It has words or sound. */
  said: boolean;
  /** Its message, while that is open. */
  message: string | null;
  items: number;
  /** All of it was generated; its end may be late by what the model thinks is still being played. */
  complete: boolean;
  /** It is said while a function runs that was called before it. */
  readonly goesOn?: true;
}

export interface Ending {
  readonly status: "completed" | "cancelled" | "failed";
  readonly reason: string | null;
  readonly error: UpstreamFault | null;
}

export const COMPLETED: Ending = { status: "completed", reason: null, error: null };
export const CANCELLED: Ending = { status: "cancelled", reason: null, error: null };

export const failed = (error: UpstreamFault): Ending => ({ status: "failed", reason: null, error });

export function newAnswer(key: string, answers: string | null, goesOn: boolean): Answer {
  const blank = { begun: false, said: false, message: null, items: 0, complete: false };
  return { key, answers, ...blank, ...(goesOn ? { goesOn } : {}) };
}

export function beginAnswer(answer: Answer, out: UpstreamEvent[]): void {
  if (answer.begun) return;
  answer.begun = true;
  const begun = { type: "response.started", response: answer.key, answers: answer.answers } as const;
  out.push(answer.goesOn === true ? { ...begun, goesOn: true } : begun);
}

/** The open message of an answer, begun where there is none. */
export function messageOf(answer: Answer, out: UpstreamEvent[]): string {
  answer.said = true;
  if (answer.message === null) {
    answer.message = nextItem(answer);
    out.push({ type: "item.started", response: answer.key, item: answer.message, kind: "message" });
  }
  return answer.message;
}

/** The open message is whole, or nothing more of it comes; what comes next is another. */
export function closeMessage(answer: Answer, status: "completed" | "incomplete", out: UpstreamEvent[]): void {
  if (answer.message === null) return;
  out.push({ type: "item.done", response: answer.key, item: answer.message, status });
  answer.message = null;
}

export function addCall(
  answer: Answer,
  name: string,
  callId: string,
  args: string,
  out: UpstreamEvent[],
): void {
  closeMessage(answer, "completed", out);
  const [response, item] = [answer.key, nextItem(answer)];
  out.push({ type: "item.started", response, item, kind: "function_call", name, callId });
  const whole = args.length <= ITEM_LIMITS.argumentsOfOne && parseJsonObject(args) !== null;
  const end = { type: "item.done", response, item } as const;
  // A tool never runs on half of its arguments.
  out.push(whole ? { ...end, status: "completed", arguments: args } : { ...end, status: "incomplete" });
}

export function endAnswer(
  answer: Answer,
  ending: Ending,
  usage: JsonObject | null,
  out: UpstreamEvent[],
): void {
  beginAnswer(answer, out);
  closeMessage(answer, ending.status === "completed" ? "completed" : "incomplete", out);
  out.push({ type: "response.done", response: answer.key, ...ending, usage, metadata: null });
}

function nextItem(answer: Answer): string {
  return `${answer.key}.${(answer.items += 1)}`;
}
