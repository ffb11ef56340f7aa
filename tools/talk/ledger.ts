/** Keeps the turns and answers of one call from the server events that concern them. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Answer, Turn } from "./timeline.ts";

/** One voice's answer, and how its audio is told apart. */
export interface OpenAnswer extends Answer {
  readonly stream: number;
  readonly ordinal: number | null;
  /** The message item that is being spoken. */
  itemId: string;
}

export class Ledger {
  readonly turns: Turn[] = [];
  readonly others: OpenAnswer[] = [];
  readonly #answers = new Map<string, OpenAnswer>();
  readonly #byItem = new Map<string, OpenAnswer>();
  #speechStartMs: number | null = null;
  #speechEndMs: number | null = null;

  speechStarted(event: JsonObject): void {
    this.#speechStartMs = numberAt(event, "audio_start_ms");
    this.#speechEndMs = null;
  }

  speechStopped(event: JsonObject): void {
    this.#speechEndMs = numberAt(event, "audio_end_ms");
  }

  get speaking(): boolean {
    return this.#speechStartMs !== null && this.#speechEndMs === null;
  }

  committed(nowMs: number): Turn {
    const turn: Turn = {
      turn: this.turns.length + 1,
      speechStartMs: this.#speechStartMs,
      speechEndMs: this.#speechEndMs,
      committedAtMs: nowMs,
      answers: [],
    };
    this.turns.push(turn);
    this.#speechStartMs = null;
    this.#speechEndMs = null;
    return turn;
  }

  created(response: JsonObject, nowMs: number): OpenAnswer {
    const relay = objectAt(response, "relay");
    const answer: OpenAnswer = {
      responseId: textAt(response, "id") ?? "",
      upstream: textAt(relay, "upstream"),
      stream: numberAt(relay, "stream") ?? 0,
      ordinal: numberAt(relay, "ordinal"),
      createdAtMs: nowMs,
      firstAudioAtMs: null,
      afterSpeechMs: null,
      audioMs: 0,
      transcript: "",
      status: "in_progress",
      interruptedAtMs: null,
      tools: [],
      itemId: "",
    };
    this.#answers.set(answer.responseId, answer);
    (this.turns.at(-1)?.answers ?? this.others).push(answer);
    return answer;
  }

  answer(event: JsonObject): OpenAnswer | null {
    return this.#answers.get(textAt(event, "response_id") ?? "") ?? null;
  }

  done(response: JsonObject | null): OpenAnswer | null {
    const answer = this.#answers.get(textAt(response, "id") ?? "") ?? null;
    if (answer !== null) answer.status = textAt(response, "status") ?? "completed";
    return answer;
  }

  itemAdded(event: JsonObject): void {
    const item = objectAt(event, "item");
    const answer = this.answer(event);
    const id = textAt(item, "id");
    if (answer === null || id === null) return;
    this.#byItem.set(id, answer);
    if (textAt(item, "type") === "message") answer.itemId = id;
  }

  /** The answer that a binary frame's (stream, response) pair belongs to. */
  byOrdinal(stream: number, ordinal: number): OpenAnswer | null {
    for (const answer of this.#answers.values()) {
      if (answer.stream === stream && answer.ordinal === ordinal) return answer;
    }
    return null;
  }

  byItem(itemId: string): OpenAnswer | null {
    return this.#byItem.get(itemId) ?? null;
  }

  get answers(): readonly OpenAnswer[] {
    return [...this.#answers.values()];
  }
}

export function numberAt(object: JsonObject | null, key: string): number | null {
  const value = object?.[key];
  return typeof value === "number" ? value : null;
}

/** The events of an answer as its owner may see them in JSON: without the fields that only tell audio apart. */
export function plainAnswer(answer: Answer): Answer {
  const { responseId, upstream, createdAtMs, firstAudioAtMs, afterSpeechMs, audioMs } = answer;
  const { transcript, status, interruptedAtMs, tools } = answer;
  return {
    responseId,
    upstream,
    createdAtMs,
    firstAudioAtMs,
    afterSpeechMs,
    audioMs,
    transcript,
    status,
    interruptedAtMs,
    tools,
  };
}
