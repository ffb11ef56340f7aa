/**
 * Others' rulers, without keys: hotato's suite on its recordings of live calls and meetings, τ-voice's panel, EVA's score
 * and Full-Duplex-Bench's timings, over calls of people on the session core in virtual time. Each figure stands beside what
 * is published, with its source (others/published.ts).
 */
import { EVA_RECORD, HOTATO_RECORD, TAU_VOICE, TAU_VOICE_SOURCE } from "./others/published.ts";
import { evaOf, fullDuplexOf, panelOf, type Kind } from "./others/panel.ts";
import { scoreOf } from "./others/hotato.ts";
import { momentOf, type Moment } from "./others/tracks.ts";
import { markdownTable, type Picture } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import { playInCore } from "./turns/core.ts";
import { makeHumanCalls } from "./turns/human/calls.ts";
import { humanIsHere } from "./turns/human/material.ts";
import { withDucking } from "./turns/suite.ts";

export const description = "others' rulers on calls of people: hotato, τ-voice, EVA, Full-Duplex-Bench";
export const flags: Flags = {
  extra: { value: "DIR", says: "calls of a folder as well" },
  hold: { says: "a player that stands still instead of going on quieter" },
  quick: { says: "one call of four" },
};
export const lasts = "some minutes";

/** hotato's limits where its labels give none of their own. */
const YIELD_WITHIN_S = 1;
const QUICK_EVERY = 4;

const KINDS: readonly (readonly [string, Kind])[] = [
  ["requests", "request"],
  ["meetings", "request"],
  ["sentences over", "request"],
  ["sentences", "request"],
  ["backchannels, chains", "backchannel"],
  ["backchannels", "backchannel"],
  ["listeners", "backchannel"],
  ["coughing", "tic"],
  ["throat-clearing", "tic"],
  ["sneezing", "tic"],
  ["laughing", "tic"],
  ["sighing", "tic"],
  ["talk in the room", "elsewhere"],
  ["room-talk", "elsewhere"],
];

const kindOf = ({ row }: { readonly row: string }): Kind | null =>
  KINDS.find(([name]) => row.startsWith(name))?.[1] ?? null;

/** Of hotato's suite: the requests and listeners of its calls and meetings. */
const HOTATO_ROWS = /^(?:requests|meetings|listeners)/u;

export function run(options: BenchOptions): Promise<BenchResult> {
  const { say } = options;
  const empty = { bench: "others", targets: {}, missed: [], partial: true };
  if (!humanIsHere) {
    say("no recordings of people here (../shared/data/human): nothing was measured");
    return Promise.resolve({ ...empty, figures: {} });
  }
  const { given } = options;
  const calls = makeHumanCalls("seen", given.text("extra"), given.has("quick") ? QUICK_EVERY : 1);
  const moments = calls
    .filter((call) => kindOf(call) !== null)
    .map(({ row, script }) => momentOf(row, playInCore(given.has("hold") ? script : withDucking(script))))
    .filter((moment) => moment !== null);
  const panel = panelOf(moments, kindOf);
  const figures = {
    hotato: hotatoOf(moments),
    tau_voice: panel,
    eva_turn_taking: evaOf(moments, (moment) => kindOf(moment) === "request"),
    full_duplex_bench: fullDuplexOf(moments, kindOf),
  };
  say(JSON.stringify(figures, null, 2));
  say(tableOf(panel));
  say(`published: ${TAU_VOICE_SOURCE}; EVA's best ${EVA_RECORD}; hotato ${JSON.stringify(HOTATO_RECORD)}`);
  return Promise.resolve({
    ...empty,
    figures,
    partial: given.has("quick") || given.has("hold"),
    picture: picture(panel),
  });
}

function hotatoOf(moments: readonly Moment[]) {
  const suite = moments.filter(({ row }) => HOTATO_ROWS.test(row));
  const scored = suite.map((moment) => {
    const yields = moment.cue.cue.kind === "interruption";
    const { yielded, afterS, talkOverS } = scoreOf(moment);
    const fast = (afterS ?? Infinity) <= YIELD_WITHIN_S && talkOverS <= YIELD_WITHIN_S;
    return { id: moment.cue.cue.label, yields, passed: yields ? yielded && fast : !yielded, afterS };
  });
  const of = (yields: boolean): string => {
    const some = scored.filter((one) => one.yields === yields);
    return `${some.filter(({ passed }) => passed).length} of ${some.length}`;
  };
  return {
    should_yield: of(true),
    should_hold: of(false),
    failed: scored.filter(({ passed }) => !passed).map(({ id }) => id),
  };
}

type Panel = ReturnType<typeof panelOf>;

function tableOf(panel: Panel): string {
  const head = ["τ-voice", "R_Y", "S_BC", "S_VT", "S_ND", "R_R", "I_A", "L_R s", "L_Y s"];
  const ours = [
    panel.R_Y,
    panel.S_BC,
    panel.S_VT,
    panel.S_ND,
    panel.R_R,
    panel.I_A,
    panel.L_R_s,
    panel.L_Y_s,
  ];
  return markdownTable(head, [
    ["this relay, people's calls", ...ours.map((value) => value ?? "–")],
    ...TAU_VOICE.map((one) => [
      one.system,
      one.yield_rate,
      one.backchannels,
      one.vocal_tics,
      one.non_directed,
      one.response_rate,
      one.agent_interrupts,
      one.response_s,
      one.yield_s,
    ]),
  ]);
}

function picture(panel: Panel): Picture {
  const points = TAU_VOICE.map(({ system, yield_rate: x, backchannels: y }) => ({ name: system, x, y }));
  return {
    title: "Yields to whom it should, and to nobody else",
    subtitle: `others: ${TAU_VOICE_SOURCE}; this relay: its own calls of people`,
    panels: [
      {
        kind: "points",
        title: "Interruptions yielded to, and backchannels that the agent talked through",
        xLabel: "interruptions yielded to within two seconds",
        yLabel: "backchannels ignored",
        x: [0, 1],
        y: [0, 1],
        points: [...points, { name: "this relay", x: panel.R_Y ?? 0, y: panel.S_BC ?? 0, own: true }],
      },
    ],
  };
}
