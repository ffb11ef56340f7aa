import { describe, expect, it } from "vitest";
import { citationsIn, disagreements, rulesIn } from "../../tools/spec.ts";
import { misworded } from "../../tools/spec/wording.ts";

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

describe("the wording of rules", () => {
  const faults = (...rules: string[]) =>
    misworded("SPEC.md", rules.map((text, at) => `- **A${at + 1}** ${text}`).join("\n"));

  it.each([
    ["an event at the beginning", "Response.cancel ends the answer.", "the name Response.cancel"],
    ["an event in the middle", "The client sends session.update first.", "the name session.update"],
    ["a protocol", "A duplex.v1 client may resume.", "the name duplex.v1"],
    ["a member", "Idle_timeout_ms fires.", "the name Idle_timeout_ms"],
    ["a setting", "The next one is asked after hedgeMs.", "the name hedgeMs"],
    ["a binding", "Without RELAY_DEV it is refused.", "the name RELAY_DEV"],
  ])("[T7] tells a name of the wire outside of backticks: %s", (_, rule, name) => {
    expect(faults("`a_b` begins.", rule)).toEqual([
      `SPEC.md:2: rule A2: ${name} stands outside of backticks`,
    ]);
  });

  it("[T7] leaves units, sentences, links and what stands in backticks alone", () => {
    expect(
      faults(
        "At 24 kHz it is 15 dB, or 8 kB.",
        "`session.update {a_b}` ends. The next begins (see [wire](docs/the_wire.md)).",
        '10 s are enough. "Yes, vLLM-Omni." (It is.)',
      ),
    ).toEqual([]);
  });

  it("[T7] tells a rule that begins with a small letter, leans on another or has no full stop", () => {
    expect(
      faults("a client ends.", "So does the other.", "One that says anything is not.", "A client"),
    ).toEqual([
      "SPEC.md:1: rule A1: it begins with a small letter",
      'SPEC.md:2: rule A2: "So" leans on the rule above it',
      'SPEC.md:3: rule A3: "One that" leans on the rule above it',
      "SPEC.md:4: rule A4: it does not end with a full stop",
    ]);
  });

  it("[T7] reads a rule to the end of its lines", () => {
    expect(misworded("SPEC.md", "- **A1** It ends\n  here, with a_b\n\nand no_rule")).toEqual([
      "SPEC.md:1: rule A1: the name a_b stands outside of backticks",
      'SPEC.md:1: rule A1: "It" leans on the rule above it',
      "SPEC.md:1: rule A1: it does not end with a full stop",
    ]);
  });
});
