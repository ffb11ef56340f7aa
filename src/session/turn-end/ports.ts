/** What the end of a turn uses of other parts of the session. Whoever joins the parts passes the real ones. */
import type { EndpointerOptions } from "../../audio/endpointer.ts";

/** The caller's audio: what was said before a silence. */
export interface AudioInput {
  readonly ticks: number;
  readonly endpointer: { readonly options: EndpointerOptions };
  latest(ms: number, fromTicks: number): Int16Array;
}
