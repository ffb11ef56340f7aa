/** The caller pauses inside a turn: the answer is asked for in advance, and taken back when they go on. */
import type { Context } from "../context.ts";
import { CANDIDATE_MS } from "../state/waits.ts";
import type { AudioInput } from "./audio-input.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { InputFlow } from "./input-flow.ts";
import type { TurnHost } from "./turn-host.ts";
import type { TurnMarks } from "./turn-marks.ts";
import type { UserItem } from "./user-item.ts";

interface AdvanceParts {
  readonly context: Context;
  readonly host: TurnHost;
  readonly input: AudioInput;
  readonly flow: InputFlow;
  readonly at: TurnMarks;
  readonly item: UserItem;
}

export class Advance {
  readonly #parts: AdvanceParts;
  /** For so long the caller pauses by now. */
  silenceMs = 0;

  constructor(parts: AdvanceParts) {
    this.#parts = parts;
  }

  /** One more hop of the detector. `speaking`: inside a turn. */
  hop(speaking: boolean): void {
    const beforeMs = this.silenceMs;
    this.silenceMs = this.#parts.input.endpointer.silenceMs;
    if (speaking) this.#silence(this.silenceMs, beforeMs);
  }

  #silence(silenceMs: number, beforeMs: number): void {
    const { context, host, input, flow, at, item } = this.#parts;
    if (silenceMs === 0 && beforeMs > 0) {
      host.onPause(beforeMs);
      this.takeBack();
    }
    if (silenceMs >= CANDIDATE_MS && beforeMs < CANDIDATE_MS) host.onCandidate();
    const eagerMs = host.eagerMs();
    if (eagerMs === null || silenceMs < eagerMs || host.eager().active) return;
    if (input.settledTicks - at.startTicks < context.limits.commitLeastMs * TICKS_PER_MS) return;
    flow.forward(input.settledTicks);
    host.eager().begin(item.id);
  }

  /** What was committed in advance is not the turn: the upstreams hear it from its beginning again. */
  takeBack(): void {
    const { host, flow, at } = this.#parts;
    if (!host.eager().active) return;
    host.eager().discard();
    flow.again(at.startTicks);
  }
}
