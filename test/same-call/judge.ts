/** What became of a call, in figures: the same for every adapter. */
import { textAt } from "../../src/upstreams/json.ts";
import type { Account, Said } from "./mind.ts";
import type { Played } from "./play.ts";
import { RESULT } from "./script.ts";
import { lineOf } from "./sound.ts";

export interface Samples {
  /** The caller's turns, and what of them no connection heard. */
  readonly said: number;
  readonly missing: number;
  /** Of these heard more than once, over all connections, and any sample that one connection heard more than once. */
  readonly doubled: number;
  /** Stretches of one connection that are not in the caller's order. */
  readonly disordered: number;
  /** That nobody said. */
  readonly foreign: number;
}

export interface Heard {
  /** Samples that the provider sent, and that the client got. */
  readonly sent: number;
  readonly heard: number;
  /** Samples that are not the ones at their place. */
  readonly wrong: number;
  readonly ended: Said["ended"];
  readonly status: string | null;
}

export interface Figures {
  readonly caller: Samples;
  readonly answers: readonly Heard[];
  /** What is told the client in an order that is not OpenAI's, or never ends. */
  readonly lifecycle: readonly string[];
  readonly transcripts: readonly string[];
  readonly tool: { readonly called: number; readonly told: number };
  /** Played when the caller interrupted, and what the provider was told of it: the last of its cuts, and marks of what it was told. */
  readonly cut: {
    readonly playedMs: number | null;
    readonly told: number | null;
    readonly stopped: number;
    readonly knows: readonly string[];
  };
  /** By connection after the first: marks of what came before it, as often and in the order in which it was told them. */
  readonly knows: readonly (readonly string[])[];
  readonly resumed: readonly boolean[];
  readonly used: {
    readonly provider: readonly [input: number, output: number];
    /** Of that for answers that never ended. */
    readonly unended: readonly [input: number, output: number];
    readonly client: readonly [input: number, output: number];
    readonly session: readonly [input: number, output: number];
    readonly seconds: readonly [provider: number, session: number];
  };
  readonly refused: readonly string[];
  readonly errors: readonly string[];
}

/** A word of each thing that is said in the call. */
export const MARKS: readonly string[] = [
  "Cinnamon",
  "Marmalade",
  "velvet",
  "Quillfeather",
  "Quartz",
  "Lanterns",
  "Nightingale",
  "Periwinkle",
];
/** Words at the end of answers of which only the beginning was heard. */
const UNHEARD = ["boats", "everywhere else"];

export function figuresOf(played: Played): Figures {
  const accounts = played.stage.minds.map((mind) => mind.account());
  const { listener, stage } = played;
  const interrupted = listener.answers.find(({ cutMs }) => cutMs !== null);
  const usage = played.call.session.state().usage as Record<string, number>;
  return {
    caller: samplesOf(played, accounts),
    answers: stage.said.map((said, n) => heardOf(said, listener.answers[n])),
    lifecycle: [...listener.faults, ...listener.unfinished.map((id) => `${id} never ends`)],
    transcripts: listener.transcripts,
    tool: {
      called: listener.calls.length,
      told: occurrences(accounts[stage.callsOn ?? 0]?.told ?? "", RESULT.slice(14, -2)).length,
    },
    cut: {
      playedMs: interrupted?.cutMs ?? null,
      told: accounts.flatMap(({ cuts }) => cuts).at(-1) ?? null,
      stopped: accounts.reduce((sum, { stopped }) => sum + stopped, 0),
      knows: marksIn(accounts[0]?.told ?? ""),
    },
    knows: accounts.slice(1).map(({ told }) => marksIn(told)),
    resumed: accounts.slice(1).map(({ resumed }) => resumed),
    used: {
      provider: [stage.used.input, stage.used.output],
      unended: [stage.unended.input, stage.unended.output],
      client: [listener.used.input, listener.used.output],
      session: [usage["input_tokens"] ?? 0, usage["output_tokens"] ?? 0],
      seconds: [stage.used.seconds, usage["audio_seconds"] ?? 0],
    },
    refused: accounts.flatMap(({ refused }) => refused),
    errors: listener.errors.map((error) => textAt(error, "code") ?? ""),
  };
}

/**
 * Where turns end is a provider's own matter, and who hears everything may hear again what no turn was made of on a connection
 * before: what is said in turns is heard once, over all connections.
 */
function samplesOf({ tape, spoken }: Played, accounts: readonly Account[]): Samples {
  const heard = accounts.map((account) => account.heard.map((bytes) => tape.runs(bytes)));
  const runs = heard.map((connection) => connection.flatMap((one) => one.runs));
  const times = new Uint8Array(tape.length);
  for (const { from, to } of runs.flat())
    for (let at = from; at < to; at += 1) times[at] = (times[at] ?? 0) + 1;
  const said = spoken.flatMap(({ from, to }) => Array.from(times.subarray(from, to)));
  const overlaps = runs.flatMap((own) => own.slice(1).map((run, n) => (own[n]?.to ?? 0) - run.from));
  const again = overlaps.filter((samples) => samples > 0);
  return {
    said: said.length,
    missing: said.filter((count) => count === 0).length,
    doubled: said.filter((count) => count > 1).length + again.reduce((sum, samples) => sum + samples, 0),
    disordered: again.length,
    foreign: heard.flat().reduce((sum, { foreign }) => sum + foreign, 0),
  };
}

function heardOf(
  said: Said,
  answer: { readonly pieces: readonly Uint8Array[]; readonly status: string | null } | undefined,
): Heard {
  const sound = lineOf(said.line).subarray(0, said.bytes);
  const heard = sounding(Buffer.concat(answer?.pieces ?? []));
  const wrong = heard.reduce((sum, byte, at) => sum + (byte === sound[at] ? 0 : 1), 0);
  return {
    sent: said.bytes / 2,
    heard: heard.length / 2,
    wrong: Math.ceil(wrong / 2),
    ended: said.ended,
    status: answer?.status ?? null,
  };
}

/** A model that is one track gives silence before and after what it says. */
function sounding(track: Buffer): Buffer {
  const first = track.findIndex((byte) => byte !== 0);
  return first < 0
    ? track.subarray(0, 0)
    : track.subarray(first & ~1, (track.findLastIndex((byte) => byte !== 0) | 1) + 1);
}

function occurrences(text: string, mark: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) found.push(at);
  return found;
}

/** In the order in which they stand there; words that nobody heard are marks too. */
function marksIn(told: string): readonly string[] {
  return [...MARKS, ...UNHEARD]
    .flatMap((mark) => occurrences(told, mark).map((at) => ({ mark, at })))
    .toSorted((one, other) => one.at - other.at)
    .map(({ mark }) => mark);
}

/** What is to be known by the connection after the rollover, and by the one after the loss. */
export const BEFORE_ROLLOVER = MARKS.slice(0, 5);
export const BEFORE_LOSS = MARKS.slice(0, 7);
