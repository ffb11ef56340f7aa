/** The stages of a cascade: a transcriber behind a socket, and a text model and a synthesiser that are asked anew for each thing. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { DialRequest, WireMessage } from "../../../src/upstreams/upstream.ts";
import { chunk, DONE, ScriptedStages } from "../../upstreams/cascade/scripted-stages.ts";
import { event, wavFile } from "../../upstreams/cascade/workers-ai-wire.ts";
import { type Account, Ear, Mind, type Said, type Socket, type Stage, type Usage } from "../mind.ts";
import type { Beside, Network } from "../network.ts";
import type { Line, ToolCall } from "../script.ts";
import { lineOf } from "../sound.ts";
import { tokens } from "./openai.ts";

const RATE_PER_MS = 24;

/** How the text model and the synthesiser say things. */
export interface StagesWire {
  written(words: string, usage: JsonObject): string;
  called(call: ToolCall, usage: JsonObject): string;
  /** What comes before the samples. */
  readonly front: Uint8Array;
  readonly type: string;
}

export const CHAT: StagesWire = {
  written: (words, usage) => chunk({ content: words }) + chunk({}, "stop") + ended(usage),
  called: ({ name, id, args }, usage) =>
    chunk({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: args } }] }) +
    chunk({}, "tool_calls") +
    ended(usage),
  front: new Uint8Array(0),
  type: "audio/pcm",
};

function ended(usage: JsonObject): string {
  return `data: ${JSON.stringify({ choices: [], usage: chatUsage(usage) })}\n\n${DONE}`;
}

function chatUsage({ input_tokens, output_tokens, total_tokens }: JsonObject): JsonObject {
  return {
    prompt_tokens: input_tokens ?? 0,
    completion_tokens: output_tokens ?? 0,
    total_tokens: total_tokens ?? 0,
  };
}

export const WORKERS_AI_WIRE: StagesWire = {
  written: (words, usage) =>
    event({ response: words }) + event({ response: "", usage: chatUsage(usage) }) + DONE,
  called: ({ name, id, args }, usage) => {
    const call = { id, type: "function", function: { name, arguments: args } };
    return (
      event({ response: null, tool_calls: [call] }) + event({ response: "", usage: chatUsage(usage) }) + DONE
    );
  },
  front: wavFile(new Uint8Array(0), { length: 0x7fff_ffff }),
  type: "audio/wav",
};

/** Words of turns: it hears when somebody speaks and says what it was, and decides nothing. */
export class TranscriberMind extends Mind {
  readonly provider = new ScriptedStages();
  readonly #heard: Uint8Array[] = [];
  readonly #ear = new Ear(16_000, 200);

  constructor(socket: Socket, stage: Stage) {
    super(socket, stage);
    stages.get(stage)?.connections.push([]);
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  receive(message: WireMessage): void {
    if (typeof message === "string") return;
    this.#heard.push(message);
    // It is asked for words alone: the answers of a turn are the text model's.
    if (this.#ear.hears(message) === "ended") this.send(this.provider.words(this.stage.heard()));
  }

  protected begins(): readonly WireMessage[] {
    return [];
  }

  protected piece(): readonly WireMessage[] {
    return [];
  }

  protected ends(): readonly WireMessage[] {
    return [];
  }

  protected calls(): readonly WireMessage[] {
    return [];
  }

  account(): Account {
    const beside = stages.get(this.stage);
    const asked = beside?.connections[this.number] ?? [];
    return {
      heard: [Buffer.concat(this.#heard)],
      // Every request holds the conversation.
      told: asked.at(-1) ?? "",
      refused: this.number === 0 ? (beside?.refused ?? []) : [],
      cuts: [],
      stopped: this.number === 0 ? (beside?.stopped ?? 0) : 0,
      resumed: false,
    };
  }
}

interface Voice {
  readonly peer: string;
  readonly said: Said;
  readonly sound: Uint8Array;
}

const stages = new WeakMap<Stage, StagesBeside>();

export class StagesBeside implements Beside {
  /** What the text model was asked, by connection. */
  readonly connections: string[][] = [];
  readonly refused: string[] = [];
  stopped = 0;
  readonly #stage: Stage;
  readonly #wire: StagesWire;
  readonly #judge = new ScriptedStages();
  readonly #lines: Line[] = [];
  #usage: Usage = { input: 0, output: 0 };
  #voice: Voice | null = null;
  #network: Network | null = null;

  constructor(stage: Stage, wire: StagesWire) {
    this.#stage = stage;
    this.#wire = wire;
    stages.set(stage, this);
  }

  get busy(): boolean {
    return this.#voice !== null || this.#lines.length > 0;
  }

  dialled(peer: string, request: DialRequest, network: Network): boolean {
    const channel = peer.split("/")[1];
    if (channel === undefined) return false;
    this.#network = network;
    this.#judge.receive(JSON.stringify({ effect: { type: "open", channel, opening: { request } } }));
    this.refused.push(...this.#judge.refused.splice(0));
    if (channel.startsWith("text")) this.#text(peer, request, network);
    else this.#speech(peer, network);
    return true;
  }

  #text(peer: string, request: DialRequest, network: Network): void {
    this.connections
      .at(-1)
      ?.push(request.run ? JSON.stringify(request.run.inputs) : String(request.http?.body));
    const line = this.#stage.lines.shift() ?? { words: "Yes.", ms: 400, seed: 90 };
    network.call.input({ type: "open", peer, head: { status: 200, type: "text/event-stream" } });
    this.#usage = this.#stage.uses();
    const usage = tokens(this.#usage);
    if (line.call === undefined) this.#lines.push(line);
    else {
      this.#stage.calls.push(line.call);
      this.#stage.callsOn = this.connections.length - 1;
    }
    const said =
      line.call === undefined ? this.#wire.written(line.words, usage) : this.#wire.called(line.call, usage);
    network.input(peer, new TextEncoder().encode(said));
    network.close(peer, 1000);
  }

  #speech(peer: string, network: Network): void {
    const line = this.#lines.shift();
    if (line === undefined) {
      this.refused.push("speech of nothing that was written");
      return;
    }
    const said: Said = { line, connection: this.connections.length - 1, bytes: 0, ended: null };
    this.#stage.said.push(said);
    this.#voice = { peer, said, sound: lineOf(line) };
    network.call.input({ type: "open", peer, head: { status: 200, type: this.#wire.type } });
    if (this.#wire.front.length > 0) network.input(peer, this.#wire.front);
  }

  sent(): void {
    this.refused.push("a message to a request");
  }

  closed(peer: string): void {
    if (this.#voice?.peer !== peer) return;
    this.#voice.said.ended = "cut";
    this.#voice = null;
    this.stopped += 1;
  }

  tick(ms: number): void {
    const voice = this.#voice;
    if (voice === null || this.#network === null) return;
    const { said, sound, peer } = voice;
    const from = said.bytes;
    said.bytes = Math.min(sound.length, from + ms * this.#stage.speed * RATE_PER_MS * 2);
    this.#network.input(peer, sound.subarray(from, said.bytes));
    const breaks = said.bytes >= (said.line.breaksAfterMs ?? Infinity) * RATE_PER_MS * 2;
    if (!breaks && said.bytes < sound.length) return;
    said.ended = breaks ? "lost" : "whole";
    this.#voice = null;
    if (breaks) {
      this.#stage.unended.input += this.#usage.input;
      this.#stage.unended.output += this.#usage.output;
    }
    this.#network.close(peer, breaks ? 1006 : 1000);
  }
}
