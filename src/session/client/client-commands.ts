/** What each client event does. Every fault is a ClientError, answered by the session with the event's id. */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import { isJsonObject, jsonSize, type Json, type JsonObject } from "../../protocol/json.ts";
import type { Item } from "../../upstreams/upstream.ts";
import type { Backpressure } from "./backpressure.ts";
import type { Budget } from "./budget.ts";
import type { Kept } from "./budget-kept.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import type { ClientPort } from "./client-port.ts";
import type { SessionObject } from "./session-object.ts";
import type { Context } from "../context.ts";
import { withoutAudio, type Conversation, type Entry } from "../memory/conversation.ts";
import { audioParts, inFormat, isUnspoken } from "../memory/item-audio.ts";
import { checkItem } from "./item-check.ts";
import { checkInput, checkParamsSize, withoutOwnVoice } from "./response-params.ts";
import { responseFormat } from "../../protocol/response-output.ts";
import { isActive } from "../state/response.ts";
import { cancelTask, type BackgroundPort } from "./cancel-task.ts";
import type { Tools } from "../tools/index.ts";
import type {
  Asking,
  BargeIn,
  Cast,
  Delivery,
  Guard,
  Idle,
  Link,
  Listener,
  Playout,
  Responses,
  Rounds,
  TurnTaking,
  Voices,
} from "./ports.ts";

export interface CommandHost {
  readonly session: Pick<SessionObject, "update" | "checkParams" | "checkItem" | "checkPlan">;
  /** Asks the conversation's upstreams, or the first that can for one out of band. */
  respond(params: ResponseParams): void;
  readonly transcriptionOnly: boolean;
  /** Of audio in what the client creates. */
  readonly inputFormat: AudioFormat;
  readonly kernels: AudioKernels;
}

export interface CommandParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly budget: Budget;
  readonly kept: Kept;
  readonly backpressure: Backpressure;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly turns: TurnTaking;
  readonly idle: Idle;
  readonly bargeIn: BargeIn;
  readonly asking: Asking;
  readonly rounds: Rounds;
  readonly listener: Listener;
  readonly delivery: Delivery;
  readonly links: readonly Link[];
  readonly tools: Pick<Tools, "refuseResult" | "takeBack"> | null;
  readonly background: BackgroundPort | null;
  readonly guard: Guard | null;
  /** All upstreams are told what a tool gave. */
  readonly voices: Voices;
  readonly cast: Pick<Cast, "update">;
}

/** What only a session that answers has. */
const SPOKEN = /^(?:response|output_audio_buffer)\.|^conversation\.item\.(?!retrieve)/;

/** Characters of an item that is told to a client only when it has read what it was told before. */
const LARGE_ITEM = 65_536;

export class ClientCommands {
  readonly #parts: CommandParts;
  readonly #host: CommandHost;

