/** Telephone carriers: what they say, and what they may be told. */
import { encodeMulaw } from "../../src/audio/g711.ts";
import { CARRIERS, type CarrierName } from "../../src/dialects/twilio/carriers.ts";
import { BYTES_PER_MS } from "../../src/dialects/twilio/playback.ts";
import { isJsonObject, parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { Random } from "../sim/random.ts";
import { silence, voice } from "../support/signal.ts";
import { WIRES } from "../dialects/wire.ts";
import { holdsSecret, Violation } from "./checks.ts";
import { hostileName, hostileNumber, loose, type LooseObject } from "./hostile.ts";

export const CALL = "CA_fuzz";

export function isCarrier(name: string): name is CarrierName {
  return Object.hasOwn(CARRIERS, name);
}

const MS = 100;
const muLaw = (samples: Int16Array): string => {
  const out = new Uint8Array(samples.length);
  encodeMulaw(samples, out);
  return out.toBase64();
};
const SPEECH = Array.from({ length: 10 }, (_, n) => muLaw(voice(1_000, 8_000).slice(n * 800, (n + 1) * 800)));
const QUIET = muLaw(silence(MS, 8_000));

/** One call's caller, on whatever connection. */
export class Caller {
  readonly #wire: (typeof WIRES)[CarrierName];
  readonly #marks: string[] = [];
  #sequence = 1;
  #spoken = 0;

  constructor(carrier: CarrierName) {
    this.#wire = WIRES[carrier];
  }

  /** A mark that the relay sent. */
  marked(name: string): void {
    this.#marks.push(name);
    if (this.#marks.length > 40) this.#marks.shift();
  }

  start(random: Random): LooseObject {
    this.#sequence = 1;
    return loose(this.#wire.start(random.chance(0.99) ? CALL : "CA_other") as JsonObject) as LooseObject;
  }

  /** The next message: mostly a tenth of a second of a caller who speaks every other second. */
  next(random: Random): LooseObject {
    this.#sequence += random.chance(0.97) ? 1 : random.pick([0, 2, -3, 1e9]);
    const sequence = random.chance(0.98) ? this.#sequence : hostileNumber(random);
    return loose(this.#message(random, sequence) as JsonObject) as LooseObject;
  }

  #message(random: Random, sequence: number): object {
    const kind = random.next();
    if (kind < 0.62) {
      this.#spoken += 1;
      return this.#wire.media(sequence, SPEECH[this.#spoken % 20] ?? QUIET);
    }
    if (kind < 0.82) {
      const name = random.chance(0.9) ? (this.#marks.shift() ?? "none") : hostileName(random);
      return this.#wire.mark(sequence, name);
    }
    if (kind < 0.92) return this.#wire.key(sequence, random.pick(["1", "#", "*", "9", "A", "12", ""]));
    if (kind < 0.94) return this.start(random);
    if (kind < 0.998)
      return { event: random.pick(["connected", "clearedAudio", "error", hostileName(random)]) };
    return { ...this.#wire.mark(sequence, "x"), event: "stop" };
  }
}

/** What a carrier may be told: audio, marks and clears of its own stream, and nothing else. */
export class PhoneWatch {
  readonly #name: CarrierName;

  constructor(name: CarrierName) {
    this.#name = name;
  }

  /** @returns the name of a mark, or null. @throws Violation */
  message(data: string | Uint8Array): string | null {
    if (typeof data !== "string") throw new Violation("dialect", "a telephone is sent a binary message");
    if (holdsSecret(data)) throw new Violation("secret", `a telephone is told the provider's key: ${data}`);
    const message = parseJsonObject(data);
    if (message === null) throw new Violation("json", `a telephone is sent what is no JSON object: ${data}`);
    const carrier = CARRIERS[this.#name];
    const stream = message[carrier.stream];
    if (typeof stream !== "string" || stream === "")
      throw new Violation("shape", `a message of no stream: ${data}`);
    const event = message["event"];
    if (event === carrier.clear().event) return null;
    if (event === carrier.media("").event) {
      const { media } = message;
      const payload = isJsonObject(media) ? media["payload"] : null;
      if (typeof payload !== "string" || !/^[A-Za-z0-9+/]+={0,2}$/.test(payload))
        throw new Violation("shape", `audio without a payload: ${data}`);
      const ms = Uint8Array.fromBase64(payload).byteLength / BYTES_PER_MS;
      if (ms < carrier.leastMs)
        throw new Violation("shape", `${ms} ms of audio, where ${carrier.leastMs} are the least: ${data}`);
      return null;
    }
    if (event !== carrier.mark("").event)
      throw new Violation("type", `a telephone is told what it does not know: ${data}`);
    const { mark } = message;
    const name = isJsonObject(mark) ? mark["name"] : message["name"];
    if (typeof name !== "string" || name === "" || name.length > 256)
      throw new Violation("shape", `a mark without a name: ${data}`);
    return name;
  }
}
