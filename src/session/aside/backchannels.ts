/**
 * Backchannels of the relay's own: a caller tells something long, and at a short pause hears that they are listened to. The sound is
 * no part of the conversation, begins and ends no turn, is no answer to one, and stops when the caller goes on. Its echo is not
 * taken for the caller's voice, so that none is played before it is known whether their microphone hears the loudspeaker.
 */
import type { Context } from "../context.ts";
import type { BackchannelPlan } from "../state/sounds.ts";
import { InTurn, type Voice } from "./in-turn.ts";
import type { SoundPlayer } from "./player.ts";
import type {
  Arrival,
  Asking,
  ClientPort,
  Configuration,
  Eager,
  Floor,
  Listener,
  Telling,
  TurnTaking,
} from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface BackchannelParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly asking: Pick<Asking, "underway">;
  readonly arrival: Arrival;
  readonly eager: Eager;
  readonly floor: Pick<Floor, "guard">;
  readonly listener: Pick<Listener, "playingUntil">;
  readonly turns: Pick<TurnTaking, "telling">;
}

/** As a filler is: what is ahead of the listener cannot be taken back when they go on. */
const LEAD_MS = 30;
/** Breath is drawn within a fifth of a second; in a longer silence the caller thinks, and is let. */
const PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 700;
/** A silence that ends the turn sooner than this is not taken for a pause. */
const LEFT_MS = 150;
/** A sentence is spoken so long before its moment may come. */
const AHEAD_MS = 3000;
/** The echo of what was played is heard for so long after it: a player's buffer, and the room. */
const ECHO_MS = 1000;

export class Backchannels {
  readonly #parts: BackchannelParts;
  readonly #plan: BackchannelPlan;
  readonly #player: SoundPlayer;
  readonly #sounds: InTurn;
  /** When the last one was over, or will be. */
  #until = Number.NEGATIVE_INFINITY;

  constructor(parts: BackchannelParts, plan: BackchannelPlan, player: SoundPlayer, voice: Voice) {
    this.#parts = parts;
    this.#plan = plan;
    this.#player = player;
    this.#sounds = new InTurn(plan.sounds, voice, "backchannel");
  }

  get #sounding(): boolean {
    return this.#player.own === "backchannel";
  }

  /** What the microphone hears may be one. */
  get echoes(): boolean {
    return this.#parts.context.now < this.#until + ECHO_MS;
  }

  /** The first sample of an answer is about to be sent. */
  answered(): void {
    if (this.#sounding) this.#player.stop("answered");
  }

  /** At the end of everything that happens. */
  settle(): void {
    const { telling } = this.#parts.turns;
    if (telling === null || !this.#mayHear) return this.#rest();
    if (this.#sounding) {
      if (telling.silentMs === 0) this.#player.stop("turn_detected");
      return;
    }
    if (telling.forMs < this.#plan.afterMs - AHEAD_MS) return;
    const next = this.#sounds.next();
    if (next === null || !this.#isDue(telling) || !this.#isQuiet) return;
    const { rateHz, samples } = next.sound;
    if (this.#player.begin("backchannel", next.sound, LEAD_MS) === null) return;
    this.#sounds.played(next);
    this.#until = this.#parts.context.now + (samples.length / rateHz) * 1000;
  }

  /** The turn is over, or nobody would hear it. */
  #rest(): void {
    if (this.#sounding) this.#player.stop("answered");
    this.#sounds.forget();
  }

  get #mayHear(): boolean {
    const { config, port } = this.#parts;
    const listens = port.live && port.extended && !config.transcriptionOnly && config.modality === "audio";
    // No sentence is spoken for a stream that there is not.
    return listens && this.#player.link !== undefined;
  }

  #isDue({ forMs, leftMs, silentMs }: Telling): boolean {
    if (forMs < this.#plan.afterMs || this.#parts.context.now < this.#until + this.#plan.everyMs)
      return false;
    return silentMs >= PAUSE_MS && silentMs <= LONGEST_PAUSE_MS && leftMs >= LEFT_MS;
  }

  /** Nothing else sounds or is asked for, what is heard is heard now, and an echo would be known for one. */
  get #isQuiet(): boolean {
    const { arrival, asking, context, eager, floor, listener } = this.#parts;
    if (this.#player.own !== null || this.#player.held || arrival.late) return false;
    if (asking.underway || eager.active || listener.playingUntil() > context.now) return false;
    return floor.guard.settled;
  }

  /** Only where one was played. */
  snapshot(): BackchannelsSnapshot | null {
    return this.#sounds.count === 0 ? null : { until: this.#until, played: this.#sounds.count };
  }

  restore({ until, played }: BackchannelsSnapshot): void {
    this.#until = until;
    this.#sounds.count = played;
  }
}

export interface BackchannelsSnapshot {
  readonly until: number;
  readonly played: number;
}
