/**
 * What the relay did in a played call against what would have been right. Positions come from the device's clock and
 * from the watermark in the agent's audio, never from what the relay says of itself; only `heardErrorMs` compares
 * the two.
 */
import { objectAt, textAt } from "../../src/upstreams/json.ts";
import type { Heard, PlayedCue } from "./caller.ts";
import type { PlayedCall } from "./core.ts";
import { FRAME } from "./player.ts";
import { NUISANCES, type CueKind, type Group } from "./script.ts";
import type { Answer } from "./scripted-voice.ts";
import { joined, PER_MS, RATE_HZ } from "./sounds.ts";
import type { Passed } from "./wire.ts";

/** A turn of the caller, by itself or over the agent. */
export interface TurnVerdict {
  readonly call: string;
  readonly group: Group;
  readonly label: string;
  readonly pausesMs: readonly number[];
  /** The turn was taken to be over, or the agent spoke, before the caller had ended. */
  readonly cutIn: boolean;
  /** The agent was audible before the caller had ended. */
  readonly spokenOver: boolean;
  /** End of the caller's last word to the first sample of the answer; null: none came. */
  readonly delayMs: number | null;
  /** Every sample of it is in one turn of the model's conversation. */
  readonly whole: boolean;
}

/** A sound over the agent. */
export interface FloorVerdict {
  readonly call: string;
  readonly kind: CueKind;
  readonly label: string;
  readonly acks: boolean;
  readonly decisions: readonly string[];
  readonly held: boolean;
  readonly heldMs: number;
  /** It went on quieter, and for how long in all. */
  readonly ducked: boolean;
  readonly duckedMs: number;
  readonly cut: boolean;
  /** The agent still had something to say when the sound ended. */
  readonly onTime: boolean;
  /** Onset to the last sample of the answer at full level; null: it was not cut. */
  readonly fullForMs: number | null;
  /** Onset to the last sample of the answer that sounded; null: it was not cut. */
  readonly stoppedAfterMs: number | null;
  /** `overlap.decision interrupt` to `output_audio_buffer.cleared` on the wire; null: it went by none, or was not cut. */
  readonly flushMs: number | null;
  /** The same when the client's thread came to them, which plays all calls. */
  readonly flushAtClientMs: number | null;
  /** Where the relay truncated, less what had sounded. */
  readonly heardErrorMs: number | null;
  readonly turn: TurnVerdict | null;
}

export interface CallVerdict {
  readonly call: string;
  readonly group: Group;
  readonly failure: string | null;
  readonly turns: readonly TurnVerdict[];
  readonly floor: readonly FloorVerdict[];
  /** Sounds of the script that never came, since the call got stuck before them: they count as failed. */
  readonly unplayed: readonly CueKind[];
  /** What sounded of each answer are its samples from the first on, none missing, none twice, none of another. */
  readonly exact: boolean;
  readonly resumes: number;
  /** Milliseconds of silence within answers for which nothing was held. */
  readonly starvedMs: number;
  /** Turns taken that nobody spoke. */
  readonly ghostTurns: number;
  readonly discarded: DiscardVerdict;
  readonly errors: readonly string[];
}

export interface DiscardVerdict {
  /** Answers that the model was asked for and whose turn then went on, so that another was asked for. */
  readonly count: number;
  /**
   * Answers that were asked for before the caller's last sample, and let out: what the detector heard of the turn had
   * ended. `whole` of the turn says whether words were missing.
   */
  readonly keptEarly: number;
  readonly audible: number;
  /** In the model's conversation, or in the client's. */
  readonly remembered: number;
}

export function judge(call: PlayedCall): CallVerdict {
  const { caller, voice } = call;
  const cues = caller.cues.map((cue, index) => ({ cue, next: caller.cues[index + 1] ?? null }));
  const turns = cues
    .filter(({ cue }) => cue.cue.kind === "turn")
    .map((one) => judgeTurn(call, one.cue, one.next));
  const floor = cues.filter(({ cue }) => cue.cue.kind !== "turn").map((one) => judgeFloor(call, one.cue));
  const spoken = caller.cues.filter(({ cue }) => !NUISANCES.has(cue.kind)).length;
  const errors = caller.heard
    .filter(({ type }) => type === "error")
    .map(({ event }) => JSON.stringify(event["error"]));
  const early = turns.filter(({ cutIn }) => cutIn).length;
  return {
    call: caller.script.id,
    group: caller.script.group,
    failure: call.failure ?? caller.stuck,
    turns,
    floor,
    unplayed: caller.script.cues.slice(caller.cues.length).map(({ kind }) => kind),
    exact: answersExact(call),
    resumes: floor.filter(({ held, ducked, cut }) => (held || ducked) && !cut).length,
    starvedMs: [...caller.player.streams.values()].reduce((sum, stream) => sum + stream.starvedMs, 0),
    ghostTurns: early > 0 ? 0 : Math.max(0, of(caller.heard, "input_audio_buffer.committed").length - spoken),
    discarded: judgeDiscarded(call, turns),
    errors: [...errors, ...(voice?.faults ?? [])],
  };
}

