/**
 * Announcements: what its application has said to a caller, in a sound of its own. The floor places it: at the next gap, in
 * which nobody speaks, nothing is heard and no answer is under way, or, where it interrupts, in place of the answer. The caller
 * interrupts it as any agent. While it is said, answers wait behind it. What became of it is told once.
 */
import { ClientError } from "../../protocol/client-error.ts";
import { isActive } from "../state/response.ts";
import type { Sound } from "../state/sounds.ts";
import type { PlayerParts, SoundPlayer } from "./player.ts";
import type { Asking, BargeIn, Floor, Listener, Responses, Tools, TurnTaking } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface AnnouncementParts extends PlayerParts {
  readonly asking: Pick<Asking, "underway">;
  readonly bargeIn: Pick<BargeIn, "interrupt">;
  readonly floor: Pick<Floor, "judging" | "held" | "way">;
  readonly listener: Pick<Listener, "audible" | "playingUntil">;
  readonly responses: Responses;
  readonly tools: Pick<Tools, "stopped"> | null;
  readonly turns: Pick<TurnTaking, "openItem" | "unmade">;
}

export interface Announcement {
  readonly id: string;
  readonly sound: Sound;
  readonly interrupts: boolean;
  /** Not begun by then, it is dropped. */
  readonly expiresMs: number;
}

interface Waiting {
  readonly id: string;
  readonly sound: Sound;
  readonly interrupts: boolean;
  readonly expiresAt: number;
}

/** One that was begun. */
interface Begun {
  readonly id: string;
  readonly response: string;
  readonly item: string;
  readonly totalMs: number;
  /** Its last sample will have been heard by then, and a client that says nothing is not waited for any longer. */
  overAt: number | null;
}

type Reason = "expired" | "not_playable" | "session_restored";

/** Waiting at once, and samples of them all: half a minute at 48 kHz, and as much again. */
const MOST_WAITING = 8;
const MOST_SAMPLES = 2 * 30 * 48_000;
/** What is not heard by so long after its time is not going to be. */
const LATE_MS = 2000;
/** So much of its end may go unheard: a player's last acknowledgement says less than was played. */
const END_MS = 60;
/** Ahead of a listener whose audio is not paced otherwise. */
const LEAD_MS = 400;
/** And in any case what is sent at once. */
const LEAST_LEAD_MS = 100;

export class Announcements {
  readonly #parts: AnnouncementParts;
  readonly #player: SoundPlayer;
  readonly #leadMs: () => number | null;
  #waiting: Waiting[] = [];
  #begun: Begun | null = null;
  /** Of a former life: their samples are gone. */
  #lost: readonly string[] = [];

  constructor(parts: AnnouncementParts, player: SoundPlayer, leadMs: () => number | null) {
    this.#parts = parts;
    this.#player = player;
    this.#leadMs = leadMs;
  }

  /** One is to be said, or being said. */
  get busy(): boolean {
    return this.#begun !== null || this.#waiting.length > 0;
  }

  /** One is being said: nothing else is, until all of it was sent. */
  get speaking(): boolean {
    return this.#player.own === "announcement";
  }

