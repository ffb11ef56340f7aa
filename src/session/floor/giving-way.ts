/**
 * How agents give way while a sound over them is judged. Where they can they go on, quieter: a client's player does that
 * by itself when its client says so (`duck` in place of `hold`), and where the relay paces the audio what is not sent yet
 * is made quieter on its way out. Elsewhere, and for who asks for it, they stand still.
 *
 * What is quieter was said and heard all the same: history, the archive, what is kept to be sent again and the ledger of
 * playback know nothing of it. Only the echo guard does, since the echo is quieter too.
 */
import {
  DUCK_DOWN_MS,
  DUCK_UP_MS,
  LevelRamp,
  levelOfDuck,
  type LevelRampSnapshot,
} from "../../audio/level-ramp.ts";
import { ensureSamples } from "../../audio/pcm.ts";
import type { Context } from "../context.ts";
import { EarlyDuck, type EarlyDuckSnapshot } from "./early-duck.ts";
import type { EchoGuard } from "./echo-guard.ts";
import type { OverlapDecision } from "./overlap.ts";
import type { ClientPort, Playout } from "./ports.ts";
import type { Surroundings } from "./surroundings.ts";

/** What was configured of it. */
export interface YieldSettings {
  readonly overAgent: "duck" | "hold";
  readonly duckDb: number;
  readonly leadMs: number | null;
}

/** Nothing was heard from the client for so long, beyond what its messages are long: what made agents quieter is over. */
const UNHEARD_MS = 1500;

/** In the middle of an item, at its beginning, or where nothing of its stream sounds before it. */
export type Place = "goes on" | "follows" | "alone";

type Way = "still" | "player" | "relay";

interface Ramp {
  readonly stream: number;
  readonly level: LevelRamp;
  /** Its response is over: what follows on the stream goes on from its level. */
  over: boolean;
}

export class GivingWay {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #playout: Playout;
  readonly #guard: EchoGuard;
  readonly #around: Surroundings;
  /** Null: nothing is there that agents give way to. */
  #way: Way | null = null;
  /** For a sound that is judged, */
  #judged = false;
  /** or is not yet, or not any more: what the client is then told when they are at full level again. */
  #owed: OverlapDecision | null = null;
  readonly #early = new EarlyDuck();
  #db = 0;
  /** By response, of those that are not sent at full level just now: two of one stream may sound in turns. */
  readonly #ramps = new Map<string, Ramp>();
  #scratch: Int16Array = new Int16Array(0);

  constructor(context: Context, port: ClientPort, playout: Playout, guard: EchoGuard, around: Surroundings) {
    this.#context = context;
    this.#port = port;
    this.#playout = playout;
    this.#guard = guard;
    this.#around = around;
  }

  /** Agents stand still: nothing of them passes. */
  get stands(): boolean {
    return this.#way === "still";
  }

  get gives(): boolean {
    return this.#way !== null;
  }

  /** Something may be quieter on its way out. */
  get reduces(): boolean {
    return this.#way === "relay" || this.#ramps.size > 0;
  }

