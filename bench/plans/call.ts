/** One call in virtual time over demo voices, turn by turn: the real session and the real adapter, and no line between. */
import { NO_KERNELS } from "../../src/audio/kernels.ts";
import { FRAME_HEADER_BYTES, readFrameHeader } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";
import { CLIENT, type Action, type Input } from "../../src/session/io.ts";
import type { StrategyChoice } from "../../src/session/state/plan.ts";
import { Session } from "../../src/session/session.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { VirtualClock } from "../cost/virtual-clock.ts";
import { DemoVoice, textOf, whose } from "./demo-voice.ts";

/** What the client heard of one answer. */
export interface Heard {
  /** From the question to the first sample. */
  readonly delayMs: number;
  /** Numbers of the voices that sounded, or whose words were shown. */
  readonly voices: ReadonlySet<number>;
  readonly words: string;
  readonly audioMs: number;
  /** Where it was cut; null: it was not. */
  readonly cutMs: number | null;
  /** CPU of the relay for the message that brought the first sample. */
  readonly handleMs: number;
}

const NAMES = ["alder", "birch"] as const;
const TURN_LONGEST_MS = 60_000;
const CALLER_MS = 200;
const BYTES_PER_MS = 48;
const HEARTBEAT_MS = 500;

/** What voice so and so says: every word says whose it is. */
export function replyOf(voice: number, answer: number): string {
  return Array.from({ length: 6 }, (_, n) => `${NAMES[voice]}${answer}w${n}`).join(" ");
}

/** Answers that are judged before they are heard. */
export interface Guarded {
  /** Null: the same answers, and nobody judges them. */
  readonly plan: GuardPlan | null;
  readonly reply: (answer: number) => string;
  readonly pace: number;
  /** What the moderator says of words, and after how long. */
  readonly judge: (text: string) => { readonly category: string | null; readonly afterMs: number };
}

export class PlannedCall {
  readonly voices: readonly DemoVoice[];
  readonly #clock = new VirtualClock();
  readonly #session: Session;
  readonly #guarded: Guarded | null;
  readonly #peers = new Map<string, (message: string) => void>();
  #events: JsonObject[] = [];
  #frames: { readonly at: number; readonly samples: Int16Array; readonly handleMs: number }[] = [];
  #aimed: (() => void) | null = null;

  /** @param delays of the voices' next answers. @param shadows so many of the last voices are tried out. */
  constructor(
    delays: readonly (() => number)[],
    strategy: StrategyChoice | null,
    guarded: Guarded | null = null,
    shadows = 0,
  ) {
    this.#guarded = guarded;
    const used = NAMES.slice(0, delays.length);
    this.voices = delays.map((delayMs, number) => {
      const reply = guarded?.reply ?? ((answer: number) => replyOf(number, answer));
      return new DemoVoice(this.#clock, number, delayMs, reply, guarded?.pace);
    });
    const upstreams = used.map((name, number) => ({
      name,
      ...(number >= used.length - shadows && { role: "shadow" as const }),
      options: { adapter: "openai-compatible", url: `wss://${name}.demo/v1/realtime`, model: "demo" },
    }));
    const guard = guarded?.plan ? { guard: guarded.plan } : {};
    const plan = { name: "plans", upstreams, session: {}, detector: "energy" as const, ...guard };
    const session = { audio: { input: { turn_detection: null } } };
    let drawn = 0;
    this.#session = new Session(
      {
        id: "plans",
        model: "plans",
        plan: strategy === null ? plan : { ...plan, strategy },
        intent: "conversation",
        session,
      },
      {
        drawId: () => `drawn${(drawn += 1)}`,
        kernels: NO_KERNELS,
        createUpstream,
      },
      this.#clock.now(),
    );
    this.#hand({ type: "open", peer: CLIENT, dialect: "duplex.v1" });
  }

