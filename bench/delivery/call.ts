/**
 * One call with gaps: the caller speaks all the time, commits a turn and asks for an answer every two seconds when
 * none is under way, and loses the connection at the moments that the script names.
 */
import type { JsonObject } from "../../src/protocol/json.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { DEAD_MS, ResumingClient, type ClientTarget, type Resumption } from "./client.ts";
import type { CutLine } from "./line.ts";
import { Listener } from "./listener.ts";
import { FRAME_MS, sleep, Speaker } from "./speaker.ts";
import type { AnswerScript } from "./voice.ts";

export interface Gap {
  /** Since the last resume. */
  readonly afterMs: number;
  /** From the loss of the connection to the next dial; a black hole lasts at least until it is noticed. */
  readonly gapMs: number;
  /** `hole`: the network swallows everything, both ends have to notice. `takeover`: so, but the client knows at once. */
  readonly kind: "terminate" | "hole" | "takeover";
}

export interface GapCall {
  readonly name: string;
  readonly seed: number;
  /** Added to the line in each direction. */
  readonly delayMs: number;
  readonly gaps: readonly Gap[];
  readonly answers: readonly AnswerScript[];
}

export interface PlayedGap {
  readonly gap: Gap;
  /** What the gap really was. */
  readonly gapMs: number;
  readonly midAnswer: boolean;
  readonly roundTripMs: number;
  readonly resumption: Resumption;
  /** This process's own frames of that time were so late: what it measured then is its own trouble as well. */
  readonly lateMs: number;
  /** Of a hole: after how long this client noticed; and when the relay closed, with which code. */
  readonly noticedMs: number | null;
  readonly closed: { readonly code: number; readonly afterMs: number } | null;
}

export interface PlayedCall {
  readonly call: GapCall;
  readonly client: ResumingClient;
  readonly gaps: readonly PlayedGap[];
  /** Ends of the turns, in samples of what was said. */
  readonly turns: readonly number[];
  readonly lateMs: readonly number[];
}

const TURN_SAMPLES = 2 * 24_000;
/** The last turn may be shorter, but not too short to be one. */
const LAST_TURN_SAMPLES = 24_000 / 2;
const PINGS = 3;

export async function play(call: GapCall, target: ClientTarget, line: CutLine): Promise<PlayedCall> {
  const session = {
    type: "realtime",
    instructions: call.name,
    audio: { input: { turn_detection: null } },
  };
  const client = await ResumingClient.open({ ...target, port: line.port }, "demo", session);
  const speaker = new Speaker(client, call.seed);
  const listener = new Listener(client);
  try {
    const turns = takeTurns(speaker, listener);
    const speaking = speaker.run();
    const gaps: PlayedGap[] = [];
    for (const gap of call.gaps) {
      await sleep(gap.afterMs);
      gaps.push(await lose(client, line, gap, speaker, turns));
    }
    turns.last = true;
    await client.until(() => turns.over, "the last answer");
    speaker.stop();
    await speaking;
    await client.until(() => client.acknowledged >= client.sent, "the acknowledgement of everything");
    return { call, client, gaps, turns: speaker.turns, lateMs: speaker.lateMs };
  } finally {
    speaker.stop();
    await client.hangUp();
  }
}

interface Turns {
  /** The next turn is the last one. */
  last: boolean;
  readonly answering: boolean;
  /** The last turn was answered. */
  readonly over: boolean;
}

/** A turn every two seconds, when the answer before has ended. */
function takeTurns(speaker: Speaker, listener: Listener): Turns {
  let closed = false;
  const turns = {
    last: false,
    get answering() {
      return speaker.turns.length > listener.answers.length || listener.active.length > 0;
    },
    get over() {
      return closed && !turns.answering;
    },
  };
  speaker.onFrame = () => {
    if (closed || turns.answering) return;
    if (speaker.open < (turns.last ? LAST_TURN_SAMPLES : TURN_SAMPLES)) return;
    closed = turns.last;
    speaker.commit();
  };
  return turns;
}

async function lose(
  client: ResumingClient,
  line: CutLine,
  gap: Gap,
  speaker: Speaker,
  turns: Turns,
): Promise<PlayedGap> {
  const roundTrips: number[] = [];
  for (let n = 0; n < PINGS; n += 1) roundTrips.push(await client.ping());
  const midAnswer = turns.answering;
  const at = performance.now();
  let noticedMs: number | null = null;
  const hole = gap.kind === "terminate" ? null : line.blackHole();
  if (gap.kind === "terminate") client.terminate();
  if (gap.kind === "takeover") client.abandon();
  if (gap.kind === "hole") {
    // What it says meanwhile falls into the hole, and must be said again.
    const left = (): number => client.heardAt + DEAD_MS - performance.now();
    while (left() > 0) await sleep(left());
    noticedMs = performance.now() - at;
    client.abandon();
  }
  await sleep(Math.max(0, at + gap.gapMs - performance.now()));
  const gapMs = performance.now() - at;
  const from = speaker.lateMs.length;
  const resumption = await client.resume();
  // The frame that was due meanwhile is the first to tell.
  await sleep(FRAME_MS);
  const lateMs = Math.max(0, ...speaker.lateMs.slice(from));
  return {
    gap,
    gapMs,
    midAnswer,
    roundTripMs: Math.min(...roundTrips),
    resumption,
    lateMs,
    noticedMs,
    closed: hole === null ? null : await hole.closed,
  };
}

/** The events of the type that the client got. */
export function eventsOf(client: ResumingClient, type: string): readonly JsonObject[] {
  return client.events.filter((event) => textAt(event, "type") === type);
}
