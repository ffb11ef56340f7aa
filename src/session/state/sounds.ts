/** What a route says of sounds that the relay makes by itself. */

/** Mono, 16 bits. */
export interface Sound {
  readonly rateHz: number;
  readonly samples: Int16Array;
}

export type Sounds = ReadonlyMap<string, Sound>;

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
  readonly sounds: readonly Sound[];
}
