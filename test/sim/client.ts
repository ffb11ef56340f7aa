/** The caller's application: microphone and loudspeaker on one side, a client of the relay's wire on the other. */
import { durationMs, type AudioFormat } from "../../src/audio/format.ts";
import { FRAME_HEADER_BYTES, readFrameHeader } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { Caller, FRAME_MS } from "./caller.ts";
import { brief } from "./checks.ts";
import type { Data } from "./connection.ts";
import { Dialogue } from "./dialogue.ts";
import { EventOrder } from "./event-order.ts";
import { fields, text } from "./fields.ts";
import { Hearing } from "./hearing.ts";
import { Line } from "./line.ts";
import { Player } from "./player.ts";
import type { Random } from "./random.ts";
import type { Dialect } from "../../src/session/io.ts";
import type { Relay } from "./relay.ts";
import { encodeAs } from "./wire-format.ts";
import { ToldOfUpstreams } from "./told-of-upstreams.ts";
import { lookAtEnd, type Turn } from "./turn-ends.ts";
import type { World } from "./world.ts";

const ACK_EVERY_MS = 200;

interface ClientHabits {
  /** Sends audio in pieces of these sizes in bytes; null: whole frames. */
  slice: (() => number) | null;
  /** Holds frames back and sends so many milliseconds at once. */
  burstMs: number;
  acknowledges: boolean;
  acknowledgeEveryMs: number;
  /** A plain client says what it played of an answer that it cut off. */
  truncates: boolean;
}

export class Client {
  readonly caller: Caller;
  readonly player = new Player();
  readonly order: EventOrder;
  readonly hearing: Hearing;
  readonly dialogue: Dialogue;
  readonly line: Line;
  readonly habits: ClientHabits = {
    slice: null,
    burstMs: 0,
    acknowledges: true,
    acknowledgeEveryMs: ACK_EVERY_MS,
    truncates: true,
  };
  /** Time and kind of everything that names a loss: errors, overlap decisions, clears. */
  readonly named: { readonly at: number; readonly what: string }[] = [];
  /** Turns as they were announced, by item; in milliseconds of what was sent. */
  readonly turns = new Map<string, Turn>();
  /** Of these the client was told that a provider does not know them. */
  readonly lostTurns: { readonly fromMs: number; readonly toMs: number }[] = [];
  readonly told: ToldOfUpstreams;
  /** Turns of which it was told that there will be no words: their transcriber was lost. */
  readonly wordlessTurns: { readonly fromMs: number; readonly toMs: number }[] = [];
  /** Items cut, by the relay or by this client itself. */
  readonly truncated = new Set<string>();
  /** Of these, what was behind another in its player when it emptied that: it says nothing of it. */
  readonly unsaid = new Set<string>();
  /** Of these, what was cut before this client had ever said where its player is: the clock was believed (SPEC B14). */
  readonly believed = new Set<string>();
  readonly #world: World;
  readonly #random: Random;
  /** What it sends, and what it gets. */
  microphone: AudioFormat;
  loudspeaker: AudioFormat;
  /** The session as the relay showed it last. */
  shown: JsonObject = {};
  readonly #formats = new Map<string, AudioFormat>();
  /** Its player ducks, and says so. */
  #ducks: boolean;
  #held: Uint8Array[] = [];
  #frozenUntil = 0;
  #lastAckAt = 0;
  /** Streams of which it said where it is. */
  readonly #saysWhere = new Set<number>();
  #owesResponse = false;
  /** The response that ended last failed. */
  #failedLast = false;

