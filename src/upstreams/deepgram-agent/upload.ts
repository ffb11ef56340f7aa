/**
 * What the caller's side still has to be told: the audio of a turn, what was written, results of calls, and what was said before
 * this connection, which goes into the model's prompt.
 */
import type { UpstreamConfig, Item, JsonObject } from "../upstream.ts";
import { OpenCalls, type OpenCallsState } from "../common/open-calls.ts";
import { ToldContext, type ToldContextState } from "../common/told-context.ts";
import type { DeepgramAgentSettings } from "./settings.ts";
import { thinkOf } from "./setup.ts";

/** A managed model's prompt is cut after 25,000 characters; the oldest of the context goes before. */
const MAX_CONTEXT_CHARS = 16_000;
/** Texts that were written and whose echo has not come. */
const MAX_ECHOES = 16;
const ECHO_CHARS = 1024;

export type UploadState = {
  readonly spoken: boolean;
  readonly said: string;
  readonly echoes: readonly string[];
  readonly calls: OpenCallsState;
  readonly context: ToldContextState;
};

export class Upload {
  readonly calls = new OpenCalls();
  readonly #context = new ToldContext();
  readonly #settings: DeepgramAgentSettings;
  /** Audio was sent since the last turn was ended. */
  spoken = false;
  /** What was said before, as the prompt has it. */
  #said = "";
  #echoes: string[] = [];

  constructor(settings: DeepgramAgentSettings) {
    this.#settings = settings;
  }

  add(item: Item): "kept" | "told" | "sound" | "full" {
    return this.calls.returned(item) ?? this.#context.add(this.calls.late(item) ?? item);
  }

  /** What has to be known before the caller is heard. */
  before(config: UpstreamConfig | null): readonly string[] {
    return this.#prompt(this.#context.all(), config);
  }

  /**
   * What makes the model answer, in order.
   * @returns null: there is nothing to answer.
   */
  ask(config: UpstreamConfig | null, instructions: string): readonly string[] | null {
    const results = this.calls.take().map(({ id, name, output }) => result(id, name, output));
    const ends = this.spoken && this.#settings.turns === "client";
    this.spoken = false;
    const asks = ends || results.length > 0;
    // One answer is asked for, once: beside what was spoken or returned, what was written is context.
    const written = asks ? "" : this.#context.written() || instructions;
    if (!asks && written === "") return this.#settings.turns === "server" ? [] : null;
    const told = this.#prompt(asks ? this.#context.all() : this.#context.context(), config);
    const ending = ends ? ['{"type":"ForceEndTurn"}'] : [];
    return [...told, ...results, ...ending, ...this.#inject(written)];
  }

  /** The whole prompt as it is now. */
  think(config: UpstreamConfig): JsonObject {
    return { type: "UpdateThink", think: thinkOf(this.#settings, config, this.#said) };
  }

  /** Words of the user that Deepgram says it heard, and that were written. */
  isEcho(text: string): boolean {
    const at = this.#echoes.indexOf(echoOf(text));
    if (at >= 0) this.#echoes.splice(at, 1);
    return at >= 0;
  }

  snapshot(): UploadState {
    return {
      spoken: this.spoken,
      said: this.#said,
      echoes: [...this.#echoes],
      calls: this.calls.snapshot(),
      context: this.#context.snapshot(),
    };
  }

  restore(state: UploadState): void {
    this.spoken = state.spoken;
    this.#said = state.said;
    this.#echoes = [...state.echoes];
    this.calls.restore(state.calls);
    this.#context.restore(state.context);
  }

  #prompt(lines: string, config: UpstreamConfig | null): readonly string[] {
    if (lines === "" || config === null) return [];
    const said = this.#said === "" ? lines : `${this.#said}\n${lines}`;
    this.#said = said.slice(-MAX_CONTEXT_CHARS);
    return [JSON.stringify(this.think(config))];
  }

  #inject(content: string): readonly string[] {
    if (content === "") return [];
    this.#echoes.push(echoOf(content));
    if (this.#echoes.length > MAX_ECHOES) this.#echoes.shift();
    return [JSON.stringify({ type: "InjectUserMessage", content })];
  }
}

const echoOf = (text: string): string => text.trim().slice(0, ECHO_CHARS);

/** A call's result. Deepgram has no mark for one that is an error: its words say it. */
export function result(id: string, name: string, content: string): string {
  return JSON.stringify({ type: "FunctionCallResponse", id, name, content });
}
