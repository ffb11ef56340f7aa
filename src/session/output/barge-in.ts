/**
 * What was being said stops, and history keeps what was heard of it: the user speaks over the agent, or the client or a
 * provider stops an answer.
 *
 * A `duplex.v1` client plays what the relay paced, and the relay flushes it and truncates what it has not heard. A plain
 * OpenAI client plays and truncates by itself, and the provider is told what that client says, as without a relay. It
 * throws its player's buffer away all the same, so the ledger ends here for it too; if it does not truncate, what it can
 * have heard by then is what any other connection is told, and what is retrieved.
 */
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { Entry } from "../memory/entry.ts";
import type { Overheard, Playout } from "./playout.ts";
import { cancelled, speaks, type Ending, type ResponseRecord } from "../state/response.ts";
import type { Responses } from "./responses.ts";
import type { Rounds } from "./rounds.ts";
import type { ClientPort, Guard, Link } from "./ports.ts";

type Reason = "turn_detected" | "client_cancelled";
type Which = (response: ResponseRecord | null, stream: number) => boolean;

interface BargeInParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly links: readonly Link[];
  readonly rounds: Rounds;
  readonly guard: Pick<Guard, "input"> | null;
}

export class BargeIn {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #playout: Playout;
  readonly #responses: Responses;
  readonly #links: readonly Link[];
  readonly #rounds: Rounds;
  readonly #guard: BargeInParts["guard"];
  /** What was stopped and is still to be truncated, in the same call of `handle`. */
  readonly #stopped = new Map<string, number>();
  /** What a client that comes back has heard less of than was believed, in the same call of `handle`. */
  #overheard: readonly Overheard[] = [];

  constructor({ context, port, conversation, playout, responses, links, rounds, guard }: BargeInParts) {
    this.#guard = guard;
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#playout = playout;
    this.#responses = responses;
    this.#links = links;
    this.#rounds = rounds;
  }

  /** Cancels every answer in progress, and stops all that is being heard. */
  interrupt(reason: Reason): void {
    this.#rounds.concede();
    this.#guard?.input?.withdraw();
    const { answering, speakingAside } = this.#responses;
    // OpenAI's own clients hear an answer beside the conversation to its end.
    const stopped = this.#port.extended ? [...answering, ...speakingAside] : answering;
    this.#stop(stopped, reason, (response) => this.#port.extended || response?.outOfBand !== true);
    if (stopped.length > 0) this.#context.metric("interruptions", 1);
  }

  /** A provider stopped itself because the user spoke: its own answers end, and nobody else's. */
  interruptedAt(link: Link): void {
    const own = this.#responses.answering.filter((response) => response.stream === link.index);
    this.#stop(own, "turn_detected", (_, stream) => stream === link.index);
    if (own.length > 0) this.#context.metric("interruptions", 1);
  }

