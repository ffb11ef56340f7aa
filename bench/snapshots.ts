/**
 * What a snapshot costs a call in which both sides speak all the time: milliseconds to take it and to divide it into
 * what is stored, bytes and rows that are written, by the client's kind, with pictures in the conversation, and where a
 * route stores text only. The real core, adapter and store's parts, in virtual time; SQLite is not in it. The baseline is
 * what every snapshot would be whole.
 */
import { performance } from "node:perf_hooks";
import { serialize } from "node:v8";
import { Crates } from "../durable-objects/crates.ts";
import { Divider } from "../durable-objects/pieces.ts";
import { silenced } from "../src/session/silenced.ts";
import type { Dialect } from "../src/session/io.ts";
import { markdownTable } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import { SteadyCall } from "./steady-call.ts";

export const description = "time, bytes and rows of a snapshot every three seconds of speech on both sides";
export const flags: Flags = {};
export const lasts = "five seconds";

const FRAME_MS = 20;
const FRAME_BYTES = 960;
const SNAPSHOT_EVERY_MS = 3000;
/** Until archive, history and outbox are full. */
const STEADY_AFTER_MS = 60_000;
const CALL_MS = 180_000;
const PICTURE_CHARS = 2_000_000;
const TARGETS = { bytes_per_second: 250_000, ms_per_snapshot: 3, rows_per_snapshot: 2 };

interface Kind {
  readonly client: string;
  readonly dialect: Dialect;
  readonly acknowledgesEveryMs: number;
  /** In the conversation from its beginning. */
  readonly pictures?: number;
  readonly textOnly?: boolean;
}

const KINDS: readonly Kind[] = [
  { client: "duplex.v1, acknowledges", dialect: "duplex.v1", acknowledgesEveryMs: 1000 },
  { client: "duplex.v1, never does", dialect: "duplex.v1", acknowledgesEveryMs: Infinity },
  { client: "realtime", dialect: "realtime", acknowledgesEveryMs: Infinity },
  { client: "realtime, one picture", dialect: "realtime", acknowledgesEveryMs: Infinity, pictures: 1 },
  { client: "realtime, five pictures", dialect: "realtime", acknowledgesEveryMs: Infinity, pictures: 5 },
  { client: "duplex.v1, text only", dialect: "duplex.v1", acknowledgesEveryMs: 1000, textOnly: true },
];

/** A call in which both sides speak all the time. */
class TalkingCall extends SteadyCall {
  readonly #pcm = new Uint8Array(FRAME_BYTES);
  #spoken = 0;

  constructor(dialect: Dialect) {
    super({ dialect, detection: null });
    this.answer();
  }

  /** Noise, as no picture and no other is; one after the other, as the budget of bytes has them. */
  picture(): void {
    this.pass(10_000);
    const bytes = Uint8Array.from({ length: (PICTURE_CHARS * 3) / 4 }, () => Math.trunc(Math.random() * 256));
    const content = [{ type: "input_image", image_url: `data:image/png;base64,${bytes.toBase64()}` }];
    this.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  }

  /** 20 ms of each side. */
  speak(): void {
    this.#spoken += 1;
    // Noise that no detector calls silence, never twice the same.
    for (let at = 0; at < FRAME_BYTES; at += 1)
      this.#pcm[at] = Math.imul(at + 1, this.#spoken * 2_654_435_761) >>> 24;
    this.pass(FRAME_MS);
    const audio = this.#pcm.toBase64();
    this.frame(this.#pcm, audio);
    this.delta(audio);
  }
}

interface Row {
  readonly client: string;
  readonly ms: number;
  readonly stored_bytes: number;
  /** Values that were put or deleted. */
  readonly rows: number;
  readonly whole_bytes: number;
}

function measure({ client, dialect, acknowledgesEveryMs, pictures = 0, textOnly = false }: Kind): Row {
  const call = new TalkingCall(dialect);
  for (let n = 0; n < pictures; n += 1) call.picture();
  const crates = new Crates();
  const divider = new Divider();
  const costs: {
    readonly ms: number;
    readonly bytes: number;
    readonly rows: number;
    readonly whole: number;
  }[] = [];
  for (let at = FRAME_MS; at <= CALL_MS; at += FRAME_MS) {
    call.speak();
    if (at % acknowledgesEveryMs === 0) call.acknowledge();
    if (at % SNAPSHOT_EVERY_MS > 0) continue;
    const start = performance.now();
    const snapshot = textOnly ? silenced(call.session.snapshot()) : call.session.snapshot();
    const { pieces, blocks, rest, references, bytes: kept } = divider.divide(snapshot);
    const { places, own, written, thrown } = crates.pack(pieces, blocks, kept);
    const ms = performance.now() - start;
    crates.stored(places);
    const values = [{ rest, references, places, own }, ...written.values()];
    const bytes = values.reduce((sum, value) => sum + serialize(value).byteLength, 0);
    const rows = values.length + thrown.length;
    const whole = serialize(call.session.snapshot()).byteLength;
    if (at > STEADY_AFTER_MS) costs.push({ ms, bytes, rows, whole });
  }
  const mean = (of: (cost: (typeof costs)[number]) => number): number =>
    costs.reduce((sum, cost) => sum + of(cost), 0) / costs.length;
  return {
    client,
    ms: Number(mean((cost) => cost.ms).toFixed(3)),
    stored_bytes: Math.round(mean((cost) => cost.bytes)),
    rows: Number(mean((cost) => cost.rows).toFixed(2)),
    whole_bytes: Math.round(mean((cost) => cost.whole)),
  };
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const rows = KINDS.map((kind) => measure(kind));
  const table = markdownTable(
    ["client", "ms per snapshot", "rows", "stored, kB", "whole, kB"],
    rows.map((row) => [
      row.client,
      row.ms,
      row.rows,
      Math.round(row.stored_bytes / 1000),
      Math.round(row.whole_bytes / 1000),
    ]),
  );
  if (!options.json) process.stdout.write(`${table}\n\n`);
  const missed = rows.flatMap(({ client, ms, rows: written, stored_bytes }) => {
    const perSecond = Math.round((stored_bytes * 1000) / SNAPSHOT_EVERY_MS);
    return [
      ...(perSecond > TARGETS.bytes_per_second
        ? [`${client}: ${perSecond} bytes are stored per second`]
        : []),
      ...(written > TARGETS.rows_per_snapshot ? [`${client}: a snapshot writes ${written} rows`] : []),
      ...(ms > TARGETS.ms_per_snapshot ? [`${client}: a snapshot takes ${ms} ms`] : []),
    ];
  });
  return { bench: "snapshots", figures: { every_ms: SNAPSHOT_EVERY_MS, rows }, targets: TARGETS, missed };
}