function of(heard: readonly Heard[], type: string): readonly Heard[] {
  return heard.filter((one) => one.type === type);
}

function judgeTurn(call: PlayedCall, played: PlayedCue, next: PlayedCue | null): TurnVerdict {
  const { caller } = call;
  const from = played.at;
  const to = from + played.cue.sound.length;
  const until = next?.at ?? Infinity;
  const early = of(caller.heard, "input_audio_buffer.committed").some(
    ({ clockMs }) => clockMs * PER_MS > from && clockMs * PER_MS < to,
  );
  const answers = caller.player.spans.filter(({ ordinal, at }) => ordinal > played.over && at < until);
  const spokenOver = answers.some(({ at }) => at < to);
  const first = answers.find(({ at }) => at >= to);
  return {
    call: caller.script.id,
    group: caller.script.group,
    label: played.cue.label,
    pausesMs: played.cue.pauses.map((pause) => Math.round((pause.to - pause.from) / PER_MS)),
    cutIn: early || spokenOver,
    spokenOver,
    delayMs: first ? (first.at - to) / PER_MS : null,
    whole: isWhole(call, from, to),
  };
}

/** One turn in the model's conversation has all of the microphone's samples from one position to another. */
function isWhole(call: PlayedCall, from: number, to: number): boolean {
  const sent = bytesOf(joined(...call.caller.microphone));
  return (call.voice?.history ?? []).some(({ role, audio }) => {
    if (role !== "user") return false;
    const key = audio.subarray(0, 64);
    for (let at = sent.indexOf(key); at >= 0; at = sent.indexOf(key, at + 2)) {
      // The first frame of the microphone is of the 20 ms before the device's clock began.
      const begins = at / 2 - FRAME;
      if (begins > from) return false;
      if (begins + audio.length / 2 < to) continue;
      if (Buffer.compare(sent.subarray(at, at + audio.length), audio) === 0) return true;
    }
    return false;
  });
}

function bytesOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
}

function judgeFloor(call: PlayedCall, played: PlayedCue): FloorVerdict {
  const { caller } = call;
  const { kind, label, sound } = played.cue;
  const fromMs = played.at / PER_MS;
  const later = caller.heard.filter(({ clockMs }) => clockMs >= fromMs);
  const decisions = of(later, "overlap.decision");
  const id = caller.responses.get(played.over);
  const cleared = of(later, "output_audio_buffer.cleared").find(({ event }) => event["response_id"] === id);
  const cancelled = of(later, "response.done").some(
    ({ event }) =>
      textAt(objectAt(event, "response"), "id") === id &&
      textAt(objectAt(event, "response"), "status") === "cancelled",
  );
  const cut = cleared !== undefined || cancelled;
  const last = caller.player.spans.findLast(({ ordinal }) => ordinal === played.over);
  const fullUntil = caller.player.streams.get(played.over)?.fullUntil ?? 0;
  const lastAt = last ? last.at + last.to - last.from : 0;
  const interrupt = decisions.find(({ event }) => event["decision"] === "interrupt");
  const truncated = of(later, "conversation.item.truncated").find(
    ({ event }) => event["item_id"] === caller.items.get(played.over),
  );
  return {
    call: caller.script.id,
    kind,
    label,
    acks: caller.script.acks,
    decisions: decisions.map(({ event }) => textAt(event, "decision") ?? ""),
    held: decisions.some(({ event }) => event["decision"] === "hold"),
    heldMs: cut ? 0 : caller.player.heldFrames * 20,
    ducked: decisions.some(({ event }) => event["decision"] === "duck"),
    duckedMs: cut ? 0 : caller.player.quietFrames * 20,
    cut,
    onTime: cut && lastAt <= played.at + sound.length + 0.5 * RATE_HZ,
    fullForMs: cut ? Math.max(0, fullUntil - played.at) / PER_MS : null,
    stoppedAfterMs: cut ? (lastAt - played.at) / PER_MS : null,
    flushMs: cleared && interrupt ? flushMsOf(call, interrupt, cleared) : null,
    flushAtClientMs: cleared && interrupt ? cleared.atMs - interrupt.atMs : null,
    heardErrorMs: truncated
      ? Number(truncated.event["audio_end_ms"]) - caller.player.playedMs(played.over)
      : null,
    turn: NUISANCES.has(kind) ? null : judgeTurn(call, played, null),
  };
}

