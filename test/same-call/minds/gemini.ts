/** Google's Gemini Live: it is told where turns begin and end, or hears that itself, and names the state of a session when it rests. */
import { parseJsonObject, type JsonObject } from "../../../src/protocol/json.ts";
import { objectAt, textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedGemini } from "../../upstreams/scripted-gemini.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { ToolCall } from "../script.ts";

export class GeminiMind extends Mind {
  readonly provider = new ScriptedGemini();
  readonly #texts: string[] = [];
  readonly #ear: Ear | null;
  readonly #heard: Uint8Array[] = [];
  #activity: Uint8Array[] = [];

  constructor(socket: Socket, stage: Stage, turns: "client" | "server") {
    super(socket, stage);
    this.#ear = turns === "server" ? new Ear(16_000) : null;
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  receive(message: WireMessage): void {
    const event = parseJsonObject(String(message)) ?? {};
    const input = objectAt(event, "realtimeInput");
    const audio = textAt(objectAt(input, "audio"), "data");
    if (audio === null) this.#texts.push(String(message));
    this.send(this.provider.receive(message));
    if (audio !== null) this.#hear(Uint8Array.fromBase64(audio));
    if (input?.["activityStart"] !== undefined) this.#interrupted();
    if (input?.["activityEnd"] !== undefined) this.#turnOver();
    if (input?.["text"] !== undefined || asks(event)) this.answer();
  }

  #hear(bytes: Uint8Array): void {
    this.#activity.push(bytes);
    const heard = this.#ear?.hears(bytes) ?? null;
    if (heard === "started") this.#interrupted();
    if (heard === "ended") this.#turnOver();
  }

  #interrupted(): void {
    if (!this.stop()) return;
    const usageMetadata = this.#usage();
    this.send([
      this.provider.content({ interrupted: true }),
      this.provider.content({ turnComplete: true }, { usageMetadata }),
    ]);
  }

  #turnOver(): void {
    this.#heard.push(Buffer.concat(this.#activity));
    this.#activity = [];
    this.send([this.provider.content({ inputTranscription: { text: this.stage.heard() } })]);
    this.answer();
  }

  #usage(): JsonObject {
    const { input, output } = this.stage.uses();
    return { promptTokenCount: input, responseTokenCount: output, totalTokenCount: input + output };
  }

  protected begins(): readonly WireMessage[] {
    return [this.provider.say({ sessionResumptionUpdate: { resumable: false } })];
  }

  protected piece(bytes: Uint8Array, words: string): readonly WireMessage[] {
    const said = words === "" ? [] : [this.provider.content({ outputTranscription: { text: words } })];
    return [...this.provider.audio(bytes, [1501]), ...said];
  }

  protected ends(): readonly WireMessage[] {
    return this.provider.end(this.#usage());
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    const functionCalls = [{ id, name, args: parseJsonObject(args) ?? {} }];
    return [this.provider.say({ toolCall: { functionCalls } })];
  }

  account(): Account {
    return {
      heard: this.#ear === null ? this.#heard : [Buffer.concat([...this.#heard, ...this.#activity])],
      told: this.#texts.join("\n"),
      refused: this.provider.refused,
      cuts: [],
      stopped: 0,
      resumed: textAt(objectAt(this.provider.setup, "sessionResumption"), "handle") !== null,
    };
  }
}

/** Contents whose turn is complete are answered, unless they are the history that a model of 3.1 on begins with; results are. */
function asks(event: JsonObject): boolean {
  if (event["toolResponse"] !== undefined) return true;
  return objectAt(event, "clientContent")?.["turnComplete"] === true;
}
