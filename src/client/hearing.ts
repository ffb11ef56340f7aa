/** What the relay says: its events become the call's events, its audio goes to the loudspeaker. */
import { FRAME_AUDIO, FRAME_HEADER_BYTES, type FrameHeader } from "../protocol/frame.ts";
import type { ClientEvent } from "./connection-hooks.ts";
import { RelayError } from "./error.ts";
import type { CallEventMap } from "./events.ts";
import { Floor } from "./floor.ts";
import { itemOf } from "./items.ts";
import { numberAt, objectAt, stringAt, type JsonObject } from "./json.ts";
import { Playback } from "./playback.ts";
import type { Player } from "./player.ts";
import { endOf, Responses } from "./responses.ts";
import { isTooEarly } from "./tools.ts";
import type { TrackReport } from "./worklets/playout.ts";

export interface HearingHooks {
  emit<K extends keyof CallEventMap>(type: K, detail: CallEventMap[K]): void;
  send(event: ClientEvent): void;
}

/** As often as a player that plays says at least where it is, with room: a second without a word is taken as played. */
const STANDS_STILL_MS = 500;
/** Of what the SDK said in good faith. */
const LATE: ReadonlySet<string> = new Set(["response_cancel_not_active", "playback_ack_invalid_item_id"]);

export class Hearing {
  readonly #hooks: HearingHooks;
  readonly #player: Player | null;
  readonly #playback: Playback;
  readonly #responses = new Responses();
  readonly #floor: Floor;
  #userSpeaks = false;
  /** Item of the user's turn that was announced and is not in the conversation yet. */
  #turn: string | null = null;
  /** An answer was asked for that has not begun. */
  #asked = false;
  #silence: ReturnType<typeof setInterval> | undefined;