/** Between the two on the wire, below 0 where the flush is ahead: the client got as many of each before them as went by there. */
function flushMsOf({ caller, passed }: PlayedCall, interrupt: Heard, cleared: Heard): number | null {
  const on = (what: Passed["what"], heard: readonly Heard[], one: Heard): number | undefined =>
    passed.filter((mark) => mark.what === what)[heard.indexOf(one)]?.at;
  const decisions = of(caller.heard, "overlap.decision").filter(
    ({ event }) => event["decision"] === "interrupt",
  );
  const decidedAt = on("interrupt", decisions, interrupt);
  const clearedAt = on("cleared", of(caller.heard, "output_audio_buffer.cleared"), cleared);
  return decidedAt === undefined || clearedAt === undefined ? null : clearedAt - decidedAt;
}

/** Whose answer this audio is: by its watermark. */
function answerOf(call: PlayedCall, ordinal: number): Answer | null {
  const first = call.caller.player.streams.get(ordinal)?.chunks[0]?.subarray(0, 240);
  if (!first || !call.voice) return null;
  for (const answer of call.voice.answers) {
    if (Buffer.compare(bytesOf(call.voice.audioOf(answer, 0, first.length)), bytesOf(first)) === 0)
      return answer;
  }
  return null;
}

function answersExact(call: PlayedCall): boolean {
  const { player } = call.caller;
  return [...player.streams].every(([ordinal, stream]) => {
    const answer = answerOf(call, ordinal);
    const received = joined(...stream.chunks);
    if (!answer || !call.voice) return false;
    const meant = call.voice.audioOf(answer, 0, received.length);
    if (Buffer.compare(bytesOf(meant), bytesOf(received)) !== 0) return false;
    let position = 0;
    for (const span of player.spans.filter((one) => one.ordinal === ordinal)) {
      if (span.from !== position) return false;
      position = span.to;
    }
    return true;
  });
}

function judgeDiscarded(call: PlayedCall, turns: readonly TurnVerdict[]): DiscardVerdict {
  const { caller, voice } = call;
  const audible = new Set([...caller.player.streams.keys()].map((ordinal) => answerOf(call, ordinal)?.index));
  let count = 0;
  let heard = 0;
  let remembered = 0;
  let keptEarly = 0;
  const spoken = caller.cues.filter(({ cue }) => cue.kind === "turn");
  for (const [turn, played] of spoken.entries()) {
    if (turns[turn]?.cutIn ?? true) continue;
    const endMs = (played.at + played.cue.sound.length) / PER_MS;
    const nextMs = (spoken[turn + 1]?.at ?? Infinity) / PER_MS;
    const askedFrom = (fromMs: number, toMs: number): readonly Answer[] =>
      (voice?.answers ?? []).filter(({ askedAt }) => {
        const ms = askedAt - call.startMs;
        return ms > fromMs && ms < toMs;
      });
    const early = askedFrom(played.at / PER_MS, endMs);
    // Nothing was asked for after the end: then the last one is this turn's answer.
    const kept = early.length > 0 && askedFrom(endMs, nextMs).length === 0 ? 1 : 0;
    keptEarly += kept;
    const asked = early.slice(0, early.length - kept);
    count += asked.length;
    heard += asked.filter(({ index }) => audible.has(index)).length;
    remembered += asked.filter(({ index }) => voice?.history.some((item) => item.answer === index)).length;
  }
  // Nor may the client have been told of one, nor half a turn have stayed behind with the model.
  const told = of(caller.heard, "response.created").length - ((voice?.answers.length ?? 0) - count);
  const halves =
    (voice?.history.filter(({ role }) => role === "user").length ?? 0) -
    of(caller.heard, "input_audio_buffer.committed").length;
  return {
    count,
    keptEarly,
    audible: heard,
    remembered: remembered + Math.max(0, told) + Math.max(0, halves),
  };
}