  /** @throws ClientError */
  say({ id, sound, interrupts, expiresMs }: Announcement): void {
    const { context } = this.#parts;
    const samples = this.#waiting.reduce((sum, one) => sum + one.sound.samples.length, 0);
    if (this.#waiting.length >= MOST_WAITING || samples + sound.samples.length > MOST_SAMPLES) {
      const message = `At most ${MOST_WAITING} announcements wait, of a minute in all.`;
      throw new ClientError("too_many_announcements", message);
    }
    if (this.#begun?.id === id || this.#waiting.some((one) => one.id === id))
      throw new ClientError("invalid_value", `An announcement '${id}' is under way.`, "say_id");
    this.#waiting.push({ id, sound, interrupts, expiresAt: context.now + expiresMs });
    this.#tell("queued", id);
  }

  /** At the end of everything that happens. */
  settle(): void {
    for (const id of this.#lost) this.#tell("dropped", id, { reason: "session_restored" });
    this.#lost = [];
    if (!this.busy) return;
    this.#conclude();
    this.#expire();
    if (this.#begun === null) this.#place();
    this.#wait();
  }

  /** The one that was begun is over. */
  #conclude(): void {
    const begun = this.#begun;
    if (begun === null) return;
    const { context, floor, playout, port, responses } = this.#parts;
    const record = responses.get(begun.response);
    if (record && isActive(record)) return;
    const heardMs = playout.heardMs(begun.item, context.now);
    const stopped = record?.phase === "cancelled" || record?.phase === "failed";
    const sounds = playout.unheard(context.now).includes(begun.item);
    // Their player stands still, and goes on: what they get again is heard then.
    if (!port.live || floor.held) begun.overAt = null;
    else begun.overAt ??= this.#parts.listener.playingUntil() + LATE_MS;
    if (!stopped && sounds && context.now < (begun.overAt ?? Infinity)) return;
    this.#begun = null;
    const whole = !stopped && heardMs >= begun.totalMs - END_MS;
    const about = { response_id: begun.response, played_ms: Math.round(heardMs) };
    this.#tell(whole ? "completed" : "interrupted", begun.id, about);
  }

  #expire(): void {
    const { context, port } = this.#parts;
    const reasonOf = ({ expiresAt }: Waiting): Reason | null => {
      if (expiresAt < context.now) return "expired";
      return port.connected && (!port.extended || this.#player.link === undefined) ? "not_playable" : null;
    };
    for (const one of this.#waiting) {
      const reason = reasonOf(one);
      if (reason !== null) this.#tell("dropped", one.id, { reason });
    }
    this.#waiting = this.#waiting.filter((one) => reasonOf(one) === null);
  }

  #place(): void {
    const [next] = this.#waiting;
    const { asking, bargeIn, floor, listener, tools, turns } = this.#parts;
    if (next === undefined || this.#player.held) return;
    if (turns.openItem !== null || turns.unmade === "heard" || floor.judging || floor.held) return;
    const answered = asking.underway || listener.audible;
    if (answered && this.#player.own !== "filler" && !next.interrupts) return;
    if (asking.underway && !next.interrupts) return;
    if (answered && next.interrupts) {
      bargeIn.interrupt("client_cancelled");
      tools?.stopped();
    }
    this.#player.stop("answered");
    this.#waiting.shift();
    const { rateHz, samples } = next.sound;
    const names = this.#player.begin(
      "announcement",
      next.sound,
      Math.max(LEAST_LEAD_MS, this.#leadMs() ?? LEAD_MS),
    );
    if (names === null) return;
    this.#begun = { id: next.id, ...names, totalMs: (samples.length / rateHz) * 1000, overAt: null };
    this.#tell("started", next.id, { response_id: names.response });
  }

  /** Names the moment at which there may be something to do though nothing happens. */
  #wait(): void {
    const { context, listener, port } = this.#parts;
    const [first] = this.#waiting.map(({ expiresAt }) => expiresAt).toSorted((one, other) => one - other);
    const until = port.live ? listener.playingUntil() : 0;
    const times = [first, this.#begun?.overAt, until > context.now ? until : undefined];
    const next = Math.min(...times.map((at) => at ?? Infinity));
    if (next === Infinity) context.deadlines.clear("aside:say");
    else context.deadlines.set("aside:say", Math.max(next, context.now + 1));
  }

  #tell(what: string, id: string, about: { readonly [member: string]: string | number } = {}): void {
    this.#parts.port.tell({ type: `relay.say.${what}`, say_id: id, ...about });
  }

  /** Names alone: whoever goes on with the session has no sample of them. */
  snapshot(): readonly string[] {
    const begun = this.#begun === null ? [] : [this.#begun.id];
    return [...this.#lost, ...begun, ...this.#waiting.map(({ id }) => id)];
  }

  restore(lost: readonly string[]): void {
    this.#waiting = [];
    this.#begun = null;
    this.#lost = lost;
  }
}
