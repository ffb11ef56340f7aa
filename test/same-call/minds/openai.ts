/** A server of OpenAI's dialect, by what its profile says of it. */
import type { Quirks } from "../../../src/upstreams/openai-compatible/profiles.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedOpenAi } from "../../upstreams/scripted-openai.ts";
import { type Account, Mind, type Socket, type Stage, type Usage } from "../mind.ts";
import type { ToolCall } from "../script.ts";

const LEAST_BYTES = 4800;

export class OpenAiMind extends Mind {
  readonly provider: ScriptedOpenAi;
  readonly #quirks: Quirks;
  #response = "";
  #words = "";
  #texts: string[] = [];
  /** What such a server answers with an error. */
  readonly #refused: string[] = [];
  /** Milliseconds that were said of each item of its own. */
  readonly #saidMs = new Map<string, number>();

  constructor(socket: Socket, stage: Stage, quirks: Quirks) {
    super(socket, stage);
    this.#quirks = quirks;
    this.provider = new ScriptedOpenAi(quirks);
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  receive(message: WireMessage): void {
    const event = JSON.parse(String(message)) as JsonObject;
    if (event["type"] !== "input_audio_buffer.append") {
      this.#texts.push(String(message));
      this.memory.read(String(message));
    }
    const said = this.provider.receive(message);
    this.#judge(event);
    this.send(said);
    if (event["type"] === "input_audio_buffer.commit") this.#committed(said);
    else if (event["type"] === "response.create") this.answer();
    else if (event["type"] === "response.cancel") this.#cancelled();
  }

  #judge(event: JsonObject): void {
    const { type } = event;
    if (type === "response.create" && this.busy) this.#refused.push("an answer while one runs");
    if (type === "response.cancel" && !this.busy) this.#refused.push("nothing to cancel");
    if (type === "input_audio_buffer.commit" && (this.provider.turns.at(-1)?.length ?? 0) < LEAST_BYTES)
      this.#refused.push("less than 100 ms committed");
    if (type !== "conversation.item.truncate") return;
    const ms = this.#saidMs.get(textAt(event, "item_id") ?? "");
    if (!this.#quirks.truncate || ms === undefined || Number(event["audio_end_ms"]) > ms)
      this.#refused.push(`a truncation that is refused: ${JSON.stringify(event)}`);
  }

  #committed(said: readonly WireMessage[]): void {
    const item_id = JSON.parse(String(said[0]))["item_id"] as string;
    const turn = this.provider.turns.at(-1) ?? new Uint8Array(0);
    this.memory.hear(turn);
    const transcript = this.stage.heard(turn);
    const completed = { item_id, content_index: 0, transcript, event_id: "e20" };
    this.send([
      this.provider.say({
        type: "conversation.item.input_audio_transcription.completed",
        usage: { type: "duration", seconds: 1 },
        ...completed,
      }),
    ]);
    if (this.#quirks.answersCommits) this.answer();
  }

  #cancelled(): void {
    if (this.stop()) this.send([this.#done("cancelled")]);
  }

  protected begins(): readonly WireMessage[] {
    const { response, messages } = this.provider.begin();
    this.#response = response;
    this.#words = "";
    return [...messages, this.provider.messageItem(response, `item_${response}`)];
  }

  protected piece(bytes: Uint8Array, words: string): readonly WireMessage[] {
    const item = `item_${this.#response}`;
    this.#words += words;
    this.#saidMs.set(item, (this.#saidMs.get(item) ?? 0) + bytes.length / 48);
    const text = words === "" ? [] : [this.provider.transcript(this.#response, item, words)];
    // Odd on purpose.
    return [...text, ...this.provider.audio(this.#response, item, bytes, [1501])];
  }

  protected ends(): readonly WireMessage[] {
    const content = [{ type: "output_audio" as const, transcript: this.#words }];
    const item = {
      id: `item_${this.#response}`,
      type: "message" as const,
      role: "assistant" as const,
      status: "completed" as const,
      content,
    };
    return [this.provider.itemDone(this.#response, item), this.#done("completed")];
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    const { response, messages } = this.provider.begin();
    this.#response = response;
    const call = { id: "item_call", type: "function_call", name, call_id: id } as const;
    const at = { event_id: "e", response_id: response, output_index: 0, item_id: "item_call", call_id: id };
    const item = { ...call, arguments: "" };
    return [
      ...messages,
      this.provider.say({
        type: "response.output_item.added",
        event_id: "e",
        response_id: response,
        output_index: 0,
        item,
      }),
      this.provider.say({ type: "response.function_call_arguments.delta", ...at, delta: args }),
      this.provider.say({ type: "response.function_call_arguments.done", ...at, name, arguments: args }),
      this.provider.itemDone(response, { ...call, arguments: args, status: "completed" }),
      this.#done("completed"),
    ];
  }

  #done(status: "completed" | "cancelled"): string {
    return this.provider.done(this.#response, status, { usage: tokens(this.stage.uses()) });
  }

  account(): Account {
    const { provider } = this;
    const cuts = provider.received.flatMap((event) =>
      event.type === "conversation.item.truncate" ? [event.audio_end_ms] : [],
    );
    return {
      heard: provider.turns,
      told: this.#texts.join("\n"),
      refused: this.#refused,
      cuts,
      stopped: provider.count("response.cancel"),
      resumed: false,
    };
  }
}

export function tokens({ input, output }: Usage): JsonObject {
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
}
