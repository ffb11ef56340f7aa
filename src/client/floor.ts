/** The loudspeaker while the relay makes up its mind about a sound over an answer (docs/floor.md). */
import { levelOfDuck } from "../audio/level-ramp.ts";
import type { Player } from "./player.ts";

/** Of a relay that does not say how much quieter. */
const DUCK_DB = 15;

export class Floor {
  readonly #player: Player | null;
  /** `interrupted`: decided, and still standing, or quieter, while the relay says what is cut. */
  #state: "open" | "held" | "ducked" | "interrupted" = "open";

  constructor(player: Player | null) {
    this.#player = player;
  }

  decided(decision: string, duckDb: number | null): void {
    if (decision === "hold") {
      this.#state = "held";
      this.#player?.hold();
    } else if (decision === "duck") {
      if (this.#state === "held") this.release();
      this.#state = "ducked";
      this.#player?.duck(levelOfDuck(duckDb ?? DUCK_DB));
    } else if (decision === "interrupt") {
      if (this.#state !== "open") this.#state = "interrupted";
    } else {
      this.release();
    }
  }

  /** An interruption took effect: what is not cut, and what comes next, is to be heard. */
  cut(): void {
    if (this.#state === "interrupted") this.release();
  }

  release(): void {
    if (this.#state === "open") return;
    this.#state = "open";
    this.#player?.release();
  }
}
