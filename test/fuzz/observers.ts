/** Observers of the application's beside the client: some only listen, or say what is refused; some take part. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { eventIdOf } from "../../src/protocol/client-events.ts";
import type { Input } from "../../src/session/io.ts";
import { observerPeer } from "../../src/session/control/names.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { objectOf } from "../oracle/fields.ts";
import type { Random } from "../sim/random.ts";
import { ClientWatch, holdsSecret, Violation } from "./checks.ts";
import { clientEvent } from "./client-grammar.ts";
import { hostileName, type LooseObject } from "./hostile.ts";
import { Known } from "./known.ts";
import { mutate } from "./mutate.ts";
import { sound } from "./sounds.ts";
import { bytes, spell } from "./spell.ts";

/** `quiet`: what they do changes nothing for anybody, which a second play without them proves. */
export type Observing = "quiet" | "active";

/** What an observer may do to a session; all else is refused. */
const DOES =
  /session\.update|conversation\.item\.(?:create|delete|retrieve)|response\.(?:create|cancel)|output_audio_buffer|relay|\\u/;
const MOST = 2;
/** Of the client's own line. */
const CLIENTS = /^session\.(?:resumed|ack|heartbeat)$/;
const HEARD = "relay.input_audio.delta";
const SOUND: ReadonlySet<string> = new Set([HEARD, "response.output_audio.delta"]);

interface Host {
  readonly ended: boolean;
  input(input: Input): void;
  observed(peer: string, data: WireMessage): void;
}

interface There {
  readonly audio: boolean;
  readonly watch: ClientWatch;
}

export class Observers {
  readonly #host: Host;
  readonly #mode: Observing;
  readonly #there = new Map<string, There>();
  /** Not the client's: a client says the same with and without observers. */
  readonly #known = new Known();
  #came = 0;
  #saying: { readonly peer: string; readonly eventId: string | null } | null = null;

  constructor(host: Host, mode: Observing) {
    this.#host = host;
    this.#mode = mode;
  }

  /** They take part. */
  get active(): boolean {
    return this.#mode === "active";
  }

