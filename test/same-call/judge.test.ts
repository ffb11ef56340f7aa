/** The judge is no use if it passes whatever it is shown: each fault that it is there for is made, and seen. */
import { beforeAll, describe, expect, test } from "vitest";

import { adapterNames } from "../../src/upstreams/index.ts";
import { TRANSCRIBERS } from "../../src/upstreams/transcribers/index.ts";
import { type Figures, figuresOf } from "./judge.ts";
import type { Account } from "./mind.ts";
import { Played } from "./play.ts";
import { scriptFor } from "./script.ts";
import { TABLE } from "./table.ts";

test("[U306] the table has every adapter that speaks, and what each lacks has a reason", () => {
  const covered = new Set(TABLE.map(({ provider }) => provider.options.adapter));
  const speakers = adapterNames.filter((name) => !TRANSCRIBERS.has(name) && !NOT_YET.has(name));
  expect([...covered].sort()).toEqual(speakers.toSorted());
  for (const { lacks } of TABLE) for (const reason of Object.values(lacks)) expect(reason).toMatch(/\w+ \w+/);
});

/** The echo runs in process and gives the caller's voice back: there is nobody to hold this call with. Moshi's row is a line in the table. */
const NOT_YET: ReadonlySet<string> = new Set(["echo", "moshi"]);

describe("a fault that is made is seen", () => {
  let played: Played;

  beforeAll(() => {
    const [row] = TABLE;
    if (row === undefined) throw new Error("the table is empty");
    played = new Played(row.provider).play(scriptFor("asked"));
  });

  /** What is made of the account of the first connection. */
  function altered(change: (account: Account) => Partial<Account>): Figures {
    const [mind] = played.stage.minds;
    if (mind === undefined) throw new Error("nobody served");
    const account = mind.account();
    const kept = mind.account.bind(mind);
    mind.account = () => ({ ...account, ...change(account) });
    try {
      return figuresOf(played);
    } finally {
      mind.account = kept;
    }
  }

  const turn = ({ heard }: Account): Uint8Array => heard[0] ?? new Uint8Array(0);
  const without = (bytes: Uint8Array, from: number, to: number): Uint8Array =>
    Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);

  test("[U306] one sample of the caller's that is missing, is there twice, comes too soon, or is nobody's", () => {
    const at = 40_000;
    const lost = altered((account) => ({
      heard: [without(turn(account), at, at + 2), ...account.heard.slice(1)],
    }));
    expect(lost.caller).toMatchObject({ missing: 1, doubled: 0 });
    const twice = altered((account) => ({
      heard: [
        Buffer.concat([turn(account).subarray(0, at), turn(account).subarray(at - 200)]),
        ...account.heard.slice(1),
      ],
    }));
    expect(twice.caller).toMatchObject({ missing: 0, disordered: 1 });
    expect(twice.caller.doubled).toBeGreaterThanOrEqual(100);
    const swapped = altered((account) => ({ heard: account.heard.toReversed() }));
    expect(swapped.caller.disordered).toBe(1);
    const foreign = altered((account) => ({ heard: [...account.heard, new Uint8Array(200).fill(77)] }));
    expect(foreign.caller.foreign).toBe(100);
  });

  test("[U306] a sample of an answer that the client lacks, or has changed", () => {
    const [, answer] = played.listener.answers;
    const first = answer?.pieces[0] ?? new Uint8Array(2);
    answer?.pieces.shift();
    expect(figuresOf(played).answers[1]?.wrong).toBeGreaterThan(0);
    answer?.pieces.unshift(first.map((byte, at) => (at === 0 ? byte ^ 1 : byte)));
    expect(figuresOf(played).answers[1]).toMatchObject({ wrong: 1 });
    answer?.pieces.splice(0, 1, first);
    expect(figuresOf(played).answers[1]).toMatchObject({ wrong: 0 });
  });

  test("[U306] what a successor is told twice, not at all, or in another order", () => {
    const [, second] = played.stage.minds;
    const account = second?.account();
    if (second === undefined || account === undefined) throw new Error("nobody came next");
    const told = (text: string): readonly string[] => {
      second.account = () => ({ ...account, told: text });
      return figuresOf(played).knows[0] ?? [];
    };
    const usual = told(account.told);
    expect(told(account.told.replace("Quartz", "Quart"))).not.toEqual(usual);
    expect(told(`${account.told} velvet`)).not.toEqual(usual);
    expect(told(`Quartz ${account.told.replace("Quartz", "")}`)).not.toEqual(usual);
    expect(told(`${account.told} boats`)).not.toEqual(usual);
  });

  test("[U306] usage that the session has not", () => {
    played.stage.used.input += 1;
    const { used } = figuresOf(played);
    expect(used.session).not.toEqual(used.provider);
  });
});
