/**
 * What a second of each side's speech costs the adapter for Moshi's servers: from PCM to a message, and from a message to events, by real Opus
 * on a recording. Beside it libopus alone at the three complexities there are, which is what the codec was chosen by, and, as the baseline, the
 * same sound through an adapter whose provider takes it as it is (OpenAI Live: base64). Milliseconds of a processor, not of a clock.
 */
import { readFileSync } from "node:fs";
import { LibOpus } from "../src/upstreams/moshi/libopus.ts";
import { createUpstream } from "../src/upstreams/index.ts";
import type { Upstream, WireMessage } from "../src/upstreams/upstream.ts";
import { libopusExports } from "../test/support/opus.ts";
import { ScriptedMoshi } from "../test/upstreams/scripted-moshi.ts";
import { ScriptedLive } from "../test/upstreams/scripted-live.ts";
import { CONFIG } from "../test/upstreams/connection.ts";
import type { Flags } from "./flags.ts";
import { markdownTable } from "./report.ts";
import type { BenchOptions, BenchResult } from "./run.ts";

export const description = "processor time of Opus, in and out, for a second of speech with a Moshi server";
export const flags: Flags = {};
export const lasts = "half a minute";

const FRAME = 480;
const STEP = 1920;
const ROUNDS = 7;
const TARGETS = { encode_ms_per_second: 20, decode_ms_per_second: 8 };

interface Row {
  readonly what: string;
  readonly ms_per_second_in: number;
  readonly ms_per_second_out: number;
  readonly kbit_per_second_in: number;
}

const speech = new Int16Array(
  new Uint8Array(readFileSync(new URL("../test/fixtures/three-turns.wav", import.meta.url)).subarray(44))
    .buffer,
);
const SECONDS = Math.floor(speech.length / STEP) * (STEP / 24_000);

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The middle of several, after two that are not counted. */
function median(work: () => void): number {
  const rounds = Array.from({ length: ROUNDS + 2 }, () => cpuMs(work)).slice(2);
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

function row(what: string, encode: () => number, decode: () => void): Row {
  let bytes = 0;
  const inMs = median(() => {
    bytes = encode();
  });
  const outMs = median(decode);
  const round = (ms: number): number => Math.round(ms * 100) / 100;
  return {
    what,
    ms_per_second_in: round(inMs / SECONDS),
    ms_per_second_out: round(outMs / SECONDS),
    kbit_per_second_in: round((bytes * 8) / 1000 / SECONDS),
  };
}

function pieces(samples: number): Uint8Array[] {
  const bytes = new Uint8Array(speech.buffer);
  return Array.from({ length: Math.floor((SECONDS * 24_000) / samples) }, (_, n) =>
    bytes.subarray(2 * n * samples, 2 * (n + 1) * samples),
  );
}

function adapterRow(what: string, upstream: Upstream, said: readonly WireMessage[]): Row {
  const encode = (): number => {
    let sent = 0;
    for (const bytes of pieces(FRAME)) {
      const chunk = { bytes, base64: () => bytes.toBase64() };
      for (const message of upstream.encode({ type: "audio", chunk })) sent += message.length;
    }
    return sent;
  };
  return row(what, encode, () => {
    for (const message of said) upstream.decode(message);
  });
}

function moshiRow(): Row {
  const codec = new LibOpus(libopusExports());
  const upstream = createUpstream({ adapter: "moshi", url: "wss://x.example" }, { opus: () => codec });
  upstream.greet(CONFIG);
  const server = new ScriptedMoshi(new LibOpus(libopusExports()));
  upstream.decode(server.handshake());
  return adapterRow(
    "moshi: Ogg and Opus",
    upstream,
    pieces(STEP).flatMap((pcm) => server.audio(pcm)),
  );
}

function liveRow(): Row {
  const upstream = createUpstream({ adapter: "openai-live", url: "wss://x.example" });
  const server = new ScriptedLive();
  for (const message of upstream.greet(CONFIG))
    for (const one of server.receive(message)) upstream.decode(one);
  return adapterRow(
    "baseline, openai-live: base64",
    upstream,
    pieces(STEP).flatMap((pcm) => server.audio(pcm)),
  );
}

function libopusRow(complexity: number): Row {
  const codec = new LibOpus(libopusExports(), complexity);
  const frames = Array.from({ length: Math.floor((SECONDS * 24_000) / FRAME) }, (_, n) =>
    speech.subarray(n * FRAME, (n + 1) * FRAME),
  );
  let packets: Uint8Array[] = [];
  const encode = (): number => {
    const encoder = codec.encoder();
    packets = frames.map((frame) => encoder.encode(frame)?.slice() ?? new Uint8Array());
    return packets.reduce((sum, { length }) => sum + length, 0);
  };
  return row(`libopus alone, complexity ${complexity}`, encode, () => {
    const decoder = codec.decoder();
    for (const packet of packets) decoder.decode(packet);
  });
}

export async function run({ say }: BenchOptions): Promise<BenchResult> {
  const rows: Row[] = [];
  for (const make of [moshiRow, liveRow, ...[0, 5, 9].map((complexity) => () => libopusRow(complexity))]) {
    rows.push(make());
    say(JSON.stringify(rows.at(-1)));
  }
  say(
    markdownTable(
      ["", "in, ms/s", "out, ms/s", "kbit/s in"],
      rows.map((one) =>
        [one.what, one.ms_per_second_in, one.ms_per_second_out, one.kbit_per_second_in].map(String),
      ),
    ),
  );
  const [moshi] = rows;
  const missed = [
    ...((moshi?.ms_per_second_in ?? Infinity) > TARGETS.encode_ms_per_second ? ["encode"] : []),
    ...((moshi?.ms_per_second_out ?? Infinity) > TARGETS.decode_ms_per_second ? ["decode"] : []),
  ];
  return { bench: "opus", figures: { seconds_of_speech: SECONDS, rows }, targets: TARGETS, missed };
}
