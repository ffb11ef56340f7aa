/**
 * Quality and cost of the speech detector against the unchanged network in onnxruntime-web (and -node), WebRTC's
 * detector and the energy detector, all on the same audio in the same run. What the figures mean is in docs/vad.md.
 */
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import { markdownTable, type Picture } from "./report.ts";
import { allMixes, corpusExists, loadCorpus, type Recording } from "./vad/corpus.ts";
import { cpuPerSecond, moduleBytes, workerdCost, type WorkerdCost } from "./vad/cost.ts";
import {
  energyDetector,
  onnxruntimeNode,
  onnxruntimeWeb,
  relayDetector,
  webrtc,
  type Candidate,
} from "./vad/detectors.ts";
import { generatedCorpus } from "./vad/generated.ts";
import { quality, type Quality, type Scored } from "./vad/quality.ts";
import { CHANGES, robustness, stress, type RobustnessRow, type StressRow } from "./vad/robustness.ts";

export const description =
  "quality and cost of the speech detector against onnxruntime-web, onnxruntime-node and WebRTC VAD";
export const flags: Flags = {
  mixes: { value: "all", says: "all mixes of the corpus" },
};
export const lasts = "some minutes";

/** Of shared/vad.md. Where it gives an absolute figure for its own recordings, the reference's in this run is taken. */
const TARGETS = {
  auc_against_reference: { must: -0.001, stretch: 0.003 },
  recall: { must: "the reference's, at most .42 false onsets per minute", stretch: "+ .012, .30 per minute" },
  onset_ms: { must: "the reference's median and 95th percentile", stretch: "6 and 14 less" },
  low_recall: {
    must: "the reference's, at most 1.37 false onsets per minute",
    stretch: "+ .055, 1.0 per minute",
  },
  // On generated audio, where the synthesiser fades out, the reference's if that is later.
  end_ms: { must: { p50: 290, p95: 356 }, stretch: { p50: 240, p95: 320 } },
  auc_lost_at_minus_12_db: { must: 0.006, stretch: 0.003 },
  auc_paid_for_normalising: { must: 0.001, stretch: 0 },
  cpu_against_reference: { must: 1 / 8, stretch: 1 / 12 },
  workerd_ms_per_s: { must: 2.8, stretch: 1.5 },
  module_gzip_bytes: { must: 250_000, stretch: 200_000 },
  cold_start_ms: { must: 50, stretch: 15 },
} as const;

interface Figures {
  readonly corpus: string;
  readonly auc_against_reference: number;
  readonly auc_lost_at_minus_12_db: number;
  readonly auc_paid_for_normalising: number;
  readonly cpu_against_reference: number;
  readonly cpu_ms_per_s: Readonly<Record<string, number>>;
  readonly workerd: WorkerdCost;
  readonly module_gzip_bytes: number;
  readonly quality: readonly Quality[];
  readonly robustness: readonly RobustnessRow[];
  readonly stress: readonly StressRow[];
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const { given, say } = options;
  const all = given.has("mixes") && given.some("mixes", ["all"]).length > 0;
  const { corpus, name } = await corpusOf(all, say);
  const relay = relayDetector();
  const reference = await onnxruntimeWeb();
  const others = [energyDetector(), await webrtc(), await onnxruntimeNode()].filter((c) => c !== null);
  const scored: Scored[] = [];
  const plain = relayDetector("relay, level as it is", { normaliseLevel: false });
  for (const candidate of [
    relay,
    reference,
    relayDetector("relay, whole steps", { halfSteps: false }),
    plain,
    ...others,
  ]) {
    // The same network by the same runtime in other clothes: its scores are the reference's.
    if (candidate.name === "onnxruntime-node") continue;
    const result = await quality(candidate, corpus);
    scored.push(result);
    say(line(result.scores));
  }
  const figures = await figuresOf({ name, corpus, relay, reference, others, scored });
  say(tables(figures));
  return {
    bench: "vad",
    figures: { ...figures },
    targets: TARGETS,
    missed: missedOf(figures),
    picture: pictureOf(figures, scored),
  };
}

interface Measured {
  readonly name: string;
  readonly corpus: readonly Recording[];
  readonly relay: Candidate;
  readonly reference: Candidate;
  readonly others: readonly Candidate[];
  readonly scored: readonly Scored[];
}

