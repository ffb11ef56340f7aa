import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Divider } from "../../durable-objects/pieces.ts";
import { structuredSize } from "./structured-size.ts";

const divide = (value: unknown) => new Divider().divide(value);

function roundTrip(value: unknown): unknown {
  const { pieces, blocks, ...divided } = divide(value);
  const parts = pieces.map(({ piece }) => piece);
  return new Divider().join(structuredClone(divided), structuredClone(parts), structuredClone(blocks));
}

const bytes = (length: number, step = 7) => Uint8Array.from({ length }, (_, n) => n * step);

describe("snapshots beyond what one stored value may hold", () => {
  test("[O12] come back as they were", () => {
    const value = {
      version: 1,
      small: [1, -Infinity, null, true, "é", undefined],
      pictures: [{ url: "x".repeat(1_300_000) }, { url: "short" }],
      audio: { long: bytes(2_500_000), short: bytes(10), none: new Uint8Array(0) },
      state: {
        samples: Int16Array.from({ length: 50_000 }, (_, n) => n),
        context: new Float32Array([0.5, -1]),
        levels: Float64Array.from({ length: 20_000 }, (_, n) => n / 3),
        counts: new Uint16Array([1, 65_535]),
        lags: new Int32Array([-7]),
      },
    };
    const { rest, pieces, blocks } = divide(value);
    expect([pieces.length, blocks.length]).toEqual([3 + 1 + 1, 3]);
    for (const part of [...pieces.map(({ piece }) => piece), ...blocks]) {
      expect(structuredSize(part)).toBeLessThanOrEqual(1024 * 1024);
    }
    expect(structuredSize(rest)).toBeLessThan(1000);
    expect(roundTrip(value)).toEqual(value);
  });

  test("[O12] of many small parts come back as they were", () => {
    const message = (n: number) => ({ sequence: n, data: n % 2 === 0 ? "é".repeat(900) : bytes(1800, n) });
    const value = {
      sent: Array.from({ length: 4000 }, (_, n) => message(n)),
      items: Array.from({ length: 300 }, (_, n) => ({
        content: [{ text: "z".repeat(5000) }, { image: n === 7 ? "p".repeat(600_000) : "" }, [[n]]],
      })),
      ranges: Array.from({ length: 10 }, (_, n) => [n, [n]]),
      none: [],
    };
    const { rest, pieces } = divide(value);
    expect(pieces.length).toBeLessThan(16);
    for (const { piece, bytes } of pieces) {
      expect(structuredSize(piece)).toBeLessThanOrEqual(bytes);
      expect(bytes).toBeLessThanOrEqual(1024 * 1024);
    }
    expect(structuredSize(rest)).toBeLessThan(1000);
    expect(roundTrip(value)).toEqual(value);
    const list = Array.from({ length: 50 }, () => "w".repeat(60_000));
    expect(roundTrip(list)).toEqual(list);
  });

  test("[O12] names that a client chose are names", () => {
    const long = "y".repeat(100_000);
    const value = JSON.parse(`{"__proto__":{"a":"${long}"},"constructor":["${long}"],"":{"":"${long}"}}`);
    const back = roundTrip(value) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(JSON.stringify(back)).toBe(JSON.stringify(value));
  });

  test("[O12] views do not drag their buffers along, and a long leaf may be all there is", () => {
    const view = bytes(100_000).subarray(10, 20);
    const { rest } = divide({ view });
    expect((rest as { view: Uint8Array }).view.buffer.byteLength).toBe(10);
    expect(roundTrip("z".repeat(70_000))).toBe("z".repeat(70_000));
  });

  test("[O12] a missing piece is noticed", () => {
    const list = Array.from({ length: 200 }, () => "z".repeat(1000));
    for (const value of [{ a: bytes(100_000) }, { a: "z".repeat(100_000) }, { a: list }]) {
      const { pieces: _, ...divided } = divide(value);
      expect(() => new Divider().join(divided, [], [])).toThrow("missing");
    }
  });

  test("[O48] whatever a client puts into it, no value is larger than 1 MiB and a piece's overhead", () => {
    const text = fc
      .record({
        length: fc.constantFrom(3, 900, 16_383, 60_000, 70_000, 600_000),
        letter: fc.constantFrom("a", "é", "語"),
      })
      .map(({ length, letter }) => letter.repeat(length));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        text,
        fc.double(),
        fc
          .record({ times: fc.constantFrom(1, 7, 40), of: tie("tree") })
          .map(({ times, of }) => Array(times).fill(of)),
        fc.dictionary(fc.oneof(fc.string(), text), tie("tree"), { maxKeys: 4 }),
        fc
          .record({ times: fc.constantFrom(40, 400), of: text })
          .map(({ times, of }) => Object.fromEntries(Array.from({ length: times }, (_, n) => [`m${n}`, of]))),
      ),
    }));
    const small = tree.filter((value) => structuredSize(value) < 30_000_000);
    fc.assert(
      fc.property(small, (value) => {
        const { rest, references, pieces, blocks, bytes } = divide({ version: 1, value });
        expect(bytes).toBeLessThan(1_200_000);
        expect(structuredSize({ rest, references })).toBeLessThanOrEqual(bytes);
        for (const { piece, bytes: size } of pieces) {
          expect(size).toBeLessThan(1_200_000);
          expect(structuredSize(piece)).toBeLessThanOrEqual(size);
        }
        for (const block of blocks) expect(structuredSize(block)).toBeLessThanOrEqual(1024 * 1024);
        expect(roundTrip({ version: 1, value })).toEqual({ version: 1, value });
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
