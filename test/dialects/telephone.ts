/** A telephone at a session, as its carrier speaks. */
import type { Dialect } from "../../src/session/io.ts";
import type { CarrierName } from "../../src/dialects/twilio/carriers.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { encodeMulaw } from "../../src/audio/g711.ts";
import { Call } from "../support/call.ts";
import { voice } from "../support/signal.ts";
import { type Said, WIRES, type Wire } from "./wire.ts";

const MU_LAW = { type: "audio/pcmu" } as const;
// Whatever is said goes to the provider as it comes.
const AUDIO = { input: { format: MU_LAW, turn_detection: null }, output: { format: MU_LAW } };
/** An upstream that speaks G.711. */
const G711 = { name: "wire", options: { adapter: "wire", settings: { input: MU_LAW, output: MU_LAW } } };
/** Any byte but that of minus zero, which becomes zero. */
export const sound = (n: number): number => ((n & 0xff) === 0x7f ? 0xff : n & 0xff);
export const QUIET = new Uint8Array(160).fill(0xff);

export function spoken(ms: number): Uint8Array {
  const at24k = voice(ms);
  const at8k = Int16Array.from({ length: at24k.length / 3 }, (_, at) => at24k[at * 3] ?? 0);
  const bytes = new Uint8Array(at8k.length);
  encodeMulaw(at8k, bytes);
  return bytes;
}

export class Telephone {
  readonly call: Call;
  readonly wire: Wire;
  #sequence = 1;

  constructor(
    carrier: CarrierName,
    settings: JsonObject = { call: "CA1", keys: true },
    turn_detection: JsonObject | null = null,
  ) {
    this.wire = WIRES[carrier];
    this.call = new Call({
      dialect: carrier satisfies Dialect,
      dialectSettings: settings,
      upstreams: [G711],
      session: { audio: { ...AUDIO, input: { ...AUDIO.input, turn_detection } } },
    });
  }

  start(call?: string): this {
    this.#sequence = 1;
    this.say(this.wire.start(call));
    return this;
  }

  say(message: object | string | Uint8Array): void {
    const raw = typeof message === "string" || message instanceof Uint8Array;
    this.call.client(raw ? message : JSON.stringify(message));
  }

  next(skip = 0): number {
    this.#sequence += 1 + skip;
    return this.#sequence;
  }

  media(bytes: Uint8Array, skip = 0): void {
    this.say(this.wire.media(this.next(skip), bytes.toBase64()));
  }

  mark(name: string | undefined): void {
    this.say(this.wire.mark(this.next(), name ?? ""));
  }

  press(key: string): void {
    this.say(this.wire.key(this.next(), key));
  }

  /** 20 ms after 20 ms. */
  wait(ms: number): void {
    for (let at = 0; at < ms; at += 20) {
      this.media(QUIET);
      this.call.advance(20);
    }
  }

  /** The agent is asked, and says so much. */
  answer(ms: number, item = "i", fill = 0x55): void {
    const audio = new Uint8Array(ms * 8).fill(fill).toBase64();
    this.call.beginAnswer();
    this.call.upstream({ type: "audio", response: "r", item, audio });
  }

  /** All the audio that was sent. */
  get audio(): Uint8Array {
    const payloads = this.call.events.flatMap((message) => this.wire.audioOf(message as Said) ?? []);
    return Uint8Array.from(payloads.flatMap((payload) => [...Uint8Array.fromBase64(payload)]));
  }

  get marks(): readonly string[] {
    return this.call.events.flatMap((message) => this.wire.markOf(message as Said) ?? []);
  }

  get clears(): number {
    const clear = JSON.stringify(this.wire.clear);
    return this.call.events.filter((message) => JSON.stringify(message) === clear).length;
  }

  metric(name: string): number {
    return this.call.actions.reduce(
      (sum, action) => sum + (action.type === "metric" && action.name === name ? action.value : 0),
      0,
    );
  }
}
