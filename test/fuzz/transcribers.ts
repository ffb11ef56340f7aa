/** Streaming transcribers, hostile and honest: they hear everything and say segments of words. */
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import type { Random } from "../sim/random.ts";
import { PROVIDERS } from "../upstreams/transcription-providers.ts";
import { hostileName, hostileNumber, hostileText, loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { SECRET } from "./provider-grammar.ts";
import { quoteIn, spellKey } from "./quote.ts";
import { bytes } from "./spell.ts";

export const TRANSCRIBERS = PROVIDERS;

function providerOf(adapter: string) {
  const found = PROVIDERS.find((each) => each.adapter === adapter);
  if (found === undefined) throw new RangeError(`no transcriber is called ${adapter}`);
  return found;
}

/** What holds the key in a dial. */
export function keyHeaders(adapter: string): Record<string, string> {
  const [[name, value] = ["Authorization", ""]] = Object.entries(providerOf(adapter).headers);
  return { [name]: value.includes(" ") ? `${value.split(" ")[0]} ${SECRET}` : SECRET };
}

export class HostileTranscriber {
  readonly #provider: ReturnType<typeof providerOf>;
  readonly #due: LooseObject[];
  #segment = 0;

  constructor(adapter: string) {
    this.#provider = providerOf(adapter);
    this.#due = [loose(this.#provider.hello) as LooseObject];
  }

  receive(): void {}

  say(random: Random, hostility: number): string | Uint8Array {
    if (random.chance(0.02 * hostility)) return bytes(random);
    const event = this.#next(random, hostility);
    if (random.chance(0.35 * hostility)) mutate(event, random, ["1", "segment_0"]);
    const fault = event["type"] === "Error" || typeof event["error"] === "string";
    if (fault) quoteIn(event, ["description", "error", "code"], random);
    const message = spellKey(event, random, 0.08 * hostility);
    return typeof message === "string" && random.chance(0.2) ? new TextEncoder().encode(message) : message;
  }

  #next(random: Random, hostility: number): LooseObject {
    const due = this.#due.shift();
    if (due !== undefined) return due;
    const kind = random.next();
    if (kind < 0.05 * hostility) return loose(this.#provider.refusal) as LooseObject;
    if (kind < 0.1 * hostility) return { type: hostileName(random), message_type: hostileName(random) };
    const words = random.pick(["", "hello", "hello there", "Hello there, how are you?", "mhm"]);
    const text = random.chance(0.1 * hostility) ? hostileText(random) : words;
    const at = random.chance(0.1 * hostility) ? hostileNumber(random) : this.#segment;
    if (random.chance(0.6)) return loose(this.#provider.words(at, text)) as LooseObject;
    this.#segment += 1;
    const ends = this.#provider.end(at, text).map((event) => loose(event) as LooseObject);
    this.#due.push(...ends.slice(1));
    return ends[0] ?? {};
  }
}

export class HonestTranscriber {
  readonly #hello: string;

  constructor(adapter: string) {
    this.#hello = JSON.stringify(providerOf(adapter).hello);
  }

  opened(): readonly WireMessage[] {
    return [this.#hello];
  }

  receive(): readonly WireMessage[] {
    return [];
  }
}
