/** What takes one defence away, and which test then must fail. */
export interface Removal {
  /** The first cell of its row in the tables of docs/security.md. */
  readonly threat: string;
  /** Of SPEC.md: the failing test cites it. */
  readonly rule: string;
  /** What holds no longer. */
  readonly what: string;
  /** The source with the defence, and the text there that occurs once. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly test: string;
  /** A pattern of titles, for files of which the rest takes long: only those are run. */
  readonly named?: string;
}

/** Those of one row. */
export type OfThreat = Omit<Removal, "threat">;

export function against(threat: string, ...removals: readonly OfThreat[]): Removal[] {
  return removals.map((removal) => ({ threat, ...removal }));
}

/** @throws where the text is not there exactly once. */
export function without(source: string, { rule, what, file, from, to }: Removal): string {
  const parts = source.split(from);
  if (parts.length !== 2)
    throw new Error(`${rule} (${what}): ${file} has its text ${parts.length - 1} times`);
  return parts.join(to);
}
