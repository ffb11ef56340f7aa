/** One part of the benchmark `delivery`: what it measures by itself. */
import type { Panel } from "../report.ts";

export interface PartOptions {
  readonly seed: number;
  /** As many cases as the published figures have, however long it takes. */
  readonly full: boolean;
  /** Fewer cases than the part has by itself: for a look. */
  readonly few: number | null;
  readonly say: (line: string) => void;
}

export interface PartResult {
  readonly figures: Readonly<Record<string, unknown>>;
  readonly targets: Readonly<Record<string, unknown>>;
  readonly missed: readonly string[];
  readonly panels: readonly Panel[];
}

export type Part = (options: PartOptions) => Promise<PartResult>;

/** A figure and the most that it may be; null: nothing was measured, which is no success. */
export type Check = readonly [what: string, figure: number | null, most: number];

export function missedBy(checks: readonly Check[]): string[] {
  return checks.flatMap(([what, figure, most]) => {
    if (figure === null) return [`${what}: not measured`];
    return figure > most ? [`${what}: ${figure}, at most ${most}`] : [];
  });
}