  /** @param silentMs the sound that was judged ended so long ago. */
  tell(decision: OverlapDecision, silentMs = 0): void {
    this.#context.metric(`overlap_${decision}`, 1);
    if (decision === "backchannel") this.#quieter(this.#early.word(silentMs));
    else if (decision === "interrupt" || decision === "echo" || decision === "background")
      this.nothingMore(decision === "interrupt");
    // A client plays on at full level when it is told.
    if (this.#owed === null || decision === "duck") this.#say(decision);
    else this.#owed = decision;
  }

  #say(decision: OverlapDecision): void {
    // What the relay does by itself its client need not do.
    if (!this.#port.extended || (decision === "duck" && this.#way !== "player")) return;
    const how = decision === "duck" ? { duck_db: this.#db } : {};
    this.#port.emit({ type: "overlap.decision", decision, ...how });
  }

  /** To a client that may not know it. */
  tellAgain(): void {
    this.tell(this.#way === "still" ? "hold" : "duck");
  }

  #choose(): Way {
    const { overAgent, leadMs } = this.#around.settings;
    if (overAgent === "hold") return "still";
    if (this.#port.ducks) return "player";
    return leadMs === null ? "still" : "relay";
  }

  /** A sound is judged. */
  begin(): void {
    this.#judged = true;
    if (this.#way === null) this.#begin(this.#choose());
    else this.#context.metric("overlap_duck", 1);
  }

  /**
   * One hop of the detector. `sure`: its share of what begins speech; `mayBe`: what is heard just now may be the caller; null: over
   * no agent. What may be one makes agents quieter that can go on so.
   */
  hop(sure: number, hopMs: number, mayBe: boolean | null): void {
    if (mayBe === null) this.nothingMore();
    else this.#quieter(this.#early.hop(sure, hopMs, mayBe));
  }

  /** Only what is judged makes agents quieter now. `interrupted`: it was the caller. */
  nothingMore(interrupted = false): void {
    this.#early.stop(interrupted);
    this.#quieter(false);
  }

  #quieter(on: boolean): void {
    if (on)
      this.#context.deadlines.set("floor:early", this.#context.now + UNHEARD_MS + this.#around.messageMs);
    if (on === (this.#owed !== null)) return;
    if (on) this.#beginEarly();
    else {
      const decision = this.#owed;
      this.#owed = null;
      this.#context.deadlines.clear("floor:early");
      if (this.#judged || decision === null) return;
      this.#say(decision);
      this.#finish();
    }
  }

  #beginEarly(): void {
    const way = this.#way ?? this.#choose();
    if (way === "still") return;
    this.#owed = "noise";
    if (this.#way === null) this.#begin(way);
  }

  #begin(way: Way): void {
    const { now } = this.#context;
    this.#way = way;
    this.#db = this.#around.settings.duckDb;
    if (way === "relay") for (const { level } of this.#ramps.values()) this.#aim(level);
    else if (way === "player") this.#guard.ducked(now, this.#db);
    else if (this.#port.holds) {
      this.#playout.pause(now, "floor");
      this.#guard.paused(now);
    }
    this.tellAgain();
  }

  /** Nothing is judged any more. */
  end(): void {
    this.#judged = false;
    if (this.#owed === null) this.#finish();
  }

  #finish(): void {
    const { now } = this.#context;
    if (this.#way === "player") this.#guard.loud(now);
    this.#way = null;
    for (const { level } of this.#ramps.values()) this.#aim(level);
    const paused = this.#playout.resume(now, "floor");
    if (paused) this.#guard.delayed(paused.fromMs, paused.byMs);
  }

  /**
   * A client is there again, which was sent nothing meanwhile: what it is sent now begins at full level. For another one
   * agents may have to give way otherwise.
   */
  back(): void {
    this.#ramps.clear();
    const way = this.#choose();
    if (this.#way === null || this.#way === way) return;
    this.nothingMore();
    if (this.#way === null) return;
    this.#finish();
    this.#begin(way);
  }

  #aim(ramp: LevelRamp): void {
    if (this.#way === "relay") ramp.toward(levelOfDuck(this.#db), DUCK_DOWN_MS);
    else ramp.toward(1, DUCK_UP_MS);
  }

  /** The next samples of a response, as they are sent. The result is valid until the next call. */
  reduce(id: string, stream: number, samples: Int16Array, rateHz: number, place: Place): Int16Array {
    // Only those that take turns give way.
    if (!this.#around.takesTurns(stream)) return samples;
    const level = this.#ramps.get(id)?.level ?? this.#start(id, stream, rateHz, place);
    if (level === null) return samples;
    if (place === "alone") level.settle();
    this.#scratch = ensureSamples(this.#scratch, samples.length);
    const quieter = this.#scratch.subarray(0, samples.length);
    level.apply(samples, rateHz, quieter);
    if (level.full) this.#ramps.delete(id);
    return quieter;
  }

  /** Of a response that was at full level, or begins where one that is over was left. Null: it is at full level. */
  #start(id: string, stream: number, rateHz: number, place: Place): LevelRamp | null {
    const ended = [...this.#ramps.values()].find((ramp) => ramp.over && ramp.stream === stream);
    if (ended && place !== "goes on") this.#forget(stream);
    const before = place === "follows" ? ended : undefined;
    if (this.#way !== "relay" && !before) return null;
    const level = before?.level ?? new LevelRamp(rateHz);
    this.#aim(level);
    this.#ramps.set(id, { stream, level, over: false });
    return level;
  }

  /** The response has no more samples. */
  over(id: string): void {
    const ramp = this.#ramps.get(id);
    if (!ramp) return;
    this.#forget(ramp.stream);
    ramp.over = true;
  }

  /** Of a stream's responses that are over only the last one says from where it goes on. */
  #forget(stream: number): void {
    for (const [id, ramp] of this.#ramps) if (ramp.over && ramp.stream === stream) this.#ramps.delete(id);
  }

  /** A member `way`, or none while agents are heard as ever; a member `early`, or none while nothing was guessed. */
  snapshot(): GivingWaySnapshot {
    const early = this.#early.snapshot();
    if (this.#way === null && this.#ramps.size === 0) return early;
    const owed = this.#owed === null ? {} : { owed: this.#owed };
    const ramps = [...this.#ramps].map(([id, { stream, level, over }]) => {
      return { id, stream, over, level: level.snapshot() };
    });
    return { ...early, way: { way: this.#way, db: this.#db, ramps, ...owed } };
  }

  /** `held`: agents give way. A release that knew no other way than to stand still did not say which. */
  restore({ way, early }: GivingWaySnapshot, held: boolean): void {
    this.#way = way?.way ?? (held ? "still" : null);
    this.#db = way?.db ?? 0;
    this.#judged = held;
    this.#owed = way?.owed ?? null;
    this.#early.restore(early);
    this.#ramps.clear();
    for (const { id, stream, over, level } of way?.ramps ?? [])
      this.#ramps.set(id, { stream, over, level: LevelRamp.restore(level) });
  }
}

export interface GivingWaySnapshot {
  /** Absent while agents are heard as ever. */
  readonly way?: {
    readonly way: Way | null;
    readonly db: number;
    /** Absent where nothing makes agents quieter but what is judged. */
    readonly owed?: OverlapDecision;
    readonly ramps: readonly {
      readonly id: string;
      readonly stream: number;
      readonly over: boolean;
      readonly level: LevelRampSnapshot;
    }[];
  };
  readonly early?: EarlyDuckSnapshot;
}
