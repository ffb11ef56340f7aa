/**
 * Opus by libopus in WASM. What an encoder or a decoder remembers is one block of memory that may be copied as it is
 * (`opus.h`), so each keeps its own outside, and the one instance of an isolate works on it between a copy in and a copy out:
 * nothing has to be given back, and a session that is gone leaves nothing behind.
 */
import type { OpusCodec, OpusDecoder, OpusEncoder } from "../codecs.ts";
import { MOST_PACKET } from "./ogg-reader.ts";

/** Exports of the WASM module of `@evan/opus`, of which these are used. */
export interface LibOpusExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  /** Once, before anything else. */
  _initialize(): void;
  malloc(bytes: number): number;
  stackSave(): number;
  stackRestore(at: number): void;
  opus_encoder_get_size(channels: number): number;
  opus_encoder_init(at: number, rateHz: number, channels: number, application: number): number;
  opus_encoder_ctl_set(at: number, request: number, value: number): number;
  opus_encoder_ctl_get(at: number, request: number): number;
  opus_encode(at: number, pcm: number, samples: number, packet: number, most: number): number;
  opus_decoder_get_size(channels: number): number;
  opus_decoder_init(at: number, rateHz: number, channels: number): number;
  opus_decode(at: number, packet: number, bytes: number, pcm: number, samples: number, fec: number): number;
}

/** What the module imports. It prints when it gives up, which nobody reads, and then ends: that is a trap of the call that it was in. */
export const LIBOPUS_IMPORTS = {
  env: { emscripten_notify_memory_growth: () => undefined },
  wasi_snapshot_preview1: {
    fd_close: () => 0,
    fd_seek: () => 0,
    fd_write: () => 0,
    proc_exit() {
      throw new Error("libopus gave up.");
    },
  },
};

const RATE_HZ = 24_000;
const FRAME_SAMPLES = 480;
/** 120 ms: no packet has more. */
const MOST_SAMPLES = 2880;
const VOIP = 2048;
const [SET_COMPLEXITY, GET_LOOKAHEAD] = [4010, 4027];
/** As Kyutai's own page encodes: 7 ms of a core for a second of speech, where the highest takes 18 (`npm run bench -- opus`). */
const COMPLEXITY = 0;

export class LibOpus implements OpusCodec {
  readonly frameSamples = FRAME_SAMPLES;
  readonly lookaheadSamples: number;
  readonly #exports: LibOpusExports;
  readonly #encoder: Slot;
  readonly #decoder: Slot;
  readonly #pcm: number;
  readonly #packet: number;

  /** @param complexity 0 to 10: how long it looks for the shortest packet */
  constructor(exports: LibOpusExports, complexity = COMPLEXITY) {
    this.#exports = exports;
    exports._initialize();
    this.#encoder = slot(exports, exports.opus_encoder_get_size(1));
    this.#decoder = slot(exports, exports.opus_decoder_get_size(1));
    this.#pcm = exports.malloc(MOST_SAMPLES * 2);
    this.#packet = exports.malloc(MOST_PACKET);
    const { at } = this.#encoder;
    const faults = [
      exports.opus_encoder_init(at, RATE_HZ, 1, VOIP),
      exports.opus_encoder_ctl_set(at, SET_COMPLEXITY, complexity),
      exports.opus_decoder_init(this.#decoder.at, RATE_HZ, 1),
    ];
    if (faults.some((fault) => fault !== 0)) throw new Error("libopus does not begin.");
    this.lookaheadSamples = exports.opus_encoder_ctl_get(at, GET_LOOKAHEAD);
    for (const each of [this.#encoder, this.#decoder])
      each.blank.set(this.#bytes(each.at, each.blank.length));
  }

  encoder(): OpusEncoder {
    const { at, blank } = this.#encoder;
    const memory = blank.slice();
    return {
      encode: (samples) => {
        this.#bytes(this.#pcm, samples.byteLength).set(bytesOf(samples));
        const length = this.#run(at, memory, () =>
          this.#exports.opus_encode(at, this.#pcm, samples.length, this.#packet, MOST_PACKET),
        );
        return length <= 0 ? null : this.#bytes(this.#packet, length);
      },
    };
  }

  decoder(): OpusDecoder {
    const { at, blank } = this.#decoder;
    const memory = blank.slice();
    return {
      decode: (packet) => {
        // libopus takes nothing at all for a packet that was lost, and makes one up.
        if (packet.length === 0 || packet.length > MOST_PACKET) return null;
        this.#bytes(this.#packet, packet.length).set(packet);
        const samples = this.#run(at, memory, () =>
          this.#exports.opus_decode(at, this.#packet, packet.length, this.#pcm, MOST_SAMPLES, 0),
        );
        return samples < 0 ? null : new Int16Array(this.#exports.memory.buffer, this.#pcm, samples);
      },
    };
  }

  /** Calls what works on the memory at an address. @returns what it returns, or −1: it trapped, and all is as before. */
  #run(at: number, memory: Uint8Array, call: () => number): number {
    this.#bytes(at, memory.length).set(memory);
    const stack = this.#exports.stackSave();
    try {
      const result = call();
      memory.set(this.#bytes(at, memory.length));
      return result;
    } catch {
      this.#exports.stackRestore(stack);
      return -1;
    }
  }

  /** Its memory may have moved since the last call. */
  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, at, length);
  }
}

interface Slot {
  readonly at: number;
  /** What is there before anything was encoded or decoded. */
  readonly blank: Uint8Array;
}

function slot(exports: LibOpusExports, size: number): Slot {
  return { at: exports.malloc(size), blank: new Uint8Array(size) };
}

function bytesOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}
