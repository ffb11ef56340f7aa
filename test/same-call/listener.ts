/**
 * The client of the call, as OpenAI's are: it plays what comes, stops when the caller speaks and says how far it was, runs the tool
 * and asks for what comes of it. It keeps what the judge asks about.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import { objectAt, objectsAt, textAt } from "../../src/upstreams/json.ts";
import { ClientWatch } from "../fuzz/checks.ts";
import { EventOrder } from "../sim/event-order.ts";
import type { Call, Received } from "../support/call.ts";
import { RESULT } from "./script.ts";

const BYTES_PER_MS = 48;

/** What was heard of an answer. */
export interface Answer {
  readonly id: string;
  readonly item: string;
  readonly pieces: Uint8Array[];
  bytes: number;
  words: string;
  status: string | null;
  /** Played when it was cut, in milliseconds. */
  cutMs: number | null;
}

export class Listener {
  readonly answers: Answer[] = [];
  readonly calls: JsonObject[] = [];
  readonly faults: string[] = [];
  readonly errors: JsonObject[] = [];
  /** Items of the conversation in the order in which they were told. */
  readonly items: string[] = [];
  readonly transcripts: string[] = [];
  readonly used = { input: 0, output: 0 };
  readonly #call: Call;
  readonly #watch = new ClientWatch(false);
  readonly #order = new EventOrder({
    checks: { fail: (_: string, detail: string) => this.faults.push(detail) },
    scenario: { faults: [] },
  });
  #seen = 0;
  /** When the present answer began to be played, and how long what was played before it lasts. */
  #playsUntil = 0;

  constructor(call: Call) {
    this.#call = call;
  }

  /** Responses that began and did not end. */
  get unfinished(): readonly string[] {
    return this.#order.unfinished;
  }

  /** All that came was played. */
  get silent(): boolean {
    return this.#call.now >= this.#playsUntil;
  }

  /** Milliseconds of the last answer that were played. */
  get playedMs(): number {
    const answer = this.answers.at(-1);
    if (answer === undefined) return 0;
    return Math.max(
      0,
      Math.floor(answer.bytes / BYTES_PER_MS - Math.max(0, this.#playsUntil - this.#call.now)),
    );
  }

  look(): void {
    for (; this.#seen < this.#call.events.length; this.#seen += 1) {
      const event = this.#call.events[this.#seen] as Received & JsonObject;
      this.#watch.message(JSON.stringify(event));
      this.#order.take(event);
      this.#take(event);
    }
  }

  #take(event: Received & JsonObject): void {
    switch (event.type) {
      case "response.output_audio.delta":
        return this.#play(event);
      case "response.output_audio_transcript.delta": {
        const answer = this.#answer(event);
        answer.words += textAt(event, "delta") ?? "";
        return;
      }
      case "input_audio_buffer.speech_started":
        return this.#interrupted();
      case "conversation.item.input_audio_transcription.completed":
        this.transcripts.push(textAt(event, "transcript") ?? "");
        return;
      case "conversation.item.added":
        this.items.push(textAt(objectAt(event, "item"), "id") ?? "");
        return;
      case "response.done":
        return this.#done(objectAt(event, "response") ?? {});
      case "error":
        this.errors.push(objectAt(event, "error") ?? {});
        return;
      default:
    }
  }

  #answer(event: JsonObject): Answer {
    const [id, item] = [textAt(event, "response_id") ?? "", textAt(event, "item_id") ?? ""];
    const known = this.answers.find((one) => one.id === id && one.item === item);
    if (known) return known;
    const answer = { id, item, pieces: [], bytes: 0, words: "", status: null, cutMs: null };
    this.answers.push(answer);
    return answer;
  }

  #play(event: JsonObject): void {
    const answer = this.#answer(event);
    const bytes = Uint8Array.fromBase64(textAt(event, "delta") ?? "");
    if (answer.cutMs !== null) this.faults.push(`sound of ${answer.id} after it was cut`);
    answer.pieces.push(bytes);
    answer.bytes += bytes.length;
    this.#playsUntil = Math.max(this.#playsUntil, this.#call.now) + bytes.length / BYTES_PER_MS;
  }

  #interrupted(): void {
    const answer = this.answers.at(-1);
    if (answer === undefined || this.silent || answer.cutMs !== null) return;
    answer.cutMs = this.playedMs;
    this.#playsUntil = this.#call.now;
    this.#call.client({
      type: "conversation.item.truncate",
      item_id: answer.item,
      content_index: 0,
      audio_end_ms: answer.cutMs,
    });
  }

  #done(response: JsonObject): void {
    const id = textAt(response, "id");
    for (const answer of this.answers) if (answer.id === id) answer.status = textAt(response, "status");
    const usage = objectAt(response, "usage");
    this.used.input += Number(usage?.["input_tokens"] ?? 0);
    this.used.output += Number(usage?.["output_tokens"] ?? 0);
    for (const item of objectsAt(response, "output")) {
      if (item["type"] !== "function_call") continue;
      this.calls.push(item);
      const output = { type: "function_call_output", call_id: item["call_id"] ?? "", output: RESULT };
      this.#call.client({ type: "conversation.item.create", item: output });
      this.#call.client({ type: "response.create" });
    }
  }
}