  constructor(outputRateHz: number, player: Player | null, hooks: HearingHooks) {
    this.#hooks = hooks;
    this.#player = player;
    this.#floor = new Floor(player);
    this.#playback = new Playback(outputRateHz, {
      send: (event) => hooks.send(event),
      playback: (detail) => hooks.emit("playback", detail),
    });
  }

  /** Of the answers' audio, as it is played. */
  get rateHz(): number {
    return this.#playback.sampleRateHz;
  }

  /**
   * Answers that begin from now on come at another rate. Those that have begun would go on at the former one, which the
   * loudspeaker leaves: they are cut. @throws RelayError when the loudspeaker does not take it.
   */
  async retune(rateHz: number): Promise<void> {
    if (rateHz !== this.#playback.sampleRateHz) {
      this.#stop();
      this.#playback.begin(rateHz);
    }
    await this.#player?.open(rateHz);
  }

  /** The loudspeaker is silent though it plays: the relay is told so again and again, or it would go by the clock. */
  blocked(blocked: boolean): void {
    clearInterval(this.#silence);
    if (!blocked) return;
    this.#playback.settle();
    this.#silence = setInterval(() => this.#playback.settle(), STANDS_STILL_MS);
  }

  /** The relay hears a turn of the user that has not ended. */
  get userSpeaks(): boolean {
    return this.#userSpeaks;
  }

  /** The client asks for an answer. */
  asked(): void {
    this.#asked = true;
  }

  report(track: TrackReport): void {
    this.#playback.report(track);
  }

  /**
   * The listener wants to hear no more: tells the relay what was heard, cancels what is in progress and is silent
   * at once.
   */
  interrupt(): void {
    // It has no name yet, and would begin after all; and a second one would be refused for its sake.
    const asked = this.#asked;
    this.#asked = false;
    this.#stop(asked);
  }

  /** `asked`: also what was asked for and has not begun. */
  #stop(asked = false): void {
    this.#playback.settle();
    for (const response of this.#responses.active) {
      this.#responses.mute(response.id);
      this.#hooks.send({ type: "response.cancel", response_id: response.id });
    }
    if (asked) this.#hooks.send({ type: "response.cancel" });
    if (this.#playback.keys().length > 0) this.#hooks.send({ type: "output_audio_buffer.clear" });
    this.flush();
    this.#floor.release();
  }

  /** Silences everything at once, or what `match` says. */
  flush(match: Parameters<Playback["keys"]>[0] = {}): void {
    for (const key of this.#playback.keys(match)) this.#player?.flush(key);
    this.#floor.cut();
  }

  /** The session is gone: what arrived is played to its end. */
  disconnected(): void {
    this.#floor.release();
    this.#end({});
    this.#playback.forgotten(0);
    this.#asked = false;
    this.#responses.clear();
    this.#userSpeaks = false;
    this.#turn = null;
  }

  /**
   * The relay has forgotten its messages from this number on, and what was under way: that is over, and nobody else will say
   * so. What arrived is played.
   */
  forgotten(from: number): void {
    this.#floor.release();
    this.#playback.forgotten(from);
    this.#userSpeaks = false;
    this.#turn = null;
    for (const response of this.#responses.takeAll()) {
      this.#end({ responseId: response.id });
      const reason = "session_restored";
      this.#hooks.emit("response", { response, status: "failed", reason, message: null, metadata: null });
    }
  }

  frame(header: FrameHeader, data: ArrayBuffer): void {
    if (header.kind !== FRAME_AUDIO) return;
    const samples = (data.byteLength - FRAME_HEADER_BYTES) >> 1;
    const pcm = new Int16Array(data, FRAME_HEADER_BYTES, samples);
    this.#hooks.emit("frame", { direction: "in", header, pcm, sampleRateHz: this.rateHz });
    const part = this.#responses.byTag(header.stream, header.response);
    if (part === null) {
      const message = `Audio for a response that was not announced (stream ${header.stream}, ${header.response})`;
      this.#hooks.emit("error", { error: new RelayError("protocol", message) });
      return;
    }
    // What the relay sends after its decision is meant to be heard.
    this.#floor.cut();
    if (this.#player === null || part.muted) return;
    this.#player.play(this.#playback.track(part, header.sequence), header.stream, pcm);
  }

  event(event: JsonObject): void {
    const itemId = stringAt(event, "item_id") ?? "";
    const responseId = stringAt(event, "response_id");
    switch (stringAt(event, "type") ?? "") {
      case "session.created":
      case "session.updated":
        return this.#sessionChanged(objectAt(event, "session"));
      case "input_audio_buffer.speech_started":
        return this.#speech("started", itemId, numberAt(event, "audio_start_ms") ?? 0);
      case "input_audio_buffer.speech_stopped":
        return this.#speech("stopped", itemId, numberAt(event, "audio_end_ms") ?? 0);
      case "input_audio_buffer.committed":
        return void (this.#turn = null);
      case "input_audio_buffer.cleared":
        return this.#thrownAway();
      case "conversation.item.added":
        return this.#item(objectAt(event, "item"));
      case "conversation.item.deleted":
        return this.#hooks.emit("deleted", { itemId });
      // The relay decides what is cut, also of what it had sent to its end (docs/wire.md).
      case "conversation.item.truncated":
        return this.flush({ itemId });
      case "output_audio_buffer.cleared":
        return this.flush(responseId === null ? {} : { responseId });
      case "overlap.decision":
        return this.#overlap(stringAt(event, "decision") ?? "", numberAt(event, "duck_db"));
      case "relay.upstream":
        return this.#upstream(event);
      case "error":
        return this.#failed(objectAt(event, "error"));
      default:
        return this.#said(event, itemId, responseId);
    }
  }

  #said(event: JsonObject, itemId: string, responseId: string | null): void {
    switch (stringAt(event, "type") ?? "") {
      case "conversation.item.input_audio_transcription.delta":
        return this.#transcript("user", event, null, stringAt(event, "delta"), null);
      case "conversation.item.input_audio_transcription.completed":
        return this.#transcript("user", event, null, null, stringAt(event, "transcript"));
      case "conversation.item.input_audio_transcription.failed":
        return this.#transcript("user", event, null, null, "");
      case "response.created":
        return this.#responseCreated(objectAt(event, "response"));
      case "response.output_item.added":
        return this.#responses.speaks(responseId, stringAt(objectAt(event, "item"), "id"), 0);
      case "response.content_part.added":
        return this.#responses.speaks(responseId, itemId, numberAt(event, "content_index") ?? 0);
      case "response.output_audio.done":
        return this.#end({ itemId });
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        return this.#transcript("assistant", event, responseId, stringAt(event, "delta"), null);
      case "response.output_audio_transcript.done":
        return this.#transcript("assistant", event, responseId, null, stringAt(event, "transcript"));
      case "response.output_text.done":
        return this.#transcript("assistant", event, responseId, null, stringAt(event, "text"));
      case "response.done":
        return this.#responseDone(objectAt(event, "response"));
    }
  }

  #upstream(event: JsonObject): void {
    const said = (name: string): string => stringAt(event, name) ?? "";
    const reason = stringAt(event, "reason");
    this.#hooks.emit("upstream", { upstream: said("upstream"), status: said("status"), reason });
  }

  #sessionChanged(session: JsonObject | null): void {
    if (session !== null) this.#hooks.emit("session", { session });
  }

  /** The turn that was announced becomes no item. */
  #thrownAway(): void {
    const itemId = this.#turn;
    this.#turn = null;
    this.#userSpeaks = false;
    if (itemId !== null) this.#hooks.emit("deleted", { itemId });
  }

  #speech(state: "started" | "stopped", itemId: string, audioMs: number): void {
    this.#userSpeaks = state === "started";
    this.#turn = itemId;
    this.#hooks.emit("speech", { state, itemId, audioMs });
  }

  #overlap(decision: string, duckDb: number | null): void {
    this.#floor.decided(decision, duckDb);
    this.#hooks.emit("overlap", { decision });
  }

  #item(raw: JsonObject | null): void {
    const item = itemOf(raw);
    if (item !== null) this.#hooks.emit("item", item);
  }

  #transcript(
    role: "user" | "assistant",
    event: JsonObject,
    responseId: string | null,
    delta: string | null,
    text: string | null,
  ): void {
    const itemId = stringAt(event, "item_id") ?? "";
    const contentIndex = numberAt(event, "content_index") ?? 0;
    const upstream = this.#responses.get(responseId)?.upstream ?? null;
    this.#hooks.emit("transcript", { role, itemId, contentIndex, responseId, upstream, delta, text });
  }

  #responseCreated(raw: JsonObject | null): void {
    const response = this.#responses.created(raw);
    if (response === null) return;
    if (raw?.["conversation_id"] !== null) this.#asked = false;
    this.#floor.cut();
    const begun = { status: "in_progress", reason: null, message: null } as const;
    this.#hooks.emit("response", { response, ...begun, metadata: objectAt(raw, "metadata") });
  }

  #responseDone(raw: JsonObject | null): void {
    const response = this.#responses.done(stringAt(raw, "id") ?? "");
    if (response === null) return;
    const end = endOf(raw);
    if (end.status === "cancelled") this.flush({ responseId: response.id });
    else this.#end({ responseId: response.id });
    this.#hooks.emit("response", { response, ...end });
  }

  #end(match: Parameters<Playback["keys"]>[0]): void {
    for (const key of this.#playback.keys(match)) this.#player?.end(key);
  }

  #failed(error: JsonObject | null): void {
    const code = stringAt(error, "code") ?? "error";
    // What was to be cancelled ended while the request was on its way, or what was heard was forgotten.
    if (LATE.has(code) || isTooEarly(error)) return;
    const message = stringAt(error, "message") ?? "The relay reported an error";
    this.#hooks.emit("error", { error: new RelayError(code, message) });
  }
}
