import { describe, expect, test } from "vitest";
import { divide, join } from "../../durable-objects/pieces.ts";
import { structuredSize } from "./structured-size.ts";

function roundTrip(value: unknown): unknown {
  const { pieces, blocks, ...divided } = divide(value);
  return join(structuredClone(divided), structuredClone(pieces), structuredClone(blocks));
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
      },
    };
    const { rest, pieces } = divide(value);
    expect(pieces).toHaveLength(3 + 3 + 1);
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(1024 * 1024);
    expect(JSON.stringify(rest).length).toBeLessThan(1000);
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
    for (const piece of pieces) {
      expect(piece.length).toBeLessThanOrEqual(1024 * 1024);
      if (Array.isArray(piece)) expect(structuredSize(piece)).toBeLessThanOrEqual(1024 * 1024);
    }
    expect(JSON.stringify(rest).length).toBeLessThan(1000);
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
      expect(() => join(divided, [], [])).toThrow("missing");
    }
  });
});
