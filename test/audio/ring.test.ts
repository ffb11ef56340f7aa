import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SampleRing } from "../../src/audio/ring.ts";
import { sealedBytes } from "../../src/audio/sealed.ts";
import { cuts, pieces, samples } from "./samples.ts";

describe("[A7] a ring holds the last samples, addressed by absolute index", () => {
  test("[A7] reads are what a plain slice of the stream would be, clamped to what is held", () => {
    fc.assert(
      fc.property(
        samples(300),
        cuts(),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: -20, max: 320 }),
        fc.integer({ min: -20, max: 320 }),
        (whole, cut, capacity, from, to) => {
          const ring = new SampleRing(capacity);
          for (const piece of pieces(whole, cut(whole.length))) ring.write(piece);
          const start = Math.max(0, whole.length - capacity);
          expect([ring.start, ring.end]).toEqual([start, whole.length]);
          expect(ring.read(from, to)).toEqual(
            whole.slice(Math.max(from, start), Math.max(Math.max(from, start), to, 0)),
          );
        },
      ),
    );
  });

  test("[A7] a snapshot goes on in another ring, of another capacity too", () => {
    fc.assert(
      fc.property(samples(300), samples(300), fc.integer({ min: 1, max: 200 }), (before, after, capacity) => {
        const first = new SampleRing(150);
        first.write(before);
        const second = new SampleRing(capacity);
        second.restore(structuredClone(first.snapshot()));
        second.write(after);
        const end = before.length + after.length;
        const oldest = Math.max(0, before.length - 150, end - capacity);
        expect([second.start, second.end]).toEqual([oldest, end]);
        const stream = Int16Array.from([...before, ...after]);
        expect(second.read(oldest, end)).toEqual(stream.slice(oldest));
      }),
    );
  });

  test("[A7] grows to its capacity and no further", () => {
    const ring = new SampleRing(10_000);
    const stream = Int16Array.from({ length: 25_000 }, (_, n) => n);
    for (let at = 0; at < stream.length; at += 333) ring.write(stream.subarray(at, at + 333));
    expect([ring.start, ring.end]).toEqual([15_000, 25_000]);
    expect(ring.read(0, Infinity)).toEqual(stream.slice(15_000));
  });

  test("[A7] a snapshot hands out full blocks as they are, and they never change; what has settled is one too", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(40_000), { maxLength: 30 }),
        fc.integer({ min: 1, max: 60_000 }),
        (runs, capacity) => {
          let ring = new SampleRing(capacity);
          const stream: number[] = [];
          const seen = new Map<Uint8Array, Uint8Array>();
          for (const [n, run] of runs.entries()) {
            const more = Int16Array.from({ length: run }, (_, at) => stream.length + at);
            ring.write(more);
            for (const sample of more) stream.push(sample);
            const { audio } = ring.snapshot();
            const sealed = audio.blocks.filter((block) => sealedBytes(block) !== null);
            for (const block of sealed) if (!seen.has(block)) seen.set(block, block.slice());
            // All but the one that is being filled.
            expect(sealed.length).toBeGreaterThanOrEqual(audio.blocks.length - 1);
            if (n % 3 !== 2) continue;
            const kept = ring.snapshot();
            expect(kept.audio.blocks.every((block) => sealedBytes(block) === block.length)).toBe(true);
            ring = new SampleRing(capacity);
            ring.restore(kept);
            const again = ring.snapshot().audio.blocks;
            for (const [at, block] of again.slice(0, -1).entries()) expect(block).toBe(kept.audio.blocks[at]);
          }
          for (const [block, copy] of seen) expect(block).toEqual(copy);
          expect(ring.read(0, Infinity)).toEqual(Int16Array.from(stream.slice(-capacity)));
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each([0, -1, 1.5, NaN])("a ring of %d samples is refused", (capacity) => {
    expect(() => new SampleRing(capacity)).toThrow(RangeError);
  });
});
