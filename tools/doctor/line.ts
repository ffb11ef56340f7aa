/** What the doctor says of one thing, and how it is printed. */
export type Verdict = "ok" | "unknown" | "warning" | "missing";

export interface Line {
  readonly area: "machine" | "wrangler" | "secrets" | "limits" | "routes" | "origins" | "dial";
  readonly what: string;
  /** `missing`: a deploy would not work, or not be safe. `warning`: it would cost more, or less would be known. */
  readonly verdict: Verdict;
  readonly says: string;
  /** What to do; null where there is nothing to do. */
  readonly todo: string | null;
}

export function line(
  area: Line["area"],
  what: string,
  verdict: Verdict,
  says: string,
  todo: string | null = null,
): Line {
  return { area, what, verdict, says, todo };
}

/** `ok`, or `otherwise` with what to do about it. */
export function demand(
  area: Line["area"],
  what: string,
  holds: boolean,
  says: readonly [holding: string, failing: string],
  todo: string,
  otherwise: Verdict = "missing",
): Line {
  return holds ? line(area, what, "ok", says[0]) : line(area, what, otherwise, says[1], todo);
}

const SIGNS: Readonly<Record<Verdict, string>> = { ok: "ok", unknown: "?", warning: "!", missing: "MISSING" };

export function describe(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(({ what }) => what.length));
  const out: string[] = [];
  let area = "";
  for (const each of lines) {
    if (each.area !== area) out.push(`${area === "" ? "" : "\n"}${each.area}`);
    area = each.area;
    out.push(`  ${SIGNS[each.verdict].padEnd(8)} ${each.what.padEnd(width)}  ${each.says}`);
    if (each.todo !== null) out.push(`${" ".repeat(width + 13)}→ ${each.todo}`);
  }
  const count = (verdict: Verdict): number => lines.filter((each) => each.verdict === verdict).length;
  const sum = `${count("missing")} missing, ${count("warning")} warnings, ${count("unknown")} unknown, ${count("ok")} ok`;
  return `${out.join("\n")}\n\n${sum}\n`;
}
