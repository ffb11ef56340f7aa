/** An item that the relay itself puts at the end of the conversation: told to the client and to the upstreams that are to know. */
import { jsonSize, type JsonObject } from "../../protocol/json.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "./conversation.ts";
import type { Link, ClientPort, Voices } from "./ports.ts";

/** Characters of an item. */
const LARGE = 16_384;

/** Read when it is asked for: some of these parts are made later. */
export interface PlacingParts {
  readonly context: Context;
  readonly port: Pick<ClientPort, "emitShown" | "retelling">;
  readonly conversation: Conversation;
  readonly links: readonly Link[];
  readonly voices: Voices;
}

export interface PlacingOptions {
  /** The item of the call that it answers. */
  readonly answers?: string;
  /** Nobody is dialled for it. */
  readonly quietly?: boolean;
}

/**
 * @param stream whose it is, where upstreams are not one voice
 * @returns its name
 */
export function placeItem(
  { context, conversation, links, port, voices }: PlacingParts,
  stream: number,
  given: JsonObject & { readonly type: string },
  { answers, quietly = false }: PlacingOptions = {},
): string {
  const id = conversation.unused(() => context.newId("item"));
  const item = { id, object: "realtime.item", status: "completed", ...given };
  const receivers = links.filter(({ index }) => voices.knowsAll(index) || index === stream);
  // A lost upstream is told the conversation when it is dialled: before this item is part of it.
  if (!quietly) for (const link of receivers) link.ensure();
  const entry = { item, origin: null, growing: false, truncatedMs: null, audioMs: 0 };
  const previous = conversation.insert(answers === undefined ? entry : { ...entry, answers });
  context.uncaused(() => {
    for (const link of receivers) link.command({ type: "item", item, previousItemId: null });
  });
  const events = ["added", "done"].map((what) => {
    return { type: `conversation.item.${what}`, previous_item_id: previous };
  });
  const tell = (): void => port.emitShown("item", item, events);
  // What tools give at once is more than a client may leave unread that reads as it should.
  if (jsonSize(item) > LARGE) port.retelling(tell);
  else tell();
  return id;
}
