/** The simulated platform does what the real one does (docs/testing.md, docs/reliability.md). */
import { describe, expect, test } from "vitest";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { Connection } from "./connection.ts";
import { OutputGate } from "./output-gate.ts";
import { Random } from "./random.ts";
import { Store } from "./store.ts";
import { VirtualTime } from "./time.ts";

const moment = (at: number) => ({ peers: [], snapshot: {} as SessionSnapshot, at });

function platform() {
  const time = new VirtualTime();
  const gate = new OutputGate();
  const store = new Store(time, gate);
  store.writeMs = 50;
  const left: string[] = [];
  return { time, gate, store, left, say: (what: string) => gate.pass(() => left.push(what)) };
}

const never = () => false;

describe("the platform under the simulator", () => {
  test("a confirmed write holds back what is sent after it, in its order, and an unconfirmed one nothing", async () => {
    const { time, store, left, say } = platform();
    void store.save(moment(1));
    store.sleep(true);
    say("while an unconfirmed write is on its way");
    expect(left).toHaveLength(1);
    await time.run(100, never);
    expect([store.asleep, store.stored?.at]).toEqual([true, 1]);
    store.awake();
    say("first");
    say("second");
    await time.run(149, never);
    expect(left).toHaveLength(1);
    await time.run(151, never);
    expect(left.slice(1)).toEqual(["first", "second"]);
    expect(store.asleep).toBe(false);
  });

  test("of an object that dies before its write is durable nothing leaves, and it still slept", async () => {
    const { time, gate, store, left, say } = platform();
    store.sleep(true);
    await time.run(100, never);
    store.awake();
    say("never");
    gate.drop();
    store.interrupt();
    await time.run(1000, never);
    expect([left, store.asleep]).toEqual([[], true]);
    // The next object's gate is open.
    say("of another life");
    expect(left).toEqual(["of another life"]);
  });

  test("a write that fails ends the object, and neither resolves nor rejects; one that is refused rejects", async () => {
    const { time, store } = platform();
    const told: string[] = [];
    store.fails = () => true;
    store.onFailure = () => told.push("died");
    const note = (what: string) => () => void told.push(what);
    void store.save(moment(1)).then(note("stored"), note("rejected"));
    await time.run(100, never);
    expect(told).toEqual(["died"]);
    store.refuses = () => true;
    void store.save(moment(2)).then(note("stored"), note("rejected"));
    await time.run(200, never);
    expect([told, store.stored]).toEqual([["died", "rejected"], null]);
  });

  test("what was given to the store before a deploy is durable after it, what was not is gone", async () => {
    const { store } = platform();
    void store.save(moment(7));
    store.flush();
    expect(store.stored?.at).toBe(7);
  });

  test("what a slow line still carries is owed, by when it was sent", async () => {
    const time = new VirtualTime();
    const line = new Connection(time, new Random(1), { delayMs: 20, jitterMs: 0, speed: 0.1 });
    line.send("far", "0123456789");
    time.after(10, () => line.send("far", "0123456789"));
    await time.run(110, never);
    expect([line.owes("far", 0), line.owes("near", 0)]).toEqual([true, false]);
    await time.run(130, never);
    expect([line.owes("far", 0), line.owes("far", 10)]).toEqual([false, true]);
    await time.run(230, never);
    expect(line.owes("far", 230)).toBe(false);
  });

  test("an entry location takes what is under way with it, and the object hears of it later", async () => {
    const time = new VirtualTime();
    const line = new Connection(time, new Random(1), { delayMs: 20, jitterMs: 0, speed: 1000 });
    const seen: string[] = [];
    const attach = (side: "near" | "far") =>
      line.attach(side, {
        message: () => seen.push(`${side} heard`),
        closed: (code) => seen.push(`${side} closed ${code} at ${time.now}`),
      });
    attach("near");
    attach("far");
    line.send("far", "a word");
    line.fall(500);
    expect(line.send("near", "an answer")).toBe(true);
    await time.run(1000, never);
    expect(seen).toEqual(["far closed 1006 at 0", "near closed 1006 at 500"]);
  });
});
