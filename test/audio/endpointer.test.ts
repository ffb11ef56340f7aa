import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EndpointEvent, Endpointer, type EndpointerOptions } from "../../src/audio/endpointer.ts";

const RATE_HZ = 16000;
const HOP = 512;
const OPTIONS: EndpointerOptions = {
  start: 0.9,
  stop: 0.75,
  prefixPaddingMs: 0,
  minSpeechMs: 0,
  hangoverMs: 96,
};

/** Pushes one probability per hop and tells each event with the number of the hop that caused it (from 1). */
function run(
  endpointer: Endpointer,
  probabilities: readonly number[],
  firstHop = 1,
): [number, EndpointEvent][] {
  return probabilities.flatMap((probability, index) => {
    const hop = firstHop + index;
    const event = endpointer.push(probability, hop * HOP);
    return event === null ? [] : [[hop, event] as [number, EndpointEvent]];
  });
}

function endpointer(changes: Partial<EndpointerOptions> = {}): Endpointer {
  return new Endpointer(RATE_HZ, HOP, { ...OPTIONS, ...changes });
}

const started = (hop: number, prefixStartSample = (hop - 1) * HOP) =>
  ({ type: "started", atSample: (hop - 1) * HOP, prefixStartSample }) as const;
const stopped = (hop: number) => ({ type: "stopped", atSample: hop * HOP }) as const;

describe("onset", () => {
  test.each([
    ["one hop at the threshold starts speech", [0, 0.9], [[2, started(2)]]],
    ["a hop just below it does not", [0, 0.899, 0.5], []],
    [
      "between the thresholds speech goes on but does not begin",
      [0.8, 0.9, 0.8, 0.8, 0.8, 0.8],
      [[2, started(2)]],
    ],
    [
      "NaN is silence",
      [NaN, 0.9, NaN, NaN, NaN],
      [
        [2, started(2)],
        [5, stopped(2)],
      ],
    ],
  ] as [string, number[], [number, EndpointEvent][]][])("[A8] %s", (_, probabilities, expected) => {
    expect(run(endpointer(), probabilities)).toEqual(expected);
  });

  test.each([
    // 512 samples are 32 ms.
    [32, 1],
    [33, 2],
    [64, 2],
    [70, 3],
  ])("[A8] speech of at least %d ms is reported at hop %d, from where it began", (minSpeechMs, hop) => {
    const events = run(endpointer({ minSpeechMs }), [0.95, 0.8, 0.95, 0.95]);
    expect(events).toEqual([[hop, started(1)]]);
  });

  test("[A8] what ends before the least length was never there", () => {
    expect(run(endpointer({ minSpeechMs: 96 }), [0.95, 0.95, 0.7, 0.95, 0.8, 0.8])).toEqual([
      [6, started(4)],
    ]);
  });
});

describe("end of speech", () => {
  test.each([
    [
      "hops below stop for the whole hangover end it",
      [0.9, 0.7, 0.7, 0.7],
      [
        [1, started(1)],
        [4, stopped(1)],
      ],
    ],
    [
      "a hop at stop begins the silence anew",
      [0.9, 0.7, 0.7, 0.75, 0.7, 0.7, 0.7],
      [
        [1, started(1)],
        [7, stopped(4)],
      ],
    ],
    [
      "speech may start again right after",
      [0.9, 0, 0, 0, 0.9],
      [
        [1, started(1)],
        [4, stopped(1)],
        [5, started(5)],
      ],
    ],
  ] as [string, number[], [number, EndpointEvent][]][])("[A9] %s", (_, probabilities, expected) => {
    expect(run(endpointer(), probabilities)).toEqual(expected);
  });

  test("[A9] no hangover: the first hop below stop ends it", () => {
    expect(run(endpointer({ hangoverMs: 0 }), [0.9, 0.9, 0.7])).toEqual([
      [1, started(1)],
      [3, stopped(2)],
    ]);
  });

  test("[A9] silence is counted in samples: audio that was skipped counts", () => {
    const subject = endpointer();
    subject.push(0.9, HOP);
    expect(subject.push(0, 10 * HOP)).toEqual(stopped(1));
  });

  test("[A9] silenceMs tells how long the speaker has paused", () => {
    const subject = endpointer({ hangoverMs: 500 });
    const pauses = [0, 0.9, 0.5, 0.5, 0.8, 0.5].map((probability, index) => {
      subject.push(probability, (index + 1) * HOP);
      return subject.silenceMs;
    });
    expect(pauses).toEqual([0, 0, 32, 64, 0, 32]);
    subject.forceStop();
    expect(subject.silenceMs).toBe(0);
  });

  test("[A9] a forced stop reports the last speech heard, once", () => {
    const subject = endpointer();
    run(subject, [0.9, 0.9, 0.1]);
    expect(subject.forceStop()).toEqual(stopped(2));
    expect(subject.forceStop()).toBeNull();
    expect(subject.speaking).toBe(false);
  });
});

