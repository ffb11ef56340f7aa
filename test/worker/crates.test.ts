import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CallStore, type Moment } from "../../durable-objects/call-store.ts";
import { ByteBlocks } from "../../src/audio/blocks.ts";
import { seal } from "../../src/audio/sealed.ts";
import { Outbox } from "../../src/session/client/outbox.ts";
import type { SessionSnapshot } from "../../src/session/session.ts";
import { inObject } from "./object.ts";
import { structuredSize } from "./structured-size.ts";

/** What takes most of a snapshot, alone: an outbox, two runs of audio, and a text of the client's. */
class Little {
  readonly outbox = new Outbox(300_000);
  readonly runs = [new ByteBlocks(), new ByteBlocks()];
  text = "";
  #sent = 0;

  send(bytes: number): void {
    this.#sent += 1;
    const data = this.#sent % 3 === 0 ? "é".repeat(bytes / 2) : new Uint8Array(bytes).fill(this.#sent);
    this.outbox.add({ sequence: this.#sent, data, audioMs: 20 });
  }

  acknowledge(share: number): void {
    this.outbox.acknowledge(Math.floor(this.#sent * share));
  }

  speak(run: number, bytes: number): void {
    const blocks = this.runs[run];
    blocks?.append(new Uint8Array(bytes).fill(blocks.end));
    blocks?.dropBefore(blocks.end - 200_000);
  }

  snapshot() {
    const runs = this.runs.map((run) => run.snapshot());
    return { outbox: this.outbox.snapshot(), runs, text: this.text, sent: this.#sent };
  }

  restore(snapshot: ReturnType<Little["snapshot"]>): void {
    this.outbox.restore(snapshot.outbox);
    for (const [n, run] of this.runs.entries()) run.restore(snapshot.runs[n] ?? { start: 0, blocks: [] });
    this.text = snapshot.text;
    this.#sent = snapshot.sent;
  }
}

/** The store takes any snapshot apart; this is one. */
const moment = (snapshot: unknown): Moment => ({ peers: [], at: 0, session: snapshot as SessionSnapshot });

/** A storage that can be told to fail, and says what it was told to put. */
class Disk {
  readonly storage: DurableObjectStorage;
  /** Writes that succeed before one fails, or all that follow. */
  writesLeft = Infinity;
  failsOnce = false;
  /** Keys that were deleted since this was set to 0. */
  deleted = 0;
  /** Of the last `put`s, since this was emptied. */
  put: Record<string, unknown> = {};

  constructor(storage: DurableObjectStorage) {
    const writes = new Set(["put", "delete", "sync", "setAlarm"]);
    this.storage = new Proxy(storage, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (writes.has(String(name)) && (this.writesLeft -= 1) < 0) {
            if (this.failsOnce) this.writesLeft = Infinity;
            return Promise.reject(new Error("the disk is full"));
          }
          if (name === "delete") this.deleted += Array.isArray(args[0]) ? args[0].length : 1;
          if (name === "put") Object.assign(this.put, args[0]);
          return Reflect.apply(value, target, args);
        };
      },
    });
  }
}

const storedBytes = (storage: DurableObjectStorage): number =>
  structuredSize(Object.fromEntries(storage.kv.list()));

type Step =
  | { readonly do: "send" | "speak"; readonly bytes: number; readonly run: number }
  | { readonly do: "acknowledge"; readonly share: number }
  | { readonly do: "write"; readonly text: number }
  | { readonly do: "save" | "restart" }
  /** A save, of which only so many writes succeed, or all but one. */
  | { readonly do: "fail"; readonly after: number; readonly once: boolean };

const bytes = fc.integer({ min: 0, max: 60_000 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), bytes, run: fc.constant(0) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("speak" as const), bytes, run: fc.nat(1) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("acknowledge" as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("write" as const), text: fc.nat(1_500_000) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("save" as const, "restart" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("fail" as const), after: fc.nat(3), once: fc.boolean() }),
    },
  ),
  { maxLength: 60 },
);

