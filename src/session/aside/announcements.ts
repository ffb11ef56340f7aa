/**
 * Announcements: what its application has said to a caller, in a sound of its own or in the relay's voice. The floor places it: at
 * the next gap, in which nobody speaks, nothing is heard and no answer is under way, or, where it interrupts, in place of the
 * answer. The caller interrupts it as any agent. While it is said, answers wait behind it; until it is spoken nothing waits for
 * it. What became of it is told once.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { isActive } from "../state/response.ts";
import { isSentence, type Sentence, type Sound } from "../state/sounds.ts";
import type { PlayerParts, SoundPlayer } from "./player.ts";
import type { Asking, BargeIn, Floor, Listener, Responses, Talk, Tools, TurnTaking } from "./ports.ts";
import type { Sentences } from "./sentences.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface AnnouncementParts extends PlayerParts {
  readonly asking: Pick<Asking, "underway">;
  readonly bargeIn: Pick<BargeIn, "interrupt">;
  readonly floor: Pick<Floor, "judging" | "held" | "way">;
  readonly listener: Pick<Listener, "audible" | "playingUntil">;
  readonly responses: Responses;
  readonly tools: Pick<Tools, "stopped"> | null;
  readonly turns: Pick<TurnTaking, "openItem" | "unmade" | "count">;
  /** A client that takes its turns itself may be in the middle of one. */
  readonly talk: Talk;
}

export interface Announcement {
  readonly id: string;
  readonly said: Sound | Sentence;
  /** Said in place of a sentence that could not be spoken: a sound of the configuration by its name. */
  readonly otherwise?: string;
  readonly interrupts: boolean;
  /** Not begun by then, it is dropped. */
  readonly expiresMs: number;
  /** It belongs to what was said last: when the caller speaks again it is dropped. */
  readonly passes?: true;
}

interface Waiting {
  readonly id: string;
  readonly said: Sound | Sentence;
  readonly otherwise?: string;
  /** Null: it is not spoken yet. */
  sound: Sound | null;
  readonly interrupts: boolean;
  readonly expiresAt: number;
  /** There were so many turns when it was to be said, after which it is not. */
  readonly turn?: number;
}

/** One whose words are all that it is: it goes on in another isolate. */
export type KeptAnnouncement = Omit<Waiting, "sound" | "said"> & { readonly said: Sentence };

/** One that was begun. */
interface Begun {
  readonly id: string;
  readonly response: string;
  readonly item: string;
  readonly totalMs: number;
  /** Its last sample will have been heard by then, and a client that says nothing is not waited for any longer. */
  overAt: number | null;
}

type Reason = "expired" | "not_playable" | "overtaken";

/** Waiting at once, and samples of them all: half a minute at 48 kHz, and as much again. */
const MOST_WAITING = 8;
const MOST_SAMPLES = 2 * 30 * 48_000;
/** So many of the sentences that wait are spoken in advance. */
const MOST_SPOKEN = 2;
/** What is not heard by so long after its time is not going to be. */
const LATE_MS = 2000;
/** So much of its end may go unheard: a player's last acknowledgement says less than was played. */
const END_MS = 60;
/** Ahead of a listener whose audio is not paced otherwise. */
const LEAD_MS = 400;
/** And in any case what is sent at once. */
const LEAST_LEAD_MS = 100;

export interface AnnouncementHost {
  readonly leadMs: () => number | null;
  readonly sentences: Pick<Sentences, "want" | "forget"> | null;
  readonly soundNamed: (name: string) => Sound | Sentence | undefined;
}

export class Announcements {
  readonly #parts: AnnouncementParts;
  readonly #player: SoundPlayer;
  readonly #leadMs: () => number | null;
  /** The relay's own voice; null: it has none. */
  readonly #sentences: Pick<Sentences, "want" | "forget"> | null;
  readonly #soundNamed: (name: string) => Sound | Sentence | undefined;
  #waiting: Waiting[] = [];
  #begun: Begun | null = null;
  /** Of a former life: their samples are gone. */
  #lost: readonly string[] = [];

  constructor(parts: AnnouncementParts, player: SoundPlayer, host: AnnouncementHost) {
    this.#parts = parts;
    this.#player = player;
    this.#leadMs = host.leadMs;
    this.#sentences = host.sentences;
    this.#soundNamed = host.soundNamed;
  }

  /** One is to be said, or being said. */
  get busy(): boolean {
    return this.#begun !== null || this.#waiting.length > 0;
  }

  /** One can be said now, or is being said. */
  get ready(): boolean {
    return this.#begun !== null || this.#waiting.some(({ sound }) => sound !== null);
  }

  /** One is being said: nothing else is, until all of it was sent. */
  get speaking(): boolean {
    return this.#player.own === "announcement";
  }

