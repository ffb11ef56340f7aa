/** The user's side in a provider's events: speech, committed items, items that were created. Words: `transcripts.ts`. */
import { nameAt, objectAt, objectsAt, textAt } from "../json.ts";
import type { DecoderParts, Handler, Sink } from "./context.ts";
import type { OtherEvents } from "./others.ts";
import { EarlyEvents } from "./early.ts";
import { readFault } from "./words.ts";
import { Transcripts, type TranscriptsState } from "./transcripts.ts";
import type { JsonObject } from "../upstream.ts";

export type InputState = {
  readonly transcripts: TranscriptsState;
  readonly early: readonly JsonObject[];
  readonly speech?: Speech;
};

type Speech = "started" | "stopped";

export class InputEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  readonly #others: OtherEvents;
  readonly #transcripts: Transcripts;
  readonly #early = new EarlyEvents();
  /** What it said last of speech while a commit of ours was on its way; null: nothing. */
  #speaks: Speech | null = null;

  constructor(parts: DecoderParts, sink: Sink, others: OtherEvents) {
    this.#parts = parts;
    this.#sink = sink;
    this.#others = others;
    const { names, settings, redactor } = parts;
    this.#transcripts = new Transcripts(sink, settings.quirks, redactor, (id) => names.session(id));
  }

  snapshot(): InputState {
    return {
      transcripts: this.#transcripts.snapshot(),
      early: this.#early.snapshot(),
      ...(this.#speaks === null ? {} : { speech: this.#speaks }),
    };
  }

  restore(state: InputState): void {
    this.#transcripts.restore(state.transcripts);
    const handlers = new Map(this.table());
    this.#early.restore(state.early, (event) => handlers.get(textAt(event, "type") ?? ""));
    this.#speaks = state.speech ?? null;
  }

  table(): [string, Handler][] {
    const transcription = "conversation.item.input_audio_transcription";
    const { names } = this.#parts;
    const told = (handle: (id: string, event: JsonObject) => void): Handler => {
      const handler: Handler = (event) => {
        const id = nameAt(event, "item_id");
        if (id !== null && names.committed(id)) handle(id, event);
        else this.#early.keep(this.#redacted(event), handler);
      };
      return handler;
    };
    const transcripts = this.#transcripts;
    const cumulative = this.#parts.settings.quirks.cumulativeTranscripts;
    const updated: [string, Handler] = [
      `${transcription}.updated`,
      told((id, event) => transcripts.updated(id, event)),
    ];
    return [
      ["input_audio_buffer.speech_started", (event) => this.#speech("started", event)],
      ["input_audio_buffer.speech_stopped", (event) => this.#speech("stopped", event)],
      ["input_audio_buffer.committed", (event) => this.#committed(event)],
      ["conversation.item.added", (event) => this.#added(event, false)],
      ["conversation.item.created", (event) => this.#added(event, false)],
      ["conversation.item.done", (event) => this.#added(event, true)],
      [`${transcription}.delta`, told((id, event) => transcripts.delta(id, event))],
      [`${transcription}.completed`, told((id, event) => transcripts.completed(id, event))],
      [`${transcription}.segment`, told((id, event) => transcripts.segment(id, event))],
      [`${transcription}.failed`, told((id, event) => transcripts.failed(id, event))],
      ...(cumulative ? [updated] : []),
    ];
  }

  /** See `Transcripts.held`. */
  get held(): number {
    return this.#transcripts.held;
  }

  /** What waits is in snapshots, where no key may be. */
  #redacted(event: JsonObject): JsonObject {
    const error = objectAt(event, "error");
    if (error === null) return event;
    const { type, code, message, param } = readFault(
      error,
      this.#parts.redactor,
      "upstream_transcription_failed",
    );
    return { ...event, error: { type: type ?? null, code, message, param: param ?? null } };
  }

  /** An answer begins: transcripts that nothing more is said of are whole. */
  answerBegins(): void {
    this.#transcripts.answered();
  }

  /** An answer ended: what was said before it is over. */
  answerEnds(): void {
    this.#transcripts.followed(null);
  }

  #speech(state: Speech, event: JsonObject): void {
    const id = nameAt(event, "item_id");
    if (state === "started" && id !== null) this.#transcripts.followed(id);
    if (this.#parts.settings.turns !== "server") return;
    if (!this.#commits) return this.#sink.emit({ type: "speech", state });
    this.#speaks = state;
    this.#sink.emit({ type: "speech", state, committed: true });
  }

  /** A commit of ours is on its way. */
  get #commits(): boolean {
    return this.#parts.names.oldest("commit") !== null;
  }

  /** After each message: where the caller spoke on over a commit, that is news once the provider has taken it. */
  speaksOn(): void {
    if (this.#speaks === null || this.#commits) return;
    if (this.#speaks === "started") this.#sink.emit({ type: "speech", state: "started" });
    this.#speaks = null;
  }

  #committed(event: JsonObject): void {
    const { names, settings } = this.#parts;
    const item = nameAt(event, "item_id");
    if (item === null) return;
    if (!names.committed(item)) {
      if (settings.turns !== "server") return;
      // Known from now on under its own name, so that its transcript is not taken for that of a waiting commit.
      names.bind(item, item);
      this.#sink.emit({ type: "committed", item });
    }
    this.#transcripts.followed(item);
    this.#early.release(item);
  }

  #added(event: JsonObject, done: boolean): void {
    const { names, responses } = this.#parts;
    const item = objectAt(event, "item");
    const id = nameAt(item, "id");
    if (item === null || id === null || responses.item(id) !== null) return;
    const heard = objectsAt(item, "content").some((part) => part["type"] === "input_audio");
    if (heard && names.committed(id)) return this.#early.release(id);
    if (names.created(id, textAt(item, "type") ?? "", textAt(item, "role"))) {
      // A placed item is known too, and its end is told.
      if (done) this.#others.placed(item, done);
      return;
    }
    this.#others.placed(item, done);
  }
}
