/**
 * OpenAI's Live API: one track in and one out. Its time passes with the sound that it is sent, and for each tenth of a second of that
 * it gives one of its own, speech or silence; it answers a pause, and falls silent when somebody speaks.
 */
import { parseJsonObject } from "../../../src/protocol/json.ts";
import { textAt } from "../../../src/upstreams/json.ts";
import type { WireMessage } from "../../../src/upstreams/upstream.ts";
import { ScriptedLive } from "../../upstreams/scripted-live.ts";
import { type Account, Ear, Mind, type Socket, type Stage } from "../mind.ts";
import type { ToolCall } from "../script.ts";

const STEP_BYTES = 4800;
const STEP_MS = 100;
const TELLS_USAGE_MS = 1000;
/** Longer than the relay takes to end a turn: an answer that begins before that stands before it (docs/upstreams.md). */
const WAITS_MS = 900;

export class LiveMind extends Mind {
  readonly provider: ScriptedLive;
  readonly #forks: boolean;
  readonly #texts: string[] = [];
  readonly #heard: Uint8Array[] = [];
  readonly #ear: Ear;
  #told = 0;

  /** @param of the session that it is a fork of */
  constructor(socket: Socket, stage: Stage, of: LiveMind | null = null) {
    super(socket, stage);
    this.provider = new ScriptedLive(null, of?.provider.session ?? null);
    this.#forks = of !== null;
    this.#ear = of === null ? new Ear(24_000, WAITS_MS) : of.#ear;
    if (of === null) return;
    this.memory = of.memory.copy();
    // Whoever spoke last was not answered.
    if (of.wasAbout) this.answer();
  }

  opened(): void {
    this.send(this.provider.opened());
  }

  /** Its time is that of its track. */
  override tick(): void {}

  receive(message: WireMessage): void {
    const event = parseJsonObject(String(message)) ?? {};
    const audio = textAt(event, "audio");
    if (audio === null) {
      this.#texts.push(String(message));
      this.memory.read(String(message));
    }
    this.send(this.provider.receive(message));
    if (audio !== null) this.#hear(Uint8Array.fromBase64(audio));
    const said = textAt(event, "content") ?? "";
    if (event["type"] === "response.create" || event["type"] === "session.commentary.append") this.answer();
    if (event["type"] === "session.instructions.append" && /answer|speak|continue/i.test(said)) this.answer();
  }

  #hear(bytes: Uint8Array): void {
    this.#heard.push(bytes);
    this.memory.hear(bytes);
    const heard = this.#ear.hears(bytes);
    if (heard === "started") this.stop();
    if (heard === "ended") {
      this.send([this.provider.understood(this.stage.heard())]);
      this.answer();
    }
    const track = this.provider.heard;
    while (track.length >= STEP_BYTES && !this.closed) {
      track.splice(0, STEP_BYTES);
      this.#step();
    }
  }

  #step(): void {
    const spoke = this.speaking;
    super.tick(STEP_MS);
    // What was said last was whole, and is followed by its pause.
    if (!spoke) this.send(this.provider.audio(new Uint8Array(STEP_BYTES)));
    if (this.provider.positionMs - this.#told < TELLS_USAGE_MS) return;
    const seconds = Math.floor(this.provider.positionMs / 1000);
    this.stage.used.seconds += seconds - this.#told / 1000;
    this.#told = seconds * 1000;
    this.send([this.provider.used(seconds)]);
  }

  protected begins(): readonly WireMessage[] {
    return [];
  }

  protected piece(bytes: Uint8Array, words: string): readonly WireMessage[] {
    const said = words === "" ? [] : [this.provider.said(words)];
    // A last piece is filled up.
    const step = new Uint8Array(STEP_BYTES);
    step.set(bytes);
    return [...said, ...this.provider.audio(step)];
  }

  protected ends(): readonly WireMessage[] {
    return [];
  }

  protected calls({ name, id, args }: ToolCall): readonly WireMessage[] {
    return [this.provider.calls(name, id, args)];
  }

  account(): Account {
    return {
      heard: [Buffer.concat(this.#heard)],
      told: this.#texts.join("\n"),
      refused: this.provider.refused,
      cuts: [],
      stopped: this.provider.told("instructions").filter((text) => /stopped/.test(text)).length,
      resumed: this.#forks,
    };
  }
}
