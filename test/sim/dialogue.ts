/** Which responses run, and what belongs to which stream: what an application keeps in its head. */
import type { JsonObject } from "../../src/protocol/json.ts";
import { fields, text } from "./fields.ts";
import type { World } from "./world.ts";

export class Dialogue {
  /** When `response.created` came. */
  readonly announced: number[] = [];
  /** Answers that failed when they had begun to speak, and none right before them: when, and until when they are heard. */
  readonly broken: { readonly at: number; readonly heardUntil: number }[] = [];
  /** How the last answer of the conversation ended; null: none did. */
  endedAs: string | null = null;
  /** Streams of agents that take turns. */
  readonly agents: ReadonlySet<number>;
  /** A plain client is not told which stream is which. */
  readonly echoStream: number;
  readonly #world: World;
  readonly #streamOf = new Map<string, number>();
  /** By stream and ordinal on the wire: the response, and the item announced last in it. */
  readonly #ordinals = new Map<string, { readonly responseId: string; itemId: string | null }>();
  readonly #active = new Set<string>();
  /** Sounds of the relay's own. */
  readonly #own = new Set<string>();
  /** Responses beside the conversation. */
  readonly #aside = new Set<string>();
  /** From when to when a response was running. */
  readonly #busy: number[][] = [];

  constructor(world: World) {
    this.#world = world;
    const kinds = world.scenario.upstreams.map((upstream) => upstream.kind);
    this.agents = new Set(kinds.flatMap((kind, index) => (kind === "echo" ? [] : [index])));
    this.echoStream = kinds.indexOf("echo");
  }

  get busy(): boolean {
    return this.#active.size > 0;
  }

  /** Whether a response was running at that moment. */
  busyAt(moment: number): boolean {
    return this.#busy.some(([from = 0, to = Infinity]) => from <= moment && moment <= to);
  }

  /** When nothing was running any more of what was at that moment. */
  freeAfter(moment: number): number {
    return this.#busy.find(([from = 0, to = Infinity]) => from <= moment && moment <= to)?.[1] ?? Infinity;
  }

  created(response: JsonObject): void {
    const id = text(response["id"]);
    const { stream, ordinal } = fields(response["relay"]);
    this.#streamOf.set(id, Number(stream ?? 0));
    if (ordinal !== undefined)
      this.#ordinals.set(`${text(stream)}:${text(ordinal)}`, { responseId: id, itemId: null });
    if (fields(response["metadata"])["relay"] !== undefined) {
      this.#aside.add(id);
      this.#own.add(id);
      return;
    }
    if (this.#active.size === 0) this.#busy.push([this.#world.time.now]);
    this.#active.add(id);
    if (response["conversation_id"] === null) this.#aside.add(id);
    else if (this.#world.scenario.strategy !== null) this.#alone(id);
    this.announced.push(this.#world.time.now);
  }

  /** Upstreams that are one voice give one answer at a time. */
  #alone(id: string): void {
    const others = [...this.#active].filter((other) => other !== id && !this.#aside.has(other));
    this.#world.checks.count("answers of one voice");
    if (others.length > 0)
      this.#world.checks.fail("two-voices", `${id} was announced while ${others.join(", ")} ran`);
  }

  done(response: JsonObject): void {
    if (!this.#aside.has(text(response["id"]))) this.endedAs = text(response["status"]);
    if (this.#active.delete(text(response["id"])) && this.#active.size === 0) {
      this.#busy.at(-1)?.push(this.#world.time.now);
    }
  }

  /** All of them are over. */
  forget(): void {
    if (this.#active.size > 0) this.#busy.at(-1)?.push(this.#world.time.now);
    this.#active.clear();
    this.#ordinals.clear();
  }

  itemAdded(responseId: string, itemId: string): void {
    for (const place of this.#ordinals.values()) if (place.responseId === responseId) place.itemId = itemId;
  }

  /** Where a binary message belongs. */
  placeOf(
    stream: number,
    ordinal: number,
  ): { readonly responseId: string; readonly itemId: string | null } | null {
    return this.#ordinals.get(`${stream}:${ordinal}`) ?? null;
  }

  /** It is beside the conversation. */
  aside(responseId: string): boolean {
    return this.#aside.has(responseId);
  }

  /** It is a sound of the relay's, and nobody's words. */
  own(responseId: string): boolean {
    return this.#own.has(responseId);
  }

  streamOf(responseId: string): number {
    return this.#streamOf.get(responseId) ?? 0;
  }

  /** What was heard tells whose it is. */
  heardOn(responseId: string, stream: number): void {
    this.#streamOf.set(responseId, stream);
  }
}
