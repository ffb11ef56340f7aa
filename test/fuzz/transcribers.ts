/** Streaming transcribers, hostile and honest: they hear everything and say segments of words. */
import type { JsonObject, UpstreamOptions, WireMessage } from "../../src/upstreams/upstream.ts";
import type { Random } from "../sim/random.ts";
import { PROVIDERS } from "../upstreams/transcription-providers.ts";
import { hostileName, hostileNumber, hostileText, loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { SECRET } from "./provider-grammar.ts";
import { quoteIn, spellKey } from "./quote.ts";
import { bytes } from "./spell.ts";

/** Flux says the same through a Worker's binding, which has no address and takes no headers. */
const BOUND = "workers-ai-flux";

/** At Flux's host, at another path. */
const NOVA = "deepgram-nova";

/** What Nova has heard of a phrase. */
const results = (transcript: string, is_final: boolean): JsonObject => ({
  type: "Results",
  is_final,
  channel: { alternatives: [{ transcript, words: [] }] },
});

const TRANSCRIBERS = [
  ...PROVIDERS,
  ...PROVIDERS.filter(({ adapter }) => adapter === "deepgram-flux").flatMap((flux) => [
    { ...flux, adapter: BOUND },
    {
      ...flux,
      adapter: NOVA,
      // It says nothing that matters before it has heard something.
      hello: { type: "Metadata", request_id: "r" },
      words: (_: number, text: string) => results(text, false),
      end: (_: number, text: string) => [results(text, true)],
    },
  ]),
];

function providerOf(adapter: string) {
  const found = TRANSCRIBERS.find((each) => each.adapter === adapter);
  if (found === undefined) throw new RangeError(`no transcriber is called ${adapter}`);
  return found;
}

/** Of one of them, with the provider's key in its dial. */
export function transcriberOptions(random: Random): UpstreamOptions {
  const { adapter } = random.pick(TRANSCRIBERS);
  if (adapter === BOUND) return { adapter, binding: "AI", model: "@cf/deepgram/flux", settings: {} };
  return { adapter, headers: keyHeaders(adapter), settings: {} };
}

/** The transcriber at this address, if one is. */
export function transcriberAt(url: string): string | undefined {
  const { protocol, host, pathname } = new URL(url);
  if (protocol === "binding:") return BOUND;
  if (pathname === "/v1/listen") return NOVA;
  return PROVIDERS.find(({ adapter }) => host.includes(adapter.split("-")[0] ?? ""))?.adapter;
}

/** What holds the key in a dial. */
function keyHeaders(adapter: string): Record<string, string> {
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
