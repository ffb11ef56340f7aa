/** Whoever hears the caller. */
import type { AudioFormat } from "../../audio/format.ts";
import type { AudioChunk } from "../../upstreams/upstream.ts";

/** Someone who takes the caller's audio: an upstream, or the archive. */
export interface AudioTap {
  readonly format: AudioFormat;
  /** Position (ticks) of the next sample to deliver: the same one whatever the format becomes. */
  cursor: number;
  deliver(chunk: AudioChunk): void;
  /** What it was to have between two positions is gone from the history. */
  missed?(fromTicks: number, toTicks: number): void;
}
