/** Which upstreams are asked, each for itself or together as one voice, by who takes part now. */
import type { Conversation } from "../memory/conversation.ts";
import type { Order } from "../state/strategy.ts";
import type { Cast, Link } from "./ports.ts";
import { questionOf } from "./question.ts";
import type { Responses } from "./responses.ts";
import type { Rounds } from "./rounds.ts";

/** Read when it is asked for: some of these parts are made later. */
interface AnswererParts {
  readonly conversation: Pick<Conversation, "entries">;
  /** Upstreams that are heard, and of these those that take part now. */
  readonly speakers: readonly Link[];
  readonly cast: Cast;
  readonly responses: Pick<Responses, "answering">;
  readonly rounds: Pick<Rounds, "open">;
}

export class Answerers {
  readonly #parts: AnswererParts;

  constructor(parts: AnswererParts) {
    this.#parts = parts;
  }

  /** Upstreams that answer turns: a duplex one speaks when it likes. */
  get answerers(): readonly Link[] {
    return this.present.filter((link) => link.capabilities.turns !== "none");
  }

  /** Who is asked by the client, which may know why it asks one that speaks when it likes. */
  get answering(): readonly Link[] {
    return this.answerers.length > 0 ? this.answerers : this.present;
  }

  get present(): readonly Link[] {
    return this.#parts.cast.present;
  }

  get oneVoice(): boolean {
    return this.#parts.cast.strategy.oneVoice !== null;
  }

  /** Those that give one answer together. */
  groups(links: readonly Link[]): readonly (readonly Link[])[] {
    if (this.oneVoice) return links.length > 0 ? [links] : [];
    return links.map((link) => [link]);
  }

  /** These, and who left the voice that they are. */
  concerned(group: readonly Link[]): readonly Link[] {
    return this.oneVoice ? this.#parts.speakers : group;
  }

  /** The group that owes by the name of this stream. */
  groupOf(stream: number): readonly Link[] {
    return this.oneVoice ? this.answering : this.present.filter(({ index }) => index === stream);
  }

  /** The name by which it owes: of those that are one voice, whoever takes part, the first. */
  debtorOf({ index }: Link): number {
    return this.oneVoice ? (this.#parts.speakers[0]?.index ?? index) : index;
  }

  /** An answer is given by one of these, or will be. */
  busy(group: readonly Link[]): boolean {
    const { responses, rounds } = this.#parts;
    // Also by one that takes no part in the next.
    if (this.oneVoice) return rounds.open || responses.answering.length > 0;
    return responses.answering.some(({ stream }) => group.some(({ index }) => index === stream));
  }

  /** Null: there is at most one that can be asked. */
  orderOf(group: readonly Link[]): Order<Link> | null {
    const able = group.filter(({ alive }) => alive);
    const { cast, conversation, speakers } = this.#parts;
    const { oneVoice } = cast.strategy;
    if (able.length < 2 || oneVoice === null) return null;
    return oneVoice(
      able,
      questionOf(conversation.entries, (index) => speakers[index]?.name),
    );
  }

  /** Upstreams that can be asked for an answer out of band. */
  get aside(): readonly Link[] {
    return this.present.filter((link) => link.capabilities.outOfBand);
  }
}

/** Who is asked where one is: who is there, else who is dialled for it. */
export function anyOf(group: readonly Link[]): Link | undefined {
  return group.find(({ alive }) => alive) ?? group[0];
}
