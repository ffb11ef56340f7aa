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
import { NO_KERNELS } from "../src/audio/kernels.ts";
import { FRAME_AUDIO, writeFrame } from "../src/protocol/frame.ts";
import { CLIENT, type Dialect, type Input } from "../src/session/io.ts";
import { Session } from "../src/session/session.ts";
import { createUpstream } from "../src/upstreams/index.ts";
import type { JsonObject } from "../src/upstreams/upstream.ts";
import { markdownTable } from "./report.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "time, bytes and rows of a snapshot every three seconds of speech on both sides";

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

const PLACE = { response_id: "resp_1", output_index: 0 };
const MESSAGE = { id: "item_1", object: "realtime.item", type: "message", role: "assistant", content: [] };
/** What a provider says until its audio begins. */
const GREETING: readonly JsonObject[] = [
  { type: "session.created", session: {} },
  { type: "session.updated", session: {} },
  { type: "response.created", response: { id: "resp_1", object: "realtime.response", output: [] } },
  { type: "response.output_item.added", ...PLACE, item: MESSAGE },
];

class SteadyCall {
  readonly session: Session;
  now = 1_800_000_000_000;
  readonly #binary: boolean;
  readonly #pcm = new Uint8Array(FRAME_BYTES);
  #upstream = "";
  #sent = 0;

  constructor(dialect: Dialect) {
    this.#binary = dialect === "duplex.v1";
    const options = { adapter: "openai-compatible", url: "http://provider.invalid/" };
    const plan = {
      name: "demo",
      upstreams: [{ name: "demo", options }],
      session: {},
      detector: "energy" as const,
    };
    const setup = { id: "s", model: "demo", plan, intent: "conversation" as const, session: {} };
    let drawn = 0;
    const drawId = (): string => `drawn${(drawn += 1)}`.padEnd(21, "0");
    this.session = new Session(setup, { drawId, kernels: NO_KERNELS, createUpstream }, this.now);
    this.#feed({ type: "open", peer: CLIENT, dialect });
    this.#feed({ type: "open", peer: this.#upstream });
    for (const event of GREETING.slice(0, 2)) this.#provider(event);
    const audio = { input: { turn_detection: null } };
    this.client({ type: "session.update", session: { type: "realtime", audio } });
    this.client({ type: "response.create" });
    for (const event of GREETING.slice(2)) this.#provider(event);
  }

  #feed(input: Input): void {
    for (const action of this.session.handle(input, this.now)) {
      if (action.type === "dial") this.#upstream = action.peer;
    }
  }

  #provider(event: JsonObject): void {
    this.#feed({ type: "message", peer: this.#upstream, data: JSON.stringify(event) });
  }

  client(event: JsonObject): void {
    this.#feed({ type: "message", peer: CLIENT, data: JSON.stringify(event) });
  }

  /** Noise, as no picture and no other is. */
  picture(): void {
    const bytes = Uint8Array.from({ length: (PICTURE_CHARS * 3) / 4 }, () => Math.trunc(Math.random() * 256));
    const content = [{ type: "input_image", image_url: `data:image/png;base64,${bytes.toBase64()}` }];
    this.client({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    this.#read();
  }

  /** The shell looks at its socket: the client has read what it was sent. */
  #read(): void {
    this.#feed({ type: "buffered", peer: CLIENT, bytes: 0 });
  }

  /** 20 ms of each side. */
  frame(): void {
    this.now += FRAME_MS;
    this.#sent += 1;
    // Noise that no detector calls silence, never twice the same.
    for (let at = 0; at < FRAME_BYTES; at += 1)
      this.#pcm[at] = Math.imul(at + 1, this.#sent * 2_654_435_761) >>> 24;
    const { deadline } = this.session;
    if (deadline !== null && deadline <= this.now) this.#feed({ type: "timeout" });
    this.#read();
    const audio = this.#pcm.toBase64();
    if (this.#binary) {
      const header = { kind: FRAME_AUDIO, stream: 0, response: 0, sequence: this.#sent };
      this.#feed({ type: "message", peer: CLIENT, data: writeFrame(header, this.#pcm) });
    } else this.client({ type: "input_audio_buffer.append", audio });
    const place = { response_id: PLACE.response_id, item_id: MESSAGE.id, output_index: 0, content_index: 0 };
    this.#provider({ type: "response.output_audio.delta", ...place, delta: audio });
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
  const call = new SteadyCall(dialect);
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
    call.frame();
    if (at % acknowledgesEveryMs === 0) {
      call.client({ type: "session.ack", last_received: call.session.snapshot().port.sequence });
    }
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
