/** The user's side in a provider's events: speech, committed items, transcripts of what was said. */
import { nameAt, objectAt, objectsAt, remember, textAt } from "./json.ts";
import type { DecoderParts, Handler, Sink } from "./openai-context.ts";
import type { JsonObject } from "./upstream.ts";

/** Items whose growing transcript is remembered (`cumulativeTranscripts`). */
const MAX_GROWING = 16;

export class InputEvents {
  readonly #parts: DecoderParts;
  readonly #sink: Sink;
  readonly #growing = new Map<string, string>();

  constructor(parts: DecoderParts, sink: Sink) {
    this.#parts = parts;
    this.#sink = sink;
  }

  snapshot(): readonly (readonly [itemId: string, transcript: string])[] {
    return [...this.#growing];
  }

  restore(growing: readonly (readonly [itemId: string, transcript: string])[]): void {
    for (const [itemId, transcript] of growing) this.#growing.set(itemId, transcript);
  }

  table(): [string, Handler][] {
    const transcription = "conversation.item.input_audio_transcription";
    return [
      ["input_audio_buffer.speech_started", () => this.#speech("started")],
      ["input_audio_buffer.speech_stopped", () => this.#speech("stopped")],
      ["input_audio_buffer.committed", (event) => this.#committed(event)],
      ["conversation.item.added", (event) => this.#added(event)],
      ["conversation.item.created", (event) => this.#added(event)],
      [`${transcription}.delta`, (event) => this.#delta(event)],
      [`${transcription}.completed`, (event) => this.#completed(event)],
      [`${transcription}.failed`, (event) => this.#failed(event)],
    ];
  }

  #speech(state: "started" | "stopped"): void {
    if (this.#parts.settings.turns === "server") this.#sink.emit({ type: "speech", state });
  }

  #committed(event: JsonObject): void {
    const item = nameAt(event, "item_id");
    if (item === null || this.#parts.names.committed(item)) return;
    if (this.#parts.settings.turns !== "server") return;
    // Known from now on under its own name, so that its transcript is not taken for that of a waiting commit.
    this.#parts.names.bind(item, item);
    this.#sink.emit({ type: "committed", item });
  }

  #added(event: JsonObject): void {
    const { names, responses } = this.#parts;
    const item = objectAt(event, "item");
    const id = nameAt(item, "id");
    if (item === null || id === null || responses.item(id) !== null) return;
    const heard = objectsAt(item, "content").some((part) => part["type"] === "input_audio");
    if (heard && names.committed(id)) return;
    names.created(id, textAt(item, "type") ?? "", textAt(item, "role"));
  }

  /** The session's id of the user item an event is about; its first mention may precede `committed`. */
  #itemId(event: JsonObject): string | null {
    const { names, settings } = this.#parts;
    const id = nameAt(event, "item_id");
    if (id === null) return null;
    return names.committed(id) || settings.turns === "server" ? names.session(id) : null;
  }

  #delta(event: JsonObject): void {
    const itemId = this.#itemId(event);
    const delta = textAt(event, "delta");
    if (itemId !== null && delta !== null && delta !== "")
      this.#sink.emit({ type: "input.transcript.delta", itemId, delta });
  }

  #completed(event: JsonObject): void {
    const itemId = this.#itemId(event);
    const transcript = textAt(event, "transcript");
    if (itemId === null || transcript === null) return;
    if (this.#parts.settings.quirks.cumulativeTranscripts && textAt(event, "status") === "in_progress") {
      this.#grown(itemId, transcript);
      return;
    }
    this.#growing.delete(itemId);
    this.#sink.emit({
      type: "input.transcript.completed",
      itemId,
      transcript,
      usage: objectAt(event, "usage"),
    });
  }

  /** A transcript so far: told as what is new in it. */
  #grown(itemId: string, transcript: string): void {
    const before = this.#growing.get(itemId) ?? "";
    remember(this.#growing, itemId, transcript, MAX_GROWING);
    if (!transcript.startsWith(before) || transcript.length === before.length) return;
    this.#sink.emit({ type: "input.transcript.delta", itemId, delta: transcript.slice(before.length) });
  }

  #failed(event: JsonObject): void {
    const itemId = this.#itemId(event);
    if (itemId === null) return;
    const detail = objectAt(event, "error");
    const code = textAt(detail, "code") ?? textAt(detail, "type");
    const error = this.#parts.redactor.fault(
      code,
      textAt(detail, "message"),
      "upstream_transcription_failed",
    );
    this.#sink.emit({ type: "input.transcript.failed", itemId, error });
  }
}