async function figuresOf({ name, corpus, relay, reference, others, scored }: Measured): Promise<Figures> {
  const [ofRelay, ofReference, , ofPlain] = scored.map(({ scores }) => scores);
  if (!ofRelay || !ofReference || !ofPlain) throw new Error("four detectors expected");
  const { scores: quiet } = await quality(relay, corpus, CHANGES["-12 dB"]);
  const minute = minuteOf(corpus);
  const cpu = await cpuPerSecond([relay, reference, ...others], minute);
  return {
    corpus: name,
    auc_against_reference: ofRelay.auc - ofReference.auc,
    auc_lost_at_minus_12_db: ofRelay.auc - quiet.auc,
    auc_paid_for_normalising: ofPlain.auc - ofRelay.auc,
    cpu_against_reference: (cpu[relay.name] ?? NaN) / (cpu[reference.name] ?? NaN),
    cpu_ms_per_s: cpu,
    workerd: await workerdCost(minute),
    module_gzip_bytes: await moduleBytes(),
    quality: scored.map(({ scores }) => scores),
    robustness: await robustness(
      [relay, reference],
      corpus.filter((recording) => recording.snr === null),
    ),
    stress: await stress(relay),
  };
}

async function corpusOf(all: boolean, say: (text: string) => void) {
  if (!corpusExists()) {
    say("../shared/data/vad is not here: scoring the demo's voices with generated noise instead");
    return { corpus: generatedCorpus(), name: "generated" };
  }
  if (all) return { corpus: await allMixes(), name: "data/vad, all mixes" };
  return { corpus: await loadCorpus(), name: "data/vad" };
}

/** A minute of the corpus, speech and noise in its proportions. */
function minuteOf(corpus: readonly Recording[]): Int16Array {
  const share = Math.ceil((16000 * 60) / corpus.length);
  const minute = new Int16Array(16000 * 60);
  corpus.forEach(({ pcm }, i) => {
    const from = Math.max(0, Math.floor(pcm.length / 2) - share);
    minute.set(pcm.subarray(from, from + Math.max(0, Math.min(share, minute.length - i * share))), i * share);
  });
  return minute;
}

