/** The responses of one session: at most one of the conversation, and a few beside it. */
import type { Conversation, Item } from "./conversation.ts";
import { answer, type Answer } from "./dialogue.ts";
import { EventError } from "./errors.ts";
import { makeItem, turnProof } from "./items.ts";
import { DemoResponse, type ResponseHost, type ResponsePlan } from "./response.ts";
import type { ResponseParams } from "./schemas.ts";
import type { RealtimeConfig } from "./session-config.ts";

/** Responses at once, out of band. */
const MAX_OUT_OF_BAND = 16;

export class Responses {
  readonly #host: Omit<ResponseHost, "responseEnded">;
  readonly #conversation: Conversation;
  readonly #outOfBand = new Map<string, DemoResponse>();
  readonly #onEnd: (response: DemoResponse) => void;
  #active: DemoResponse | null = null;
  #audible = false;

  /** `onEnd` hears of the conversation's responses only. */
  constructor(
    host: Omit<ResponseHost, "responseEnded">,
    conversation: Conversation,
    onEnd: (response: DemoResponse) => void,
  ) {
    this.#host = host;
    this.#conversation = conversation;
    this.#onEnd = onEnd;
  }

  get active(): DemoResponse | null {
    return this.#active;
  }

  /** Speech was sent in this session. */
  get audible(): boolean {
    return this.#audible || this.#active?.audible === true;
  }

  /**
   * `response.create`. `reply` replaces the dialogue's answer.
   * @throws EventError when one is active, or for input that cannot be read.
   */
  create(config: RealtimeConfig, params: ResponseParams, reply: string | null = null): void {
    const outOfBand = params.conversation === "none";
    this.#checkRoom(outOfBand);
    const context = this.#context(config, params);
    const plan = this.#plan(config, params, context, reply);
    const response = new DemoResponse(plan, { ...this.#host, responseEnded: (ended) => this.#ended(ended) });
    if (outOfBand) this.#outOfBand.set(plan.id, response);
    else this.#active = response;
    response.start();
  }

  /** @throws EventError `response_cancel_not_active`, whose message clients know by how it begins. */
  cancel(responseId: string | null): void {
    const named = this.#active?.plan.id === responseId ? this.#active : this.#outOfBand.get(responseId ?? "");
    const response = responseId === null ? this.#active : named;
    if (!response) {
      throw new EventError("response_cancel_not_active", "Cancellation failed: no active response found");
    }
    response.cancel("client_cancelled");
  }

  abandon(): void {
    for (const response of this.#outOfBand.values()) response.abandon();
    this.#active?.abandon();
  }

  #checkRoom(outOfBand: boolean): void {
    if (!outOfBand && this.#active !== null) {
      throw new EventError(
        "conversation_already_has_active_response",
        `Conversation already has an active response in progress: ${this.#active.plan.id}. Wait until the response ` +
          "is finished before creating a new one.",
      );
    }
    if (outOfBand && this.#outOfBand.size >= MAX_OUT_OF_BAND) {
      throw new EventError(
        "rate_limit_exceeded",
        `At most ${MAX_OUT_OF_BAND} responses may run out of band.`,
      );
    }
  }

  #context(config: RealtimeConfig, params: ResponseParams): readonly Item[] {
    if (params.input === undefined || params.input === null) return this.#conversation.items.slice();
    return params.input.map((given, index) => {
      const path = `response.input[${index}]`;
      if (given.type !== "item_reference") {
        return makeItem(given, config.audio.input.format, this.#host.drawId, path);
      }
      const item = this.#conversation.find(given.id);
      if (item !== undefined) return item;
      throw new EventError("invalid_value", `Item with ID '${given.id}' not found.`, `${path}.id`);
    });
  }

  #plan(
    config: RealtimeConfig,
    params: ResponseParams,
    context: readonly Item[],
    reply: string | null,
  ): ResponsePlan {
    const outOfBand = params.conversation === "none";
    const output = { ...config.audio.output, ...withoutUndefined(params.audio?.output ?? {}) };
    const proof = turnProof(context);
    return {
      id: this.#host.drawId("resp"),
      conversation: outOfBand ? null : this.#conversation,
      modality: (params.output_modalities ?? config.output_modalities)[0],
      format: output.format.type === "audio/pcm" ? { type: "audio/pcm", rate: 24_000 } : output.format,
      voice: output.voice,
      speed: config.audio.output.speed,
      maxOutputTokens: params.max_output_tokens ?? config.max_output_tokens,
      metadata: proof === null ? (params.metadata ?? null) : { ...params.metadata, ...proof },
      context,
      instructions: params.instructions ?? config.instructions,
      answer: this.#answer(config, params, context, reply),
    };
  }

  #answer(
    config: RealtimeConfig,
    params: ResponseParams,
    context: readonly Item[],
    reply: string | null,
  ): Answer {
    return answer({
      items: context,
      instructions: params.instructions ?? "",
      tools: params.tools ?? config.tools,
      toolChoice: params.tool_choice ?? config.tool_choice,
      parallelToolCalls: params.parallel_tool_calls ?? config.parallel_tool_calls,
      reply: reply ?? this.#host.knobs.reply,
      now: new Date(this.#host.clock.wall()),
    });
  }

  #ended(response: DemoResponse): void {
    this.#audible ||= response.audible;
    this.#outOfBand.delete(response.plan.id);
    if (this.#active !== response) return;
    this.#active = null;
    this.#onEnd(response);
  }
}

type Defined<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(given: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<
    Defined<T>
  >;
}
