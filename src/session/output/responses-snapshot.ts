import type { GateSnapshot } from "./output-gate.ts";
import type { OwedEndsSnapshot } from "./owed-ends.ts";
import type { ResponseRecordsSnapshot } from "./response-records.ts";

export interface ResponsesSnapshot extends ResponseRecordsSnapshot {
  readonly gate: GateSnapshot;
  readonly ends: OwedEndsSnapshot;
}
