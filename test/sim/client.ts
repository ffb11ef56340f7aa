/** The caller's application: microphone and loudspeaker on one side, a client of the relay's wire on the other. */
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { Caller, FRAME_MS } from "./caller.ts";
import { brief } from "./checks.ts";
import { Connection, type Data } from "./connection.ts";
import { DuplexWire } from "./duplex-wire.ts";
import { EventOrder } from "./event-order.ts";
import { fields } from "./fields.ts";
import { Hearing } from "./hearing.ts";
import { Player } from "./player.ts";
import type { Random } from "./random.ts";
import type { Relay } from "./relay.ts";
import { bytesOf } from "./tape.ts";
import type { World } from "./world.ts";

const ACK_EVERY_MS = 200;

export interface ClientHabits {
  /** Sends audio in pieces of these sizes in bytes; null: whole frames. */
  slice: (() => number) | null;
  /** Holds frames back and sends so many milliseconds at once. */
  burstMs: number;
  acknowledges: boolean;
  /** Until a lost connection is dialled again. */
  redialMs: () => number;
}

export class Client {
  readonly caller: Caller;
  readonly player = new Player();
  readonly order: EventOrder;
  readonly hearing: Hearing;
  readonly habits: ClientHabits;
  readonly wire: DuplexWire;
  connection: Connection | null = null;
  /** The call is over for this client. */
  over = false;
  /** Time and kind of everything that names a loss: errors, overlap decisions, clears. */
  readonly named: { readonly at: number; readonly what: string }[] = [];
  readonly truncated = new Map<string, { readonly ms: number; readonly heardMs: number; readonly at: number }>();
  /** When `response.created` came. */
  readonly announced: number[] = [];
  readonly #world: World;
  readonly #relay: Relay;
  readonly #random: Random;
  #held: Uint8Array[] = [];
  #lastAckAt = 0;
  readonly #agentStreams: ReadonlySet<number>;
  /** A plain client is not told which stream is which. */
  readonly #echoStream: number;
  readonly #streamOf = new Map<string, number>();
  /** By ordinal on the wire: the response, and the item announced last in it. */
  readonly #ordinals = new Map<string, { readonly responseId: string; itemId: string | null }>();
  readonly #active = new Set<string>();
  /** From when to when a response was running. */
  readonly #busy: number[][] = [];
  #owesResponse = false;

  constructor(world: World, relay: Relay, random: Random, silent: () => boolean) {
    this.#world = world;
    this.#relay = relay;
    this.#random = random;
    this.wire = new DuplexWire(world);
    this.habits = { slice: null, burstMs: 0, acknowledges: true, redialMs: () => random.between(20, 600) };
    this.caller = new Caller(world, random.fork());
    this.order = new EventOrder(world);
    this.hearing = new Hearing(world, silent);
    const kinds = world.scenario.upstreams.map((upstream) => upstream.kind);
    this.#agentStreams = new Set(kinds.flatMap((kind, index) => (kind === "echo" ? [] : [index])));
    this.#echoStream = kinds.indexOf("echo");
    // After the last frame, which is still to be sent.
    if (world.scenario.manual) this.caller.onUtteranceEnd = () => world.time.after(1, () => this.#pressed());
  }

  get extended(): boolean {
    return this.#world.scenario.dialect === "duplex.v1";
  }

  begin(): void {
    this.dial();
    this.#tick();
  }

  dial(): void {
    const { time, scenario } = this.#world;
    const connection = new Connection(time, this.#random.fork(), { ...scenario.clientQuality });
    this.connection = connection;
    connection.attach("far", {
      message: (data) => {
        if (this.connection === connection) this.#receive(data);
      },
      closed: (code, reason) => {
        if (this.connection === connection) this.#closed(code, reason);
      },
    });
    const again = this.wire.canResume;
    this.wire.connected();
    this.wire.resuming = again;
    time.after(connection.quality.delayMs, () => {
      if (this.connection !== connection) return;
      if (!this.#relay.accept(connection, scenario.dialect)) this.#lose("refused");
      else if (again) this.#put(JSON.stringify(this.wire.resume()));
    });
  }

  #closed(code: number, reason: string): void {
    this.#world.checks.note(() => `client lost its connection: ${code} ${reason}`);
    this.connection = null;
    if (!this.wire.canResume || this.#relay.ended !== null) return this.#lose(`closed ${code}`);
    this.#world.checks.count("outages");
    this.#world.time.after(this.habits.redialMs(), () => {
      if (!this.over && this.connection === null) this.dial();
    });
  }

  /** There is no coming back. */
  #lose(what: string): void {
    this.connection = null;
    this.named.push({ at: this.#world.time.now, what });
    this.over = true;
  }

  /** Dials although the connection still lives: the new one takes the session over. */
  takeOver(): void {
    if (this.connection === null || !this.wire.canResume || this.wire.resuming) return;
    this.connection = null;
    this.dial();
  }

  hangUp(): void {
    this.#world.checks.note(() => "client hangs up");
    this.connection?.close("far", 1000, "");
    this.connection = null;
    this.over = true;
  }

  // ---- out

  send(event: JsonObject): void {
    const sequence = this.wire.next();
    const text = JSON.stringify(this.extended ? { ...event, client_event_seq: sequence } : event);
    this.#numbered(sequence, text);
  }

  #numbered(sequence: number, data: Data): void {
    if (this.extended) this.wire.keep(sequence, data);
    if (!this.wire.resuming) this.#put(data);
  }

  #put(data: Data): void {
    this.#world.checks.note(() => `client → ${brief(data)}`);
    this.connection?.send("far", data);
  }