  constructor(world: World, relay: Relay, random: Random, silent: () => boolean) {
    this.#world = world;
    this.#random = random;
    this.told = new ToldOfUpstreams(world);
    this.microphone = { type: "audio/pcm", rate: world.scenario.rateHz };
    this.loudspeaker = this.microphone;
    this.#ducks = world.scenario.ducks;
    this.line = new Line(world, relay, random.fork(), {
      receive: (data) => this.#receive(data),
      lost: (what) => this.name(what),
    });
    this.caller = new Caller(world, random.fork());
    this.order = new EventOrder(world);
    this.hearing = new Hearing(world, silent);
    this.dialogue = new Dialogue(world);
    // After the last frame, which is still to be sent.
    if (world.scenario.manual) this.caller.onUtteranceEnd = () => world.time.after(1, () => this.#pressed());
  }

  get extended(): boolean {
    return this.line.extended;
  }

  get playerDucks(): boolean {
    return this.extended && this.#ducks;
  }

  /** The call is over for this client. */
  get over(): boolean {
    return this.line.over;
  }

  begin(): void {
    this.line.dial();
    this.#tick();
  }

  /** Something was told, or done by the client itself, that explains why words may be missing. */
  name(what: string): void {
    this.named.push({ at: this.#world.time.now, what });
    this.#world.checks.count(`told: ${what}`);
  }

  // ---- out

  #tick(): void {
    if (this.over) return;
    this.player.play(FRAME_MS);
    const frame = this.caller.frame(this.agentAudible);
    if (frame !== null) this.#held.push(encodeAs(this.microphone, frame, this.#world.tape.rateHz));
    if (this.#world.time.now >= this.#frozenUntil) {
      if (this.#held.length * FRAME_MS > this.habits.burstMs || frame === null) this.#sendHeld();
      this.line.keepUp();
      if (this.extended) this.#acknowledge();
    }
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
    if (slice === null) return this.line.sendAudio(whole);
    for (let from = 0; from < whole.length;) {
      const to = Math.min(whole.length, from + slice());
      this.line.sendAudio(whole.subarray(from, to));
      from = to;
    }
  }

  #acknowledge(): void {
    const { now } = this.#world.time;
    if (!this.habits.acknowledges || now - this.#lastAckAt < this.habits.acknowledgeEveryMs) return;
    this.#lastAckAt = now;
    for (const [itemId, played_ms] of this.player.news()) {
      this.#saysWhere.add(this.player.items.get(itemId)?.stream ?? 0);
      this.line.send({ type: "playback.ack", item_id: itemId, played_ms });
    }
  }

  /** What was said so long ago may still be here. */
  get holdsBackMs(): number {
    return this.habits.burstMs + Math.max(0, this.#frozenUntil - this.caller.quietSince);
  }

  /** Nothing is sent for so long. */
  freeze(ms: number): void {
    this.#frozenUntil = this.#world.time.now + ms;
  }

  /** From now on it speaks in another format, and says so where the first such sample comes. */
  speakIn(format: AudioFormat): void {
    this.#sendHeld();
    this.line.send({ type: "session.update", session: { type: "realtime", audio: { input: { format } } } });
    this.microphone = format;
  }

  /** Push to talk: the button is let go. */
  #pressed(): void {
    if (this.over) return;
    this.#sendHeld();
    this.line.send({ type: "input_audio_buffer.commit" });
    this.ask();
  }

  /** Asks for an answer, now or when the present one has ended. */
  ask(): void {
    if (this.dialogue.busy) this.#owesResponse = true;
    else this.line.send({ type: "response.create" });
  }

  /** Responses of agents that take turns; what echoes has no end. */
  get answering(): readonly string[] {
    return this.order.unfinished.filter((id) => this.dialogue.agents.has(this.dialogue.streamOf(id)));
  }

  /** Nobody speaks, nothing is heard and nothing is being answered, for so long. */
  idleFor(ms: number): boolean {
    const { caller } = this;
    const quietMs = this.#world.time.now - caller.quietSince;
    return caller.utterances.length > 0 && !caller.speaking && quietMs >= ms && this.answering.length === 0;
  }

  get agentAudible(): boolean {
    return [...this.dialogue.agents].some((stream) => this.player.aheadMs(stream) > 0);
  }

  // ---- in

  #receive(data: Data): void {
    this.#world.checks.note(() => `client ← ${brief(data)}`);
    if (typeof data !== "string") return this.#frame(data);
    const event = parseJsonObject(data);
    if (event === null) return this.#world.checks.fail("event-order", "a message that is no JSON object");
    if (this.extended) this.line.wire.number(event["server_event_seq"], text(event["type"]));
    this.order.take(event);
    this.#event(event);
  }

  #frame(frame: Uint8Array): void {
    const header = readFrameHeader(frame);
    if (!this.extended || !header) return this.#world.checks.fail("event-order", "a binary message");
    this.line.wire.number(header.sequence, null);
    const place = this.dialogue.placeOf(header.stream, header.response);
    if (place === null || place.itemId === null) {
      return this.#world.checks.fail(
        "event-order",
        `audio of response ${header.response}, which has no item`,
      );
    }
    this.#audio(header.stream, place.responseId, place.itemId, frame.subarray(FRAME_HEADER_BYTES));
  }

