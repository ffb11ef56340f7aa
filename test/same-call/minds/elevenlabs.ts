/** An agent of ElevenLabs: it takes the turns and hears their ends itself; what it is told beside them interrupts nobody. */
import { parseJsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedElevenLabs } from "../../upstreams/scripted-elevenlabs.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { Line, ToolCall } from "../script.ts";

const PING_MS = 2000;

export class ElevenLabsMind extends Mind {
  readonly provider: ScriptedElevenLabs;
  readonly #texts: string[] = [];
  readonly #ear: Ear;
  readonly #turn: Uint8Array[] = [];
  #words = "";
  #sincePingMs = 0;
  #pings = 0;

  /** @param hearsHz as the agent is configured at ElevenLabs */
  constructor(socket: Socket, stage: Stage, hearsHz: 16_000 | 24_000) {
    super(socket, stage);
    this.provider = new ScriptedElevenLabs({ input: `pcm_${hearsHz}`, output: "pcm_24000" });
    this.#ear = new Ear(hearsHz);
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  override tick(ms: number): void {
    super.tick(ms);
    this.#sincePingMs += ms;
    if (this.#sincePingMs < PING_MS || this.provider.initiation === null) return;
    this.#sincePingMs = 0;
    this.send([this.provider.ping((this.#pings += 1))]);
  }

  receive(message: WireMessage): void {
    const event = parseJsonObject(String(message)) ?? {};
    const audio = textAt(event, "user_audio_chunk");
    if (audio === null) {
      this.#texts.push(String(message));
      this.memory.read(String(message));
    }
    this.send(this.provider.receive(message));
    const type = textAt(event, "type");
    if (audio !== null) this.#hear(Uint8Array.fromBase64(audio));
    else if (type === "user_message" || type === "client_tool_result") {
      this.provider.eventId += 1;
      this.answer();
    }
  }

  #hear(bytes: Uint8Array): void {
    this.memory.hear(bytes);
    this.#turn.push(bytes);
    const heard = this.#ear.hears(bytes);
    if (heard === "started")
      this.send([this.stop() ? this.provider.interruption() : this.provider.tentative("…")]);
    if (heard !== "ended") return;
    this.send([this.provider.transcript(this.stage.heard(Buffer.concat(this.#turn.splice(0))))]);
    this.answer();
  }

  protected begins(line: Line): readonly WireMessage[] {
    this.#words = line.words;
    return [];
  }

  protected piece(bytes: Uint8Array): readonly WireMessage[] {
    const words = this.#words === "" ? [] : [this.provider.words(this.#words)];
    this.#words = "";
    return [...words, ...this.provider.audio(bytes, [1501])];
  }

  protected ends(): readonly WireMessage[] {
    return [this.provider.complete()];
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    return [this.provider.toolCall(name, id, parseJsonObject(args) ?? {})];
  }

  account(): Account {
    return {
      heard: [Uint8Array.from(this.provider.heard)],
      told: this.#texts.join("\n"),
      refused: this.provider.refused,
      cuts: [],
      stopped: 0,
      resumed: false,
    };
  }
}
