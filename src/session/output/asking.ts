/**
 * Who is asked for an answer, and when the relay asks by itself. What may not be asked now is not forgotten: a turn that
 * ends over an answer that may not be interrupted is owed one at that answer's end, and a `response.create` in the middle
 * of the caller's turn waits for the turn's end, where one answer covers both.
 */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { ClientPort } from "../client/client-port.ts";
import type { Configuration } from "../client/configuration.ts";
import type { Context } from "../context.ts";
import type { Link } from "../links/link.ts";
import type { Responses } from "./responses.ts";
import type { TurnTaking } from "../turns/turn-taking.ts";

/** Read when it is asked for: some of these parts are made later. */
interface AskingParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly links: readonly Link[];
  readonly responses: Responses;
  readonly turns: TurnTaking;
}

export class Asking {
  readonly #parts: AskingParts;
  /** The client's `response.create` that waits for the end of the caller's turn. */
  #held: ResponseParams | null = null;
  /** Streams that owe an answer, with what was asked for. */
  #owed = new Map<number, ResponseParams>();

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  /** Answers are the relay's to ask for, not only the client's. */
  get may(): boolean {
    const { config } = this.#parts;
    return config.turnDetection?.create_response === true && !config.transcriptionOnly;
  }

  /** A `response.create` waits for the end of the caller's turn. */
  get holding(): boolean {
    return this.#held !== null;
  }

  /** An answer of the conversation runs, or waits to be asked for by the client's wish. */
  get underway(): boolean {
    return this.holding || this.#parts.responses.answering.length > 0;
  }

  /** Upstreams that answer turns: a duplex one speaks when it likes. */
  get #answerers(): readonly Link[] {
    return this.#parts.links.filter((link) => link.capabilities.turns !== "none");
  }

  /** Who is asked by the client, which may know why it asks one that speaks when it likes. */
  get #answering(): readonly Link[] {
    return this.#answerers.length > 0 ? this.#answerers : this.#parts.links;
  }

  /** A turn is over: everyone is asked, at once or at the end of an answer that may not be interrupted. */
  turn(): void {
    const held = this.#take();
    if (held) this.#askAll(this.#answering, held);
    else if (this.may) this.answer();
    // What brings its own input is no answer to the turn.
    if (held?.input && this.may) for (const link of this.#answerers) this.#owed.set(link.index, {});
  }

  /** The client itself ended the turn: it is answered if an answer was asked for. */
  committed(): void {
    if (this.#held) this.turn();
  }

  #take(): ResponseParams | null {
    const held = this.#held;
    this.#held = null;
    this.#parts.context.deadlines.clear("held");
    return held;
  }

  /** Asks for the answer to the last turn: those who take the turns themselves answer theirs unasked. */
  answer(): void {
    const asked = this.#answerers.filter(({ capabilities }) => capabilities.turns === "client");
    this.#askAll(asked.length > 0 ? asked : this.#answerers, {});
  }

  #askAll(links: readonly Link[], params: ResponseParams): void {
    const busy = new Set(this.#parts.responses.answering.map((response) => response.stream));
    for (const link of links) if (busy.has(link.index)) this.#owed.set(link.index, params);
    this.ask(
      links.filter((link) => !busy.has(link.index)),
      params,
    );
  }

  /** Asks these now; of too many at once, the rest at the end of one that runs. */
  ask(links: readonly Link[], params: ResponseParams): void {
    const { context, responses } = this.#parts;
    context.deadlines.clear("idle");
    for (const link of links) {
      this.#owed.delete(link.index);
      link.ensure();
      if (!responses.request(link, params)) this.#owed.set(link.index, params);
    }
  }

  /** Something ended or changed: asks for what is owed and may be asked for now. */
  settle(): void {
    const { responses, port, turns, links } = this.#parts;
    if (this.#held && !this.#waits) this.release();
    if (this.#owed.size === 0 || !port.live || turns.openItem !== null) return;
    if (!this.may) {
      this.#owed.clear();
      return;
    }
    const busy = new Set(responses.answering.map((response) => response.stream));
    for (const [stream, params] of this.#owed) {
      const link = links[stream];
      if (link && !busy.has(stream) && responses.room) this.ask([link], params);
    }
  }

  /** The turn goes on for too long, or came to nothing: the client's `response.create` is asked for. */
  release(): void {
    const held = this.#take();
    if (held) this.#askAll(this.#answering, held);
  }

  /** An answer now would talk over the caller, and the turn's own would never come. */
  get #waits(): boolean {
    const { config, turns } = this.#parts;
    return this.may && config.turnDetection?.interrupt_response === true && turns.phase === "speaking";
  }

  /** The client's `response.create`. @throws ClientError when nobody can. */
  respond(params: ResponseParams): void {
    const { links, turns, context, responses } = this.#parts;
    if (!responses.room) {
      throw new ClientError(
        "too_many_responses",
        `At most ${context.limits.activeResponses} responses at once.`,
      );
    }
    if (params.conversation !== "none") {
      // What was asked for in advance does not know what the client has said since.
      turns.takeBack();
      if (this.#waits) {
        this.#held = params;
        context.deadlines.set("held", context.now + context.limits.heldMs);
        context.persist();
      } else this.#askAll(this.#answering, params);
      return;
    }
    const able = links.filter((link) => link.capabilities.outOfBand);
    if (able.length === 0) {
      throw new ClientError(
        "unsupported",
        "No upstream of this session answers out of band.",
        "response.conversation",
      );
    }
    this.ask(able.slice(0, 1), params);
  }

  /** The client takes back its `response.create` that waits. @returns whether one did. */
  withdraw(): boolean {
    return this.#take() !== null;
  }

  snapshot(): AskingSnapshot {
    return { held: this.#held, owed: [...this.#owed] };
  }

  restore(snapshot: AskingSnapshot): void {
    this.#held = snapshot.held;
    this.#owed = new Map(snapshot.owed);
  }
}

export interface AskingSnapshot {
  readonly held: ResponseParams | null;
  readonly owed: readonly (readonly [number, ResponseParams])[];
}