  #audio(stream: number, responseId: string, itemId: string, bytes: Uint8Array): void {
    this.order.audio(itemId);
    const echo = !this.dialogue.own(responseId) && this.hearing.take(itemId, bytes);
    const heardOn = echo ? this.dialogue.echoStream : stream;
    this.dialogue.heardOn(responseId, heardOn);
    const format = this.#formats.get(responseId) ?? this.loudspeaker;
    const ms = durationMs(format, bytes.length);
    this.player.push(heardOn, responseId, itemId, ms, this.line.wire.received);
  }

  #event(event: JsonObject): void {
    switch (text(event["type"])) {
      case "session.updated":
        return this.#show(fields(event["session"]));
      case "session.created":
        this.#show(fields(event["session"]));
        if (this.extended) this.line.wire.created(fields(event["session"]));
        this.player.duckedDb = null;
        if (this.playerDucks) this.#sayDucks();
        return;
      case "session.ack":
        return this.line.wire.acknowledged(Number(event["last_received"]));
      case "session.resumed":
        return this.#resumed(event);
      case "response.created":
        this.#formats.set(text(fields(event["response"])["id"]), this.#formatOf(fields(event["response"])));
        return this.dialogue.created(fields(event["response"]));
      case "response.done":
        return this.#responseDone(fields(event["response"]));
      case "response.output_item.added":
        return this.dialogue.itemAdded(text(event["response_id"]), text(fields(event["item"])["id"]));
      case "response.output_item.done":
        return this.#itemDone(fields(event["item"]));
      case "response.output_audio.delta": {
        const responseId = text(event["response_id"]);
        const bytes = Uint8Array.fromBase64(text(event["delta"]));
        if (this.extended) this.#world.checks.fail("event-order", "an audio delta for a duplex.v1 client");
        return this.#audio(this.dialogue.streamOf(responseId), responseId, text(event["item_id"]), bytes);
      }
      case "input_audio_buffer.speech_started":
        this.turns.set(text(event["item_id"]), {
          fromMs: Number(event["audio_start_ms"]),
          toMs: Infinity,
          toldAt: this.#world.time.now,
        });
        return this.#interrupted();
      case "input_audio_buffer.speech_stopped": {
        const itemId = text(event["item_id"]);
        const turn = this.turns.get(itemId);
        if (turn === undefined) return;
        turn.toMs = Number(event["audio_end_ms"]);
        return lookAtEnd(this.#world, this.caller, this.shown, itemId, turn.toMs);
      }
      case "conversation.item.input_audio_transcription.failed":
        this.wordlessTurns.push(...this.#turnOf(text(event["item_id"])));
        return;
      case "conversation.item.deleted":
        for (const turn of this.#turnOf(text(event["item_id"]))) turn.deletedAt = this.#world.time.now;
        return;
      case "conversation.item.truncated":
        return this.#cut(text(event["item_id"]));
      case "output_audio_buffer.cleared":
        // A hold goes on until it is decided: another upstream may have stopped its own answer.
        return this.player.flush(text(event["response_id"]));
      case "overlap.decision":
        return this.#overlap(event);
      case "relay.upstream":
        return this.told.upstream(event);
      case "relay.guard":
        // Who is refused is not answered.
        return event["side"] === "input" && event["decision"] !== "open"
          ? this.name("guard refused")
          : undefined;
      case "relay.audio_dropped":
        return this.told.missed(text(event["upstream"]), Number(event["ms"]));
      case "error":
        return this.#fault(fields(event["error"]));
      default:
    }
  }

  #turnOf(itemId: string): readonly Turn[] {
    const turn = this.turns.get(itemId);
    return turn ? [turn] : [];
  }

  #sayDucks(): void {
    const session = { type: "realtime", relay: { player: { duck: true } } };
    this.line.send({ type: "session.update", session });
  }

  /** Who says that its player ducks is told to, and by how much the session asks; nobody else is. */
  #overlap(event: JsonObject): void {
    const decision = text(event["decision"]);
    const { checks, scenario } = this.#world;
    this.player.paused = decision === "hold";
    this.player.duckedDb = decision === "duck" ? Number(event["duck_db"]) : null;
    if (decision === "duck" && (!this.#ducks || event["duck_db"] !== scenario.duckDb))
      checks.fail("event-order", `told to go on quieter by ${text(event["duck_db"])} dB`);
    const { player, interruption } = fields(this.shown["relay"]);
    const known = fields(player)["duck"] === true && fields(interruption)["over_agent"] === "duck";
    if (decision === "hold" && known) checks.fail("event-order", "told to stand still, and its player ducks");
    if (decision !== "hold" && decision !== "duck" && decision !== "interrupt")
      this.name(`overlap ${decision}`);
  }

  #cut(itemId: string): void {
    this.truncated.add(itemId);
    if (!this.#saysWhere.has(this.player.items.get(itemId)?.stream ?? 0)) this.believed.add(itemId);
  }

  #fault(error: JsonObject): void {
    this.name(`error ${text(error["code"])}`);
    this.#world.wishes.refused(text(error["event_id"]));
    const message = text(error["message"]);
    if (!this.extended) this.told.fault(text(error["code"]), message);
    if (error["code"] !== "audio_lost") return;
    this.told.forgotten(message);
    for (const [itemId] of message.matchAll(/item_\w+/g)) this.lostTurns.push(...this.#turnOf(itemId));
  }

  /** Another client takes this one's place, on the same loudspeaker. */
  beginAnew(dialect: Dialect): void {
    this.order.anew();
    this.dialogue.forget();
    this.hearing.forget();
    this.hearing.excuseGap();
    this.hearing.levelAnew();
    this.player.abandon();
    this.#owesResponse = false;
    this.name("begins anew");
    this.line.beginAnew(dialect, {
      type: "session.update",
      session: { type: "realtime", instructions: "Anew." },
    });
  }

  #show(session: JsonObject): void {
    this.shown = session;
    this.loudspeaker = this.#formatOf(session);
  }

  /** A response says itself what it sounds in: a change is in force before the provider took what came with it. */
  #formatOf(shown: JsonObject): AudioFormat {
    const format = fields(fields(shown["audio"])["output"])["format"];
    return format === undefined ? this.loudspeaker : (format as unknown as AudioFormat);
  }

  #resumed(event: JsonObject): void {
    const verdict = this.line.wire.resumed(event);
    if (verdict === null) return this.line.lose("lost");
    if (event["missing"] !== undefined) {
      this.name("missing");
      this.hearing.excuseGap();
    }
    this.line.resumed();
    this.hearing.levelAnew();
    for (const data of verdict.again) this.line.put(data);
    if (verdict.forgottenFrom !== null) this.#forget(verdict.forgottenFrom);
  }

  /** What was under way is over, and nobody will say so (docs/wire.md, "What the relay forgot"). */
  #forget(from: number): void {
    this.order.forget();
    this.dialogue.forget();
    this.hearing.forget();
    this.player.paused = false;
    this.player.duckedDb = null;
    this.player.forget(from);
    this.#askOwed();
  }

  #askOwed(): void {
    if (!this.#owesResponse || this.dialogue.busy) return;
    this.#owesResponse = false;
    this.line.send({ type: "response.create" });
  }

  #responseDone(response: JsonObject): void {
    this.dialogue.done(response);
    this.#world.checks.count(`response ${text(response["status"])}`);
    if (response["status"] === "failed") this.#failed(text(response["id"]));
    this.#failedLast = response["status"] === "failed";
    this.#askOwed();
  }

  /** It is told, and what was heard of it is to be gone on with: it may break off again, but only so often. */
  #failed(responseId: string): void {
    this.name("response failed");
    if (this.#failedLast) return;
    const items = [...this.player.items.values()].filter((item) => item.responseId === responseId);
    const { now: at } = this.#world.time;
    for (const { stream, receivedMs } of items)
      if (receivedMs > 0) this.dialogue.broken.push({ at, heardUntil: at + this.player.aheadMs(stream) });
  }

  /** A tool is called by what the finished item says, as official SDKs do. */
  #itemDone(item: JsonObject): void {
    if (item["type"] !== "function_call" || item["status"] !== "completed") return;
    if (this.#world.scenario.webhook === true) return;
    const call_id = item["call_id"] ?? "";
    this.#world.time.after(this.#random.between(10, 600), () => {
      if (this.over) return;
      this.line.send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id, output: "seen" },
      });
      this.ask();
    });
  }

  /** A plain client stops by itself and says what it played; a `duplex.v1` client waits for the relay's word. */
  #interrupted(): void {
    if (this.extended) return;
    for (const stream of this.player.streams) {
      if (!this.dialogue.agents.has(stream)) continue;
      const playing = this.player.current(stream);
      for (const itemId of this.player.queued(stream)) {
        const item = this.player.items.get(itemId);
        // An answer beside the conversation is heard to its end (SPEC B18).
        if (!item || this.dialogue.aside(item.responseId)) continue;
        this.truncated.add(itemId);
        this.player.stop(itemId);
        // Its player is emptied, and it says where it was.
        if (itemId !== playing) this.unsaid.add(itemId);
        else if (this.habits.truncates) {
          this.line.send({
            type: "conversation.item.truncate",
            item_id: itemId,
            content_index: 0,
            audio_end_ms: Math.floor(item.playedMs),
          });
        }
      }
    }
  }
}
