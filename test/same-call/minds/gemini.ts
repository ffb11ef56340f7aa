/** Google's Gemini Live: it is told where turns begin and end, or hears that itself, and names the state of a session when it rests. */
import { parseJsonObject, type JsonObject } from "../../../src/protocol/json.ts";
import { objectAt, textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedGemini } from "../../upstreams/scripted-gemini.ts";
import type { Memory } from "../memory.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { ToolCall } from "../script.ts";

/** What Google keeps under each name that it gave, by call. */
const states = new WeakMap<Stage, Map<string, Memory>>();

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
    if (audio === null) {
      this.#texts.push(String(message));
      this.memory.read(String(message));
    }
    this.send(this.provider.receive(message));
    if (event["setup"] !== undefined) this.#remembers();
    if (audio !== null) this.#hear(Uint8Array.fromBase64(audio));
    if (input?.["activityStart"] !== undefined) this.#interrupted();
    if (input?.["activityEnd"] !== undefined) this.#turnOver();
    if (input?.["text"] !== undefined || asks(event)) this.answer();
  }

  get #states(): Map<string, Memory> {
    const known = states.get(this.stage) ?? new Map<string, Memory>();
    states.set(this.stage, known);
    return known;
  }

  /** What it is told with the name of a state is beside that. */
  #remembers(): void {
    const handle = textAt(objectAt(this.provider.setup, "sessionResumption"), "handle") ?? "";
    const state = this.#states.get(handle);
    if (state !== undefined) this.memory = state.copy();
  }

  /** It rests: its state has a name. */
  #rests(): Uint8Array {
    const newHandle = `state-${this.#states.size + 1}`;
    this.#states.set(newHandle, this.memory.copy());
    return this.provider.say({ sessionResumptionUpdate: { newHandle, resumable: true } });
  }

  #hear(bytes: Uint8Array): void {
    this.memory.hear(bytes);
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
      this.#rests(),
    ]);
  }

  #turnOver(): void {
    const turn = Buffer.concat(this.#activity);
    this.#heard.push(turn);
    this.#activity = [];
    const text = this.stage.heard(turn);
    const transcribes = objectAt(this.provider.setup, "inputAudioTranscription") !== null;
    if (transcribes) this.send([this.provider.content({ inputTranscription: { text } })]);
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
    return [...this.provider.end(this.#usage()), this.#rests()];
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
