/**
 * Calls in which something is typed while an answer is awaited, under a guard of what the caller says: whoever is asked next (a
 * hedge's next, another connection, the next turn) knows the words, and is not asked before all of them have passed or are gone.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import type { SimulatedCall } from "./call.ts";
import { fields } from "./fields.ts";
import type { Random } from "./random.ts";
import type { Scenario, World } from "./world.ts";

export const GUARD_WORDS = "guard.words";

const MODERATOR = { adapter: "openai", url: "https://moderator.sim/", headers: {}, model: "m" } as const;
/** Longer than a transcript takes and then a moderator that is in time. */
const WAIT_MS = 2500;
const JUDGED_WITHIN_MS = 900;
/** Of so many texts one is refused. */
const REFUSES_EVERY = 4;

/** Drawn only where it is named: all other calls are what they were. Of one voice that is known to repeat names. */
export function withTyped(random: Random, scenario: Scenario): Scenario {
  const [first] = scenario.upstreams;
  if (!scenario.faults.includes(GUARD_WORDS) || first === undefined) return scenario;
  const alone = scenario.upstreams.length === 1 && random.chance(0.3);
  const two = scenario.upstreams.length > 1 ? scenario.upstreams : [first, { ...first, name: "p1" }];
  const upstreams = (alone ? [first] : two).map((one) => ({ ...one, profile: "openai" as const }));
  const hedge = { name: "hedge", hedgeMs: random.pick([50, 300, 600]) } as const;
  const strategy = alone ? null : random.chance(0.7) ? hedge : ({ name: "failover" } as const);
  const audio = fields(scenario.session["audio"]);
  const input = { ...fields(audio["input"]), transcription: { model: "whisper" } };
  const { eager_ms: _, ...relay } = fields(scenario.session["relay"]);
  return {
    ...scenario,
    upstreams,
    strategy,
    eager: false,
    transcriber: null,
    session: { ...scenario.session, relay, audio: { ...audio, input } },
    guard: { input: { moderators: [MODERATOR], fail: "closed", waitMs: WAIT_MS } },
  };
}

export class Typed {
  readonly #world: World;
  readonly #random: Random;
  readonly #passed = new Set<string>();
  #count = 0;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** What the application says for its caller. */
  next(): JsonObject {
    this.#count += 1;
    const text = `typed ${this.#count}: ${this.#count % REFUSES_EVERY === 1 ? "nasty" : "plain"}`;
    return { type: "message", role: "user", content: [{ type: "input_text", text }] };
  }

  /** A moderator is asked. */
  judge(text: string): Promise<string | null> {
    const { checks, time } = this.#world;
    const late = this.#random.chance(0.05);
    const fails = this.#random.chance(0.03);
    const afterMs = late
      ? this.#random.between(WAIT_MS, 2 * WAIT_MS)
      : this.#random.between(5, JUDGED_WITHIN_MS);
    const refused = text.includes("nasty");
    checks.note(() => `moderator ← ${text}`);
    return new Promise((resolve, reject) => {
      time.after(afterMs, () => {
        checks.note(() => `moderator → ${fails ? "nothing" : refused ? "refused" : "passes"}: ${text}`);
        time.unsettled();
        if (fails) return reject(new Error("no moderator"));
        if (!refused) this.#passed.add(text);
        resolve(refused ? "nastiness" : null);
      });
    });
  }

  /** A provider is asked for an answer, and knows what was typed. */
  look(provider: string, texts: Iterable<string>): void {
    const { checks } = this.#world;
    for (const text of texts) {
      checks.count("guard: typed words that an answer knew");
      if (!this.#passed.has(text))
        checks.fail("asked-unjudged", `${provider} is asked, and knows "${text}", which has not passed`);
    }
  }
}

/** While an answer is awaited, which may be long in coming, or never come from who was asked first. */
export function typeMeanwhile(call: SimulatedCall, random: Random): void {
  for (const { onAnswer } of call.providers.values())
    onAnswer.push((performance) => {
      if (random.chance(0.5)) performance.thinkMs += random.between(200, 1100);
      if (!random.chance(0.4)) return;
      call.time.after(random.between(1, 250), () => {
        if (call.client.over) return;
        call.checks.strike(GUARD_WORDS);
        for (let left = random.int(1, 3); left > 0; left -= 1)
          call.client.line.send({ type: "conversation.item.create", item: call.typed.next() });
      });
    });
}

/** An answer may be asked for so much later: what the caller says is judged before. */
export function judgedMs({ guard }: Scenario): number {
  return guard?.input?.waitMs ?? 0;
}
