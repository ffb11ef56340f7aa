/** Sockets that are killed at drawn moments: what was only heard before is known after, nothing is lost or doubled, all is counted. */
import { describe, expect, test } from "vitest";

import { killedCall } from "./killed.ts";
import { SUBJECTS } from "./subjects.ts";

/** Two hundred by `npm run bench -- resumption`, or so many by the variable. */
const KILLS = Number(process.env["RESUMPTION_KILLS"] ?? 15);
const SEED = Number(process.env["RESUMPTION_SEED"] ?? 7);

describe.each(SUBJECTS)(`${KILLS} killed sockets of $name (seed ${SEED})`, (subject) => {
  test("[U307] all that was said before is known after, no sample is lost or doubled, and usage adds up", () => {
    const figures = killedCall(subject, KILLS, SEED);
    expect(figures.kills).toBe(KILLS);
    expect(figures.asked).toBeGreaterThan(Math.min(KILLS, 50));
    expect(figures.forgotten).toEqual([]);
    expect([figures.lost, figures.doubled]).toEqual([0, 0]);
    expect(figures.said).toBeGreaterThan(0);
    expect([figures.heard, figures.wrong]).toEqual([figures.said, 0]);
    expect(figures.counted).toEqual(figures.used);
    expect(figures.lifecycle).toEqual([]);
    expect(figures.refused).toEqual([]);
    if (subject.native) expect(figures.resumed).toBeGreaterThan(0);
    else expect(figures.resumed).toBe(0);
  });
});