  constructor(parts: CommandParts, host: CommandHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** @throws ClientError */
  handle(event: PlainEvent): void {
    const { turns, bargeIn } = this.#parts;
    if (this.#host.transcriptionOnly && SPOKEN.test(event.type)) {
      throw new ClientError(
        "invalid_event_for_session",
        `'${event.type}' is not available in a transcription session.`,
        "type",
      );
    }
    switch (event.type) {
      case "session.update":
        return this.#host.session.update(event.session);
      case "input_audio_buffer.commit":
        return turns.buffer.commit();
      case "input_audio_buffer.clear":
        turns.buffer.clear();
        // A turn that had begun comes to nothing.
        this.#parts.idle.arm();
        return this.#parts.asking.settle();
      case "output_audio_buffer.clear":
        bargeIn.interrupt("client_cancelled");
        this.#parts.tools?.takeBack();
        return this.#parts.idle.cut();
      case "conversation.item.create":
        return this.#create(event.item as JsonObject, event.previous_item_id ?? null);
      case "conversation.item.delete":
        return this.#delete(event.item_id);
      case "conversation.item.retrieve":
        return this.#retrieve(event.item_id);
      case "conversation.item.truncate":
        return this.#truncate(event.item_id, event.content_index, event.audio_end_ms);
      case "response.create":
        return this.#respond(event.response ?? {});
      case "response.cancel":
        return this.#cancel(event.response_id ?? null);
      case "playback.ack":
        return this.#played(event.item_id, event.content_index, event.played_ms);
      case "relay.plan.update":
        return this.#parts.cast.update(event.plan, (before, after) =>
          this.#host.session.checkPlan(before, after),
        );
      case "relay.delegation.cancel":
        return cancelTask(this.#parts.background, event.delegation_id);
      case "session.ack":
        return this.#parts.delivery.acknowledge(event.last_received);
      case "session.heartbeat":
        return this.#parts.delivery.pulse.beat();
      case "session.resume":
        return this.#parts.delivery.resume(event.resume_token, event.last_received);
    }
  }

  #create(given: JsonObject, previousItemId: string | null): void {
    const { context, port, conversation, budget, backpressure } = this.#parts;
    this.#host.session.checkItem(given);
    const id = given["id"];
    const format = this.#host.inputFormat;
    const { itemSize, itemMediaSize, itemAudioMs } = context.limits;
    const names = {
      itemId: typeof id === "string" ? id : conversation.unused(() => context.newId("item")),
      newCallId: () => context.newId("call"),
    };
    const most = { size: itemSize, media: itemMediaSize };
    const item = checkItem(given, names, most, { format, ms: itemAudioMs });
    this.#refuseOpenTurn(item.id);
    this.#refuseGrowing(item.id);
    const kept = withoutAudio(item);
    const size = jsonSize(kept);
    this.#parts.kept.require(size, "item");
    if (size > LARGE_ITEM) backpressure.requireRoom();
    const audio = audioParts(item, format).map(({ index, bytes }) => {
      return { index, bytes, ms: durationMs(format, bytes.byteLength) };
    });
    const audioMs = audio.reduce((sum, { ms }) => sum + ms, 0);
    budget.requireAudio(audioMs, "item.content", context.now);
    conversation.requirePlace(item.id, previousItemId);
    const call = this.#callOf(item);
    this.#parts.tools?.refuseResult(call);
    if (kept["role"] === "user") this.#parts.tools?.takeBack();
    budget.audio.take(audioMs, context.now);
    const entry: Entry = {
      item: kept,
      origin: null,
      growing: false,
      truncatedMs: null,
      audioMs,
      ...(audio.length === 0
        ? {}
        : { audioParts: audio.map(({ index, ms }) => ({ index, key: index, ms })) }),
      ...(call ? { answers: call.item.id } : {}),
    };
    const receivers = this.#receivers(call);
    // What was asked for in advance does not know of it, and is told its turn before it.
    this.#parts.turns.takeBack();
    // A lost upstream is told the conversation when it is dialled: before this item is part of it.
    for (const link of receivers) link.ensure();
    const previous = conversation.insert(entry, previousItemId);
    for (const { bytes } of audio) conversation.audio.append(item.id, format, bytes, true);
    conversation.audio.close(item.id);
    if (!isUnspoken(entry)) conversation.audio.worded(item.id);
    for (const link of receivers) {
      const told = inFormat(item, format, link.format, this.#host.kernels);
      link.command({ type: "item", item: told, previousItemId });
    }
    const tell = () =>
      port.emitShown(
        "item",
        kept,
        ["added", "done"].map((what) => ({
          type: `conversation.item.${what}`,
          previous_item_id: previous,
        })),
      );
    if (size > LARGE_ITEM) port.retelling(tell);
    else tell();
    this.#parts.guard?.input?.changed();
    context.persist();
  }

  /** A tool's result belongs to the upstream that called it, unless all are one voice; everything else is for all. */
  #receivers(call: Entry | undefined): readonly Link[] {
    const { links, voices } = this.#parts;
    const origin = call?.origin ?? null;
    if (origin === null || links[origin] === undefined) return links;
    return links.filter(({ index }) => index === origin || voices.knowsAll(index));
  }

