/** Deepgram's Voice Agent: it is told where turns end, or ends them itself; what was said before stands in its model's prompt. */
import { parseJsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedDeepgramAgent } from "../../upstreams/scripted-deepgram-agent.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { Line, ToolCall } from "../script.ts";

export class DeepgramMind extends Mind {
  readonly provider = new ScriptedDeepgramAgent();
  readonly #texts: string[] = [];
  readonly #takes: boolean;
  readonly #heard: Uint8Array[] = [];
  readonly #turn: Uint8Array[] = [];
  readonly #ear: Ear;

  constructor(socket: Socket, stage: Stage, turns: "client" | "server") {
    super(socket, stage);
    this.#takes = turns === "server";
    // Flux hears where speech begins, whoever ends it.
    this.#ear = new Ear(16_000, this.#takes ? 500 : 200);
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  receive(message: WireMessage): void {
    if (typeof message === "string") {
      this.#texts.push(message);
      this.memory.read(message);
    }
    this.send(this.provider.receive(message));
    if (typeof message !== "string") return this.#hear(message);
    const type = textAt(parseJsonObject(message), "type");
    if (type === "ForceEndTurn") this.#turnOver();
    if (type === "InjectUserMessage" || type === "FunctionCallResponse") this.answer();
  }

  #hear(bytes: Uint8Array): void {
    this.#heard.push(bytes);
    this.memory.hear(bytes);
    this.#turn.push(bytes);
    const heard = this.#ear.hears(bytes);
    if (heard === "started") {
      this.stop();
      this.send([this.provider.userStarted()]);
    }
    if (heard === "ended" && this.#takes) this.#turnOver();
  }

  #turnOver(): void {
    this.send([this.provider.user(this.stage.heard(Buffer.concat(this.#turn.splice(0))))]);
    this.answer();
  }

  protected begins(line: Line): readonly WireMessage[] {
    return [this.provider.agent(line.words)];
  }

  protected piece(bytes: Uint8Array): readonly WireMessage[] {
    return this.provider.audio(bytes, [1501]);
  }

  protected ends(): readonly WireMessage[] {
    return [this.provider.done()];
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    return [this.provider.call(name, id, args)];
  }

  account(): Account {
    return {
      heard: [Buffer.concat(this.#heard)],
      told: this.#texts.join("\n"),
      refused: this.provider.refused,
      cuts: [],
      stopped: 0,
      resumed: false,
    };
  }
}
