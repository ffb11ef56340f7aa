/** One connection: reads the client's events and answers them in the order OpenAI's server does. */
import type { Clock } from "./clock.ts";
import { Conversation, audioMs, itemResource, truncateItem, type Item } from "./conversation.ts";
import { seconds } from "./dialogue.ts";
import { EventError } from "./errors.ts";
import type { Outbox } from "./faults.ts";
import type { DrawId } from "./ids.ts";
import { decodeBase64, makeItem } from "./items.ts";
import type { Knobs } from "./knobs.ts";
import { Listener, type CommitCause } from "./listener.ts";
import { isEventType, readEvent, TRANSCRIPTION_EVENTS, type EventType } from "./read-event.ts";
import { Responses } from "./responses.ts";
import type { DemoResponse } from "./response.ts";
import { clientEvents, parse, type ClientEvents } from "./schemas.ts";
import { defaultConfig, updateConfig, type RealtimeConfig, type SessionConfig } from "./session-config.ts";
import type { Stats } from "./stats.ts";
import type { Speech } from "./voice.ts";

export interface DemoSessionSetup {
  readonly intent: "realtime" | "transcription";
  readonly model: string;
  readonly knobs: Knobs;
  readonly outbox: Outbox;
  readonly drawId: DrawId;
  readonly voice: Speech;
  readonly clock: Clock;
  readonly stats: Stats;
}

export class DemoSession {
  readonly #setup: DemoSessionSetup;
  readonly #id: string;
  readonly #expiresAt: number;
  readonly #conversation: Conversation;
  readonly #listener: Listener;
  readonly #responses: Responses;
  readonly #timers = new Set<() => void>();
  #config: SessionConfig;
  #stopIdleTimer: (() => void) | null = null;
  /** A turn was detected while an answer ran that may not be interrupted: it is answered next. */
  #answerNext = false;
  #ended = false;

