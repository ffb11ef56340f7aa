import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Framer } from "../../src/audio/framer.ts";
import { cuts, join, noise, pieces, samples } from "./samples.ts";

test("[A11] frames do not depend on chunks, and a snapshot carries what is pending", () => {
  fc.assert(
    fc.property(samples(400), cuts(), fc.integer({ min: 1, max: 90 }), (stream, cut, frameSamples) => {
      const frames: Int16Array[] = [];
      let framer = new Framer(frameSamples);
      for (const piece of pieces(stream, cut(stream.length))) {
        framer.push(piece, (frame) => frames.push(frame.slice()));
        const moved = new Framer(frameSamples);
        moved.restore(structuredClone(framer.snapshot()));
        framer = moved;
      }
      expect(frames.every((frame) => frame.length === frameSamples)).toBe(true);
      expect(framer.pending).toBe(stream.length % frameSamples);
      expect(join([...frames, framer.flush().slice()])).toEqual(stream);
      expect(framer.pending).toBe(0);
    }),
  );
});

test("a whole frame is a view on what was pushed", () => {
  const stream = noise(100, 1000, 1);
  const buffers: unknown[] = [];
  new Framer(40).push(stream, (frame) => buffers.push(frame.buffer));
  expect(buffers).toEqual([stream.buffer, stream.buffer]);
});

test("a reset drops what is pending", () => {
  const framer = new Framer(4);
  framer.push(new Int16Array(3), () => expect.unreachable());
  framer.reset();
  framer.push(new Int16Array(3), () => expect.unreachable());
  expect(framer.pending).toBe(3);
});

test("impossible sizes are refused by name", () => {
  expect(() => new Framer(0)).toThrow("a frame has at least one sample, not 0");
  expect(() => new Framer(4).restore(new Int16Array(4))).toThrow("4 pending samples do not fit a frame of 4");
});
