/** What a connection that does not serve yet makes of its greeting: it counts when it serves. */
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Verdict } from "./refusals.ts";

/** A greeting has less than twenty fields. */
const KEPT = 32;

export class HeldVerdicts {
  #verdicts: Verdict[] = [];

  /** Any event; what is no verdict is not kept. */
  keep(event: UpstreamEvent): void {
    const { type } = event;
    if (type !== "configured" && type !== "unconfigured" && type !== "refused") return;
    if (this.#verdicts.length < KEPT) this.#verdicts.push(event);
  }

  take(): readonly Verdict[] {
    return this.#verdicts.splice(0);
  }

  /** Absent where there are none, which is nearly always. */
  snapshot(): { readonly verdicts?: readonly Verdict[] } {
    return this.#verdicts.length === 0 ? {} : { verdicts: [...this.#verdicts] };
  }

  restore(verdicts: readonly Verdict[] = []): void {
    this.#verdicts = [...verdicts];
  }
}