  constructor(setup: DemoSessionSetup) {
    const { knobs, drawId } = setup;
    this.#setup = setup;
    this.#id = drawId("sess");
    this.#expiresAt = Math.ceil((setup.clock.wall() + knobs.max_session_ms) / 1000);
    this.#conversation = new Conversation(drawId("conv"));
    this.#config = defaultConfig(setup.intent, setup.model, knobs);
    this.#responses = new Responses(setup, this.#conversation, (response) => this.#responseEnded(response));
    this.#listener = new Listener(this.#config.audio.input, {
      drawItemId: () => drawId("item"),
      speechStarted: (itemId, audioStartMs) => this.#speechStarted(itemId, audioStartMs),
      speechStopped: (itemId, audioEndMs) => {
        this.#send("input_audio_buffer.speech_stopped", { audio_end_ms: audioEndMs, item_id: itemId });
      },
      committed: (itemId, bytes, cause) => this.#committed(itemId, bytes, cause),
    });
  }

  start(): void {
    const { knobs, outbox } = this.#setup;
    this.#send("session.created", { session: this.#sessionResource() });
    this.#after(knobs.max_session_ms, () => this.#expire());
    if (knobs.close_after_ms === null) return;
    this.#after(knobs.close_after_ms, () => outbox.close(knobs.close_code, "knob close_after_ms"));
  }

  /** The connection is gone. */
  end(): void {
    this.#ended = true;
    this.#responses.abandon();
    this.#stopIdle();
    for (const stop of this.#timers) stop();
  }

  /** One message of the client. Never throws for what a client may send. */
  receive(data: string | null): void {
    let eventId: string | null = null;
    try {
      const event = readEvent(data);
      if (typeof event["event_id"] === "string") eventId = event["event_id"];
      this.#dispatch(event);
    } catch (error) {
      // Anything else is the demo's own fault: the client is told so, and other connections go on.
      if (error instanceof EventError) this.#error(error, eventId);
      else
        this.#error(
          new EventError("internal_error", "The demo voice failed at this event."),
          eventId,
          "server_error",
        );
    }
  }

  #dispatch(event: Readonly<Record<string, unknown>>): void {
    const { type } = event;
    if (!isEventType(type)) {
      const known = Object.keys(clientEvents).join(", ");
      throw new EventError(
        "invalid_value",
        `Invalid value: '${String(type).slice(0, 80)}'. Supported values are: ${known}.`,
        "type",
      );
    }
    if (this.#config.type === "transcription" && !TRANSCRIPTION_EVENTS.has(type)) {
      throw new EventError(
        "invalid_event_for_session",
        `'${type}' is not available in a transcription session.`,
        "type",
      );
    }
    const handlers = this.#handlers;
    const handle = handlers[type] as (event: unknown) => void;
    handle(parse(clientEvents[type], event));
  }

  readonly #handlers: { readonly [Type in EventType]: (event: ClientEvents[Type]) => void } = {
    "session.update": (event) => this.#update(event.session),
    "input_audio_buffer.append": (event) => {
      const samples = this.#listener.append(decodeBase64(event.audio, "audio"));
      this.#setup.stats.input_samples += samples;
    },
    "input_audio_buffer.commit": () => this.#listener.commit(),
    "input_audio_buffer.clear": () => {
      this.#listener.clear();
      this.#send("input_audio_buffer.cleared", {});
    },
    "conversation.item.create": (event) => {
      const item = makeItem(event.item, this.#config.audio.input.format, this.#setup.drawId, "item");
      const previous = this.#conversation.add(item, event.previous_item_id ?? null);
      this.#tellItem(item, previous);
    },
    "conversation.item.retrieve": ({ item_id }) => {
      const item = this.#find(item_id, "item_retrieve_invalid_item_id", "retrieving");
      this.#send("conversation.item.retrieved", { item: itemResource(item, true) });
    },
    "conversation.item.delete": ({ item_id }) => {
      this.#find(item_id, "item_delete_invalid_item_id", "deleting");
      this.#conversation.delete(item_id);
      this.#send("conversation.item.deleted", { item_id });
    },
    "conversation.item.truncate": (event) => this.#truncate(event),
    "response.create": (event) => {
      this.#stopIdle();
      this.#responses.create(this.#realtime(), event.response ?? {});
    },
    "response.cancel": (event) => {
      if (!this.#setup.knobs.ignore_cancel) this.#responses.cancel(event.response_id ?? null);
    },
  };

  #update(patch: unknown): void {
    const { unknown_keys } = this.#setup.knobs;
    this.#config = updateConfig(this.#config, patch, unknown_keys, this.#responses.audible);
    this.#listener.configure(this.#config.audio.input);
    this.#send("session.updated", { session: this.#sessionResource() });
  }

  #truncate({ item_id, content_index, audio_end_ms }: ClientEvents["conversation.item.truncate"]): void {
    const item = this.#find(item_id, "item_truncate_invalid_item_id", "truncating");
    truncateItem(item, content_index, audio_end_ms);
    this.#setup.stats.truncated += 1;
    this.#send("conversation.item.truncated", { item_id, content_index, audio_end_ms });
  }

  #speechStarted(itemId: string, audioStartMs: number): void {
    this.#stopIdle();
    this.#send("input_audio_buffer.speech_started", { audio_start_ms: audioStartMs, item_id: itemId });
    if (this.#config.audio.input.turn_detection?.interrupt_response !== true) return;
    this.#responses.active?.cancel("turn_detected");
  }

  #committed(itemId: string, bytes: Uint8Array, cause: CommitCause): void {
    const { format, turn_detection } = this.#config.audio.input;
    const audio = { format, bytes, truncated: false };
    this.#stopIdle();
    this.#setup.stats.turns += 1;
    this.#send("input_audio_buffer.committed", {
      previous_item_id: this.#conversation.lastId,
      item_id: itemId,
    });
    const item: Item = {
      id: itemId,
      type: "message",
      role: "user",
      status: "completed",
      content: [{ type: "input_audio", transcript: null, audio }],
    };
    this.#tellItem(item, this.#conversation.add(item));
    if (this.#config.audio.input.transcription !== null) this.#transcribe(itemId, audioMs(audio));
    if (cause === "client" || this.#config.type === "transcription") return;
    if (cause === "idle") this.#responses.create(this.#config, {}, "Are you still there?");
    else if (turn_detection?.create_response === true) this.#answerTurn(this.#config);
  }

  #answerTurn(config: RealtimeConfig): void {
    if (this.#responses.active === null) this.#responses.create(config, {});
    else this.#answerNext = true;
  }

  /** Asynchronous, as a provider's is, and honest: there is no speech recognition here. */
  #transcribe(itemId: string, ms: number): void {
    this.#setup.clock.soon(() => {
      if (this.#ended) return;
      const transcript = `[${seconds(ms, 2)} s of speech]`;
      const item = this.#conversation.find(itemId);
      const part = item?.type === "message" ? item.content[0] : undefined;
      if (part !== undefined) part.transcript = transcript;
      const where = { item_id: itemId, content_index: 0 };
      this.#send("conversation.item.input_audio_transcription.delta", { ...where, delta: transcript });
      const usage = { type: "duration", seconds: ms / 1000 };
      this.#send("conversation.item.input_audio_transcription.completed", { ...where, transcript, usage });
    });
  }

  #responseEnded(response: DemoResponse): void {
    if (this.#config.type !== "realtime") return;
    if (this.#answerNext) {
      this.#answerNext = false;
      this.#responses.create(this.#config, {});
      return;
    }
    const detection = this.#config.audio.input.turn_detection;
    if (detection?.type !== "server_vad" || detection.idle_timeout_ms === null) return;
    const position = this.#listener.position;
    const waitMs = response.unplayedMs + detection.idle_timeout_ms;
    this.#stopIdle();
    this.#stopIdleTimer = this.#setup.clock.after(waitMs, () => this.#idle(position));
  }

  #idle(position: number): void {
    this.#stopIdleTimer = null;
    if (this.#listener.speaking || this.#responses.active !== null) return;
    const itemId = this.#setup.drawId("item");
    this.#send("input_audio_buffer.timeout_triggered", {
      audio_start_ms: this.#listener.milliseconds(position),
      audio_end_ms: this.#listener.milliseconds(this.#listener.position),
      item_id: itemId,
    });
    this.#listener.commitSilence(itemId, position);
  }

  #stopIdle(): void {
    this.#stopIdleTimer?.();
    this.#stopIdleTimer = null;
  }

  #expire(): void {
    const minutes = this.#setup.knobs.max_session_ms / 60_000;
    const message = `Your session hit the maximum duration of ${Number(minutes.toFixed(3))} minutes.`;
    this.#error(new EventError("session_expired", message), null);
    this.#setup.outbox.close(1001, message);
  }

  #tellItem(item: Item, previous: string | null): void {
    const event = { previous_item_id: previous, item: itemResource(item) };
    this.#send("conversation.item.added", event);
    this.#send("conversation.item.done", event);
  }

  #find(itemId: string, code: string, doing: string): Item {
    const item = this.#conversation.find(itemId);
    if (item !== undefined) return item;
    const message = `Error ${doing} item: the item with ID '${itemId.slice(0, 80)}' does not exist.`;
    throw new EventError(code, message, "item_id");
  }

  /** Only reached in sessions that may respond: others are refused in `#dispatch`. */
  #realtime(): RealtimeConfig {
    if (this.#config.type === "realtime") return this.#config;
    throw new EventError("invalid_event_for_session", "A transcription session gives no responses.", "type");
  }

  #sessionResource(): Record<string, unknown> {
    const { type } = this.#config;
    const object = type === "realtime" ? "realtime.session" : "realtime.transcription_session";
    return { ...this.#config, object, id: this.#id, expires_at: this.#expiresAt };
  }

  #error(error: EventError, eventId: string | null, type = "invalid_request_error"): void {
    const { code, message, param } = error;
    this.#setup.stats.errors += 1;
    this.#send("error", {
      error: { type, code, message, param, event_id: eventId },
    });
  }

  #send(type: string, fields: Record<string, unknown>): void {
    this.#setup.outbox.send({ type, ...fields });
  }

  #after(ms: number, act: () => void): void {
    this.#timers.add(this.#setup.clock.after(ms, act));
  }
}