function missedOf(figures: Figures): string[] {
  const [relay, reference] = figures.quality;
  if (!relay || !reference) return ["nothing was measured"];
  const checks: [boolean, string][] = [
    [
      figures.auc_against_reference >= -0.001,
      `AUC against the reference ${figures.auc_against_reference.toFixed(4)}`,
    ],
    [
      relay.recall >= reference.recall && relay.false_per_min <= 0.42,
      `recall ${percent(relay.recall)} at ${relay.false_per_min.toFixed(2)} false per minute`,
    ],
    [relay.onset_p50_ms <= reference.onset_p50_ms, `onset median ${relay.onset_p50_ms.toFixed(0)} ms`],
    [
      relay.onset_p95_ms <= reference.onset_p95_ms,
      `onset 95th percentile ${relay.onset_p95_ms.toFixed(0)} ms`,
    ],
    [
      relay.low_recall >= reference.low_recall && relay.low_false_per_min <= 1.37,
      `recall at 5 and 0 dB ${percent(relay.low_recall)} at ${relay.low_false_per_min.toFixed(2)} false per minute`,
    ],
    [
      relay.end_p50_ms <= Math.max(290, reference.end_p50_ms) &&
        relay.end_p95_ms <= Math.max(356, reference.end_p95_ms),
      `end of speech ${relay.end_p50_ms.toFixed(0)} and ${relay.end_p95_ms.toFixed(0)} ms`,
    ],
    [
      figures.auc_lost_at_minus_12_db <= 0.006,
      `AUC lost at -12 dB ${figures.auc_lost_at_minus_12_db.toFixed(4)}`,
    ],
    [
      figures.auc_paid_for_normalising <= 0.001,
      `AUC paid for it ${figures.auc_paid_for_normalising.toFixed(4)}`,
    ],
    [
      figures.cpu_against_reference <= 1 / 8,
      `CPU ${figures.cpu_against_reference.toFixed(3)} of the reference's`,
    ],
    [
      figures.workerd.ms_per_s <= 2.8,
      `${figures.workerd.ms_per_s.toFixed(2)} ms per second of audio in workerd`,
    ],
    [figures.workerd.cold_start_ms <= 50, `cold start ${figures.workerd.cold_start_ms.toFixed(0)} ms`],
    [figures.module_gzip_bytes <= 250_000, `module ${figures.module_gzip_bytes} bytes`],
    [figures.stress.every((row) => row.not_a_number === 0), "a probability was not a number"],
  ];
  return checks.filter(([met]) => !met).map(([, text]) => text);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function line(scores: Quality): string {
  const { detector, auc, recall, false_per_min, onset_p50_ms, low_recall, low_false_per_min, end_p50_ms } =
    scores;
  return (
    `${detector.padEnd(24)} AUC ${auc.toFixed(4)}  onsets ${percent(recall)} at ${false_per_min.toFixed(2)}/min, ` +
    `${onset_p50_ms.toFixed(0)} ms; noisy ${percent(low_recall)} at ${low_false_per_min.toFixed(2)}/min; end ${end_p50_ms.toFixed(0)} ms`
  );
}

const HEAD = [
  "detector",
  "AUC",
  "F1",
  "recall",
  "false/min",
  "onset p50",
  "p95",
  "end p50",
  "p95",
  "5–0 dB recall",
  "false/min",
];

function qualityRow(row: Quality): (string | number)[] {
  const { detector, auc, f1, recall, false_per_min, onset_p50_ms, onset_p95_ms, end_p50_ms, end_p95_ms } =
    row;
  const whole = [onset_p50_ms, onset_p95_ms, end_p50_ms, end_p95_ms].map((ms) => ms.toFixed(0));
  const noisy = [row.low_recall.toFixed(3), row.low_false_per_min.toFixed(2)];
  return [
    detector,
    auc.toFixed(4),
    f1.toFixed(3),
    recall.toFixed(3),
    false_per_min.toFixed(2),
    ...whole,
    ...noisy,
  ];
}

function tables(figures: Figures): string {
  const rows = figures.robustness.map((row) => [
    row.change,
    row.detector,
    row.auc.toFixed(4),
    row.recall.toFixed(3),
    row.false_per_min.toFixed(2),
  ]);
  return [
    "",
    markdownTable(HEAD, figures.quality.map(qualityRow)),
    "",
    markdownTable(["clean recordings", "detector", "AUC", "recall", "false/min"], rows),
    "",
    markdownTable(
      ["a minute of", "highest p", "false starts", "NaN"],
      figures.stress.map((row) => [row.signal, row.highest.toFixed(3), row.false_starts, row.not_a_number]),
    ),
    "",
    markdownTable(["CPU in Node", "ms per s of audio"], Object.entries(figures.cpu_ms_per_s)),
    "",
    `in workerd ${figures.workerd.ms_per_s.toFixed(2)} ms per s of audio, first probability after ` +
      `${figures.workerd.cold_start_ms.toFixed(1)} ms; module ${figures.module_gzip_bytes} bytes gzipped; CPU ` +
      `1/${(1 / figures.cpu_against_reference).toFixed(1)} of onnxruntime-web; AUC ${figures.auc_lost_at_minus_12_db.toFixed(4)} ` +
      `lost at -12 dB, ${figures.auc_paid_for_normalising.toFixed(4)} paid for that`,
    "",
  ].join("\n");
}

function pictureOf(figures: Figures, scored: readonly Scored[]): Picture {
  const series = (points: (result: Scored) => readonly (readonly [number, number])[]) =>
    scored
      .filter(({ scores }) => !scores.detector.startsWith("relay,"))
      .map((result) => ({ name: result.scores.detector, points: points(result) }));
  return {
    title: "Speech detection",
    subtitle: `${figures.corpus}; CPU 1/${(1 / figures.cpu_against_reference).toFixed(1)} of onnxruntime-web`,
    panels: [
      {
        kind: "lines",
        title: "ROC, frames of 10 ms",
        xLabel: "false-positive rate",
        yLabel: "true-positive rate",
        series: series((s) => s.curves.roc),
        x: [0, 0.4],
        y: [0.6, 1],
      },
      {
        kind: "lines",
        title: "Onsets found, clean and at 10 dB or more",
        xLabel: "ms after the onset",
        yLabel: "share of onsets",
        series: series((s) => s.curves.latency),
        x: [0, 500],
        y: [0, 1],
      },
      {
        kind: "bars",
        title: "CPU in Node",
        unit: "ms per s of audio",
        bars: ["CPU"],
        groups: Object.entries(figures.cpu_ms_per_s).map(([label, value]) => ({ label, values: [value] })),
      },
      { kind: "table", title: "Quality", head: HEAD, rows: figures.quality.map(qualityRow) },
    ],
  };
}
