/** What a transcriber knows of the session, and what it does to it. */
import type { Conduct } from "../conduct.ts";
import type { TranscriberHost } from "./transcriber.ts";

/** @param onWords words of the caller, while they are being said. */
export function transcriberHost(conduct: Conduct, onWords: (text: string) => void): TranscriberHost {
  return {
    upstreamConfig: () => conduct.config.upstream(),
    openItem: () => conduct.turns.openItem,
    lastItem: () => conduct.turns.lastItem,
    // The floor judges a sound, or keeps one that it dismissed until the agent has ended.
    undecided: () => conduct.floor.judging || conduct.context.deadlines.get("floor:kept") !== null,
    events: conduct.upstreamEvents,
    onVerdict: (link, verdict) => conduct.refusals.verdict(link, verdict, "transcriber"),
    onWords,
    hearAgain: (ear) => conduct.turns.replay(ear),
  };
}
