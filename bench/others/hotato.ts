/**
 * hotato's ruler (attenlabs/hotato, METHODOLOGY.md), made anew from its description: two tracks of energy, whether the agent
 * went quiet within three seconds of the caller's onset, and how long both were active. It hears no meaning.
 */
import type { Samples } from "../turns/sounds.ts";
import { PER_MS } from "../turns/sounds.ts";
import type { Moment } from "./tracks.ts";

const HOP_MS = 10;
const FRAME_MS = 20;
const REL_DB = 15;
const GATE_DB = -60;
const MARGIN_DB = 22;
const HANGOVER = 15;
const QUIET = 20;
const SEARCH = 300;
const NEAR = 50;

function activity(track: Samples): boolean[] {
  const hop = HOP_MS * PER_MS;
  const frame = FRAME_MS * PER_MS;
  const levels = Array.from(
    { length: Math.max(0, Math.floor((track.length - frame) / hop) + 1) },
    (_, at) => {
      const part = track.subarray(at * hop, at * hop + frame);
      const energy = part.reduce((sum, value) => sum + (value / 32_768) ** 2, 0) / frame;
      return energy < 1e-12 ? -120 : 10 * Math.log10(energy);
    },
  );
  const floor = levels.toSorted((a, b) => a - b)[Math.floor(levels.length / 10)] ?? -120;
  const cap = levels.reduce((most, level) => Math.max(most, level), -120) - MARGIN_DB;
  const wanted = Math.max(floor + REL_DB, GATE_DB);
  const threshold = cap > GATE_DB ? Math.min(wanted, cap) : wanted;
  let left = 0;
  return levels.map((level) => {
    left = level >= threshold ? HANGOVER + 1 : Math.max(0, left - 1);
    return left > 0;
  });
}

/** What left the loudspeaker, at the level at which it was sent. */
function agentTrack({ played }: Moment, length: number): Samples {
  const track = new Int16Array(length);
  for (const { ordinal, from, to, at } of played.caller.player.spans) {
    const chunks = played.caller.player.streams.get(ordinal)?.chunks ?? [];
    let begins = 0;
    for (const chunk of chunks) {
      const [first, last] = [Math.max(from, begins), Math.min(to, begins + chunk.length)];
      if (first < last && at + first - from < length)
        track.set(
          chunk.subarray(
            first - begins,
            Math.min(last - begins, first - begins + length - (at + first - from)),
          ),
          at + first - from,
        );
      begins += chunk.length;
    }
  }
  return track;
}

/** Before and after the caller's onset. */
const BEFORE_MS = 2000;
const AFTER_MS = 6000;

export interface Scored {
  readonly yielded: boolean;
  readonly afterS: number | null;
  readonly talkOverS: number;
}

export function scoreOf(moment: Moment): Scored {
  const from = Math.max(0, moment.cue.at - BEFORE_MS * PER_MS);
  const to = moment.cue.at + AFTER_MS * PER_MS;
  const caller = new Int16Array(to - from);
  const sound = moment.cue.cue.sound;
  caller.set(sound.subarray(0, Math.max(0, to - moment.cue.at)), moment.cue.at - from);
  const callerOn = activity(caller);
  const agentOn = activity(agentTrack(moment, to).subarray(from));
  const onset = Math.round((moment.cue.at - from) / PER_MS / HOP_MS);
  const quietAt = (at: number): boolean => agentOn.slice(at, at + QUIET).every((on) => !on);
  const callerNear = (at: number): boolean => callerOn.slice(Math.max(0, at - NEAR), at + NEAR).some(Boolean);
  let stopped: number | null = null;
  for (let at = onset; at < onset + SEARCH && stopped === null; at += 1)
    if (!agentOn[at] && quietAt(at) && callerNear(at)) stopped = at;
  const end = stopped ?? onset + SEARCH;
  let over = 0;
  for (let at = onset; at < end; at += 1) if (callerOn[at] && agentOn[at]) over += 1;
  return {
    yielded: stopped !== null,
    afterS: stopped === null ? null : ((stopped - onset) * HOP_MS) / 1000,
    talkOverS: (over * HOP_MS) / 1000,
  };
}
