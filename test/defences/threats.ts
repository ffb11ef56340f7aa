/** The rows of docs/security.md's tables of threats. */
export interface Threat {
  readonly threat: string;
  readonly rules: readonly string[];
  readonly tests: readonly string[];
}

const HEAD = "threat defence rule test";

export function threatsIn(text: string): Threat[] {
  const found: Threat[] = [];
  let inTable = false;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|")
      ? line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim())
      : [];
    if (cells.length === 0) inTable = false;
    else if (cells.join(" ") === HEAD) inTable = true;
    else if (inTable && !/^-+$/.test(cells[0] ?? "")) found.push(row(cells));
  }
  return found;
}

function row([threat = "", , rules = "", tests = ""]: readonly string[]): Threat {
  return {
    threat,
    rules: rules.split(", "),
    tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file),
  };
}
