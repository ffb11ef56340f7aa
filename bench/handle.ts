/**
 * What one message costs the core: `Session.handle` alone, in Node, in virtual time, by tinybench. The baseline beside each is
 * the least that anything must do which reads the same messages: a JSON parse and base64, or a copy of a binary frame.
 */
import { readFileSync } from "node:fs";
import { Bench } from "tinybench";

import { readFrameHeader, FRAME_AUDIO, FRAME_HEADER_BYTES, writeFrame } from "../src/protocol/frame.ts";
import type { Dialect } from "../src/session/io.ts";
import { EchoGuard } from "../src/session/floor/echo-guard.ts";
import { loadKernels } from "../test/support/kernels.ts";
import { readWav, resample, toInt16 } from "../tools/wav.ts";
import { callsOf } from "./handle/calls.ts";
import { markdownTable } from "./report.ts";
import type { Flags } from "./flags.ts";
import type { BenchOptions, BenchResult } from "./run.ts";
import { deltaMessage, SteadyCall } from "./steady-call.ts";

export const description =
  "microseconds of Session.handle per message, beside a bare parse of the same message";
export const flags: Flags = {};
export const lasts = "eight seconds";

const FRAME_MS = 20;
const FRAME_BYTES = 960;
const DELTA_FRAMES = 5;
/** Messages of each kind, and as many before them to get warm: minutes of a call, not hours. */
const ROUNDS = 3000;
/** Messages of each kind whose calls are counted. */
const COUNTED = 500;
const SPEECH = new URL("../test/fixtures/three-turns.wav", import.meta.url);
/** The relay ends turns, and answers none: what is measured is the caller's side. */
const DETECTION = { type: "server_vad", create_response: false, interrupt_response: true };
/** The echo guard looks for an echo every fourth of its frames of 16 ms: so much has a whole number of looks, and of messages. */
const GUARDED_MS = 320;
const GUARD = `the echo guard alone, ${GUARDED_MS} ms of an agent and its echo`;
/** A millisecond of processor per second for the guard. */
const TARGETS = {
  "a frame, nobody speaks, binary": 15,
  "a frame of speech, detected, binary": 60,
  [GUARD]: GUARDED_MS,
};

interface Case {
  readonly name: string;
  /** Null: it is no call. */
  readonly call: SteadyCall | null;
  /** Called for every message; `n` counts them. */
  readonly relay: (n: number) => void;
  readonly baseline: (n: number) => void;
}

interface Frame {
  readonly pcm: Uint8Array;
  readonly base64: string;
}

function speech(): readonly Frame[] {
  const pcm = toInt16(resample(readWav(readFileSync(SPEECH)), 24_000));
  const bytes = new Uint8Array(pcm.buffer);
  return Array.from({ length: Math.floor(bytes.length / FRAME_BYTES) }, (_, n) => {
    const frame = bytes.slice(n * FRAME_BYTES, (n + 1) * FRAME_BYTES);
    return { pcm: frame, base64: frame.toBase64() };
  });
}

const memory = new Uint8Array(FRAME_BYTES * DELTA_FRAMES);

function parse(data: string, member: string): void {
  const event: Record<string, unknown> = JSON.parse(data);
  memory.setFromBase64(String(event[member]));
}

function bareFrame(dialect: Dialect, { pcm, base64 }: Frame): () => void {
  if (dialect === "realtime") {
    const data = `{"type":"input_audio_buffer.append","audio":"${base64}"}`;
    return () => parse(data, "audio");
  }
  const data = writeFrame({ kind: FRAME_AUDIO, stream: 0, response: 0, sequence: 1 }, pcm);
  return () => {
    readFrameHeader(data);
    memory.set(data.subarray(FRAME_HEADER_BYTES));
  };
}

