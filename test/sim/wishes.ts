/**
 * Calls in which an application wants several answers at once, more than may be given: while its caller speaks, one to what it
 * brings itself, and others beside the conversation. Each that is not refused is asked for once, whatever else is owed.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { SimulatedCall } from "./call.ts";
import { text } from "./fields.ts";
import type { Random } from "./random.ts";
import { SHADOW } from "./shadow.ts";
import type { World } from "./world.ts";

export const ASKS_AT_ONCE = "caller.asks_at_once";

/** After each other; and in each so many answers beside the conversation. */
const BURSTS = 2;
const BESIDE = [4, 5, 6, 7];
export const MOST_WISHES = 1 + Math.max(...BESIDE);
/** So seldom one begins while somebody speaks, looked at as often. */
const BEGINS = 0.15;
const LOOKS_MS = 50;

/** What takes a wish back or puts another in its place, loses it on its way, or asks again for it. */
const BESIDES = /^(?:platform|network|client|provider|guard)\.|^caller\.(?:c|vad)/;

export class Wishes {
  readonly #world: World;
  /** How often each was asked for. */
  readonly #asked = new Map<string, number>();
  #count = 0;

  constructor(world: World) {
    this.#world = world;
  }

  next(response: JsonObject): JsonObject {
    this.#count += 1;
    const id = `wish ${this.#count}`;
    this.#asked.set(id, 0);
    return { type: "response.create", event_id: id, response: { ...response, instructions: id } };
  }

  /** The client is told so. */
  refused(id: string): void {
    if (this.#asked.delete(id)) this.#world.checks.count("wishes refused");
  }

  /** A provider is asked for an answer. */
  asked(provider: string, { instructions }: Readonly<Record<string, unknown>>): void {
    // A shadow is asked besides.
    if (provider === SHADOW) return;
    const id = text(instructions);
    const before = this.#asked.get(id);
    if (before !== undefined) this.#asked.set(id, before + 1);
  }

  /** Nothing more comes. */
  look(): void {
    const { checks, scenario } = this.#world;
    if (scenario.faults.some((name) => BESIDES.test(name))) return;
    for (const [id, times] of this.#asked) {
      checks.count("wishes");
      if (times === 0) checks.fail("never-asked", `nobody was ever asked for ${id}`);
      if (times > 1) checks.fail("asked-twice", `${id} was asked for ${times} times`);
    }
  }
}

const OWN = { input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "Greet." }] }] };

/** All answers are long: what is wanted meanwhile has to wait. */
export function asksAtOnce(call: SimulatedCall, random: Random): void {
  const { client, checks, time, wishes } = call;
  for (const { onAnswer } of call.providers.values())
    onAnswer.push((performance) => Object.assign(performance, { totalMs: 2000, pace: 1.2 }));
  let left = BURSTS;
  let looked: unknown = null;
  const look = (): void => {
    if (client.over || left === 0) return;
    const spoken = client.caller.utterances.at(-1);
    // Of two in one turn the later one takes the place of the other.
    if (client.caller.speaking && spoken !== looked && random.chance(BEGINS)) {
      looked = spoken;
      left -= 1;
      checks.strike(ASKS_AT_ONCE);
      client.name("own response.create");
      client.line.send(wishes.next(OWN));
      for (let beside = random.pick(BESIDE); beside > 0; beside -= 1)
        client.line.send(wishes.next({ conversation: "none" }));
    }
    time.after(LOOKS_MS, look);
  };
  look();
}
