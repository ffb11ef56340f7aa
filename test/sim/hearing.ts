/** Whether what the client hears is what somebody said: every sample once, in order, without a gap. */
import { lookForRefused } from "./guard.ts";
import { Levels } from "./levels.ts";
import { lookForShadow } from "./shadow.ts";
import { agentAudio, readAgent, samplesOf } from "./tape.ts";
import type { World } from "./world.ts";

interface Position {
  /** Number of the answer; null: the caller's own voice, echoed. */
  answer: number | null;
  index: number;
}

interface Place {
  readonly answer: number;
  readonly index: number;
}

/** Fewer samples may be taken for an agent's by chance. */
const LEAST = 4;
/** Of what is missing for a known reason, at most. */
const LONGEST_GAP_MS = 10_000;

export class Hearing {
  readonly #world: World;
  readonly #items = new Map<string, Position>();
  /** After the last sample of the caller's own voice heard, by stream. */
  #echoAt = -1;
  /** Set while something may be missing for a known reason: the next gap is excused. */
  #excused = false;
  readonly #silent: () => boolean;
  readonly #echoes: boolean;
  readonly #levels: Levels;

  constructor(world: World, silent: () => boolean) {
    this.#world = world;
    this.#silent = silent;
    this.#levels = new Levels(world, world.scenario.duckDb);
    this.#echoes = world.scenario.upstreams.some((upstream) => upstream.kind === "echo");
  }

  /** Audio was lost on the way and the client was told so. */
  excuseGap(): void {
    this.#excused = true;
  }

  /** Another connection: what comes on it need not go on from the level of what came before. */
  levelAnew(): void {
    this.#levels.anew();
  }

  /** What the relay had not acknowledged is said to it again, and comes back again. */
  forget(): void {
    this.#echoAt = -1;
  }

  /** The item in which so much of an answer was heard; null: nothing of it. */
  itemOf(answer: number): string | null {
    return [...this.#items].find(([, position]) => position.answer === answer)?.[0] ?? null;
  }

  /** @returns whether it was the caller's own voice. */
  take(itemId: string, bytes: Uint8Array): boolean {
    const { checks } = this.#world;
    if (this.#world.scenario.converted) return false;
    if (bytes.length % 2 === 1) checks.fail("event-order", "audio of odd length");
    const samples = samplesOf(bytes);
    if (samples.length === 0) checks.fail("event-order", "audio without a sample");
    const known = this.#items.get(itemId) ?? null;
    const hint =
      known === null || known.answer === null ? null : { answer: known.answer, index: known.index };
    if (this.#silent() && samples.every((sample) => Math.abs(sample) <= 1)) return false;
    const short = samples.length < LEAST && this.#echoes && known === null;
    const echoed = short || (known !== null && known.answer === null);
    const said = echoed ? null : this.#agentIn(itemId, hint, samples);
    if (said !== null) this.#agent(itemId, known, said, samples.length);
    else this.#echo(itemId, samples);
    return said === null && this.#items.has(itemId);
  }

  /** Which answer it is of, and where; as loud as it was said, or quieter where the relay may make it so. */
  #agentIn(itemId: string, hint: Place | null, samples: Int16Array): Place | null {
    const begins = Array.from({ length: this.#world.answers }, (_, n) => ({ answer: n + 1, index: 0 }));
    const said = (at: Place) => agentAudio(at.answer, at.index, at.index + samples.length);
    const likely = hint === null ? begins : [hint];
    const ducks = this.#world.relayDucks;
    const loud = ducks ? likely.find((at) => said(at).every((value, n) => value === samples[n])) : undefined;
    const fits = (at: Place) =>
      hint === null ? this.#levels.spells(said(at), samples) : this.#levels.fits(said(at), samples);
    const quieter = ducks && !loud ? likely.find(fits) : undefined;
    // A few samples that are quieter spell something else.
    const place = loud ?? quieter ?? readAgent(samples, hint) ?? this.#missing(hint, samples);
    if (place) this.#levels.take(itemId, said(place), samples);
    return place;
  }

  #missing(hint: Place | null, samples: Int16Array): Place | null {
    if (hint === null || !this.#excused || !this.#world.relayDucks) return null;
    return this.#after(hint, samples);
  }

  #after({ answer, index }: Place, samples: Int16Array): Place | null {
    const longest = (LONGEST_GAP_MS * this.#world.scenario.rateHz) / 1000;
    const rest = agentAudio(answer, index, index + longest + samples.length);
    const key = samples.subarray(0, 16);
    const found = Array.from({ length: longest }, (_, n) => n).find((n) =>
      this.#levels.fits(rest.subarray(n, n + key.length), key),
    );
    return found === undefined ? null : { answer, index: index + found };
  }

  #agent(itemId: string, known: Position | null, said: Place, count: number): void {
    const { checks } = this.#world;
    const expected = known?.index ?? 0;
    lookForShadow(this.#world, said.answer);
    if (known !== null && known.answer !== said.answer) {
      checks.fail("heard-unknown", `item ${itemId} has audio of answers ${known.answer} and ${said.answer}`);
    }
    if (said.index < expected) {
      checks.fail("heard-twice", `item ${itemId}: sample ${said.index} again, after ${expected}`);
    } else if (said.index > expected && !this.#excused) {
      checks.fail("heard-gap", `item ${itemId}: samples ${expected} to ${said.index} never came`);
    }
    lookForRefused(this.#world, said.answer, said.index, said.index + count);
    this.#items.set(itemId, { answer: said.answer, index: said.index + count });
  }

  #echo(itemId: string, samples: Int16Array): void {
    const { checks, tape } = this.#world;
    const heard = tape.runs(samples, this.#echoAt);
    if (heard === null || (heard.zeros > 0 && !tape.muted))
      return checks.fail("heard-unknown", `item ${itemId} has audio that nobody said`);
    this.#items.set(itemId, { answer: null, index: 0 });
    for (const { from, to } of heard.runs) {
      if (from < this.#echoAt)
        checks.fail("heard-twice", `the echo went back by ${this.#echoAt - from} samples`);
      this.#echoAt = to;
    }
  }
}