function cases(frames: readonly Frame[]): readonly Case[] {
  const silent: Frame = {
    pcm: new Uint8Array(FRAME_BYTES),
    base64: new Uint8Array(FRAME_BYTES).toBase64(),
  };
  const kernels = loadKernels();
  const at = (n: number): Frame => frames[n % frames.length] ?? silent;
  const delta = (n: number): string => {
    const pieces = Array.from({ length: DELTA_FRAMES }, (_, k) => at(n * DELTA_FRAMES + k).pcm);
    pieces.forEach((piece, k) => memory.set(piece, k * FRAME_BYTES));
    return deltaMessage(memory.toBase64());
  };
  const deltas = Array.from({ length: 50 }, (_, n) => delta(n));
  return (["duplex.v1", "realtime"] as const).flatMap((dialect): Case[] => {
    const wire = dialect === "realtime" ? "JSON" : "binary";
    const quiet = new SteadyCall({ dialect, detection: null });
    const detected = new SteadyCall({ dialect, detection: DETECTION, kernels });
    const over = new SteadyCall({ dialect, detection: DETECTION, kernels });
    over.answer();
    const back = new SteadyCall({ dialect, detection: null });
    back.answer();
    const frame = (call: SteadyCall, { pcm, base64 }: Frame): void => {
      call.pass(FRAME_MS);
      call.frame(pcm, base64);
    };
    const said = (call: SteadyCall, n: number): void => {
      call.hear(deltas[n % deltas.length] ?? "");
      if (n % 10 === 0) call.acknowledge();
    };
    const bare = bareFrame(dialect, silent);
    const bareDelta = (): void => parse(deltas[0] ?? "", "delta");
    return [
      {
        name: `a frame, nobody speaks, ${wire}`,
        call: quiet,
        relay: () => frame(quiet, silent),
        baseline: bare,
      },
      {
        name: `a frame of speech, detected, ${wire}`,
        call: detected,
        relay: (n) => frame(detected, at(n)),
        baseline: bare,
      },
      {
        name: `100 ms of an answer, ${wire}`,
        call: back,
        relay: (n) => {
          back.pass(FRAME_MS * DELTA_FRAMES);
          said(back, n);
        },
        baseline: bareDelta,
      },
      {
        name: `100 ms of an answer, and five silent frames over it, ${wire}`,
        call: over,
        relay: (n) => {
          said(over, n);
          for (let k = 0; k < DELTA_FRAMES; k += 1) frame(over, silent);
        },
        baseline: () => {
          bareDelta();
          for (let k = 0; k < DELTA_FRAMES; k += 1) bare();
        },
      },
    ];
  });
}

/** An agent at 24 kHz, heard again by the microphone 130 ms later at a tenth of its amplitude. */
function guarded(frames: readonly Frame[]): Case {
  const guard = new EchoGuard(loadKernels().bands);
  const agent = frames.map(({ pcm }) => new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength / 2));
  const echo = agent.map((samples) => samples.map((value) => value / 10));
  const [silent, lateMs] = [new Int16Array(FRAME_BYTES / 2), 130];
  let ms = 0;
  const step = (): void => {
    const n = ms / FRAME_MS;
    guard.played(0, agent[n % agent.length] ?? silent, 24_000, ms + lateMs, ms);
    ms += FRAME_MS;
    guard.heard(echo[n % echo.length] ?? silent, 24_000, ms - FRAME_MS, ms, ms);
    guard.advance(ms);
  };
  return {
    name: GUARD,
    call: null,
    relay: () => {
      for (let at = 0; at < GUARDED_MS; at += FRAME_MS) step();
      if (ms > 60_000 && !guard.known)
        throw new Error("the guard knows no echo: what was measured is nothing");
    },
    baseline: () => {
      for (let at = 0; at < GUARDED_MS; at += FRAME_MS) memory.set(frames[0]?.pcm ?? memory);
    },
  };
}

export async function run(options: BenchOptions): Promise<BenchResult> {
  const bench = new Bench({ time: 0, iterations: ROUNDS, warmupTime: 0, warmupIterations: ROUNDS });
  const frames = speech();
  const all = [...cases(frames), guarded(frames)];
  for (const { name, relay, baseline } of all) {
    let n = 0;
    bench.add(name, () => relay((n += 1)));
    bench.add(`${name}: bare`, () => baseline(0));
  }
  await bench.run();
  for (const { name, call, relay } of all) {
    const before = call?.sends;
    for (let n = 0; n < ROUNDS; n += 1) relay(n);
    if (call !== null && call.sends === before)
      throw new Error(`${name}: the call had ended, and what was measured is nothing`);
  }
  const medianUs = (name: string): number => {
    const result = bench.getTask(name)?.result;
    return result !== undefined && "latency" in result ? result.latency.p50 * 1000 : Number.NaN;
  };
  // After the times: while V8 counts, nothing is compiled as it is in a call.
  let n = 0;
  const calls = await callsOf(
    all.map(
      ({ relay }) =>
        () =>
          relay((n += 1)),
    ),
    COUNTED,
  );
  const rows = all.map(({ name }, at) => {
    const [us, bare] = [medianUs(name), medianUs(`${name}: bare`)];
    return {
      case: name,
      us: Number(us.toFixed(2)),
      bare_us: Number(bare.toFixed(2)),
      calls: Math.round(calls[at] ?? 0),
    };
  });
  const head = ["message", "µs", "bare parse, µs", "calls"];
  const table = rows.map((row) => [row.case, row.us, row.bare_us, row.calls]);
  if (!options.json) process.stdout.write(`${markdownTable(head, table)}\n\n`);
  const missed = Object.entries(TARGETS).flatMap(([name, most]) => {
    const row = rows.find((one) => one.case === name);
    return row !== undefined && row.us <= most ? [] : [`${name}: ${row?.us} µs, at most ${most}`];
  });
  const panel = { kind: "table" as const, title: "Median of Session.handle", head, rows: table };
  return {
    bench: "handle",
    figures: { rows },
    targets: TARGETS,
    missed,
    picture: { title: "What one message costs the core", panels: [panel] },
  };
}
