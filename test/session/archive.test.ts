import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PCM_24K } from "../../src/audio/format.ts";
import { AudioArchive } from "../../src/session/memory/archive.ts";

const BUDGET = 6 * 32_768;

describe("the archive", () => {
  test("[I3] keeps within its budget, whoever spoke, and what it keeps is what was said", () => {
    const said = fc.record({
      item: fc.nat(9),
      bytes: fc.nat(50_000),
      callers: fc.boolean(),
      again: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(said, { maxLength: 40 }), (list) => {
        let archive = new AudioArchive(BUDGET);
        const all = new Map<string, number[]>();
        for (const { item, bytes, callers, again } of list) {
          const id = `${callers ? "caller" : "agent"}${item}`;
          const before = archive.read(id) === null ? [] : (all.get(id) ?? []);
          const more = Array.from({ length: bytes }, (_, at) => (before.length + at) % 251);
          all.set(id, before.concat(more));
          archive.append(id, PCM_24K, Uint8Array.from(more), callers);
          if (again === 0) {
            const kept = archive.snapshot();
            archive = new AudioArchive(BUDGET);
            archive.restore(kept);
          }
          const blocks = archive.snapshot().flatMap(({ audio }) => audio.blocks);
          expect(blocks.length * 32_768).toBeLessThanOrEqual(BUDGET);
          const kept = archive.read(id);
          expect(kept?.bytes).toEqual(
            Uint8Array.from(all.get(id) ?? []).slice(-(kept?.bytes.length ?? 0) || Infinity),
          );
        }
      }),
      { numRuns: 60 },
    );
  });
});
