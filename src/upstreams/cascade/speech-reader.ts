/** What is done with what comes of the synthesiser, whatever it comes by. */
import type { StageFault } from "../channels/http-fault.ts";
import type { Mark } from "./history.ts";
import type { JsonObject, ResponseHead, WireMessage } from "../upstream.ts";

export const SPEECH_STAGE = "The synthesiser";

/** One sentence or more on its way to sound. */
export interface Speech {
  /** Bytes of whole samples so far. */
  readonly bytes: number;
  /** Nothing more comes of it, though what it came by is still open. */
  readonly whole: boolean;
  /** `head` null: a socket is open. @returns what is sent to it. */
  opened(head: ResponseHead | null): readonly string[];
  /** @returns whole samples, at an even offset, none where it is no sound; a fault: nothing more of it is to be read. */
  data(message: WireMessage): Uint8Array | StageFault;
  /** It ended, as it should. @returns what is wrong with it, or null. */
  end(): StageFault | null;
  /** Up to where its text is spoken when, as far as that came since the last look: in milliseconds of its own sound. */
  marks?(): readonly Mark[];
  snapshot(): JsonObject;
  /** Takes what `snapshot` of one with the same settings returned. */
  restore(state: JsonObject): void;
}
