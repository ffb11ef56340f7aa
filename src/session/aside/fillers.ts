/**
 * Fillers: an answer was asked for and nothing of it is heard, or a tool of the relay's runs, and the listener hears a short
 * sound. It is no part of the conversation, is never over the caller, and gives way to the first sample of the answer.
 */
import type { Context } from "../context.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { FillerPlan } from "../state/sounds.ts";
import { InTurn, type Next, type Voice } from "./in-turn.ts";
import type { SoundPlayer } from "./player.ts";
import type {
  Asking,
  ClientPort,
  Configuration,
  Floor,
  Listener,
  Responses,
  Talk,
  Tools,
  TurnTaking,
} from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface FillerParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly asking: Pick<Asking, "underway">;
  readonly floor: Pick<Floor, "judging" | "held">;
  readonly listener: Pick<Listener, "playingUntil">;
  readonly responses: Responses;
  readonly tools: Pick<Tools, "running"> | null;
  readonly turns: Pick<TurnTaking, "openItem" | "unmade">;
  readonly talk: Talk;
}

/** What is ahead of the listener delays the answer by as much; a timer that is later than this makes a hole. */
const LEAD_MS = 30;

/** Who wants its sentences. */
const OWNER = "filler";

/** One wait for an answer, or for a tool. */
interface Wait {
  /** Nothing is heard since then. */
  since: number;
  /** When the next one is due, and how many there were. */
  at: number;
  count: number;
  /** Its moment has come, and nothing was there to be heard. */
  late?: boolean;
}

export class Fillers {
  readonly #parts: FillerParts;
  readonly #plan: FillerPlan;
  readonly #player: SoundPlayer;
  readonly #sounds: InTurn;
  #wait: Wait | null = null;

  constructor(parts: FillerParts, plan: FillerPlan, player: SoundPlayer, voice: Voice) {
    this.#parts = parts;
    this.#plan = plan;
    this.#player = player;
    this.#sounds = new InTurn(plan.sounds, voice, OWNER);
  }

  get #sounding(): boolean {
    return this.#player.own === "filler";
  }

  /** The first sample of an answer is about to be sent. */
  answered(): void {
    if (this.#sounding) this.#player.stop("answered");
  }

  /** At the end of everything that happens. */
  settle(): void {
    const { context } = this.#parts;
    const pressed = this.#sounding && this.#parts.talk.talks;
    if (this.#callerSpeaks || pressed) return this.#rest("turn_detected");
    if (!this.#waits || this.#player.own === "announcement") return this.#rest("answered");
    if (this.#sounding) return;
    this.#wait ??= { since: context.now, at: context.now + this.#plan.afterMs, count: 0 };
    const until = this.#parts.listener.playingUntil();
    const { since, count } = this.#wait;
    // What was being said goes on for a while, or the player stood still: the wait begins when it is over.
    if (until > since) {
      this.#wait.since = until;
      this.#wait.at = until + (count === 0 ? this.#plan.afterMs : this.#plan.everyMs);
    }
    // One that sounds may be what is heard: it goes on until somebody says that it is a turn.
    const not = this.#player.held || this.#parts.turns.unmade === "heard" || this.#parts.talk.talks;
    // A sentence is spoken while its moment is still to come.
    const next = count < this.#plan.most ? this.#sounds.next() : null;
    if (count >= this.#plan.most || not) context.deadlines.clear("aside:filler");
    else if (this.#wait.at > context.now) context.deadlines.set("aside:filler", this.#wait.at);
    else if (next !== null) this.#begin(this.#wait, next);
    else this.#wait.late = true;
  }

  #begin(wait: Wait, next: Next): void {
    if (this.#player.begin("filler", next.sound, LEAD_MS) === null) return;
    if (next.ahead > 0) this.#missed();
    wait.late = false;
    this.#sounds.played(next);
    wait.count += 1;
  }

  /** A sentence was not there at its moment. */
  #missed(): void {
    this.#parts.port.tell({ type: "relay.say.dropped", say_id: OWNER, reason: "late" });
  }

  #rest(reason: "answered" | "turn_detected"): void {
    if (this.#sounding) this.#player.stop(reason);
    if (this.#wait === null) return;
    if (this.#wait.late === true) this.#missed();
    this.#wait = null;
    this.#sounds.forget();
    this.#parts.context.deadlines.clear("aside:filler");
  }

  get #callerSpeaks(): boolean {
    const { floor, turns } = this.#parts;
    return turns.openItem !== null || floor.judging || floor.held;
  }

  /** The listener waits for somebody, and can be played something. */
  get #waits(): boolean {
    const { asking, config, port, responses, tools } = this.#parts;
    if (!port.live || !port.extended || config.transcriptionOnly) return false;
    const { answering } = responses;
    if (asking.underway) {
      if (answering.length === 0) return config.modality === "audio";
      return answering.every((one) => one.modality === "audio" && !isHeard(one));
    }
    return this.#plan.whileTool && tools?.running === true && config.modality === "audio";
  }

  snapshot(): FillersSnapshot {
    return { wait: this.#wait && { ...this.#wait }, played: this.#sounds.count };
  }

  restore({ wait, played }: FillersSnapshot): void {
    this.#wait = wait && { ...wait };
    this.#sounds.count = played;
  }
}

function isHeard({ items }: ResponseRecord): boolean {
  return items.some(({ parts }) => parts.some(({ kind, audioMs }) => kind === "audio" && audioMs > 0));
}

export interface FillersSnapshot {
  readonly wait: Readonly<Wait> | null;
  readonly played: number;
}