  /** A message as it is, numbered by nobody. */
  raw(data: Data): void {
    if (!this.wire.resuming) this.#put(data);
  }

  #tick(): void {
    if (this.over) return;
    this.player.play(FRAME_MS);
    const frame = this.caller.frame(this.agentAudible);
    if (frame !== null) this.#held.push(bytesOf(frame));
    if (this.#held.length * FRAME_MS > this.habits.burstMs || frame === null) this.#sendHeld();
    if (this.extended) this.#keepUp();
    this.#world.time.after(FRAME_MS, () => this.#tick());
  }

  #sendHeld(): void {
    const held = this.#held;
    this.#held = [];
    if (held.length === 0) return;
    const whole = new Uint8Array(held.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of held) {
      whole.set(piece, at);
      at += piece.length;
    }
    const { slice } = this.habits;
    if (slice === null) return this.#sendAudio(whole);
    for (let from = 0; from < whole.length; ) {
      const to = Math.min(whole.length, from + slice());
      this.#sendAudio(whole.subarray(from, to));
      from = to;
    }
  }

  #sendAudio(bytes: Uint8Array): void {
    // Binary audio is of whole samples (docs/wire.md); base64 may be cut anywhere.
    if (this.extended && bytes.length % 2 === 0) {
      const sequence = this.wire.next();
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence };
      this.#numbered(sequence, writeFrame(header, bytes));
    } else this.send({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
  }

  /** Everything that a `duplex.v1` client says by itself. */
  #keepUp(): void {
    if (this.connection !== null && this.wire.dead) {
      const dead = this.connection;
      this.connection = null;
      dead.close("far", 1006, "");
      this.#closed(1006, "nothing received for 5 s");
    }
    if (this.connection === null) return;
    for (const event of this.wire.due()) this.#put(JSON.stringify(event));
    this.#acknowledge();
  }

  #acknowledge(): void {
    const { now } = this.#world.time;
    if (!this.habits.acknowledges || now - this.#lastAckAt < ACK_EVERY_MS) return;
    this.#lastAckAt = now;
    for (const stream of this.player.streams) {
      const itemId = this.player.current(stream);
      const item = itemId === null ? undefined : this.player.items.get(itemId);
      if (itemId !== null && item) {
        this.send({ type: "playback.ack", item_id: itemId, played_ms: Math.floor(item.playedMs) });
      }
    }
  }

  /** Push to talk: the button is let go. */
  #pressed(): void {
    if (this.over) return;
    this.#sendHeld();
    this.send({ type: "input_audio_buffer.commit" });
    this.ask();
  }

  /** Asks for an answer, now or when the present one has ended. */
  ask(): void {
    if (this.#active.size > 0) this.#owesResponse = true;
    else this.send({ type: "response.create" });
  }

  /** Whether a response was running at that moment. */
  busyAt(moment: number): boolean {
    return this.#busy.some(([from = 0, to = Infinity]) => from <= moment && moment <= to);
  }

  /** Responses of agents that take turns; what echoes has no end. */
  get answering(): readonly string[] {
    return this.order.unfinished.filter((id) => this.#agentStreams.has(this.#streamOf.get(id) ?? 0));
  }

  get agentAudible(): boolean {
    return [...this.#agentStreams].some((stream) => this.player.aheadMs(stream) > 0);
  }

  // ---- in

  #receive(data: Data): void {
    this.#world.checks.note(() => `client ← ${brief(data)}`);
    if (typeof data !== "string") return this.#frame(data);
    const event = parseJsonObject(data);
    if (event === null) return this.#world.checks.fail("event-order", "a message that is no JSON object");
    if (this.extended) this.wire.number(event["server_event_seq"], String(event["type"]));
    this.order.take(event);
    this.#event(event);
  }

  #frame(frame: Uint8Array): void {
    const header = readFrameHeader(frame);
    if (!this.extended || !header) return this.#world.checks.fail("event-order", "a binary message");
    this.wire.number(header.sequence, null);
    const place = this.#ordinals.get(`${header.stream}:${header.response}`);
    if (!place || place.itemId === null) {
      return this.#world.checks.fail("event-order", `audio of response ${header.response}, which has no item`);
    }
    this.#audio(header.stream, place.responseId, place.itemId, frame.subarray(FRAME_HEADER_BYTES));
  }

  #audio(stream: number, responseId: string, itemId: string, bytes: Uint8Array): void {
    this.order.audio(itemId);
    const echo = this.hearing.take(itemId, bytes);
    const heardOn = echo ? this.#echoStream : stream;
    this.#streamOf.set(responseId, heardOn);
    this.player.push(heardOn, responseId, itemId, (bytes.length * 500) / this.#world.tape.rateHz);
  }

  #event(event: JsonObject): void {
    switch (event["type"]) {
      case "session.created":
        if (this.extended) this.wire.created(fields(event["session"]));
        return;
      case "session.ack":
        return this.wire.acknowledged(Number(event["last_received"]));
      case "session.resumed":
        return this.#resumed(event);
      case "response.created":
        return this.#responseCreated(fields(event["response"]));
      case "response.done":
        return this.#responseDone(fields(event["response"]));
      case "response.output_item.added":
        return this.#itemAdded(String(event["response_id"]), String(fields(event["item"])["id"]));
      case "response.output_item.done":
        return this.#itemDone(fields(event["item"]));
      case "response.output_audio.delta": {
        const responseId = String(event["response_id"]);
        const bytes = Uint8Array.fromBase64(String(event["delta"]));
        if (this.extended) this.#world.checks.fail("event-order", "an audio delta for a duplex.v1 client");
        return this.#audio(this.#streamOf.get(responseId) ?? 0, responseId, String(event["item_id"]), bytes);
      }
      case "input_audio_buffer.speech_started":
        return this.#interrupted();
      case "conversation.item.truncated":
        return this.#truncated(String(event["item_id"]), Number(event["audio_end_ms"]));
      case "output_audio_buffer.cleared":
        this.player.paused = false;
        return this.player.flush(String(event["response_id"]));
      case "overlap.decision":
        this.player.paused = event["decision"] === "hold";
        if (event["decision"] !== "hold" && event["decision"] !== "interrupt") this.#name(`overlap ${String(event["decision"])}`);
        return;
      case "error":
        return this.#name(`error ${String(fields(event["error"])["code"])}`);
      default:
    }
  }

  #resumed(event: JsonObject): void {
    const again = this.wire.resumed(event);
    if (again === null) {
      this.connection?.close("far", 1000, "");
      return this.#lose("lost");
    }
    if (event["verdict"] === "partial") {
      this.#name("partial");
      this.hearing.excuseGap();
    }
    for (const data of again) this.#put(data);
  }

  #name(what: string): void {
    this.named.push({ at: this.#world.time.now, what });
    this.#world.checks.count(`told: ${what}`);
  }

  #responseCreated(response: JsonObject): void {
    const id = String(response["id"]);
    const relay = fields(response["relay"]);
    if (this.#active.size === 0) this.#busy.push([this.#world.time.now]);
    this.#active.add(id);
    this.announced.push(this.#world.time.now);
    this.#streamOf.set(id, Number(relay["stream"] ?? 0));
    if (this.extended) this.#ordinals.set(`${String(relay["stream"])}:${String(relay["ordinal"])}`, { responseId: id, itemId: null });
  }

  #responseDone(response: JsonObject): void {
    this.#active.delete(String(response["id"]));
    if (this.#active.size === 0) this.#busy.at(-1)?.push(this.#world.time.now);
    this.#world.checks.count(`response ${String(response["status"])}`);
    if (response["status"] === "failed") this.#name("response failed");
    if (!this.#owesResponse || this.#active.size > 0) return;
    this.#owesResponse = false;
    this.send({ type: "response.create" });
  }

  #itemAdded(responseId: string, itemId: string): void {
    for (const place of this.#ordinals.values()) if (place.responseId === responseId) place.itemId = itemId;
  }

  /** A tool is called by what the finished item says, as official SDKs do. */
  #itemDone(item: JsonObject): void {
    if (item["type"] !== "function_call" || item["status"] !== "completed") return;
    const call_id = item["call_id"] ?? "";
    this.#world.time.after(this.#random.between(10, 600), () => {
      if (this.over) return;
      this.send({ type: "conversation.item.create", item: { type: "function_call_output", call_id, output: "seen" } });
      this.ask();
    });
  }

  /** A plain client stops by itself and says what it played; a `duplex.v1` client waits for the relay's word. */
  #interrupted(): void {
    if (this.extended) return;
    for (const stream of this.player.streams) {
      const itemId = this.player.current(stream);
      const item = itemId === null ? undefined : this.player.items.get(itemId);
      if (itemId === null || !item || !this.#agentStreams.has(stream)) continue;
      const heardMs = Math.floor(item.playedMs);
      this.truncated.set(itemId, { ms: heardMs, heardMs, at: this.#world.time.now });
      this.send({ type: "conversation.item.truncate", item_id: itemId, content_index: 0, audio_end_ms: heardMs });
      this.player.flush(item.responseId);
    }
  }

  #truncated(itemId: string, ms: number): void {
    if (!this.extended) return;
    const item = this.player.items.get(itemId);
    this.truncated.set(itemId, { ms, heardMs: item?.playedMs ?? 0, at: this.#world.time.now });
  }
}

