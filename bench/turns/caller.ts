/**
 * A simulated person with a `duplex.v1` client: speaks as the script says, hears what the player plays, and keeps a
 * record of everything for the judge. `tick` is called every 20 ms of the device's clock; nothing here knows sockets.
 */
import { seededRandom } from "../../demo/ids.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader, writeFrame } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import { FRAME, Player } from "./player.ts";
import type { CallScript, Cue } from "./script.ts";
import { clip, joined, PER_MS, type Samples } from "./sounds.ts";

export interface Heard {
  /** Milliseconds since the call began, by the clock of the wall. */
  readonly atMs: number;
  /** The same by the device's clock, to compare with what was played and recorded. */
  readonly clockMs: number;
  readonly type: string;
  readonly event: JsonObject;
}

export interface PlayedCue {
  readonly cue: Cue;
  /** Device clock in samples at which the sound begins. */
  readonly at: number;
  /** The answer that was sounding when it began; 0: none. */
  readonly over: number;
  readonly playedBeforeMs: number;
}

/** A room's first reflections, in milliseconds and gains; energy one. */
const ROOM: readonly (readonly [number, number])[] = [
  [0, 0.86],
  [5.3, -0.33],
  [11.9, 0.31],
  [23, 0.22],
];
/** A call that waits for so long for what its script expects is given up. */
const PATIENCE_MS = 9000;
const ACK_EVERY = 10;
const RECEIVED_EVERY = 25;

export class Caller {
  readonly script: CallScript;
  readonly player: Player;
  readonly heard: Heard[] = [];
  readonly cues: PlayedCue[] = [];
  /** All frames sent, in order: what the relay could have heard. */
  readonly microphone: Samples[] = [];
  /** Response ids by ordinal, and items by ordinal. */
  readonly responses = new Map<number, string>();
  readonly items = new Map<number, string>();
  ticks = 0;
  /** Why the call ended early; null: it went as planned. */
  stuck: string | null = null;
  over = false;
  readonly #send: (message: string | Uint8Array) => void;
  readonly #random: () => number;
  #sequence = 0;
  #received = 0;
  #ready = false;
  #waitingSince = 0;
  #quietSince = -1;
  #speakingUntil = 0;
  #acknowledged = 0;
  readonly #ordinals = new Map<string, number>();
  #unsent: Samples[] = [];

  constructor(script: CallScript, send: (message: string | Uint8Array) => void) {
    this.script = script;
    this.#send = send;
    this.#random = seededRandom(script.seed ^ 0x5eed);
    this.player = new Player(script.prebufferMs);
  }

  get ready(): boolean {
    return this.#ready;
  }

