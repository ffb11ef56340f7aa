/** What the session is told of an answer, and the history with it: its begin, its words and sound, its calls, its end. */
import { isWholeJson } from "../openai-compatible/calls.ts";
import type { UpstreamEvent, UpstreamFault } from "../upstream.ts";
import type { Answer } from "./answer.ts";
import type { History } from "./history.ts";
import { usageOf } from "./usage.ts";

export interface Ending {
  readonly status: Extract<UpstreamEvent, { type: "response.done" }>["status"];
  readonly reason: string | null;
  readonly error: UpstreamFault | null;
}

export const COMPLETED: Ending = { status: "completed", reason: null, error: null };
export const CANCELLED: Ending = { status: "cancelled", reason: null, error: null };
/** And the reason why. */
export const INCOMPLETE = { status: "incomplete", error: null } as const;

export class Telling {
  readonly #history: History;
  readonly #bytesPerMs: number;

  constructor(history: History, bytesPerMs: number) {
    this.#history = history;
    this.#bytesPerMs = bytesPerMs;
  }

  #begin(answer: Answer, out: UpstreamEvent[]): void {
    if (answer.begun) return;
    answer.begun = true;
    out.push({ type: "response.started", response: answer.key, answers: answer.ask.responseId });
  }

  /** Its message, which begins where it has not. */
  message(answer: Answer, out: UpstreamEvent[]): string {
    if (answer.message !== null) return answer.message;
    this.#begin(answer, out);
    answer.message = `${answer.key}.message`;
    out.push({ type: "item.started", response: answer.key, item: answer.message, kind: "message" });
    if (answer.ask.options.outOfBand) return answer.message;
    answer.entry = answer.message;
    this.#history.add(answer.entry, { kind: "said", text: "", marks: [] });
    return answer.message;
  }

  /** The words are the listener's from now on, as far as they are heard. */
  words(type: "text" | "transcript", answer: Answer, delta: string, out: UpstreamEvent[]): void {
    const item = this.message(answer, out);
    out.push({ type, response: answer.key, item, delta });
    answer.said += delta;
    if (answer.entry !== null) this.#history.spoken(answer.entry, answer.said, null);
  }

  /** Its words come with its first sample: what is not spoken was not said. */
  sound(answer: Answer, bytes: Uint8Array, out: UpstreamEvent[]): void {
    const { spoken } = answer;
    if (bytes.length === 0 || spoken === null) return;
    if (spoken.stream.bytes === bytes.length) {
      const blank = spoken.text.length - spoken.text.trimStart().length;
      spoken.from = { chars: answer.said.length + blank, ms: answer.ms };
      this.words("transcript", answer, spoken.text, out);
    }
    const item = this.message(answer, out);
    answer.ms += bytes.length / this.#bytesPerMs;
    out.push({ type: "audio", response: answer.key, item, bytes });
  }

  /** What the synthesiser said of when its words are over. */
  wordTimes({ entry, said, spoken }: Answer): void {
    if (entry === null || spoken?.from === undefined) return;
    const { chars, ms } = spoken.from;
    for (const mark of spoken.stream.marks?.() ?? [])
      this.#history.spoken(entry, said, { chars: chars + mark.chars, ms: ms + mark.ms });
  }

  /** All that was told of its words is spoken by now. */
  mark({ entry, said, ms }: Answer): void {
    if (entry !== null) this.#history.spoken(entry, said, { chars: said.length, ms });
  }

  end(answer: Answer, { status, reason, error }: Ending, out: UpstreamEvent[]): void {
    this.#begin(answer, out);
    const { key: response, message } = answer;
    const whole = status === "completed" ? "completed" : "incomplete";
    if (message !== null) out.push({ type: "item.done", response, item: message, status: whole });
    if (answer.said === "" && answer.entry !== null) this.#history.delete(answer.entry);
    if (status === "completed") this.#calls(answer, out);
    const usage = usageOf(answer.text.usage, answer.charged);
    out.push({ type: "response.done", response, status, reason, error, usage, metadata: null });
  }

  /** Calls come when everything before them is said. */
  #calls(answer: Answer, out: UpstreamEvent[]): void {
    for (const [n, { id, name, args, extra }] of answer.text.calls.entries()) {
      const [response, item] = [answer.key, `${answer.key}.call_${n}`];
      const callId = id === "" ? `${answer.key}_call_${n}` : id;
      const whole = args === "" ? "{}" : args;
      const cut = !isWholeJson(whole);
      out.push(
        { type: "item.started", response, item, kind: "function_call", name, callId },
        { type: "item.done", response, item, status: cut ? "incomplete" : "completed", arguments: whole },
      );
      // No tool runs for it, and an endpoint may refuse to be told it back.
      if (!cut && !answer.ask.options.outOfBand)
        this.#history.add(item, { kind: "call", callId, name, args: whole, ...(extra && { extra }) });
    }
  }
}
