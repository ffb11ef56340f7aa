/**
 * A duplex session of vLLM-Omni's, which outlives its sockets: what it says while none is there it says to whoever takes it over. It
 * hears when somebody speaks, gives way, and answers a pause.
 */
import { parseJsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedVllmDuplex } from "../../upstreams/scripted-vllm-duplex.ts";
import type { DuplexSession } from "../../upstreams/vllm-duplex-voice.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { ToolCall } from "../script.ts";

/** Longer than the relay takes to end a turn: an answer that begins before that stands before it. */
const WAITS_MS = 900;
/** The relay hears an interruption sooner, and the client says where it stopped. */
const GIVES_WAY_MS = 400;
/** Its frames. */
const UNIT_MS = 80;

/** What of a provider outlives a socket, by call. */
const kept = new WeakMap<Stage, { sessions: Map<string, DuplexSession>; response: string; ear: Ear }>();

export class VllmDuplexMind extends Mind {
  readonly provider: ScriptedVllmDuplex;
  readonly #texts: string[] = [];
  readonly #heard: Uint8Array[] = [];
  readonly #lasting: { sessions: Map<string, DuplexSession>; response: string; ear: Ear };
  #answers = 0;
  #sinceUnitMs = 0;

  constructor(socket: Socket, stage: Stage) {
    super(socket, stage);
    const lasting = kept.get(stage) ?? {
      sessions: new Map(),
      response: "",
      ear: new Ear(16_000, WAITS_MS, GIVES_WAY_MS),
    };
    kept.set(stage, lasting);
    this.#lasting = lasting;
    this.provider = new ScriptedVllmDuplex({ sessions: lasting.sessions });
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  override tick(ms: number): void {
    this.#sinceUnitMs += ms;
    if (this.#sinceUnitMs < UNIT_MS) return;
    this.#sinceUnitMs = 0;
    super.tick(UNIT_MS);
  }

  receive(message: WireMessage): void {
    const event = parseJsonObject(String(message)) ?? {};
    const audio = textAt(event, "audio");
    if (audio === null) {
      this.#texts.push(String(message));
      this.memory.read(String(message));
    }
    this.send(this.provider.receive(message));
    if (audio !== null) this.#hear(Uint8Array.fromBase64(audio));
    const type = textAt(event, "type");
    if (type === "session.resume" && this.provider.session !== null) this.#takesOver();
    if (type === "response.cancel") this.stop();
    if (type === "conversation.item.create" && /function_call_output/.test(String(message)) && this.#waits())
      this.answer();
  }

  /** A result of a call of its own. */
  #waits(): boolean {
    return this.stage.callsOn !== null && this.provider.open.calls.size === 0 && this.stage.lines.length > 0;
  }

  #takesOver(): void {
    const before = this.stage.minds.findLast((mind) => mind !== this && mind.number < this.number);
    if (before === undefined) return;
    this.memory = before.memory;
    this.adopt(before);
  }

  #hear(bytes: Uint8Array): void {
    this.#heard.push(bytes);
    this.memory.hear(bytes);
    const heard = this.#lasting.ear.hears(bytes);
    if (heard === "started" && this.stop()) this.send(this.provider.givesWay());
    if (heard === "ended") {
      this.stage.heard();
      this.answer();
    }
  }

  protected begins(): readonly WireMessage[] {
    this.#lasting.response = `resp_${this.number}_${(this.#answers += 1)}`;
    return this.provider.begins(this.#lasting.response);
  }

  protected piece(bytes: Uint8Array, words: string): readonly WireMessage[] {
    return this.provider.unit(this.#lasting.response, bytes, words);
  }

  protected ends(): readonly WireMessage[] {
    return this.provider.ends(this.#lasting.response);
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    return this.provider.calls(name, id, args);
  }

  /** It is told of an answer how far it was heard, and of nothing twice. */
  #repeated(): readonly string[] {
    const told = this.provider.of("playback.ack").map((event) => JSON.stringify(event));
    return told.filter((one, n) => told.indexOf(one) < n).map((one) => `told twice: ${one}`);
  }

  account(): Account {
    const cuts = this.provider.of("conversation.item.truncate").map((event) => Number(event["audio_end_ms"]));
    return {
      heard: [Buffer.concat(this.#heard)],
      told: this.#texts.join("\n"),
      refused: [...this.provider.refused, ...this.#repeated()],
      cuts,
      stopped: this.provider.of("response.cancel").length,
      resumed: this.provider.of("session.resume").length > 0,
    };
  }
}