  /** @throws ClientError when it cannot wait. */
  require({ id, said }: Announcement): void {
    const samples = this.#waiting.reduce((sum, one) => sum + samplesIn(one.said), 0);
    if (this.#waiting.length >= MOST_WAITING || samples + samplesIn(said) > MOST_SAMPLES) {
      const message = `At most ${MOST_WAITING} announcements wait, of a minute in all.`;
      throw new ClientError("too_many_announcements", message);
    }
    if (this.#begun?.id === id || this.#waiting.some((one) => one.id === id))
      throw new ClientError("invalid_value", `An announcement '${id}' is under way.`, "say_id");
  }

  /** One that can wait. */
  say({ expiresMs, passes, ...one }: Announcement): void {
    const { context, turns } = this.#parts;
    const sound = isSentence(one.said) ? null : one.said;
    const turn = passes ? { turn: turns.count } : {};
    this.#waiting.push({ ...one, ...turn, sound, expiresAt: context.now + expiresMs });
    this.#tell("queued", one.id);
  }

  /** At the end of everything that happens. */
  settle(): void {
    for (const id of this.#lost) this.#tell("dropped", id, { reason: "session_restored" });
    this.#lost = [];
    if (!this.busy) return;
    this.#conclude();
    this.#expire();
    this.#speak();
    if (this.#begun === null) this.#place();
    // The next ones are spoken while this one is said.
    if (this.#begun !== null) this.#speak();
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
    for (const one of this.#waiting) {
      const reason = this.#reasonOf(one);
      if (reason !== null) this.#drop(one, { reason });
    }
  }

  /** Why it is said no more; null: it may be. */
  #reasonOf({ expiresAt, turn }: Waiting): Reason | null {
    const { context, port, turns } = this.#parts;
    if (expiresAt < context.now) return "expired";
    if (turn !== undefined && (turns.openItem !== null || turns.count !== turn)) return "overtaken";
    return port.connected && (!port.extended || this.#player.link === undefined) ? "not_playable" : null;
  }

  #drop(one: Waiting, about: JsonObject): void {
    this.#forget(one);
    this.#tell("dropped", one.id, about);
  }

  #forget({ id }: Waiting): void {
    this.#waiting = this.#waiting.filter((one) => one.id !== id);
    this.#sentences?.forget(nameOf(id));
  }

  /** Sentences become sounds; what cannot be spoken is said otherwise, or not at all. */
  #speak(): void {
    let ahead = 0;
    for (const one of this.#waiting) {
      if (!isSentence(one.said)) continue;
      if (ahead === MOST_SPOKEN) return;
      ahead += 1;
      if (one.sound !== null) continue;
      const spoken = this.#sentences?.want(one.said, nameOf(one.id)) ?? null;
      if (spoken === null) continue;
      if (!("fault" in spoken)) one.sound = spoken;
      else {
        const otherwise = one.otherwise === undefined ? undefined : this.#soundNamed(one.otherwise);
        const { code, message } = spoken.fault;
        if (otherwise && !isSentence(otherwise)) one.sound = otherwise;
        else this.#drop(one, { reason: "not_spoken", error: { code, message } });
      }
    }
  }

  /** The first that can be said: who is not spoken yet lets the others ahead. */
  #place(): void {
    const next = this.#waiting.find(({ sound }) => sound !== null);
    const { asking, bargeIn, floor, listener, talk, tools, turns } = this.#parts;
    if (next === undefined || next.sound === null || this.#player.held) return;
    if (turns.openItem !== null || turns.unmade === "heard" || talk.talks) return;
    if (floor.judging || floor.held) return;
    const answered = asking.underway || listener.audible;
    if (answered && this.#player.own !== "filler" && !next.interrupts) return;
    if (asking.underway && !next.interrupts) return;
    if (answered && next.interrupts) {
      bargeIn.interrupt("client_cancelled");
      tools?.stopped();
    }
    this.#player.stop("answered");
    this.#forget(next);
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

  #tell(what: string, id: string, about: JsonObject = {}): void {
    this.#parts.port.tell({ type: `relay.say.${what}`, say_id: id, ...about });
  }

  /** Of sounds their names alone: whoever goes on with the session has no sample of them. */
  snapshot(): AnnouncementsSnapshot {
    const begun = this.#begun === null ? [] : [this.#begun.id];
    const sounds = this.#waiting.flatMap(({ id, said }) => (isSentence(said) ? [] : [id]));
    const texts = this.#waiting.flatMap((one) => (isSentence(one.said) ? [keptOf(one, one.said)] : []));
    return { lost: [...this.#lost, ...begun, ...sounds], texts };
  }

  restore({ lost, texts }: AnnouncementsSnapshot): void {
    const speaks = this.#sentences !== null;
    this.#waiting = speaks ? texts.map((one) => ({ ...one, sound: null })) : [];
    this.#begun = null;
    this.#lost = speaks ? lost : [...lost, ...texts.map(({ id }) => id)];
  }
}

function keptOf(one: Waiting, said: Sentence): KeptAnnouncement {
  const { sound: _, ...rest } = one;
  return { ...rest, said };
}

/** Beside who else may want a sentence. */
function nameOf(id: string): string {
  return `say:${id}`;
}

function samplesIn(said: Sound | Sentence): number {
  return isSentence(said) ? 0 : said.samples.length;
}

export interface AnnouncementsSnapshot {
  readonly lost: readonly string[];
  readonly texts: readonly KeptAnnouncement[];
}
