/** What a speaker is told of the background mind, and of its tasks. */

/** Why nothing came of a task, in the words that its speaker is told. */
export const FAILURES = {
  timeout: "It did not come to an end in time.",
  unreachable: "Who does such tasks could not be reached.",
  refused: "Who does such tasks refused it.",
  unreadable: "What came of it cannot be read.",
  too_large: "More came of it than can be told.",
  nothing: "Nothing came of it.",
} as const;

export type TaskFailure = keyof typeof FAILURES;

/** Why what came of a task, or would have, is told to nobody. */
export type DropReason = "stale" | "cancelled" | "superseded";

/** What its speaker is told at once of a call. */
export const UNDER_WAY =
  "The task is under way. Say so in a few words and go on with the conversation: what comes of it will be told to you.";
export const NO_TASK = "The task was not taken: say in 'task' what is to be done.";
export const TOO_MANY = "The task was not taken: too many are under way.";
export const CALLED_OFF = "The task was called off.";
/** A task of a duplex model's that its provider says nothing of. */
export const LAST_WISH = "Do what the caller has asked for last.";

const MOST_QUOTED = 500;

/** The item that a speaker is told a result, or its lack, by. */
export function itemText(task: string, result: string | null, failure: TaskFailure | null, spoken: boolean) {
  const about = `The task that you handed on: "${quoted(task)}"`;
  const came = failure === null ? `What came of it: ${result ?? ""}` : FAILURES[failure];
  const then = spoken
    ? "Tell the caller now, briefly and in your own words."
    : "Do not bring it up by yourself; use it where it matters.";
  return `${about}\n${came}\n${then}`;
}

/** A task that was dropped before its end: its speaker does not wait for it any more. */
export function droppedText(task: string, reason: DropReason): string {
  const why = reason === "stale" ? "took too long and was dropped" : "was called off";
  return `The task that you handed on ${why}: "${quoted(task)}". Nothing of it will be told. Do not bring it up by yourself.`;
}

function quoted(task: string): string {
  return task.length <= MOST_QUOTED ? task : `${wellCut(task, MOST_QUOTED)} …`;
}

/** So much of a text, as any parser of JSON takes it: half a character of two parts is none. */
export function wellCut(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}
