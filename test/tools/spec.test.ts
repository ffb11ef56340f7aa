import { describe, expect, it } from "vitest";
import { citationsIn, disagreements, rulesIn } from "../../tools/spec.ts";

describe("rules and tests", () => {
  it("[T7] finds the rules of a document", () => {
    expect(
      rulesIn("SPEC.md", "# A\n- **A1** first\n  - **B12** nested\n- A2 is none\n**A3** neither"),
    ).toEqual([
      { id: "A1", place: "SPEC.md:2" },
      { id: "B12", place: "SPEC.md:3" },
    ]);
  });

  it("[T7] finds the citations of titles, several in one, whatever the quotes", () => {
    const text = [
      "it('[",
      "A1] one'); it.each([[1]])(`[",
      "A2] [",
      "B3] two %i`); const no = 'x[",
      "A9]';",
    ].join("");
    expect(citationsIn("a.test.ts", text).map(({ id, title }) => [id, title])).toEqual([
      ["A1", "one"],
      ["A2", "two %i"],
      ["B3", "two %i"],
    ]);
  });

  it("[T7] tells rules without tests, tests without rules and rules with one number", () => {
    const rules = rulesIn("SPEC.md", "- **A1** x\n- **A2** y\n- **A1** z");
    const citations = citationsIn("a.test.ts", ['it("[', 'A1] x"); it("[', 'C1] y")'].join(""));
    expect(disagreements(rules, citations)).toEqual([
      "SPEC.md:3: rule A1 is already at SPEC.md:1",
      "SPEC.md:2: no test cites rule A2",
      "a.test.ts:1: there is no rule C1",
    ]);
    expect(disagreements(rulesIn("SPEC.md", "- **A1** x"), citations.slice(0, 1))).toEqual([]);
  });
});
