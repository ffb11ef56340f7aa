/** What the pieces of `Responses` share. */
import type { Context } from "../context.ts";
import type { OutputGate } from "./output-gate.ts";
import type { OutputItems } from "./output-items.ts";
import type { OwedEnds } from "./owed-ends.ts";
import type { ResponseClock } from "./response-clock.ts";
import type { ResponseRecords } from "./response-records.ts";
import type { ResponseWriter } from "./response-writer.ts";
import type { ResponseSession } from "./response-session.ts";

export interface ResponseParts {
  readonly context: Context;
  readonly writer: ResponseWriter;
  readonly session: ResponseSession;
  readonly records: ResponseRecords;
  readonly gate: OutputGate;
  readonly items: OutputItems;
  readonly clock: ResponseClock;
  readonly ends: OwedEnds;
}
