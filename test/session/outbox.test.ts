import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sealedBytes } from "../../src/audio/sealed.ts";
import { Outbox, type Sent } from "../../src/session/client/outbox.ts";

/** The same, without groups. */
class Plain {
  sent: Sent[] = [];
  readonly lost: number[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(message: Sent): void {
    this.sent.push(message);
    while (this.sent.length > 1 && this.bytes > this.#limit) {
      this.lost.push(this.sent.shift()?.sequence ?? 0);
    }
  }

  get bytes(): number {
    return this.sent.reduce((sum, { data }) => sum + data.length, 0);
  }

  acknowledge(sequence: number): void {
    this.sent = this.sent.filter((message) => message.sequence > sequence);
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ do: fc.constant("add"), by: fc.oneof(fc.nat(2000), fc.nat(40_000)) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("acknowledge"), by: fc.nat(100) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom("clone", "move", "clear"), by: fc.constant(0) }),
    },
  ),
  { maxLength: 120 },
);

describe("the outbox", () => {
  test("[Y4][Y5] keeps and forgets as a plain list would, and goes on from a snapshot, copied or handed over", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(20_000, 200_000, 2_000_000), (list, limit) => {
        let outbox = new Outbox(limit);
        const plain = new Plain(limit);
        let sequence = 0;
        let acknowledged = 0;
        for (const step of list) {
          if (step.do === "add") {
            sequence += 1;
            const text = sequence % 2 === 0 ? "x".repeat(step.by) : null;
            // Frames share memory, and stay what they are.
            const frame = (): Uint8Array => outbox.room(step.by).fill(sequence);
            outbox.add({ sequence, data: text ?? frame(), audioMs: 20 });
            plain.add({ sequence, data: text ?? new Uint8Array(step.by).fill(sequence), audioMs: 20 });
          } else if (step.do === "acknowledge") {
            acknowledged = Math.max(acknowledged, Math.floor((sequence * step.by) / 100));
            for (const one of [outbox, plain]) one.acknowledge(acknowledged);
          } else if (step.do === "clear") {
            outbox.clear();
            plain.acknowledge(Infinity);
            acknowledged = sequence;
          } else {
            const kept = outbox.snapshot();
            // A full group is handed out as it is, and only the last one is not full.
            const open = kept.groups.filter((group) => sealedBytes(group) === null);
            expect(open.every((group) => group === kept.groups.at(-1))).toBe(true);
            outbox = new Outbox(limit);
            outbox.restore(step.do === "clone" ? structuredClone(kept) : kept);
          }
          expect(outbox.after(0)).toEqual(plain.sent);
          const lost = outbox.gapsAfter(acknowledged).flatMap(({ from, to }) => {
            return Array.from({ length: to - from + 1 }, (_, n) => from + n);
          });
          expect(lost).toEqual(plain.lost.filter((number) => number > acknowledged));
        }
      }),
      { numRuns: 100 },
    );
  });
});
