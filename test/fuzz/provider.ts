/** A hostile provider on one connection: it answers what it is asked, mostly, and says other things besides. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { objectOf, textOf } from "../oracle/fields.ts";
import type { Random } from "../sim/random.ts";
import { loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { answer, anyEvent, quoteKey, type Ask } from "./provider-grammar.ts";
import { spellKey } from "./quote.ts";
import { bytes } from "./spell.ts";

/** What one still has to say, and what it said, are kept so far. */
const MOST_DUE = 80;
const MOST_SAID = 16;
const MOST_NAMES = 24;

/** Sent by the relay for each piece of audio, and not read. */
const AUDIO = '{"type":"input_audio_buffer.append"';

export class HostileProvider {
  readonly #due: LooseObject[] = [];
  readonly #said: (string | Uint8Array)[] = [];
  readonly #asks: Ask[] = [];
  readonly #responses: string[] = [];
  readonly #items: string[] = [];
  /** Items of the relay's, as it named them. */
  readonly #relay: string[] = [];
  #answers = 0;
  #turns = 0;

  constructor() {
    this.#due.push({ type: "session.created", event_id: "event_0", session: { type: "realtime" } });
  }

  /** What the relay sent. `random` decides what of it is answered. */
  receive(data: WireMessage, random: Random): void {
    if (typeof data !== "string" || data.startsWith(AUDIO)) return;
    const event = parseJsonObject(data);
    if (event === null) return;
    switch (textOf(event["type"])) {
      case "session.update":
      case "transcription_session.update":
        return this.#later({ type: "session.updated", session: loose(objectOf(event["session"])) });
      case "response.create":
        return this.#asked(objectOf(event["response"]));
      case "conversation.item.create":
        return this.#added(objectOf(event["item"]));
      case "input_audio_buffer.commit":
        return this.#committed(random);
      case "response.cancel":
        return this.#cancelled(event);
      default:
    }
  }

  #later(...events: readonly LooseObject[]): void {
    this.#due.push(...events);
    if (this.#due.length > MOST_DUE) this.#due.splice(1, this.#due.length - MOST_DUE);
  }

  #note(list: string[], name: unknown): void {
    if (typeof name !== "string") return;
    list.push(name);
    if (list.length > MOST_NAMES) list.shift();
  }

  #asked(response: JsonObject): void {
    this.#asks.push({ metadata: loose(response["metadata"] ?? null), text: false });
    if (this.#asks.length > 8) this.#asks.shift();
  }

  #added(item: JsonObject): void {
    this.#note(this.#relay, item["id"]);
    this.#later({
      type: "conversation.item.added",
      previous_item_id: null,
      item: loose(item),
    });
  }

  #committed(random: Random): void {
    this.#turns += 1;
    const item_id = `turn_${this.#turns}`;
    this.#note(this.#items, item_id);
    const transcription = "conversation.item.input_audio_transcription";
    this.#later(
      { type: "input_audio_buffer.committed", item_id, previous_item_id: null },
      {
        type: "conversation.item.added",
        item: { id: item_id, type: "message", role: "user", content: [{ type: "input_audio" }] },
      },
    );
    if (random.chance(0.4)) {
      this.#later(
        { type: `${transcription}.delta`, item_id, content_index: 0, delta: "heard " },
        { type: `${transcription}.completed`, item_id, content_index: 0, transcript: "heard words" },
      );
    }
  }

  #cancelled(event: JsonObject): void {
    const id = event["response_id"] ?? this.#responses.at(-1) ?? "none";
    this.#later({
      type: "response.done",
      response: { id: loose(id), status: "cancelled", output: [], usage: null },
    });
  }

  /** The next message. `hostility`: how often it is not what was asked for, or not whole. */
  say(random: Random, hostility: number): string | Uint8Array {
    if (random.chance(0.02 * hostility)) return bytes(random);
    // Said again, to the letter.
    if (this.#said.length > 0 && random.chance(0.06 * hostility)) return random.pick(this.#said);
    const event = this.#next(random, hostility);
    const changed = random.chance(0.35 * hostility);
    if (changed) mutate(event, random, [...this.#relay, ...this.#items, ...this.#responses]);
    if (random.chance(0.5)) quoteKey(event, random);
    const message = spellKey(event, random, 0.08 * hostility);
    this.#said.push(message);
    if (this.#said.length > MOST_SAID) this.#said.shift();
    return message;
  }

  #next(random: Random, hostility: number): LooseObject {
    if (this.#asks.length > 0 && (this.#due.length === 0 || random.chance(0.1))) this.#begin(random);
    if (this.#due.length === 0 || random.chance(0.3 * hostility)) {
      if (this.#due.length === 0 && random.chance(0.3)) this.#begin(random);
      return anyEvent(random, { responses: this.#responses, items: this.#items, relay: this.#relay });
    }
    // Two answers run into each other, and what belongs in order comes out of it.
    const at = random.chance(0.1 * hostility) ? random.int(0, this.#due.length - 1) : 0;
    const [event = { type: "ping" }] = random.chance(0.05 * hostility)
      ? this.#due.slice(at, at + 1)
      : this.#due.splice(at, 1);
    return loose(event) as LooseObject;
  }

  #begin(random: Random): void {
    this.#answers += 1;
    const events = answer(random, this.#answers, this.#asks.shift() ?? null);
    this.#note(this.#responses, `resp_${this.#answers}`);
    for (const event of events) this.#note(this.#items, event["item_id"]);
    this.#later(...events);
  }
}