/** Goes on with whatever is stored, as an object does that was away. */
function restart({ storage }: Disk): { store: CallStore; little: Little } {
  const store = new CallStore(storage);
  const little = new Little();
  const kept = store.load();
  if (kept !== null) little.restore(kept.session as ReturnType<Little["snapshot"]>);
  return { store, little };
}

/** In an object of its own. */
function onDisk(run: (disk: Disk) => Promise<void>): Promise<void> {
  return inObject(`sess_${env.VOICE_SESSION.newUniqueId().toString()}`, async (storage) => {
    await run(new Disk(storage));
    await storage.deleteAlarm();
    await storage.deleteAll();
  });
}

function act(little: Little, step: Step): void {
  if (step.do === "send") little.send(step.bytes);
  else if (step.do === "speak") little.speak(step.run, step.bytes);
  else if (step.do === "acknowledge") little.acknowledge(step.share);
  else if (step.do === "write") little.text = "x".repeat(step.text);
}

async function play(disk: Disk, list: readonly Step[]): Promise<void> {
  let { store, little } = restart(disk);
  /** What may be stored: after a failure nobody knows. */
  let stored = [structuredClone(little.snapshot())];
  for (const step of list) {
    act(little, step);
    if (step.do === "save") {
      const snapshot = little.snapshot();
      await store.save(moment(snapshot));
      stored = [structuredClone(snapshot)];
    } else if (step.do === "fail") {
      disk.writesLeft = step.after;
      disk.failsOnce = step.once;
      const snapshot = little.snapshot();
      const saved = store.save(moment(snapshot));
      await saved.catch(() => {});
      disk.writesLeft = Infinity;
      stored.push(structuredClone(snapshot));
    } else if (step.do === "restart") {
      ({ store, little } = restart(disk));
      expect(stored).toContainEqual(little.snapshot());
      stored = [structuredClone(little.snapshot())];
    }
  }
  // The second one throws out what the first one made needless.
  for (let n = 0; n < 2; n += 1) await store.save(moment(little.snapshot()));
  expect(storedBytes(disk.storage)).toBeLessThan(7 * structuredSize(little.snapshot()) + 100_000);
  expect(restart(disk).little.snapshot()).toEqual(little.snapshot());
}

