/** The same call over every speaker adapter: three turns, a tool call, an interruption, a rollover, and a loss in mid-sentence. */
import { describe, expect, test } from "vitest";

import { createUpstream } from "../../src/upstreams/index.ts";
import { BEFORE_LOSS, BEFORE_ROLLOVER, figuresOf, WORDS } from "./judge.ts";
import { Played } from "./play.ts";
import { TABLE } from "./table.ts";

describe.each(TABLE)("the same call over $name", ({ provider, lacks }) => {
  test("[U300] is heard sample by sample in both directions, and known whole by whoever comes next", () => {
    const played = new Played(provider).play();
    const figures = figuresOf(played);
    const { capabilities } = createUpstream(provider.options);

    expect(figures.caller).toEqual({
      said: 79_200 * (provider.hearsHz / 24_000),
      missing: 0,
      doubled: 0,
      disordered: 0,
      foreign: 0,
    });
    expect(figures.transcripts).toEqual(WORDS);

    const [interrupted, booked, broken, rest] = figures.answers;
    expect(figures.answers.map(({ wrong }) => wrong)).toEqual([0, 0, 0, 0]);
    expect(interrupted).toMatchObject({ ended: "cut", status: "cancelled" });
    expect(booked).toMatchObject({ ended: "whole", status: "completed", heard: booked?.sent });
    expect(broken).toMatchObject({ ended: "lost", status: "failed", heard: broken?.sent });
    expect(rest).toMatchObject({ ended: "whole", status: "completed", heard: rest?.sent });
    expect(figures.lifecycle).toEqual([]);

    expect(figures.tool).toEqual({ called: 1, told: 1 });
    expect(lacks.truncation === undefined).toBe(capabilities.truncate);
    expect(figures.cut.playedMs).toBeGreaterThan(1000);
    expect(figures.cut.told).toBe(lacks.truncation === undefined ? figures.cut.playedMs : null);
    expect(figures.cut.stopped).toBe(lacks.stop === undefined ? 1 : 0);

    expect(figures.knows).toEqual([BEFORE_ROLLOVER, BEFORE_LOSS]);
    expect(figures.used.session).toEqual(figures.used.provider);
    expect(figures.used.client).toEqual(figures.used.provider);
    if (lacks.tokens === undefined) expect(figures.used.provider[0]).toBeGreaterThan(0);
    else expect(figures.used.provider).toEqual([0, 0]);
    expect(figures.refused).toEqual([]);
    expect(figures.errors).toEqual(["upstream_closed"]);
  });
});
