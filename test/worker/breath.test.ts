/** How fast an object reads its sockets. */
import { expect, test, vi } from "vitest";
import { Breath } from "../../durable-objects/breath.ts";
import type { DialEvents } from "../../durable-objects/dial.ts";

/** The milliseconds of the pauses that so many messages led to, the clock standing but for them. */
async function pauses(messages: number, everyMs = 0, goesOn = true): Promise<number[]> {
  const waits: number[] = [];
  const wait = vi.spyOn(scheduler, "wait").mockImplementation((ms) => {
    waits.push(ms);
    return Promise.resolve();
  });
  try {
    const breath = new Breath({ blockConcurrencyWhile: (work) => work() });
    let now = 1_000_000;
    for (let n = 0; n < messages; n += 1) {
      const before = waits.length;
      breath.taken(now);
      if (goesOn) now += everyMs + waits.slice(before).reduce((sum, ms) => sum + ms, 0);
    }
  } finally {
    wait.mockRestore();
  }
  return waits;
}

test("[E124] a client that speaks in time is read without a pause, in pieces of 20 ms as of 3", async () => {
  expect(await pauses(10_000, 20)).toEqual([]);
  expect(await pauses(10_000, 3)).toEqual([]);
  expect(await pauses(200)).toEqual([]);
});

test("[E124] what comes at once is read with pauses: five minutes of audio in two seconds, none of it all at once", async () => {
  const waits = await pauses(16_500);
  const whole = waits.reduce((sum, ms) => sum + ms, 0);
  expect(whole).toBeGreaterThan(1900);
  expect(whole).toBeLessThan(2300);
  expect(waits.length).toBeGreaterThan(140);
  expect(Math.max(...waits)).toBeLessThanOrEqual(13);
});

test("[E124] a clock that stands still makes no pause longer", async () => {
  expect(await pauses(16_500, 0, false)).toEqual(await pauses(16_500));
});

test("[E124] what a provider says at once likewise, and all of it is heard", () => {
  const block = vi.fn((work: () => Promise<void>) => work());
  const breath = new Breath({ blockConcurrencyWhile: block as never });
  const heard: unknown[] = [];
  const line: DialEvents[] = [];
  const dial = breath.reading((_, events) => {
    line.push(events);
    return { hangUp: () => {} };
  });
  dial(
    { url: "wss://p.example/", headers: {}, protocols: [] },
    {
      opened: () => heard.push("opened"),
      message: (data) => heard.push(data),
      closed: (code) => heard.push(code),
    },
  );
  line[0]?.opened(null);
  for (let n = 0; n < 201; n += 1) line[0]?.message(String(n));
  line[0]?.closed(1000, "");
  expect(heard).toHaveLength(203);
  expect(block).toHaveBeenCalled();
});