describe("storing snapshots again and again", () => {
  test("[O19] whatever came between, what is loaded is what was stored last, or tried since", async () => {
    await fc.assert(
      fc.asyncProperty(steps, (list) => onDisk((disk) => play(disk, list))),
      { numRuns: 30 },
    );
  }, 30_000);

  test("[O19] a save that fails takes nothing away from the one before", () =>
    onDisk(async (disk) => {
      const { store, little } = restart(disk);
      little.text = "x".repeat(100_000);
      await store.save(moment(little.snapshot()));
      const before = structuredClone(little.snapshot());
      for (const text of ["", "y".repeat(100_000), ""]) {
        little.text = text;
        disk.writesLeft = 0;
        disk.failsOnce = true;
        await expect(store.save(moment(little.snapshot()))).rejects.toThrow("full");
        expect(restart(disk).little.snapshot()).toEqual(before);
      }
      await store.save(moment(little.snapshot()));
      expect(restart(disk).little.snapshot()).toEqual(little.snapshot());
    }));

  test("[O19] only what is new is written, after a restart too", () =>
    onDisk(async (disk) => {
      let { store, little } = restart(disk);
      for (let second = 0; second < 12; second += 1) {
        for (let n = 0; n < 50; n += 1) {
          little.send(960);
          little.speak(0, 960);
        }
        disk.put = {};
        await store.save(moment(little.snapshot()));
        // Two streams of 48,000 bytes; what has not filled its block yet, of each at most 32,768; and what is in no crate yet.
        expect(structuredSize(disk.put)).toBeLessThan(2 * 48_000 + 2 * 32_768 + 20_000 + 400_000);
        if (second % 4 === 3) ({ store, little } = restart(disk));
      }
      for (let n = 0; n < 8; n += 1) {
        disk.put = {};
        await store.save(moment(little.snapshot()));
      }
      expect(Object.keys(disk.put)).toEqual(["moment"]);
      expect(structuredSize(disk.put)).toBeLessThan(2 * 32_768);
    }));

  test("[O49] a picture is written once, also after a restart, and thrown out when it is gone", () =>
    onDisk(async (disk) => {
      let store = new CallStore(disk.storage);
      const letters = "abcdefghij";
      const pictures = Array.from({ length: 3 }, (_, n) => (letters[n] ?? "").repeat(2_000_000));
      const save = async (): Promise<number> => {
        disk.put = {};
        // Another object each time, with the same texts, as a session's snapshot is.
        await store.save(moment({ items: pictures.map((url) => ({ content: [{ url }] })) }));
        return structuredSize(disk.put);
      };
      // Parts that are alike are written once.
      expect(await save()).toBeGreaterThan(5_000_000);
      expect(await save()).toBeLessThan(2000);
      pictures.push("k".repeat(20_000));
      // A long text goes with its snapshot, until there is more of the kind.
      expect(await save()).toBeLessThan(60_000);
      store = new CallStore(disk.storage);
      const kept = store.load();
      if (kept === null) throw new Error("nothing is stored");
      const { items } = kept.session as { readonly items: readonly { content: [{ url: string }] }[] };
      expect(items.map(({ content }) => content[0].url)).toEqual(pictures);
      for (const [n, { content }] of items.entries()) pictures[n] = content[0].url;
      expect(await save()).toBeLessThan(45_000);
      pictures.length = 0;
      for (let n = 0; n < 6; n += 1) await save();
      expect(storedBytes(disk.storage)).toBeLessThan(2000);
    }));

  test("[O64] in a steady call a snapshot is one row, now and then two, and what is not needed is written over", () =>
    onDisk(async (disk) => {
      const { store, little } = restart(disk);
      let rows = 0;
      for (let n = 0; n < 60; n += 1) {
        // Three snapshots to a turn of some seconds.
        for (let frame = 0; frame < 50; frame += 1) {
          little.send(960);
          little.speak(0, 960);
        }
        little.acknowledge(0.9);
        for (let each = 0; each < 3; each += 1) {
          disk.put = {};
          disk.deleted = 0;
          await store.save(moment(little.snapshot()));
          if (n > 10) rows += Object.keys(disk.put).length + disk.deleted;
        }
      }
      expect(rows / (49 * 3)).toBeLessThan(1.4);
      expect(restart(disk).little.snapshot()).toEqual(little.snapshot());
    }));

  test("[O48] a snapshot that would not fit is refused before it is written, and the one before stays", () =>
    onDisk(async (disk) => {
      const store = new CallStore(disk.storage);
      await store.save(moment({ text: "kept" }));
      disk.put = {};
      // As many references as no session makes.
      const blocks = Array.from({ length: 20_000 }, () => seal(new Uint8Array(1), 1));
      await expect(store.save(moment({ blocks }))).rejects.toThrow("too large");
      expect(disk.put).toEqual({});
      expect(new CallStore(disk.storage).load()?.session).toEqual({ text: "kept" });
    }));

  test("[O19] what lives long does not keep what does not", () =>
    onDisk(async (disk) => {
      const store = new CallStore(disk.storage);
      const lasting: Uint8Array[] = [];
      for (let n = 0; n < 90; n += 1) {
        const block = (): Uint8Array => seal(new Uint8Array(10_000).fill(n), 10_000);
        lasting.push(block());
        const passing = Array.from({ length: 20 }, block);
        await store.save(moment({ lasting: [...lasting], passing }));
      }
      expect(storedBytes(disk.storage)).toBeLessThan(7 * (lasting.length + 20) * 10_000);
      const { session } = new CallStore(disk.storage).load() ?? {};
      expect(session).toMatchObject({ lasting });
    }));
});