  #hand(input: Input): void {
    const before = performance.now();
    const actions = this.#session.handle(input, this.#clock.now());
    const handleMs = performance.now() - before;
    for (const action of actions) this.#perform(action, handleMs);
    this.#aimed?.();
    const { deadline } = this.#session;
    this.#aimed =
      deadline === null
        ? null
        : this.#clock.schedule(
            () => this.#hand({ type: "timeout" }),
            Math.max(0, deadline - this.#clock.now()),
          );
  }

  #perform(action: Action, handleMs: number): void {
    if (action.type === "dial") this.#dial(action.peer);
    else if (action.type === "send" && action.peer === CLIENT) this.#received(action.data, handleMs);
    else if (action.type === "send") this.#peers.get(action.peer)?.(String(action.data));
    else if (action.type === "moderate") this.#moderate(action);
  }

  #moderate({ id, moderator, text }: Extract<Action, { type: "moderate" }>): void {
    const { category, afterMs } = this.#guarded?.judge(text) ?? { category: null, afterMs: 0 };
    this.#clock.schedule(
      () => this.#hand({ type: "moderated", id, moderator, verdict: { category } }),
      afterMs,
    );
  }

  #dial(peer: string): void {
    const voice = this.voices[Number(/^up(\d+)/.exec(peer)?.[1])];
    if (voice === undefined) throw new Error(`nobody is at ${peer}`);
    this.#clock.schedule(() => {
      const say = (data: string): void => this.#hand({ type: "message", peer, data });
      this.#peers.set(peer, voice.dialled(say));
      this.#hand({ type: "open", peer });
    }, 20);
  }

  #received(data: string | Uint8Array, handleMs: number): void {
    if (typeof data === "string") {
      this.#events.push(parseJsonObject(data) ?? {});
      return;
    }
    if (readFrameHeader(data) === null) throw new Error("a frame without a header");
    const samples = new Int16Array(data.slice(FRAME_HEADER_BYTES).buffer);
    this.#frames.push({ at: this.#clock.now(), samples, handleMs });
  }

  #client(event: JsonObject): void {
    this.#hand({ type: "message", peer: CLIENT, data: JSON.stringify(event) });
  }

  /** Dials and greets. */
  async begin(): Promise<void> {
    this.#beat();
    await this.#clock.advance(500);
  }

  #beat(): void {
    this.#client({ type: "session.heartbeat" });
    // It reads all that it is sent.
    this.#hand({ type: "buffered", peer: CLIENT, bytes: 0 });
    this.#clock.schedule(() => this.#beat(), HEARTBEAT_MS);
  }

  /** One turn of the caller's and its answer, cut after so much of it; null: heard to its end. */
  async turn(cutAfterMs: number | null): Promise<Heard> {
    this.#events = [];
    this.#frames = [];
    const audio = new Uint8Array(CALLER_MS * BYTES_PER_MS).fill(7).toBase64();
    this.#client({ type: "input_audio_buffer.append", audio });
    this.#client({ type: "input_audio_buffer.commit" });
    const asked = this.#clock.now();
    this.#client({ type: "response.create" });
    const firstBy = asked + TURN_LONGEST_MS;
    const over = () => this.#frames.length > 0 || this.#is("response.done");
    while (!over() && this.#clock.now() < firstBy) await this.#clock.advance(1);
    if (!over()) throw new Error("nobody answered");
    // All of it may have been refused.
    const first = this.#frames[0] ?? { at: Infinity, handleMs: Number.NaN };
    if (cutAfterMs !== null) {
      await this.#clock.advance(cutAfterMs);
      this.#client({ type: "output_audio_buffer.clear" });
    }
    const doneBy = this.#clock.now() + TURN_LONGEST_MS;
    while (!this.#is("response.done") && this.#clock.now() < doneBy) await this.#clock.advance(20);
    // It is heard to its end, and whoever lost has said so.
    await this.#clock.advance(1500);
    const frames = this.#frames;
    this.#client({ type: "session.ack", last_received: this.#last() });
    return this.#heard(first.at - asked, first.handleMs, frames);
  }

  #heard(delayMs: number, handleMs: number, frames: readonly { readonly samples: Int16Array }[]): Heard {
    const words = this.#events
      .filter(({ type }) => type === "response.output_audio_transcript.delta")
      .map(({ delta }) => textOf(delta))
      .join("");
    const voices = new Set<number>();
    for (const { samples } of frames) voices.add(whose(samples) ?? Number.NaN);
    for (const [number, name] of NAMES.entries()) if (words.includes(name)) voices.add(number);
    const cut = this.#events.find(({ type }) => type === "conversation.item.truncated");
    const samples = frames.reduce((sum, frame) => sum + frame.samples.length, 0);
    const cutMs = cut === undefined ? null : Number(cut["audio_end_ms"]);
    return { delayMs, handleMs, voices, words, audioMs: samples / 24, cutMs };
  }

  #is(type: string): boolean {
    return this.#events.some((event) => event["type"] === type);
  }

  #last(): number {
    return this.#events.reduce((last, event) => Math.max(last, Number(event["server_event_seq"] ?? 0)), 0);
  }
}