describe("padding", () => {
  test.each([
    ["reaches back from the onset", 64, [0, 0, 0, 0.9], (3 - 2) * HOP],
    ["never before the stream", 300, [0, 0.9], 0],
  ])("[A10] %s", (_, prefixPaddingMs, probabilities, prefixStartSample) => {
    const hop = probabilities.length;
    expect(run(endpointer({ prefixPaddingMs }), probabilities)).toEqual([
      [hop, started(hop, prefixStartSample)],
    ]);
  });

  test("[A10] never into the speech before", () => {
    const events = run(endpointer({ prefixPaddingMs: 300 }), [0.9, 0.9, 0, 0, 0, 0, 0.9]);
    expect(events.at(-1)).toEqual([7, started(7, 2 * HOP)]);
  });
});

describe("changes and state", () => {
  test("[A8] options change in mid-speech and mid-silence", () => {
    const subject = endpointer({ hangoverMs: 1000 });
    run(subject, [0.9, 0, 0, 0]);
    subject.configure({ hangoverMs: 96, start: 0.97 });
    expect(run(subject, [0, 0.95, 0.98], 5)).toEqual([
      [5, stopped(1)],
      [7, started(7)],
    ]);
    expect(subject.options).toEqual({ ...OPTIONS, start: 0.97 });
  });

  test("a reset begins a new stream", () => {
    const subject = endpointer({ prefixPaddingMs: 300 });
    run(subject, [0.9, 0.9]);
    subject.reset();
    expect([subject.speaking, subject.silenceMs]).toEqual([false, 0]);
    expect(run(subject, [0.9])).toEqual([[1, started(1, 0)]]);
  });

  const probabilities = fc.array(fc.constantFrom(0, 0.7, 0.8, 0.95), { maxLength: 60 });
  const options = fc.record({
    minSpeechMs: fc.nat(120),
    hangoverMs: fc.nat(150),
    prefixPaddingMs: fc.nat(200),
  });

  test("[A9] started and stopped alternate, and their times are in order", () => {
    fc.assert(
      fc.property(probabilities, options, (values, changes) => {
        let last = 0;
        run(endpointer(changes), values).forEach(([hop, event], index) => {
          expect(event.type).toBe(index % 2 === 0 ? "started" : "stopped");
          if (event.type === "started") expect(event.prefixStartSample).toBeGreaterThanOrEqual(last);
          expect(event.atSample).toBeGreaterThanOrEqual(last);
          expect(event.atSample).toBeLessThanOrEqual(hop * HOP);
          last = event.atSample;
        });
      }),
    );
  });

  test("[A11] a snapshot goes on elsewhere as if nothing had happened", () => {
    fc.assert(
      fc.property(probabilities, options, fc.nat(60), (values, changes, cut) => {
        const first = endpointer(changes);
        const before = run(first, values.slice(0, cut));
        const second = endpointer(changes);
        second.restore(structuredClone(first.snapshot()));
        const after = run(second, values.slice(cut), values.slice(0, cut).length + 1);
        expect([...before, ...after]).toEqual(run(endpointer(changes), values));
      }),
    );
  });
});
