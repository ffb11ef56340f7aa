/** When and how speakers are told what came of their tasks, or that nothing will. */
import { placeItem } from "../memory/place-item.ts";
import { Gap } from "./gap.ts";
import type { BackgroundParts, Calls } from "./ports.ts";
import { about, isOver, type Task } from "./task.ts";
import { FAILURES, itemText } from "./told.ts";

/** Notes of dropped tasks that wait to be put into the conversation; the oldest are given up. */
const MOST_UNSAID = 8;

export interface Unsaid {
  readonly stream: number;
  readonly text: string;
}

export interface TellingHost {
  readonly calls: Calls;
  /** The speaker is asked to tell what came of a task; else it only knows. */
  readonly announce: boolean;
  /** What came of this one is told now. */
  forget(task: Task): void;
}

export class Telling {
  readonly #parts: BackgroundParts;
  readonly #host: TellingHost;
  readonly #gap: Gap;
  /** What speakers are to know of tasks that were dropped: in the middle of an answer it would stand before its end. */
  #unsaid: Unsaid[] = [];

  constructor(parts: BackgroundParts, host: TellingHost) {
    this.#parts = parts;
    this.#host = host;
    this.#gap = new Gap(parts);
  }

  /** The speaker would promise for ever what does not come. */
  note(unsaid: Unsaid): void {
    this.#unsaid.push(unsaid);
    if (this.#unsaid.length > MOST_UNSAID) this.#unsaid.shift();
  }

  /** Tells of dropped tasks, if it may be done now. */
  settleNotes(): void {
    if (this.#unsaid.length > 0 && this.#gap.urgent)
      for (const { stream, text } of this.#unsaid.splice(0)) this.#note(stream, text, true);
  }

  /** What waits to be told: what is urgent first, then what was over first. */
  settle(tasks: Iterable<Task>): void {
    const over = [...tasks].filter(isOver);
    for (const task of over) if (task.duplex) this.#return(task);
    const waiting = over.filter(({ duplex }) => !duplex);
    const { announce } = this.#host;
    const silent = announce ? [] : waiting;
    for (const task of silent) if (this.#gap.urgent) this.#place(task, "silent");
    const spoken = announce ? waiting : [];
    const urgent = spoken.find((task) => task.urgent);
    if (urgent !== undefined && this.#gap.urgent) return this.#place(urgent, "urgent");
    const [next] = spoken;
    if (next === undefined) this.#gap.forget();
    else if (this.#gap.open) this.#place(next, "gap");
  }

  #place(task: Task, reason: "gap" | "urgent" | "silent"): void {
    const { asking, context, port } = this.#parts;
    this.#host.forget(task);
    const spoken = reason !== "silent";
    const item_id = this.#note(task.stream, itemText(task.text, task.result, task.failure, spoken));
    const after_ms = Math.round(context.now - task.since);
    port.tell({ ...about("placed", task), placed_item_id: item_id, reason, after_ms });
    if (spoken) asking.goOn(task.stream);
    context.persistNow();
  }

  /** What its speaker knows from now on. @returns the item's name */
  #note(stream: number, text: string, quietly = false): string {
    const content = [{ type: "input_text", text }];
    return placeItem(this.#parts, stream, { type: "message", role: "system", content }, { quietly });
  }

  /** A duplex model is told what came of it as its provider has it: as the result of its call. */
  #return(task: Task): void {
    const { context, port } = this.#parts;
    this.#host.forget(task);
    const after_ms = Math.round(context.now - task.since);
    port.tell({ ...about("placed", task), reason: "returned", after_ms });
    this.#host.calls.answer(task.id, { output: task.result ?? FAILURES[task.failure ?? "nothing"] });
  }

  /** Nothing waits to be told. */
  forgetGap(): void {
    this.#gap.forget();
  }

  snapshot(): TellingSnapshot {
    return { unsaid: [...this.#unsaid], gapSince: this.#gap.snapshot() };
  }

  restore({ unsaid, gapSince }: TellingSnapshot): void {
    this.#unsaid = [...unsaid];
    this.#gap.restore(gapSince);
  }
}

export interface TellingSnapshot {
  readonly unsaid: readonly Unsaid[];
  readonly gapSince: number | null;
}
