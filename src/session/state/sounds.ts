/** What a route says of sounds that the relay makes by itself. */
import type { UpstreamOptions } from "../../upstreams/upstream.ts";

/** Mono, 16 bits. */
export interface Sound {
  readonly rateHz: number;
  readonly samples: Int16Array;
  /** What is said in it; absent: nothing, or nobody knows. */
  readonly words?: string;
}

/** Words that the relay's own voice has to say. */
export interface Sentence {
  readonly text: string;
  /** It is the configuration's: its sound is kept for the next time. */
  readonly fixed?: true;
}

export function isSentence(said: Sound | Sentence): said is Sentence {
  return "text" in said;
}

export type Sounds = ReadonlyMap<string, Sound | Sentence>;

/** The relay's own voice: who says its sentences. */
export interface SpeechPlan {
  /** The synthesiser: options of the cascade's `speech` part. */
  readonly options: UpstreamOptions;
  /** Clients of `duplex.v1` may have something said, too. */
  readonly clients: boolean;
}

export interface BackchannelPlan {
  /** The caller tells for so long. */
  readonly afterMs: number;
  /** From the end of one to the beginning of the next. */
  readonly everyMs: number;
  /** One after the other. */
  readonly sounds: readonly (Sound | Sentence)[];
}

export interface FillerPlan {
  /** The listener hears nothing for so long, though an answer is asked for. */
  readonly afterMs: number;
  /** From the end of one to the beginning of the next. */
  readonly everyMs: number;
  /** So many in one wait. */
  readonly most: number;
  /** Also while a tool of the relay's runs. */
  readonly whileTool: boolean;
  /** One after the other. */
  readonly sounds: readonly (Sound | Sentence)[];
}
