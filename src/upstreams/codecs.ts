/** Codecs that some adapters need and most deployments do not: `codecs` of relay.config.ts hands them over, so that only who uses one has it in the Worker. */

/** One packet after the other; what one remembers of the former is in its own memory. */
export interface OpusEncoder {
  /** @param samples as many as the codec's `frameSamples`. @returns a view that is valid until the codec's next call; null: it failed. */
  encode(samples: Int16Array): Uint8Array | null;
}

export interface OpusDecoder {
  /** @returns a view that is valid until the codec's next call; null: it is no packet of Opus. */
  decode(packet: Uint8Array): Int16Array | null;
}

/** Opus, mono, 24 kHz. One serves all sessions of an isolate. */
export interface OpusCodec {
  /** Samples in a packet that is made. */
  readonly frameSamples: number;
  /** Samples at 24 kHz by which what is decoded is late. */
  readonly lookaheadSamples: number;
  encoder(): OpusEncoder;
  decoder(): OpusDecoder;
}

export interface Codecs {
  /** Asked when the first sound comes: a WASM module is not instantiated before. */
  readonly opus?: (() => OpusCodec) | undefined;
}
