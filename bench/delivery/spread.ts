/** Figures over many. */
export interface Spread {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly max: number | null;
  readonly count: number;
}

export function spread(values: readonly (number | null)[]): Spread {
  const sorted = values.filter((value) => value !== null).toSorted((a, b) => a - b);
  const at = (share: number): number | null =>
    sorted.length === 0
      ? null
      : fixed(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p95: at(0.95), max: at(1), count: sorted.length };
}

export function fixed(value: number): number {
  return Number(value.toFixed(1));
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
