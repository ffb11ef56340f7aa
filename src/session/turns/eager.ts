/**
 * Eager answers: at a first short silence the answer is asked for in advance and held behind the gate, unseen by the
 * client. Confirmed silence releases it; resumed speech cancels it and takes the half turn back from the upstreams,
 * so that it leaves no trace in anyone's history.
 */
import type { Context } from "../context.ts";
import type { InputTranscript } from "../state/upstream-said.ts";
import type { SpeechDetector } from "../../audio/vad/detector.ts";
import { asDetected } from "./endpointing.ts";
import type {
  Asking,
  Budget,
  Cast,
  ClientPort,
  Configuration,
  Guard,
  Link,
  Responses,
  Rounds,
} from "./ports.ts";

interface Speculation {
  readonly itemId: string;
  /** The half turn's name with the upstreams, which may have to forget it. */
  readonly alias: string;
  /** Answers asked for in advance. */
  readonly responseIds: readonly string[];
  /** Whose they are; absent in snapshots of before. */
  readonly streams?: readonly number[];
}

/** Words of a turn that is not confirmed are kept, within so many events and characters of them. */
const MOST_WORDS = 64;
const MOST_WORDS_SIZE = 32_768;
/** Names of confirmed turns that late words may still come under. */
const MOST_NAMES = 64;

interface EagerParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly links: readonly Link[];
  readonly cast: Cast;
  readonly budget: Budget;
  readonly asking: Asking;
  readonly rounds: Rounds;
  readonly responses: Responses;
  readonly guard: Guard | null;
  readonly detector: SpeechDetector;
}

export class Eager {
  readonly #parts: EagerParts;
  readonly #context: Context;
  readonly #links: readonly Link[];
  readonly #asking: Asking;
  readonly #rounds: Rounds;
  readonly #budget: Budget;
  #speculation: Speculation | null = null;
  #count = 0;
  /** Words that came before the turn was confirmed, for the client when it is. */
  #words: InputTranscript[] = [];
  /** Confirmed turns by the name that upstreams have for them. */
  readonly #names = new Map<string, string>();

  constructor(parts: EagerParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#budget = parts.budget;
    this.#links = parts.links;
    this.#asking = parts.asking;
    this.#rounds = parts.rounds;
  }

  /**
   * Silence after which the answer is asked for in advance: only where the end of a turn asks for one, and there is somebody to
   * ask; null: never.
   */
  get waitMs(): number | null {
    const { guard, cast, responses, config, port, detector } = this.#parts;
    // Words that are to be judged first are not known yet.
    if (guard?.input || cast.present.some(({ phase }) => phase === "closed")) return null;
    if (!this.#asking.may || this.#asking.holding || responses.underway) return null;
    const { eagerMs } = config.relay(port);
    if (!this.#budget.mayHurry) return null;
    return eagerMs === null ? null : asDetected(eagerMs, detector.thresholds);
  }

  get active(): boolean {
    return this.#speculation !== null;
  }

  get #turnLinks(): readonly Link[] {
    return this.#links.filter((link) => link.capabilities.turns === "client");
  }

  /** Commits what the upstreams have of the turn and asks for its answer. */
  begin(itemId: string): void {
    this.#count += 1;
    this.#budget.hurried();
    const alias = `${itemId}~${this.#count}`;
    for (const link of this.#turnLinks) link.command({ type: "commit", itemId: alias });
    const asked = this.#asking.inAdvance(this.#turnLinks);
    const [responseIds, streams] = [asked.map(({ id }) => id), asked.map(({ stream }) => stream)];
    this.#speculation = { itemId, alias, responseIds, streams };
    this.#context.metric("eager_asked", 1);
  }

  /** The caller goes on speaking: nothing of it ever happened. */
  discard(): void {
    const speculation = this.#speculation;
    if (!speculation) return;
    this.forget();
    for (const id of speculation.responseIds) this.#rounds.discard(id);
    this.#asking.takenBack();
    for (const link of this.#turnLinks) link.command({ type: "delete", itemId: speculation.alias });
    this.#context.metric("eager_discarded", 1);
  }

  /**
   * The turn is over as it was committed in advance. To be called when the client has been told of the turn.
   * @returns whether its answer was released; false: ask for one.
   */
  confirm(): boolean {
    const speculation = this.#speculation;
    if (!speculation) return false;
    this.#confirmed(speculation);
    this.forget();
    for (const link of this.#turnLinks) link.rename(speculation.itemId, speculation.alias);
    const { responseIds, streams = [] } = speculation;
    const gone = responseIds.map((id) => !this.#rounds.confirm(id));
    if (!gone.includes(false)) return false;
    this.#context.metric("eager_released", 1);
    // Who lost its own answers like the others.
    for (const [at, stream] of streams.entries()) if (gone[at]) this.#asking.anew(stream);
    return true;
  }

  #confirmed({ alias, itemId }: Speculation): void {
    this.#names.set(alias, itemId);
    if (this.#names.size <= MOST_NAMES) return;
    const [oldest] = this.#names.keys();
    if (oldest !== undefined) this.#names.delete(oldest);
  }

  /** The upstreams that were asked in advance are gone, or what they were asked is settled. */
  forget(): void {
    this.#speculation = null;
    this.#words = [];
  }

  /** The item that an upstream means by a name; null: a half turn that was taken back, and nobody's any more. */
  itemOf(name: string): string | null {
    if (!name.includes("~")) return name;
    if (name === this.#speculation?.alias) return this.#speculation.itemId;
    return this.#names.get(name) ?? null;
  }

  /** Words of a turn that the client does not know yet: it is told when it does. */
  keep(event: InputTranscript): void {
    if (event.itemId !== this.#speculation?.alias) return;
    const size = this.#words.reduce((sum, one) => sum + sizeOf(one), sizeOf(event));
    if (this.#words.length < MOST_WORDS && size <= MOST_WORDS_SIZE) this.#words.push(event);
  }

  /** The words that were kept, when the client has been told of the turn. */
  takeWords(): readonly InputTranscript[] {
    const words = this.#words;
    this.#words = [];
    return words;
  }

  snapshot(): EagerSnapshot {
    return {
      speculation: this.#speculation,
      count: this.#count,
      words: [...this.#words],
      names: [...this.#names],
    };
  }

  restore(snapshot: EagerSnapshot): void {
    this.#speculation = snapshot.speculation;
    this.#count = snapshot.count;
    this.#words = [...snapshot.words];
    this.#names.clear();
    for (const [alias, itemId] of snapshot.names) this.#names.set(alias, itemId);
  }
}

function sizeOf(event: InputTranscript): number {
  if (event.type === "input.transcript.delta") return event.delta.length;
  return event.type === "input.transcript.completed" ? event.transcript.length : 256;
}

export interface EagerSnapshot {
  readonly speculation: Speculation | null;
  readonly count: number;
  readonly words: readonly InputTranscript[];
  readonly names: readonly (readonly [string, string])[];
}
