/** A turn that the relay ends is over when the silence has lasted that the client is shown. */
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { CLIENT, type Action } from "../../src/session/io.ts";
import type { Caller } from "./caller.ts";
import { fields, text } from "./fields.ts";
import type { World } from "./world.ts";

/** A turn of the caller's, as the client is told of it. */
export interface Turn {
  readonly fromMs: number;
  toMs: number;
  readonly toldAt: number;
  deletedAt?: number;
}

/** Frames of the microphone and of the detector. */
const SLACK_MS = 100;

/** Where no sound comes for a while the clock ends turns, and a client ends its own. */
const HALTING: ReadonlySet<string> = new Set([
  "network.stall_up",
  "network.hole",
  "network.hole_up",
  "caller.mute",
  "caller.bursts",
  "caller.clear",
  "caller.commit",
  "client.begins_anew",
  "client.freezes",
  "client.drops_after_upload",
  "client.seconds_at_once",
]);

/** Turns are ended by what the relay hears, and it hears without a break. */
function measurable({ scenario }: World): boolean {
  const { faults, manual, upstreams } = scenario;
  return upstreams[0]?.kind !== "server" && !manual && !faults.some((name) => HALTING.has(name));
}

const BEGINS = '{"type":"input_audio_buffer.speech_started"';
const ENDS = '{"type":"input_audio_buffer.speech_stopped"';

/** Of what the relay does in one breath: turns that begin and end in it, by their item, whatever a line makes of that. */
export function toldWhole(actions: readonly Action[]): readonly string[] {
  const told = (begin: string) =>
    actions.flatMap((action) => {
      if (action.type !== "send" || action.peer !== CLIENT || typeof action.data !== "string") return [];
      return action.data.startsWith(begin) ? [text(parseJsonObject(action.data)?.["item_id"])] : [];
    });
  const begun = told(BEGINS);
  return begun.length === 0 ? [] : told(ENDS).filter((itemId) => begun.includes(itemId));
}

/**
 * What was said over an agent, and dismissed, is told whole when it has become a turn after all: it ended where it was dismissed.
 * @param endMs `audio_end_ms` of `input_audio_buffer.speech_stopped`
 */
export function lookAtEnd(
  world: World,
  caller: Caller,
  shown: JsonObject,
  itemId: string,
  endMs: number,
): void {
  const { checks, tape } = world;
  const turn = fields(fields(fields(shown["audio"])["input"])["turn_detection"]);
  if (turn["type"] !== "server_vad" || checks.toldWhole.has(itemId) || !measurable(world)) return;
  const ms = (sample: number): number => (sample * 1000) / tape.rateHz;
  const sounds = [...caller.utterances, ...caller.coughs].map(({ to }) => ms(to));
  const lastMs = Math.max(...sounds.filter((to) => to <= endMs));
  if (!Number.isFinite(lastMs)) return;
  const silenceMs = Number(turn["silence_duration_ms"]);
  checks.count("ends of turns measured");
  if (endMs - lastMs < silenceMs - SLACK_MS)
    checks.fail(
      "turn-end",
      `a turn ended ${Math.round(endMs - lastMs)} ms after the last sound, and ${silenceMs} ms were asked for`,
    );
}

/** What makes the relay's time another than the tape's, or the caller's word no turn of the relay's making. */
const MISPLACING: readonly string[] = [
  "client.",
  "platform.",
  "network.",
  "caller.c",
  "caller.vad",
  "caller.mute",
  "caller.bursts",
  // What a provider says of a beginning comes when it comes, and it hears late what it reads late.
  "provider.line_stall",
  "provider.slow_reader",
];
/** A provider says that a turn begins when it has heard some of it. */
const PLACED_MS = 300;

/** A turn that is announced in the middle of what somebody says was announced from its beginning, also where its provider heard it late. */
export function lookAtBeginnings(
  { checks, tape, scenario }: World,
  caller: Caller,
  turns: readonly { readonly fromMs: number; readonly toMs: number }[],
): void {
  const misplaced = (name: string) => MISPLACING.some((one) => name.startsWith(one));
  if (scenario.manual || scenario.faults.some(misplaced)) return;
  const spoken = caller.utterances
    .filter(({ over }) => !over)
    .map(({ from, to }) => ({ fromMs: (from * 1000) / tape.rateHz, toMs: (to * 1000) / tape.rateHz }));
  for (const turn of turns) {
    checks.count("beginnings of turns measured");
    const said = spoken.find(({ fromMs, toMs }) => fromMs < turn.fromMs - PLACED_MS && toMs > turn.fromMs);
    if (!said || turns.some(({ fromMs, toMs }) => fromMs <= said.fromMs + PLACED_MS && toMs > said.fromMs))
      continue;
    const [told, begun] = [Math.round(turn.fromMs), Math.round(said.fromMs)];
    checks.fail("turn-end", `a turn is said to begin at ${told} ms, and what it is began at ${begun} ms`);
  }
}
