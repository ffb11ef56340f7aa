/** What a transcriber knows of the session, and what it does to it. */
import type { Conduct } from "../conduct.ts";
import type { Plan } from "../state/plan.ts";
import type { UpstreamFactory } from "../../upstreams/upstream.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { Transcriber, type TranscriberHost } from "./transcriber.ts";

/** The plan's transcriber, behind the upstreams; null: there is none. @param onWords see `transcriberHost`. */
export function createTranscriber(
  conduct: Conduct,
  { transcriber: planned }: Plan,
  create: UpstreamFactory,
  onWords: (text: string) => void,
): Transcriber | null {
  if (planned === undefined) return null;
  const { context, port, conversation, links } = conduct;
  const made = { index: links.length, planned, create };
  return new Transcriber(context, port, conversation, made, transcriberHost(conduct, onWords));
}

/** @param onWords words of the caller, while they are being said. */
function transcriberHost(conduct: Conduct, onWords: (text: string) => void): TranscriberHost {
  return {
    upstreamConfig: () => conduct.config.upstream(),
    openItem: () => conduct.turns.openItem,
    lastItem: () => conduct.turns.lastItem,
    detects: () => conduct.config.turnDetection !== null,
    buffered: () => {
      const { config, turns, input } = conduct;
      const ms = (input.ticks - turns.startTicks) / TICKS_PER_MS;
      return config.turnDetection === null && ms > 0 ? { itemId: turns.nextItem, ms } : null;
    },
    heardMs: () => conduct.input.ticks / TICKS_PER_MS,
    // The floor judges a sound, or keeps one that it dismissed until the agent has ended.
    undecided: () => conduct.floor.judging || conduct.context.deadlines.get("floor:kept") !== null,
    events: conduct.upstreamEvents,
    onVerdict: (link, verdict) => conduct.refusals.verdict(link, verdict, "transcriber"),
    onWords,
    hearAgain: (ear) => conduct.turns.replay(ear),
  };
}