  /**
   * The call that a tool's result answers: of calls with its `call_id` that have none yet the latest of each upstream, and
   * of those the first. An upstream that begins its numbers anew means its latest; two that use the same number at the
   * same time are answered in the order in which they called.
   */
  #callOf(item: Item): Entry | undefined {
    if (item.type !== "function_call_output") return undefined;
    const { entries } = this.#parts.conversation;
    const answered = new Set(entries.map(({ answers }) => answers));
    const calls = entries.filter(
      (entry) => entry.item.type === "function_call" && entry.item["call_id"] === item["call_id"],
    );
    const open = calls.filter((call) => !answered.has(call.item.id));
    return open.find((call, at) => !open.slice(at + 1).some(sameOrigin(call))) ?? calls.at(-1);
  }

  /** The turn that is being spoken has this name already; it is in the conversation when it ends. */
  #refuseOpenTurn(itemId: string): void {
    if (itemId !== this.#parts.turns.openItem) return;
    throw new ClientError(
      "item_create_duplicate_item_id",
      `The turn that is being spoken is '${itemId}'.`,
      "item.id",
    );
  }

  /** An answer that still grows says more under this name, though the client deleted what it had said. */
  #refuseGrowing(itemId: string): void {
    const response = this.#parts.responses.ofItem(itemId);
    if (response === null || !isActive(response)) return;
    const message = `An item of the response that is under way is '${itemId}'.`;
    throw new ClientError("item_create_duplicate_item_id", message, "item.id");
  }

  #delete(itemId: string): void {
    const { conversation, port, links, context } = this.#parts;
    conversation.require(itemId, "delete");
    this.#parts.turns.takeBack();
    conversation.remove(itemId);
    for (const link of links) link.command({ type: "delete", itemId });
    port.emit({ type: "conversation.item.deleted", item_id: itemId });
    this.#parts.guard?.input?.changed();
    context.persist();
  }

  #retrieve(itemId: string): void {
    const { context, conversation, port, budget, backpressure } = this.#parts;
    const entry = conversation.require(itemId, "retrieve");
    backpressure.requireRoom();
    budget.requireTelling(context.now);
    const { written } = port;
    const tell = (): void =>
      port.emit({ type: "conversation.item.retrieved", item: conversation.withAudio(entry) });
    port.privately(() => port.retelling(tell));
    budget.told.charge(port.written - written, context.now);
  }

  #truncate(itemId: string, contentIndex: number, audioEndMs: number): void {
    const { conversation, bargeIn, playout, context } = this.#parts;
    const entry = conversation.require(itemId, "truncate");
    if (entry.item.type !== "message" || entry.item["role"] !== "assistant") {
      throw new ClientError("invalid_value", "Only assistant message items can be truncated.", "item_id");
    }
    const { fromMs, ms } = this.#spoken(entry, contentIndex);
    const leftMs = entry.truncatedMs === null ? ms : Math.min(ms, Math.max(0, entry.truncatedMs - fromMs));
    if (Math.floor(audioEndMs) > Math.ceil(leftMs)) {
      throw new ClientError(
        "invalid_value",
        `Audio content of ${Math.floor(leftMs)}ms is already shorter than ${Math.floor(audioEndMs)}ms`,
        "audio_end_ms",
      );
    }
    this.#parts.turns.takeBack();
    this.#parts.tools?.takeBack();
    playout.cutAt(itemId, fromMs + audioEndMs, context.now);
    bargeIn.truncate(entry, fromMs + audioEndMs);
    this.#parts.idle.cut();
  }

  /** Where an audio part lies in the audio of its item; one that is announced and empty is taken for its first. */
  #spoken(entry: Entry, contentIndex: number): { readonly fromMs: number; readonly ms: number } {
    const { id } = entry.item;
    let fromMs = 0;
    for (const { index, ms } of entry.audioParts ?? []) {
      if (index === contentIndex) return { fromMs, ms };
      fromMs += ms;
    }
    const only = contentIndex === 0 && entry.audioParts === undefined;
    if (only && (hasAudio(entry.item) || this.#parts.responses.truncatable(id))) {
      return { fromMs: 0, ms: entry.audioMs };
    }
    throw new ClientError(
      "invalid_value",
      `Item '${id}' has no audio content at index ${contentIndex}.`,
      "content_index",
    );
  }

  #respond(params: ResponseParams): void {
    if (params.conversation !== "none" && this.#parts.asking.underway) {
      throw new ClientError(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: wait for response.done before response.create.",
      );
    }
    const { conversation, context, budget, asking } = this.#parts;
    const bound = { format: this.#host.inputFormat, ms: context.limits.itemAudioMs };
    const { responseParamsSize: size, responseMediaSize: media } = context.limits;
    this.#parts.kept.require(checkParamsSize(params, { size, media }), "response");
    const audioMs = checkInput(params, (itemId) => conversation.find(itemId) !== undefined, bound);
    responseFormat(params);
    const asked = withoutOwnVoice(params);
    this.#host.session.checkParams(asked);
    // What is refused costs nothing: neither the client nor, of its answers, the others of its key.
    asking.requireSomebody(asked);
    budget.requireAudio(audioMs, "response.input", context.now);
    const refusal = budget.refusedAnswer();
    if (refusal) throw refusal;
    budget.audio.take(audioMs, context.now);
    this.#host.respond(asked);
  }

  #cancel(responseId: string | null): void {
    const { responses, rounds, bargeIn } = this.#parts;
    // What has ended may still be heard, and what it announced is not done yet.
    const stops = responseId === null || responses.get(responseId)?.outOfBand === false;
    if (stops) this.#parts.tools?.takeBack();
    if (responseId === null && this.#parts.asking.withdraw()) return;
    if (responseId === null) rounds.concede();
    const chosen =
      responseId === null ? responses.answering : responses.active.filter((one) => one.id === responseId);
    if (chosen.length === 0) {
      const what =
        responseId === null ? "no active response found" : `no active response with id '${responseId}'`;
      throw new ClientError("response_cancel_not_active", `Cancellation failed: ${what}`, null);
    }
    bargeIn.cancel(chosen);
  }

  #played(itemId: string, contentIndex: number, playedMs: number): void {
    const { conversation, playout, listener } = this.#parts;
    if (!playout.has(itemId)) {
      throw new ClientError(
        "playback_ack_invalid_item_id",
        `No audio was sent for item '${itemId}'.`,
        "item_id",
      );
    }
    const parts = conversation.find(itemId)?.audioParts ?? [];
    const fromMs = parts.reduce((sum, { index, ms }) => (index < contentIndex ? sum + ms : sum), 0);
    listener.heard(itemId, fromMs + playedMs);
  }
}

function sameOrigin({ origin }: Entry): (other: Entry) => boolean {
  return (other) => other.origin === origin;
}

function hasAudio(item: Item): boolean {
  const content = item["content"];
  return (
    Array.isArray(content) &&
    content.some((part: Json) => isJsonObject(part) && part["type"] === "output_audio")
  );
}
