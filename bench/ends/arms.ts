/** The arms of the bench of ends: how a session ends turns, and what came of it. */
import { humanCalls, type HumanCall, type Kind } from "./callers.ts";
import { ScriptedEar } from "./ear.ts";
import { monologues, peopleFor, type Person } from "./recordings.ts";
import { playInCore, type Beside } from "../turns/core.ts";
import { spread } from "../turns/figures.ts";
import { judge, type TurnVerdict } from "../turns/judge.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

const FIXED_MS = [600, 800, 1000, 1200, 1600];

/** How a session ends turns, and what is beside it. */
export interface Arm {
  readonly name: string;
  readonly session: JsonObject;
  readonly beside?: (call: HumanCall) => Beside;
}

const semantic = (eagerness: string): JsonObject => ({ type: "semantic_vad", eagerness });
export const ARMS: readonly Arm[] = [
  ...FIXED_MS.map((ms) => ({
    name: `fixed ${ms}`,
    session: { type: "server_vad", silence_duration_ms: ms },
  })),
  ...["high", "medium", "low"].map((eagerness) => ({ name: eagerness, session: semantic(eagerness) })),
  ...["high", "medium", "low"].map((eagerness) => ({
    name: `${eagerness}, no network`,
    session: semantic(eagerness),
    beside: () => ({ deaf: true }),
  })),
  {
    name: "medium, words",
    session: semantic("medium"),
    beside: (call) => ({ ear: new ScriptedEar(call, false) }),
  },
  {
    name: "medium, words and signs",
    session: semantic("medium"),
    beside: (call) => ({ ear: new ScriptedEar(call, true) }),
  },
  {
    name: "energy: medium",
    session: semantic("medium"),
    beside: () => ({ energy: true }),
  },
  {
    name: "energy: fixed 1000",
    session: { type: "server_vad", silence_duration_ms: 1000 },
    beside: () => ({ energy: true }),
  },
];

interface Turn extends TurnVerdict {
  readonly kind: Kind;
  readonly group: TurnVerdict["group"];
  readonly who: string;
  readonly first: boolean;
}

/** Which arm, whose recordings, and what the calls are drawn from. */
export interface Task {
  readonly arm: string;
  readonly purpose: "tuning" | "report";
  readonly seed: number;
}

/** Plays one arm. @throws Error for a name that is no arm's. */
export function figuresOfArm({ arm: name, purpose, seed }: Task): Figures {
  const arm = ARMS.find((one) => one.name === name);
  if (!arm) throw new Error(`there is no arm ${name}`);
  const everybody = peopleFor(purpose);
  const turns = (["hesitant", "fluent"] as const).flatMap((kind) => played(everybody, seed, kind, arm));
  return figuresOf(turns, played(monologues(), seed, "fluent", arm));
}

export type Figures = ReturnType<typeof figuresOf>;

function played(everybody: readonly Person[], seed: number, kind: Kind, { session, beside }: Arm): Turn[] {
  return humanCalls(everybody, seed, kind, session).flatMap((call) =>
    judge(playInCore(call.script, beside?.(call) ?? {})).turns.map((turn, index) => ({
      ...turn,
      kind,
      who: call.person.group,
      first: index === 0,
    })),
  );
}

function one(turns: readonly Turn[]) {
  const whole = turns.filter(({ cutIn }) => !cutIn);
  const { p50, p95 } = spread(whole.map(({ delayMs }) => delayMs));
  const cut = turns.length - whole.length;
  return {
    turns: turns.length,
    cut_in_percent: Math.round((1000 * cut) / Math.max(1, turns.length)) / 10,
    p50_ms: p50,
    p95_ms: p95,
  };
}

function figuresOf(turns: readonly Turn[], alone: readonly Turn[]) {
  const groups = Map.groupBy(
    turns.filter(({ kind }) => kind === "hesitant"),
    ({ who }) => who,
  );
  return {
    hesitant: one(turns.filter(({ kind }) => kind === "hesitant")),
    fluent: one(turns.filter(({ kind }) => kind === "fluent")),
    first_fluent: one(turns.filter(({ kind, first }) => kind === "fluent" && first)),
    hesitant_by_group: Object.fromEntries(Array.from(groups, ([who, some]) => [who, one(some)])),
    monologues_cut: alone.filter(({ cutIn }) => cutIn).length,
    monologues: alone.length,
  };
}
