/** What the settings of `session.relay` do: the same calls at several values of one of them, in virtual time. */
import { markdownTable } from "../report.ts";
import type { BenchResult } from "../run.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { playInCore } from "./core.ts";
import { SERVER_VAD, withTurnDetection } from "./draw.ts";
import { figuresOf, TARGETS, type Figures } from "./figures.ts";
import { judge } from "./judge.ts";
import type { CallScript } from "./script.ts";

interface Sweep {
  readonly setting: string;
  readonly values: readonly number[];
  readonly relay: (value: number) => JsonObject;
  readonly calls: (script: CallScript) => boolean;
  readonly columns: Readonly<Record<string, (figures: Figures) => number | null>>;
}

const isFloor = ({ group }: CallScript): boolean => group === "floor";

const FLOOR_COLUMNS: Sweep["columns"] = {
  "yields %": ({ interruption }) => interruption.yield_percent,
  "full level p50 ms": ({ interruption }) => interruption.full_level_ms.p50,
  "full level p95 ms": ({ interruption }) => interruption.full_level_ms.p95,
  "stopped p50 ms": ({ interruption }) => interruption.stopped_ms.p50,
  "backchannel cut %": ({ nuisance }) => nuisance.by_kind["backchannel"]?.false_cut_percent ?? null,
  "background cut %": ({ nuisance }) => nuisance.by_kind["background"]?.false_cut_percent ?? null,
  "cough cut %": ({ nuisance }) => nuisance.by_kind["cough"]?.false_cut_percent ?? null,
  "echo cut %": ({ nuisance }) => nuisance.by_kind["echo"]?.false_cut_percent ?? null,
  "backchannel ducked p50 ms": ({ nuisance }) => nuisance.by_kind["backchannel"]?.ducked_ms.p50 ?? null,
};

const SWEEPS: readonly Sweep[] = [
  {
    setting: "interruption.confirm_ms",
    values: [200, 300, 400, 500, 600, 700, 800],
    relay: (value) => ({ interruption: { confirm_ms: value } }),
    calls: isFloor,
    columns: FLOOR_COLUMNS,
  },
  {
    setting: "interruption.dismiss_ms",
    values: [100, 150, 200, 250, 300, 400, 500],
    relay: (value) => ({ interruption: { dismiss_ms: value } }),
    calls: isFloor,
    columns: FLOOR_COLUMNS,
  },
  {
    setting: "lead_ms",
    values: [100, 200, 400, 800, 1600],
    relay: (value) => ({ lead_ms: value }),
    calls: isFloor,
    columns: {
      ...FLOOR_COLUMNS,
      "heard, no acks p95 ms": ({ heard_position: heard }) => heard.without_acks.p95,
      "starved calls": ({ resumed }) => resumed.starved.length,
    },
  },
  {
    setting: "eager_ms",
    values: [100, 150, 200, 250, 300, 400],
    relay: (value) => ({ eager_ms: value }),
    calls: ({ group }) => group === "eager_on",
    columns: {
      "fluent p50 ms": ({ eager }) => eager.on.fluent.answer_delay_ms.p50,
      "wavering p50 ms": ({ eager }) => eager.on.wavering.answer_delay_ms.p50,
      "discarded answers": ({ eager }) => eager.on.discarded,
      "of turns": ({ eager }) => eager.on.fluent.turns + eager.on.wavering.turns,
    },
  },
];

export function sweep(scripts: readonly CallScript[]): BenchResult {
  const figures: Record<string, JsonObject[]> = {};
  for (const { setting, values, relay, calls, columns } of SWEEPS) {
    const rows = values.map((value) => {
      const session = withTurnDetection(SERVER_VAD, relay(value));
      const found = figuresOf(
        scripts.filter(calls).map((script) => judge(playInCore({ ...script, session }))),
      );
      return [value, ...Object.values(columns).map((column) => column(found))];
    });
    const head = [setting, ...Object.keys(columns)];
    figures[setting] = rows.map((row) => Object.fromEntries(head.map((name, at) => [name, row[at] ?? null])));
    const shown = rows.map((row) => row.map((value) => value ?? "–"));
    process.stdout.write(`\n${markdownTable(head, shown)}\n`);
  }
  return { bench: "turns", figures, targets: TARGETS, missed: [], partial: true };
}
