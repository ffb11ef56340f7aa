/** The client's `response.create` that waits for the end of the caller's turn, and the event that said so. */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { Context } from "../context.ts";

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

  /** What is asked for with it is its event's doing. */
  causing(act: () => void): void {
    this.#parts.context.causedBy(this.#cause, act);
  }

  snapshot(): { readonly held: ResponseParams | null; readonly heldCause?: string } {
    const cause = this.#params && this.#cause !== null ? { heldCause: this.#cause } : {};
    return { held: this.#params, ...cause };
  }

  restore({ held, heldCause }: { readonly held: ResponseParams | null; readonly heldCause?: string }): void {
    this.#params = held;
    this.#cause = heldCause ?? null;
  }
}
