/** What crosses the ports between the page and its audio worklets. */
import type { TrackReport } from "./playout.ts";

export const CAPTURE_PROCESSOR = "duplex-capture";
export const PLAYER_PROCESSOR = "duplex-player";

export interface CaptureOptions {
  readonly targetRateHz: number;
  readonly samplesPerFrame: number;
}

export interface PlayerOptions {
  readonly prebufferSamples: number;
  readonly maxQueuedSamples: number;
  readonly maxTracks: number;
}

export type PlayerCommand =
  | { readonly type: "audio"; readonly key: string; readonly stream: number; readonly pcm: Int16Array }
  | { readonly type: "end"; readonly key: string }
  | { readonly type: "flush"; readonly key: string }
  /** Stand still, and go on from that very sample. */
  | { readonly type: "hold" }
  /** Go on at this level, until `release`. */
  | { readonly type: "duck"; readonly level: number }
  | { readonly type: "release" }
  /** Samples that the output device holds, subtracted from what counts as heard. */
  | { readonly type: "latency"; readonly samples: number };

export type PlayerMessage =
  /** Every 20 ms while anything plays. `peak` is the loudest of the mixed samples, 0 to 1. */
  | { readonly type: "report"; readonly peak: number; readonly tracks: readonly TrackReport[] }
  | { readonly type: "overflow"; readonly key: string }
  /** Every 500 ms: the audio thread goes on where a hidden page's timers do not. */
  | { readonly type: "clock" };
