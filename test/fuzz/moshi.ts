/**
 * Moshi's servers, hostile and honest: binary messages with pages of Ogg in them, packets and what is none, and pieces of words. Their
 * codec loses nothing and costs nothing: libopus has tests of its own.
 */
import { plain } from "../support/opus.ts";
import type { UpstreamOptions, WireMessage } from "../../src/upstreams/upstream.ts";
import { voice } from "../support/signal.ts";
import type { Random } from "../sim/random.ts";
import { kind, oggPage, opusHead, opusTags } from "../support/ogg.ts";
import { hostileText } from "./hostile.ts";
import type { HonestPeer, HostilePeer } from "./peers.ts";
import { SECRET } from "./provider-grammar.ts";
import { bytes } from "./spell.ts";

export const MOSHI_PATH = "/api/chat";

export function moshiOptions(random: Random): UpstreamOptions {
  const server = random.pick(["moshi", "personaplex"]);
  return {
    adapter: "moshi",
    url: `wss://moshi.test${MOSHI_PATH}`,
    headers: { Authorization: `Bearer ${SECRET}` },
    settings: { server },
  };
}

const FRAME = 480;
/** Packets of this sound, in order. */
function packetsOf(samples: Int16Array): readonly Uint8Array[] {
  const encoder = plain().encoder();
  return Array.from({ length: samples.length / FRAME }, (_, n) => {
    const packet = encoder.encode(samples.slice(n * FRAME, (n + 1) * FRAME));
    return packet?.slice() ?? new Uint8Array();
  });
}

const LOUD = packetsOf(voice(200));
const QUIET = packetsOf(new Int16Array(24_000)).slice(10, 14);
const HEAD = oggPage({ flags: 2, packets: [opusHead()] });
const TAGS = oggPage({ packets: [opusTags()] });
const sounds = (...packets: readonly Uint8Array[]): Uint8Array => kind(1, oggPage({ packets }));
const opening = (): Uint8Array => kind(1, Buffer.concat([HEAD, TAGS]));
const REST = sounds(...QUIET);
/** 1.04 s: longer than the pause that ends an answer. */
const pause = (): Uint8Array[] => Array.from({ length: 13 }, () => REST);

const word = (random: Random): Uint8Array =>
  kind(2, random.pick([" Good", " day", ".", "<0xE2>", "<0x82>", "", hostileText(random)]));

function page(random: Random): Uint8Array {
  const packets = Array.from({ length: random.int(0, 5) }, () =>
    random.chance(0.7) ? random.pick(random.chance(0.5) ? LOUD : QUIET) : bytes(random).slice(0, 600),
  );
  const whole = oggPage({
    packets,
    flags: random.chance(0.1) ? random.int(0, 7) : 0,
    serial: random.chance(0.05) ? 7 : 42,
    open: random.chance(0.1),
    wrong: random.chance(0.05) ? 1 : 0,
  });
  return kind(
    1,
    random.chance(0.1) ? whole.subarray(random.int(0, 30), random.int(30, whole.length)) : whole,
  );
}

const ANY: readonly ((random: Random) => Uint8Array)[] = [
  page,
  page,
  word,
  opening,
  (random) => kind(1, oggPage({ flags: 2, packets: [opusHead(random.int(0, 3))] })),
  (random) => kind(random.int(0, 9), bytes(random).slice(0, 200)),
  (random) => kind(5, random.chance(0.5) ? `no model for ${SECRET}` : hostileText(random)),
  (random) => kind(4, '{"pad_mult":0}'.slice(random.int(0, 5))),
  () => kind(6),
];

export class HostileMoshi implements HostilePeer {
  readonly #due: Uint8Array[] = [kind(0), opening()];
  #heard = 0;

  /** It speaks as it is spoken to. */
  receive(_data: WireMessage, random: Random): void {
    this.#heard += 1;
    if (this.#heard % 25 !== 0 || this.#due.length > 60) return;
    this.#due.push(sounds(...LOUD.slice(0, random.int(1, 5))), word(random), sounds(...LOUD.slice(5)));
    if (random.chance(0.7)) this.#due.push(...pause());
  }

  say(random: Random, hostility: number): string | Uint8Array {
    if (random.chance(0.02 * hostility)) return hostileText(random);
    if (random.chance(0.05 * hostility)) return bytes(random);
    if (this.#due.length === 0 || random.chance(0.3 * hostility)) return random.pick(ANY)(random);
    const at = random.chance(0.1 * hostility) ? random.int(0, this.#due.length - 1) : 0;
    const [message = kind(6)] = this.#due.splice(at, 1);
    if (!random.chance(0.1 * hostility)) return message;
    const changed = message.slice();
    changed[random.int(0, changed.length - 1)] = random.int(0, 255);
    return changed;
  }
}

/** A sentence of 200 ms in so many steps of 80: little enough that all of it fits into the socket of a client that the probe never reads. */
const CYCLE_STEPS = 250;
const STEP_GRANULES = 80 * 48;
const SPOKEN = [0, 4, 8].map((at) => sounds(...LOUD.slice(at, at + 4)));

/** It gives 80 ms for each 80 that it hears, and says in them again and again that it is there: nobody can ask it. */
export class HonestMoshi implements HonestPeer {
  #steps = 0;

  opened(): readonly WireMessage[] {
    return [kind(0), opening()];
  }

  receive(data: WireMessage): readonly WireMessage[] {
    if (typeof data === "string") return [];
    // Where the message's first page ends; no sound has two.
    const granule = new DataView(data.buffer, data.byteOffset).getBigUint64(1 + 6, true);
    const heard = Number(granule) / STEP_GRANULES;
    const out: WireMessage[] = [];
    for (; this.#steps < Math.floor(heard); this.#steps += 1) {
      const at = this.#steps % CYCLE_STEPS;
      out.push(SPOKEN[at] ?? REST);
      if (at === 0) out.push(kind(2, " I am here."));
    }
    return out;
  }
}
