/** One answer of a shadow: what it was asked for, and how far it came. */

/**
 * `answered`: to its end. `called_tool`: the same, by a call that nobody makes. `silent`: nothing of it could be heard.
 * `failed`: it was not there, was lost, refused, failed or stood still. `stopped`: the caller's answer was cut or another one was asked
 * for. `endless`: it went on beyond all measure.
 */
export type Outcome = "answered" | "called_tool" | "silent" | "failed" | "stopped" | "endless";

export interface Trial {
  readonly stream: number;
  /** As the upstream was asked for it, and by which connection. */
  readonly id: string;
  readonly connection: number;
  /** The provider's keys of it, and of the items that it made. */
  key: string | null;
  items: readonly string[];
  calls: boolean;
  /** What it said or wrote, as far as that is kept; absent: nothing. */
  text?: string;
  /** From the question to what could first be heard of it, or read, or to a call. */
  firstMs: number | null;
  /** When its provider last said anything of it; absent: it has not begun. */
  goesOnAt?: number;
  /** Null: it goes on. */
  outcome: Outcome | null;
}

/** What all are asked. */
export interface Question {
  readonly askedAt: number;
  /** From the question to what could first be heard of a speaker; null: nothing yet. */
  speakerMs: number | null;
  /** The answer that the listener was given, at its end. */
  responseId: string | null;
  trials: readonly Trial[];
}

/** Its provider has ended it. */
export function outcomeOf({ firstMs, calls }: Trial, status: string): Outcome {
  if (status !== "completed" && status !== "incomplete") return "failed";
  if (firstMs === null) return "silent";
  return calls ? "called_tool" : "answered";
}

export function copyOf(question: Question): Question {
  return { ...question, trials: question.trials.map((trial) => ({ ...trial })) };
}
