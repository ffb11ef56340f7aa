/** What the oracle's scripts have their clients say: valid events in a sensible order, to begin from. */
import { draw } from "../oracle/draw.ts";
import { resolved } from "../oracle/script.ts";
import type { Random } from "../sim/random.ts";
import { loose, type LooseObject } from "./hostile.ts";
import type { Known } from "./known.ts";

const SCRIPTS = 60;

const EVENTS: readonly (readonly [LooseObject, ...LooseObject[]])[] = Array.from(
  { length: SCRIPTS },
  (_, n) => draw(1, n + 1).steps.flatMap((step) => (step.do === "send" ? [step.event as LooseObject] : [])),
).filter((events): events is [LooseObject, ...LooseObject[]] => events.length > 0);

/** The next event of a script; `at` counts through it. */
export class Corpus {
  readonly #events: readonly LooseObject[];
  #at = 0;

  constructor(random: Random) {
    this.#events = random.pick(EVENTS);
  }

  next(known: Known): LooseObject {
    const event = this.#events[this.#at % this.#events.length] ?? { type: "response.create" };
    this.#at += 1;
    const names = new Map([
      ["$assistant", known.items.at(-1) ?? "none"],
      ["$user", known.items[0] ?? "none"],
      ["$item", known.items.at(-1) ?? "none"],
      ["$call", known.calls.at(-1) ?? "none"],
      ["$response", known.responses.at(-1) ?? "none"],
    ]);
    return loose(resolved(event, names)) as LooseObject;
  }
}