  #event(event: JsonObject): void {
    this.#sequence += 1;
    this.#send(JSON.stringify({ ...event, client_event_seq: this.#sequence }));
  }

  /** A message of the relay, `atMs` since the call began. */
  receive(message: string | Uint8Array, atMs: number): void {
    if (typeof message !== "string") {
      const header = readFrameHeader(message);
      const payload = message.subarray(FRAME_HEADER_BYTES);
      if (header === null) return;
      this.#received = Math.max(this.#received, header.sequence);
      this.player.receive(header.response, payload, this.ticks * FRAME);
      return;
    }
    const event = parseJsonObject(message);
    const type = textAt(event, "type");
    if (event === null || type === null) return;
    this.#received = Math.max(this.#received, Number(event["server_event_seq"] ?? 0));
    this.heard.push({ atMs, clockMs: this.ticks * 20, type, event });
    this.#react(type, event);
  }

  #react(type: string, event: JsonObject): void {
    const response = objectAt(event, "response");
    const ordinal = this.#ordinals.get(textAt(event, "response_id") ?? textAt(response, "id") ?? "") ?? 0;
    if (type === "session.created") this.#configure();
    else if (type === "session.updated") this.#ready = true;
    else if (type === "response.created" && response) this.#created(response);
    else if (type === "response.output_item.added") {
      this.items.set(ordinal, textAt(objectAt(event, "item"), "id") ?? "");
    } else if (type === "response.done") this.player.finished(ordinal);
    else if (type === "output_audio_buffer.cleared") {
      this.player.flush(ordinal);
      this.player.release();
    } else if (type === "overlap.decision" && event["decision"] !== "interrupt") {
      this.player.hold(event["decision"] === "hold");
      this.player.duck(event["decision"] === "duck" ? Number(event["duck_db"]) : null);
    }
  }

  #configure(): void {
    this.#event({
      type: "session.update",
      session: { ...this.script.session, instructions: this.script.id },
    });
  }

  #created(response: JsonObject): void {
    const ordinal = Number(objectAt(response, "relay")?.["ordinal"]);
    const id = textAt(response, "id") ?? "";
    this.#ordinals.set(id, ordinal);
    this.responses.set(ordinal, id);
    this.player.release();
  }

  /** The next 20 ms: what sounds now begins to, and what the microphone heard in the last 20 ms is sent. */
  tick(): void {
    const clock = this.ticks * FRAME;
    this.#act(clock);
    this.player.play(clock);
    this.ticks += 1;
    this.#sendFrame(clock - FRAME);
    if (this.ticks % RECEIVED_EVERY === 0)
      this.#event({ type: "session.ack", last_received: this.#received });
    if (this.script.acks && this.ticks % ACK_EVERY === 0) this.#acknowledge();
  }

  /** The answer that was audible last, or 0. */
  get #answer(): number {
    return this.player.spans.at(-1)?.ordinal ?? 0;
  }

  #act(clock: number): void {
    if (this.over) return;
    if (!this.player.quiet || clock < this.#speakingUntil) this.#quietSince = -1;
    else if (this.#quietSince < 0) this.#quietSince = clock;
    if (clock < this.#speakingUntil) {
      this.#waitingSince = clock;
      return;
    }
    const cue = this.script.cues[this.cues.length];
    if (cue ? this.#due(cue, clock) : this.#ended(clock)) {
      if (cue) this.#begin(cue, clock);
      else this.over = true;
    } else if (clock - this.#waitingSince > PATIENCE_MS * PER_MS) {
      this.stuck = cue ? `waited for ${cue.label}` : "waited for the end";
      this.over = true;
    }
  }

  #due(cue: Cue, clock: number): boolean {
    const afterwards = cue.afterMs * PER_MS;
    if (cue.after === "ready") return clock >= afterwards;
    const answer = this.#answer;
    if (!this.#answered) return false;
    if (cue.after === "audible") return this.player.playedMs(answer) >= cue.afterMs;
    return this.#quietSince >= 0 && clock - this.#quietSince >= afterwards;
  }

  /** An agent sounded after the caller's last turn. */
  get #answered(): boolean {
    const turn = this.cues.findLast(({ cue }) => cue.kind === "turn");
    const span = this.player.spans.at(-1);
    return span !== undefined && span.at + span.to - span.from > (turn ? turn.at + turn.cue.sound.length : 0);
  }

  #begin(cue: Cue, clock: number): void {
    const at = clock + Math.floor(this.#random() * FRAME);
    const over = this.#answer;
    this.cues.push({ cue, at, over, playedBeforeMs: this.player.playedMs(over) });
    this.#speakingUntil = at + cue.sound.length;
    this.#waitingSince = clock;
  }

  #ended(clock: number): boolean {
    const last = this.cues.at(-1);
    if (this.script.endsWith === "answer_heard") {
      return this.#answered && this.#quietSince >= 0 && clock - this.#quietSince > 200 * PER_MS;
    }
    return this.#answer > (last?.over ?? 0) && this.player.playedMs(this.#answer) >= 200;
  }

  #sendFrame(from: number): void {
    const samples = new Int16Array(FRAME);
    const { bed, echoDb } = this.script.room;
    const last = this.cues.at(-1);
    const gain = echoDb === null ? 0 : 10 ** (echoDb / 20);
    for (let index = 0; index < FRAME; index += 1) {
      const clock = Math.max(0, from + index);
      const own = last === undefined ? 0 : (last.cue.sound[clock - last.at] ?? 0);
      samples[index] = clip(own + (bed[clock % bed.length] ?? 0) + (gain > 0 ? gain * this.#echo(clock) : 0));
    }
    this.microphone.push(samples);
    this.#unsent.push(samples);
    if (this.#unsent.length * 20 < (this.script.messageMs ?? 20)) return;
    const message = joined(...this.#unsent.splice(0));
    this.#sequence += 1;
    const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sequence };
    this.#send(writeFrame(header, new Uint8Array(message.buffer)));
  }

  #echo(clock: number): number {
    const { echoLateMs, rough } = this.script.room;
    let sum = 0;
    for (const [ms, gain] of ROOM) sum += gain * this.#loudspeaker(clock, echoLateMs + ms);
    if (rough === null) return sum;
    for (const [ms, gain] of rough.tail) sum += gain * this.#loudspeaker(clock, echoLateMs + ms);
    return clock < rough.turnedAtMs * PER_MS ? sum : sum * 10 ** (rough.turnedDb / 20);
  }

  /** What left the loudspeaker so many milliseconds before. */
  #loudspeaker(clock: number, lateMs: number): number {
    const sample = this.player.soundedAt(clock - Math.round(lateMs * PER_MS));
    const bendsAt = this.script.room.rough?.bendsAt ?? null;
    return bendsAt === null ? sample : sample / Math.hypot(1, sample / (bendsAt * 32_768));
  }

  #acknowledge(): void {
    const ordinal = this.#answer;
    const item = this.items.get(ordinal);
    const playedMs = this.player.playedMs(ordinal);
    if (item === undefined || playedMs === this.#acknowledged) return;
    this.#acknowledged = playedMs;
    this.#event({ type: "playback.ack", item_id: item, played_ms: playedMs });
  }
}
