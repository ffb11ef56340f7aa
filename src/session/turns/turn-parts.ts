/** What turn taking uses of the rest of the session. */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { AudioInput } from "./audio-input.ts";
import type { Eager } from "./eager.ts";
import type { Endpointing } from "./endpointing.ts";
import type { Asides, ClientPort, Delivery, Floor, Link, Reactions } from "./ports.ts";

/** Read when it is asked for: some of these parts are made later. */
export interface TurnParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly input: AudioInput;
  readonly links: readonly Link[];
  /** Who only transcribes: when it has heard a turn it may not know that it is over. */
  readonly transcriber: { readonly link: Link; readonly owes: boolean } | null;
  readonly eager: Eager;
  readonly endpointing: Endpointing;
  readonly floor: Floor;
  readonly asides: Asides;
  readonly delivery: Delivery;
  readonly reactions: Reactions;
}
