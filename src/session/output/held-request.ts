/** The client's `response.create` that waits for the end of the caller's turn, and the event that said so. */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Context } from "../context.ts";
import type { ResponseRecord } from "../state/response.ts";

/** The deadline at which it is asked whatever the turn does. */
const DUE = "held";

/** Read when it is asked for: it is made later. */
interface HeldParts {
  readonly context: Context;
}

export class HeldRequest {
  readonly #parts: HeldParts;
  #params: ResponseParams | null = null;
  #cause: string | null = null;
  /** Its answers that are those of the turn as well, in which it waited. */
  #covering: readonly string[] = [];

  constructor(parts: HeldParts) {
    this.#parts = parts;
  }

  get waits(): boolean {
    return this.#params !== null;
  }

  /** @param cause the client's event; null: nobody's. */
  hold(params: ResponseParams, cause: string | null): void {
    const { deadlines, now, limits } = this.#parts.context;
    this.#params = params;
    this.#cause = cause;
    deadlines.set(DUE, now + limits.heldMs);
  }

  take(): ResponseParams | null {
    const params = this.#params;
    this.#params = null;
    this.#parts.context.deadlines.clear(DUE);
    return params;
  }

  /** What it asked for is asked for instead of the turn's own answer: one is both. */
  covers(responses: readonly ResponseRecord[]): void {
    this.#covering = responses.map(({ id }) => id);
  }

  /** @returns whether with this answer, of which nothing came, the client gives up what the caller is to have. Once. */
  gaveUp({ id, items }: ResponseRecord): boolean {
    if (items.length > 0 || !this.#covering.includes(id)) return false;
    this.#covering = [];
    return true;
  }

  /** What is asked for with it is its event's doing. */
  causing(act: () => void): void {
    this.#parts.context.causedBy(this.#cause, act);
  }

  snapshot(): HeldSnapshot {
    const cause = this.#params && this.#cause !== null ? { heldCause: this.#cause } : {};
    const covering = this.#covering.length === 0 ? {} : { covering: this.#covering };
    return { held: this.#params, ...cause, ...covering };
  }

  restore({ held, heldCause, covering }: HeldSnapshot): void {
    this.#params = held;
    this.#cause = heldCause ?? null;
    this.#covering = covering ?? [];
  }
}

export interface HeldSnapshot {
  readonly held: ResponseParams | null;
  readonly heldCause?: string;
  readonly covering?: readonly string[];
}
