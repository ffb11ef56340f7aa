/**
 * Google's own memory of a conversation. It names the state of a session (`sessionResumptionUpdate`), and a new connection whose
 * setup has that name goes on with it. A name is good as long as nothing was said on either side since: what the state lacks
 * would be known to nobody.
 */
import { textAt } from "../json.ts";
import type { JsonObject } from "../upstream.ts";

const MAX_HANDLE_CHARS = 16_384;

export type ResumptionState = { readonly handle: string | null };

export class Resumption {
  /** Of what was said so far; null: there is none. */
  #handle: string | null = null;
  /** What this connection goes on with. */
  #from: string | null = null;

  get handle(): string | null {
    return this.#handle;
  }

  get resumed(): boolean {
    return this.#from !== null;
  }

  /** The member of the setup. */
  get setup(): JsonObject {
    return this.#from === null ? {} : { handle: this.#from };
  }

  goOn(handle: string | null): void {
    this.#from = handle;
  }

  update(said: JsonObject): void {
    const handle = textAt(said, "newHandle");
    const good = said["resumable"] === true && handle !== null && handle !== "";
    this.#handle = good && handle.length <= MAX_HANDLE_CHARS ? handle : null;
  }

  /** Something was said. */
  stale(): void {
    this.#handle = null;
  }

  snapshot(): ResumptionState {
    return { handle: this.#handle };
  }

  restore(state: ResumptionState | undefined): void {
    this.#handle = state?.handle ?? null;
  }
}
