/** The same call over every speaker adapter: three turns, a tool call, an interruption, a rollover, and a loss in mid-sentence. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { BEFORE_LOSS, BEFORE_ROLLOVER, figuresOf, MARKS } from "./judge.ts";
import { Played } from "./play.ts";
import { scriptFor, WORDS } from "./script.ts";
import { TABLE } from "./table.ts";

const SPOKEN_MS = 3300;

describe.each(TABLE)("the same call over $name", ({ provider, lacks, givesWay, afterLoss = "asked" }) => {
  test("[U300] is heard sample by sample in both directions, and known whole by whoever comes next", () => {
    const played = new Played(provider).play(scriptFor(afterLoss));
    const figures = figuresOf(played);
    const { capabilities } = createUpstream(provider.options);

    const said = (SPOKEN_MS * provider.hearsHz) / 1000;
    expect(figures.caller).toEqual({ said, missing: 0, doubled: 0, disordered: 0, foreign: 0 });
    expect(lacks.transcription === undefined).toBe(capabilities.transcription);
    expect(figures.transcripts).toEqual(lacks.transcription === undefined ? WORDS : []);

    const [interrupted, booked, broken, rest] = figures.answers;
    expect(figures.answers.map(({ wrong }) => wrong)).toEqual(figures.answers.map(() => 0));
    expect(interrupted).toMatchObject({
      ended: "cut",
      status: lacks.interruption === undefined ? "cancelled" : "completed",
    });
    expect(interrupted?.heard).toBeGreaterThan(0);
    expect(booked).toMatchObject({ ended: "whole", status: "completed", heard: booked?.sent });
    expect(broken).toMatchObject({
      ended: afterLoss === "resumed" ? "whole" : "lost",
      status: afterLoss === "asked" ? "failed" : "completed",
      heard: broken?.sent,
    });
    expect(lacks.continuation === undefined).toBe(afterLoss !== "silent");
    if (afterLoss === "asked")
      expect(rest).toMatchObject({ ended: "whole", status: "completed", heard: rest?.sent });
    else expect(rest).toBeUndefined();
    expect(figures.lifecycle).toEqual([]);

    expect(figures.tool).toEqual({ called: 1, told: 1 });
    expect(lacks.truncation === undefined).toBe(capabilities.truncate);
    expect(figures.cut.playedMs).toBeGreaterThan(1000);
    const placed = lacks.truncation === undefined && lacks.place === undefined;
    expect(figures.cut.told).toBe(placed ? figures.cut.playedMs : null);
    // What the connection hears itself it is not told, but for the result.
    expect(figures.cut.knows).toEqual(
      lacks.place === undefined ? ["Quillfeather"] : BEFORE_ROLLOVER.slice(0, 4),
    );
    expect(figures.cut.stopped).toBe(lacks.stop === undefined && givesWay === undefined ? 1 : 0);

    const known = (marks: readonly string[]) =>
      marks.filter(
        (mark) => lacks.transcription === undefined || !WORDS.some((words) => words.includes(mark)),
      );
    expect(figures.knows).toEqual([
      // A text model is told with what is asked of it, and that is the third turn.
      known(lacks.place === undefined ? BEFORE_ROLLOVER : MARKS.slice(0, 6)),
      afterLoss === "resumed" ? [] : known(BEFORE_LOSS),
    ]);
    expect(figures.resumed).toEqual([false, afterLoss === "resumed"]);
    expect(figures.used.session).toEqual(figures.used.provider);
    const { client, unended } = figures.used;
    expect([client[0] + unended[0], client[1] + unended[1]]).toEqual(figures.used.provider);
    if (lacks.tokens === undefined) expect(figures.used.provider[0]).toBeGreaterThan(0);
    else expect(figures.used.provider).toEqual([0, 0]);
    expect(figures.used.seconds[1]).toBe(figures.used.seconds[0]);
    expect(figures.refused).toEqual([]);
    // A loss that is made good is not told a plain client, whose framework might end the call (L220).
    expect(figures.errors).toEqual([]);
  });
});