  /** The client's `response.cancel`: for a `duplex.v1` client all of the conversation that it has not heard goes with it. */
  cancel(responses: readonly ResponseRecord[]): void {
    const all = this.#port.extended && responses.some((response) => !response.outOfBand);
    const ids = new Set(responses.map((response) => response.id));
    this.#stop(
      responses,
      "client_cancelled",
      (response) => ids.has(response?.id ?? "") || (all && response?.outOfBand !== true),
    );
  }

  /** Stops playback of everything an agent said and the listener has not heard, and truncates it there. */
  clear(): void {
    this.#flush(() => true);
    this.#truncateStopped();
  }

  /** A turn over an agent: where it interrupts, one message that stops the player is ahead of all else that it brings. */
  around(interrupts: boolean, begin: () => void): void {
    if (interrupts && this.#port.extended) this.#flush(() => true);
    begin();
    this.#truncateStopped();
  }

  /** It is truncated where it was heard, before this call of `handle` ends. */
  truncates(itemId: string): boolean {
    return this.#stopped.has(itemId);
  }

  #stop(responses: readonly ResponseRecord[], reason: Reason, heard: Which): void {
    if (this.#port.extended) {
      this.#flush(heard);
      for (const response of responses) this.#stopGrowing(response);
    } else this.#forgetUnheard(heard);
    this.#cancel(responses, cancelled(reason));
  }

  #cancel(responses: readonly ResponseRecord[], ending: Ending): void {
    for (const response of responses) this.#responses.cancel(response, ending);
    this.#truncateStopped();
  }

  /** Its words are refused: nothing more of it is said, nor heard where the player can be told. What was sent had passed. */
  refuse(response: ResponseRecord): void {
    if (this.#port.extended) {
      this.#flush((one) => one?.id === response.id);
      this.#stopGrowing(response);
    }
    this.#cancel([response], { phase: "incomplete", reason: "content_filter", fault: null });
  }

  /** Items of agents that take turns, sounding or still to sound. */
  #unheard(which: Which): { readonly itemId: string; readonly response: ResponseRecord | null }[] {
    const found: { readonly itemId: string; readonly response: ResponseRecord | null }[] = [];
    for (const itemId of this.#playout.unheard(this.#context.now)) {
      const stream = this.#playout.streamOf(itemId) ?? 0;
      const link = this.#links[stream];
      const response = this.#responses.ofItem(itemId);
      if (link && link.capabilities.turns !== "none" && which(response, stream))
        found.push({ itemId, response });
    }
    return found;
  }

  /** The listener's player throws away what it has. */
  #flush(which: Which): void {
    const cleared = new Set<string>();
    for (const { itemId, response } of this.#unheard(which)) {
      cleared.add(response?.id ?? "");
      this.#stopped.set(itemId, this.#playout.cut(itemId, this.#context.now));
    }
    for (const id of cleared) this.#port.emit({ type: "output_audio_buffer.cleared", response_id: id });
  }

  /** All that was sent of it was heard, but there is more of it at the upstream, or was to be. */
  #stopGrowing(response: ResponseRecord): void {
    for (const item of response.items) {
      if (item.done || !speaks(item) || !this.#playout.has(item.id) || this.#stopped.has(item.id)) continue;
      this.#stopped.set(item.id, this.#playout.cut(item.id, this.#context.now));
    }
  }

  /** A plain client stops its player by itself, and says where, or does not. */
  #forgetUnheard(which: Which): void {
    for (const { itemId } of this.#unheard(which)) {
      const heardMs = this.#playout.cut(itemId, this.#context.now);
      const entry = this.#conversation.find(itemId);
      if (!entry || entry.truncatedMs !== null) continue;
      entry.playedMs = heardMs;
      if (entry.origin !== null) for (const one of this.#links) one.changed(itemId);
    }
  }

  #truncateStopped(): void {
    const stopped = [...this.#stopped];
    this.#stopped.clear();
    for (const [itemId, heardMs] of stopped) {
      const entry = this.#conversation.find(itemId);
      if (entry) this.truncate(entry, heardMs);
    }
  }

  /** Nothing of it was heard, whatever was sent. */
  forget(response: ResponseRecord): void {
    for (const { id } of response.items) {
      const entry = this.#conversation.find(id);
      if (!entry || !this.#playout.has(id)) continue;
      this.#playout.cutAt(id, 0, this.#context.now);
      this.truncate(entry, 0);
    }
  }

  /** A client that came back never got the last so many milliseconds of these streams, which are sent again now. */
  unreceived(ms: ReadonlyMap<number, number>): void {
    this.#overheard = this.#playout.unreceived(ms, this.#context.now);
  }

  /** It has been told what happened: what it had got less of than it was truncated at meanwhile is truncated there. */
  tellUnreceived(): void {
    const items = this.#overheard;
    this.#overheard = [];
    for (const { itemId, heardMs } of items) {
      const entry = this.#conversation.find(itemId);
      if (entry && entry.truncatedMs !== null && entry.truncatedMs > heardMs) this.truncate(entry, heardMs);
    }
  }

  /** Only `audioEndMs` of the item's audio was heard: in history, at the upstream, and for the client to know. */
  truncate(entry: Entry, audioEndMs: number): void {
    const itemId = entry.item.id;
    const cut = cutParts(entry, audioEndMs);
    this.#conversation.truncate(entry, audioEndMs);
    const link = entry.origin === null ? undefined : this.#links[entry.origin];
    for (const { index, key, endMs } of cut) {
      link?.command({ type: "truncate", itemId, contentIndex: key, audioEndMs: endMs });
      this.#port.emit({
        type: "conversation.item.truncated",
        item_id: itemId,
        content_index: index,
        audio_end_ms: endMs,
      });
    }
    for (const other of this.#links) if (other !== link) other.changed(itemId);
    const [first] = cut;
    if (first) this.#responses.truncated(itemId, first.key, first.endMs);
    this.#context.persist();
  }
}

/** The audio parts that are not heard to their end, the one that is cut first; at least one. */
function cutParts(entry: Entry, audioEndMs: number) {
  const parts = entry.audioParts ?? [{ index: 0, key: 0, ms: Infinity }];
  let from = 0;
  const placed = parts.map((part) => {
    const endMs = Math.floor(Math.min(part.ms, Math.max(0, audioEndMs - from)));
    from += part.ms;
    return { ...part, endMs };
  });
  const cut = placed.filter(({ ms, endMs }) => endMs < Math.floor(ms));
  return cut.length > 0 ? cut : placed.slice(-1);
}
