/**
 * The application's own connections to a session (docs/control.md): each is told what happens as the OpenAI dialect tells
 * it, and may do to the session what its client may not. They are no client: nothing waits for them, no number of a client's
 * moves, and a snapshot does not hold them. Who hands in inputs says again who is there when a session was restored.
 */
import { excessOf, isJsonObject, parseJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { ClientError } from "../../protocol/client-error.ts";
import { eventIdOf, readClientEvent } from "../../protocol/client-events.ts";
import type { AudioAddress, EventTap, NamedEvent } from "../state/server-events.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import { costOf } from "../state/event-cost.ts";
import { excessError, jsonMost } from "../state/json-most.ts";
import type { PeerId } from "../io.ts";
import type { WireMessage } from "../../upstreams/upstream.ts";
import type { Observed } from "./ports.ts";
import { causeOf, type ObserverInput, observerOf } from "./names.ts";
import { Observer } from "./observer.ts";

/** What the session does on it: the rest of a client's events is about its own line and its own audio. */
const TAKEN: ReadonlySet<string> = new Set([
  "session.update",
  "conversation.item.create",
  "conversation.item.delete",
  "conversation.item.retrieve",
  "response.create",
  "response.cancel",
  "output_audio_buffer.clear",
  "relay.delegation.cancel",
  "relay.plan.update",
]);
/** Ours: something is said to the caller, in a sound or in words. */
const SAY = "relay.say";
/** Ours: the session is over, as by DELETE. */
const END = "relay.end";

/** RFC 6455 §7.4.1: a policy is violated. */
const FLOOD_CODE = 1008;
/** Another one took its place: private use. */
const DISPLACED_CODE = 4011;

export class Observers implements EventTap {
  readonly #session: Observed;
  /** Oldest first. */
  readonly #observers = new Map<PeerId, Observer>();
  #listening = 0;
  #acted = false;

  constructor(session: Observed) {
    this.#session = session;
  }

  get some(): boolean {
    return this.#observers.size > 0;
  }

  get listening(): boolean {
    return this.#listening > 0;
  }

  /** @returns whether it did anything to the session: who only looks on is no occasion to look at anything else. */
  input(input: ObserverInput): boolean {
    this.#acted = false;
    switch (input.type) {
      case "observer":
        this.#open(input.peer, input.audio, input.again);
        break;
      case "message":
        this.#message(input.peer, input.data);
        break;
      case "buffered":
        this.#observers.get(input.peer)?.buffered(input.bytes);
        break;
      case "close":
        this.#closed(input.peer);
        break;
      case "open":
        // It is there by `observer`.
        break;
    }
    return this.#acted;
  }

  /** @param again it was here before the session was restored, and knows what there is. */
  #open(peer: PeerId, audio: boolean, again: boolean): void {
    const [oldest] = this.#observers.values();
    const full = this.#observers.size >= this.#session.context.limits.observers;
    if (full && oldest !== undefined) this.#drop(oldest, DISPLACED_CODE, "other observers came");
    const { context } = this.#session;
    const drop = (each: Observer, code: number, reason: string): void => this.#drop(each, code, reason);
    const observer = new Observer(peer, audio, { context, means: this.#session.meansOfObserver(), drop });
    this.#observers.set(peer, observer);
    if (audio) this.#listening += 1;
    if (!again) this.#greet(observer);
  }

  #closed(peer: PeerId): void {
    const observer = this.#observers.get(peer);
    if (observer === undefined) return;
    this.#observers.delete(peer);
    if (observer.audio) this.#listening -= 1;
    observer.gone();
  }

  #drop(observer: Observer, code: number, reason: string): void {
    this.#closed(observer.peer);
    this.#session.context.metric("observers_dropped", 1);
    this.#session.context.act({ type: "close", peer: observer.peer, code, reason });
  }

  /** The deadline of that name came. */
  due(peer: PeerId): void {
    this.#observers.get(peer)?.due();
  }

  /** The session as it is, and all that was said in it. */
  #greet(observer: Observer): void {
    const { context, sessionObject, conversation } = this.#session;
    const tell = (event: JsonObject): void =>
      observer.write(JSON.stringify({ ...event, event_id: context.newId("event") }));
    observer.retelling(() => {
      tell({ type: "session.created", session: withoutToken(sessionObject.shown()) });
      let previous_item_id: string | null = null;
      for (const entry of conversation.entries) {
        const { growing } = entry;
        const item = conversation.withoutSound(entry);
        tell({ type: "conversation.item.added", previous_item_id, item });
        if (!growing) tell({ type: "conversation.item.done", previous_item_id, item });
        previous_item_id = item.id;
      }
    });
  }

  event(event: NamedEvent): void {
    const { session } = event;
    const told = isJsonObject(session) ? { ...event, session: withoutToken(session) } : event;
    const text = JSON.stringify(told);
    for (const observer of this.#observers.values()) observer.write(text);
  }

  /** False: the cause is not an observer's. */
  error(cause: string | null, error: JsonObject): boolean {
    const by = observerOf(cause);
    if (by !== null) this.#observers.get(by.peer)?.fault(error, by.eventId);
    return by !== null;
  }

  /** Of an agent, as it is to sound. */
  audio({ members }: AudioAddress, bytes: Uint8Array): void {
    const id = this.#session.context.newId("event");
    this.#sound(
      `{"type":"response.output_audio.delta","event_id":"${id}",${members},"delta":"${bytes.toBase64()}"}`,
    );
  }

  /** Of the caller, in the session's input format. */
  heard(bytes: Uint8Array): void {
    if (!this.listening) return;
    const id = this.#session.context.newId("event");
    this.#sound(`{"type":"relay.input_audio.delta","event_id":"${id}","delta":"${bytes.toBase64()}"}`);
  }

  #sound(text: string): void {
    for (const observer of this.#observers.values()) if (observer.audio) observer.write(text);
  }

  #message(peer: PeerId, data: WireMessage): void {
    const observer = this.#observers.get(peer);
    if (observer === undefined) return;
    this.#take(observer, data);
    if (observer.budget.exhausted) this.#drop(observer, FLOOD_CODE, "too many messages were refused");
  }

  #take(observer: Observer, data: WireMessage): void {
    const { context } = this.#session;
    const { budget } = observer;
    const lack = this.#lack(observer, data);
    if (lack !== null) {
      const error = budget.refuse(lack, data.length, 0, context.now);
      if (error !== null) observer.error(error, null);
      return;
    }
    let message: JsonObject | null = null;
    try {
      const cost = this.#costOf(data);
      message = parseJsonObject(data as string);
      this.#do(observer, message, cost);
    } catch (error) {
      budget.weigh(message === null ? data.length : 0, context.now);
      if (error instanceof ClientError) return observer.error(error, eventIdOf(message));
      context.metric("internal_errors", 1);
      const fault = { type: "server_error", code: "internal_error", param: null };
      observer.fault({ ...fault, message: "The relay failed at this event." }, eventIdOf(message));
    } finally {
      context.cause = null;
    }
  }

  #lack({ budget }: Observer, data: WireMessage): "bytes" | "events" | null {
    const { now } = this.#session.context;
    if (!budget.bytes.take(data.length, now)) return "bytes";
    return budget.events.take(1, now) ? null : "events";
  }

  /** How many other events it counts as. @throws ClientError when it is not to be parsed. */
  #costOf(data: WireMessage): number {
    const { limits } = this.#session.context;
    const { clientMessageSize } = limits;
    if (typeof data !== "string") throw new ClientError("invalid_json", "An observer's messages are text.");
    if (data.length > clientMessageSize)
      throw new ClientError("message_too_large", `The message is larger than ${clientMessageSize} bytes.`);
    const most = jsonMost(limits);
    const weight = excessOf(data, most);
    if (typeof weight === "number") return costOf(weight);
    throw excessError(weight, most);
  }

  /** @throws ClientError */
  #do(observer: Observer, message: JsonObject | null, cost: number): void {
    const { context, parking } = this.#session;
    if (message === null) throw new ClientError("invalid_json", "The message is not a JSON object.");
    if (message["type"] === END) return this.#end(message["after"]);
    if (message["type"] === SAY) return this.#say(observer, message, cost);
    const event = readClientEvent(message);
    observer.budget.events.charge(cost + costOf(0, event.type), context.now);
    if (!TAKEN.has(event.type)) {
      const detail = `'${event.type}' is the client's to say: an observer says ${[...TAKEN, SAY, END].join(", ")}.`;
      throw new ClientError("invalid_event_for_observer", detail, "type");
    }
    this.#requireClient();
    parking.touch();
    if (event.type === "conversation.item.retrieve") return this.#retrieve(observer, event.item_id);
    this.#acted = true;
    context.cause = causeOf(observer.peer, eventIdOf(message), context.newId("event"));
    observer.commands.handle(event as PlainEvent);
  }

  /** @throws ClientError */
  #end(after: Json | undefined): void {
    const { leaving, presence } = this.#session;
    if (after !== undefined && after !== "heard")
      throw new ClientError("invalid_value", "'after' is 'heard', or is not there.", "after");
    this.#acted = true;
    if (after === undefined) presence.terminate();
    else leaving.ask();
  }

  /** @throws ClientError */
  #requireClient(): void {
    if (this.#session.doubt.kept === null) return;
    const detail = "The session was restored and waits for its client to come back: say it again then.";
    throw new ClientError("session_waiting", detail);
  }

  /** @throws ClientError */
  #say(observer: Observer, message: JsonObject, cost: number): void {
    const { asides, context, parking } = this.#session;
    observer.budget.events.charge(cost, context.now);
    this.#requireClient();
    parking.touch();
    this.#acted = true;
    asides.request(message, { client: false, budget: observer.budget });
  }

  /** Told to who asks alone, with its audio where it may be heard. @throws ClientError */
  #retrieve(observer: Observer, itemId: string): void {
    const { context, conversation } = this.#session;
    const entry = conversation.require(itemId, "retrieve");
    observer.budget.requireTelling(context.now);
    const item = observer.audio ? conversation.withAudio(entry) : conversation.withoutSound(entry);
    const event_id = context.newId("event");
    const text = JSON.stringify({ type: "conversation.item.retrieved", event_id, item });
    observer.retelling(() => observer.write(text));
    observer.budget.told.charge(text.length, context.now);
  }
}

/** The client's way back is the client's. */
function withoutToken(session: JsonObject): JsonObject {
  const { relay } = session;
  if (!isJsonObject(relay)) return session;
  const { resume_token: _, ...rest } = relay;
  return { ...session, relay: rest };
}
