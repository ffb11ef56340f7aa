/** What each client event does. Every fault is a ClientError, answered by the session with the event's id. */
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { PlainEvent } from "../../protocol/client-events.ts";
import { checkInput, checkParamsSize, withoutOwnVoice } from "./response-params.ts";
import { responseFormat } from "../../protocol/response-output.ts";
import { cancelTask } from "./cancel-task.ts";
import type { CommandMeans, CommandParts } from "./command-parts.ts";
import { ItemCommands } from "./item-commands.ts";

type PlanUpdate = Extract<PlainEvent, { readonly type: "relay.plan.update" }>;

/** What only a session that answers has. */
const SPOKEN = /^(?:response|output_audio_buffer)\.|^conversation\.item\.(?!retrieve)/;

export class ClientCommands {
  readonly #parts: CommandParts;
  readonly #means: CommandMeans;
  readonly #items: ItemCommands;

  constructor(parts: CommandParts, means: CommandMeans) {
    this.#parts = parts;
    this.#means = means;
    this.#items = new ItemCommands(parts, means);
  }

  /** @throws ClientError */
  handle(event: PlainEvent): void {
    this.#refuseSpoken(event.type);
    switch (event.type) {
      case "session.update":
        return this.#means.session.update(event.session);
      case "input_audio_buffer.commit":
        return this.#parts.turns.buffer.commit();
      case "input_audio_buffer.clear":
        return this.#clearInput();
      case "output_audio_buffer.clear":
        return this.#clearOutput();
      case "conversation.item.create":
        return this.#items.create(event.item as JsonObject, event.previous_item_id ?? null);
      case "conversation.item.delete":
        return this.#items.delete(event.item_id);
      case "conversation.item.retrieve":
        return this.#items.retrieve(event.item_id);
      case "conversation.item.truncate":
        return this.#items.truncate(event.item_id, event.content_index, event.audio_end_ms);
      case "response.create":
        return this.#respond(event.response ?? {});
      case "response.cancel":
        return this.#cancel(event.response_id ?? null);
      case "playback.ack":
        return this.#played(event.item_id, event.content_index, event.played_ms);
      case "relay.plan.update":
        return this.#plan(event.plan);
      case "relay.say":
        return this.#parts.asides.request(event, { client: true, budget: this.#means.budget });
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

  #refuseSpoken(type: string): void {
    if (!this.#parts.config.transcriptionOnly || !SPOKEN.test(type)) return;
    const message = `'${type}' is not available in a transcription session.`;
    throw new ClientError("invalid_event_for_session", message, "type");
  }

  #plan(plan: PlanUpdate["plan"]): void {
    const { session } = this.#means;
    this.#parts.cast.update(plan, (before, after) => session.checkPlan(before, after));
  }

  #clearInput(): void {
    this.#parts.turns.buffer.clear();
    // A turn that had begun comes to nothing.
    this.#parts.idle.arm();
    this.#parts.asking.settle();
  }

  #clearOutput(): void {
    this.#parts.bargeIn.interrupt("client_cancelled");
    this.#parts.tools?.takeBack();
    this.#parts.idle.anew();
  }

  #respond(params: ResponseParams): void {
    if (params.conversation !== "none" && this.#parts.asking.underway) {
      throw new ClientError(
        "conversation_already_has_active_response",
        "Conversation already has an active response in progress: wait for response.done before response.create.",
      );
    }
    const { conversation, context, config, asking } = this.#parts;
    const { budget } = this.#means;
    const bound = { format: this.#parts.config.inputFormat, ms: context.limits.itemAudioMs };
    const { responseParamsSize: size, responseMediaSize: media } = context.limits;
    this.#parts.kept.require(checkParamsSize(params, { size, media }), "response");
    const audioMs = checkInput(params, (itemId) => conversation.find(itemId) !== undefined, bound);
    responseFormat(params);
    const asked = withoutOwnVoice(params);
    this.#means.session.checkParams(asked);
    // What is refused costs nothing: neither the client nor, of its answers, the others of its key.
    asking.requireSomebody(asked);
    budget.requireAudio(audioMs, "response.input", context.now);
    const refusal = budget.refusedAnswer();
    if (refusal) throw refusal;
    budget.audio.take(audioMs, context.now);
    asking.respond(config.respondParams(asked));
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
    if (responseId !== null) this.#parts.asking.cancelled(chosen);
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
