/** What the caller said and nobody knows the words of is all that another connection could be told of it: it is kept longer. */
import type { Context } from "../context.ts";
import type { AudioPool } from "../setup.ts";
import type { Conversation } from "./conversation.ts";
import type { HearingLink, ClientPort } from "./ports.ts";

interface Parts {
  readonly context: Context;
  readonly conversation: Conversation;
  readonly port: Pick<ClientPort, "extended" | "emit">;
  readonly links: readonly HearingLink[];
}

/** @param pool of all sessions that share the memory; absent: there are none. Where nobody could be told, nothing is kept for it. */
export function keepWordless({ context, conversation, port, links }: Parts, pool?: AudioPool): void {
  const { audio } = conversation;
  const { wordlessBytes, sessionSize } = context.limits;
  pool?.join(audio);
  if (!links.some(({ replays }) => replays)) return;
  const shareBytes = () => pool?.share(audio) ?? Number.POSITIVE_INFINITY;
  audio.host = {
    room: () => Math.min(wordlessBytes, sessionSize - conversation.size, shareBytes()),
    onForgotten: (itemId) => {
      context.metric("audio_forgotten", 1);
      if (port.extended) port.emit({ type: "relay.audio_forgotten", item_id: itemId });
    },
  };
}
