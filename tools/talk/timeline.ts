/** What happened in a call, turn by turn, with the times that matter to a listener. All times in ms of the call. */

export interface Turn {
  readonly turn: number;
  /** Where the relay heard the caller begin and stop, on the clock of the audio sent. */
  speechStartMs: number | null;
  speechEndMs: number | null;
  committedAtMs: number;
  readonly answers: Answer[];
}

export interface Answer {
  readonly responseId: string;
  readonly upstream: string | null;
  readonly createdAtMs: number;
  firstAudioAtMs: number | null;
  /** From the end of the caller's words in the file to the first audio that arrived. */
  afterSpeechMs: number | null;
  audioMs: number;
  transcript: string;
  status: string;
  /** Of the answer's audio, heard by the listener when it was interrupted; null when it was not. */
  interruptedAtMs: number | null;
  readonly tools: string[];
}

export interface Summary {
  readonly url: string;
  readonly model: string;
  readonly dialect: string;
  readonly durationMs: number;
  readonly sentMs: number;
  readonly turns: readonly Turn[];
  /** Answers to no turn: greetings, duplex voices. */
  readonly others: readonly Answer[];
  readonly interruptions: number;
  readonly underruns: number;
  readonly errors: readonly string[];
  readonly firstAudioMedianMs: number | null;
}

export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** The closing table. */
export function describeSummary(summary: Summary): string {
  const lines = [
    "",
    `${summary.turns.length} turn(s), ${answersOf(summary).length} answer(s), ${summary.interruptions} interruption(s) in ${seconds(summary.durationMs)}`,
  ];
  for (const turn of summary.turns) {
    const spoke =
      turn.speechStartMs === null || turn.speechEndMs === null
        ? "spoke"
        : `spoke ${seconds(turn.speechStartMs)} to ${seconds(turn.speechEndMs)}`;
    lines.push(`  turn ${turn.turn}: ${spoke}`);
    for (const answer of turn.answers) lines.push(`    ${describeAnswer(answer)}`);
    if (turn.answers.length === 0) lines.push("    no answer");
  }
  for (const answer of summary.others) lines.push(`  unasked: ${describeAnswer(answer)}`);
  if (summary.firstAudioMedianMs !== null) {
    lines.push(`first audio after the end of speech: median ${Math.round(summary.firstAudioMedianMs)} ms`);
  }
  if (summary.underruns > 0)
    lines.push(`the loudspeaker ran dry ${summary.underruns} time(s) in the middle of an answer`);
  for (const error of summary.errors) lines.push(`error: ${error}`);
  return lines.join("\n");
}

function answersOf(summary: Summary): Answer[] {
  return [...summary.turns.flatMap((turn) => turn.answers), ...summary.others];
}

function describeAnswer(answer: Answer): string {
  const parts = [answer.upstream ?? "answer"];
  if (answer.afterSpeechMs !== null) parts.push(`after ${Math.round(answer.afterSpeechMs)} ms`);
  parts.push(`${seconds(answer.audioMs)} of audio`, answer.status);
  if (answer.interruptedAtMs !== null) parts.push(`interrupted after ${seconds(answer.interruptedAtMs)}`);
  if (answer.tools.length > 0) parts.push(`called ${answer.tools.join(", ")}`);
  return `${parts.join(", ")}${answer.transcript === "" ? "" : `: “${answer.transcript}”`}`;
}
