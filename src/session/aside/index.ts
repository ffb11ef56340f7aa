/** What the relay plays by itself, beside the conversation: fillers of a route, and what its application has said. */
import type { Plan } from "../plan/plan.ts";
import { Fillers, type FillerParts, type FillersSnapshot } from "./fillers.ts";
import { SoundPlayer, type PlayerParts, type PlayerSnapshot } from "./player.ts";

export class Asides {
  readonly #player: SoundPlayer;
  readonly #fillers: Fillers | null;

  constructor(parts: PlayerParts & FillerParts, { fillers }: Pick<Plan, "fillers">) {
    this.#player = new SoundPlayer(parts);
    this.#fillers = fillers ? new Fillers(parts, fillers, this.#player) : null;
  }

  /** The first sample of an answer, or more of one, is about to be sent. */
  answered(): void {
    this.#fillers?.answered();
  }

  /** At the end of everything that happens. */
  settle(): void {
    this.#fillers?.settle();
    this.#player.pump();
  }

  /** Only where there is something to keep. */
  snapshot(): { readonly asides?: AsidesSnapshot } {
    const player = this.#player.snapshot();
    const fillers = this.#fillers?.snapshot();
    if (player === null && (fillers === undefined || (fillers.played === 0 && fillers.wait === null)))
      return {};
    return { asides: { player, ...(fillers && { fillers }) } };
  }

  restore(snapshot: AsidesSnapshot | undefined): void {
    if (snapshot === undefined) return;
    this.#player.restore(snapshot.player);
    if (snapshot.fillers) this.#fillers?.restore(snapshot.fillers);
  }
}

export interface AsidesSnapshot {
  readonly player: PlayerSnapshot | null;
  readonly fillers?: FillersSnapshot;
}
