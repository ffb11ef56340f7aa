/** What a transcriber knows of the session, and what it does to it. */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { AudioInput } from "./audio-input.ts";
import type { ClientPort, Configuration, Ear, Floor, Refusals, UpstreamEvents } from "./ports.ts";
import { Transcriber } from "./transcriber.ts";
import type { MadeOf, TranscriberHost } from "./transcribing.ts";
import type { TurnTaking } from "./turn-taking.ts";

/** Read when they are asked for: some of these parts are made later. */
interface TranscriberParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly config: Configuration;
  readonly input: AudioInput;
  readonly turns: TurnTaking;
  readonly floor: Floor;
  readonly upstreamEvents: UpstreamEvents;
  readonly refusals: Refusals;
}

/** @param onWords see `transcriberHost`. */
export function createTranscriber<Linked extends Ear>(
  parts: TranscriberParts,
  made: MadeOf<Linked>,
  onWords: (text: string) => void,
): Transcriber<Linked> {
  const { context, port, conversation } = parts;
  return new Transcriber(context, port, conversation, made, transcriberHost(parts, onWords));
}

/** @param onWords words of the caller, while they are being said. */
function transcriberHost(parts: TranscriberParts, onWords: (text: string) => void): TranscriberHost {
  return {
    upstreamConfig: () => parts.config.upstream(),
    openItem: () => parts.turns.openItem,
    lastItem: () => parts.turns.lastItem,
    detects: () => parts.config.turnDetection !== null,
    buffered: () => {
      const { config, turns, input } = parts;
      const ms = (input.ticks - turns.startTicks) / TICKS_PER_MS;
      return config.turnDetection === null && ms > 0 ? { itemId: turns.nextItem, ms } : null;
    },
    heardMs: () => parts.input.ticks / TICKS_PER_MS,
    // The floor judges a sound, or keeps one that it dismissed until the agent has ended.
    undecided: () => parts.floor.judging || parts.context.deadlines.get("floor:kept") !== null,
    events: parts.upstreamEvents,
    onVerdict: (link, verdict) => parts.refusals.verdict(link, verdict, "transcriber"),
    onWords,
    hearAgain: (ear) => parts.turns.replay(ear),
  };
}