  /** One of them does something, or none. @throws Violation */
  step(random: Random): void {
    const kind = random.next();
    if (this.#host.ended || kind < 0.6) return;
    const [peer] = this.#there.size > 0 ? [random.pick([...this.#there.keys()])] : [];
    if (peer === undefined || (kind < 0.65 && this.#there.size < MOST))
      return this.#comes(random.chance(0.4));
    if (kind < 0.9) return this.#says(peer, this.#message(random));
    if (kind < 0.94) return this.#host.input({ type: "buffered", peer, bytes: random.pick([0, 0, 99, 3e6]) });
    if (kind > 0.97) {
      this.closed(peer);
      this.#host.input({ type: "close", peer, code: random.pick([1000, 1006]), reason: "" });
    }
  }

  #comes(audio: boolean): void {
    this.#came += 1;
    const peer = observerPeer(this.#came);
    this.#there.set(peer, { audio, watch: new ClientWatch(true) });
    this.#host.input({ type: "observer", peer, audio, again: false });
  }

  #says(peer: string, data: WireMessage): void {
    const event = typeof data === "string" ? parseJsonObject(data) : null;
    this.#saying = { peer, eventId: eventIdOf(event) };
    try {
      this.#host.observed(peer, data);
    } finally {
      this.#saying = null;
    }
  }

  #message(random: Random): WireMessage {
    if (this.#mode === "active") return this.#deed(random);
    if (random.chance(0.1)) return bytes(random);
    const said: LooseObject = random.pick([
      { type: "input_audio_buffer.append", audio: sound(random) },
      { type: "input_audio_buffer.commit" },
      { type: "input_audio_buffer.clear" },
      { type: "session.ack", last_received: random.int(0, 99) },
      { type: "session.heartbeat" },
      { type: "session.resume", resume_token: "none", last_received: 0 },
      { type: "playback.ack", item_id: "item", content_index: 0, played_ms: 5 },
      { type: hostileName(random) },
    ]);
    if (random.chance(0.5)) said["event_id"] = `o${random.int(0, 99)}`;
    const data = spell(said, random, 0.2);
    return typeof data === "string" && DOES.test(data) ? "{}" : data;
  }

  #deed(random: Random): WireMessage {
    if (random.chance(0.01)) return '{"type":"relay.end"}';
    const own = random.chance(0.15) ? random.pick([announcement, planUpdate])(random) : null;
    const event = own ?? clientEvent(random, this.#known, false);
    if (random.chance(0.3)) mutate(event, random, this.#known.all());
    return spell(event, random, 0.05);
  }

  /** @throws Violation */
  told(peer: string, data: WireMessage): void {
    const there = this.#there.get(peer);
    if (there === undefined) throw new Violation("closed-peer", `it tells ${peer}, which is not there`);
    if (typeof data !== "string") throw new Violation("observer", "an observer is sent a binary message");
    if (holdsSecret(data)) throw new Violation("secret", `an observer is told the provider's key: ${data}`);
    const said = parseJsonObject(data);
    if (said === null) throw new Violation("json", `an observer is sent what is no JSON object: ${data}`);
    const type = typeof said["type"] === "string" ? said["type"] : "";
    if (SOUND.has(type) && !there.audio) throw new Violation("observer", `who hears nothing is sent ${type}`);
    if (
      Object.hasOwn(said, "server_event_seq") ||
      Object.hasOwn(said, "resume_token") ||
      hasToken(said) ||
      CLIENTS.test(type)
    )
      throw new Violation("observer", `an observer is told what is the client's: ${data}`);
    if (type !== HEARD) there.watch.message(data);
    this.#known.note(this.#known.items, said["item_id"] ?? objectOf(said["item"])["id"]);
    if (type === "response.created")
      this.#known.note(this.#known.responses, objectOf(said["response"])["id"]);
    if (type === "error") this.#refused(peer, objectOf(said["error"]), data);
  }

  /** An error is of an event of its own. */
  #refused(peer: string, error: JsonObject, data: string): void {
    const saying = this.#saying;
    if (saying === null || error["type"] !== "invalid_request_error") return;
    const named = error["event_id"];
    if (saying.peer !== peer || (named !== null && named !== saying.eventId))
      throw new Violation("blame", `${saying.peer} said ${String(saying.eventId)}, ${peer} is told ${data}`);
  }

  closed(peer: string): void {
    this.#there.delete(peer);
  }

  /** The session was restored. */
  again(): void {
    for (const [peer, { audio }] of this.#there)
      this.#host.input({ type: "observer", peer, audio, again: true });
  }
}

function hasToken({ session }: JsonObject): boolean {
  return Object.hasOwn(objectOf(objectOf(session)["relay"]), "resume_token");
}

export function isObserverPeer(peer: string): boolean {
  return peer.startsWith("control:");
}

/** Where two plays of a call differ for its client; null: nowhere. Ids are drawn for observers, too. */
export function differenceOf(alone: readonly string[], watched: readonly string[]): string | null {
  const at = alone.findIndex((said, n) => watched[n] !== said);
  if (at >= 0) return `the client was told ${alone[at]}, and beside observers ${watched[at] ?? "nothing"}`;
  return watched.length > alone.length
    ? `beside observers the client is told more: ${watched[alone.length]}`
    : null;
}

/** What the client is told, without the numbers of what was drawn, nor the words of an error, which quote what it is about. */
export function withoutDraws(data: WireMessage): string {
  if (typeof data !== "string") return data.toHex();
  if (!data.startsWith('{"type":"error"')) return plain(data);
  const { error } = JSON.parse(data) as { error: JsonObject };
  return plain(JSON.stringify({ error: [error["type"], error["code"], error["param"]] }));
}

function plain(text: string): string {
  // Also where a misspelt name of an item has something in the middle of it.
  // … or is a list of its letters, or has lost its first ones, or has others before them.
  const whole = text.replaceAll(/(?:"[0-9a-z_]",?){8,}/g, "");
  return whole.replaceAll(/(?:drawn\P{ASCII}*[a-z]*|awn|\b(?:r?a)?w?n)[0-9][0-9a-z]*/giu, "drawn");
}

function planUpdate(random: Random): LooseObject {
  const strategy = random.pick(["single", "race", "hedge", "failover", "panel"]);
  const upstreams = random.pick([["first"], ["second"], ["first", "second"], ["second", "first"]]);
  const plan = { strategy, upstreams, ...(strategy === "hedge" && { hedge_ms: random.pick([1, 300]) }) };
  return { type: "relay.plan.update", plan };
}

function announcement(random: Random): LooseObject {
  return {
    type: "relay.say",
    say_id: `s${random.int(0, 9)}`,
    ...(random.chance(0.9) ? { audio: sound(random) } : { sound: "soft" }),
    interrupt: random.chance(0.5),
    expires_ms: random.pick([0, 500, 30_000]),
  };
}
