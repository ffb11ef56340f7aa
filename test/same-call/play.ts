/** Plays the script of the call over one adapter, through the session that ships, in virtual time. */
import { createUpstream } from "../../src/upstreams/index.ts";
import type { DialRequest, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Call } from "../support/call.ts";
import { Listener } from "./listener.ts";
import { type Mind, type Socket, Stage } from "./mind.ts";
import { type Beside, Network } from "./network.ts";
import { type Step, TOOL } from "./script.ts";
import { Tape } from "./sound.ts";

const FRAME_MS = 20;
/** No step takes longer. */
const PATIENCE_MS = 60_000;
const ROLLS_AFTER_MS = 40_000;

export interface Provider {
  readonly options: UpstreamOptions;
  /** Hertz of what it hears: the client speaks so, and nothing is resampled. */
  readonly hearsHz: 16_000 | 24_000;
  /** Nobody asks for transcripts: what the caller says is known to who hears it alone. */
  readonly wordless?: true;
  /** How fast it speaks. */
  readonly speed: number;
  readonly mind: (socket: Socket, stage: Stage, request: DialRequest) => Mind;
  readonly beside?: (stage: Stage) => Beside;
}

/** A call whose sockets are killed hundreds of times asks for more than a call may. */
const UNBOUNDED = { dialsPerMinute: 1000, asksPerMinute: 1000, answersPerMinute: 10_000 };

export interface Spoken {
  readonly words: string;
  /** On the tape, in samples. */
  readonly from: number;
  readonly to: number;
}

export class Played {
  readonly stage: Stage;
  readonly tape: Tape;
  readonly network: Network;
  readonly call: Call;
  readonly listener: Listener;
  /** When a frame of the call has passed. */
  onFrame: (() => void) | null = null;
  /** The caller's turns. */
  readonly spoken: Spoken[] = [];
  /** Connections that served when each step began. */
  readonly steps: { readonly step: Step; readonly connection: number }[] = [];

  /** @param killed its sockets are to be killed, again and again: no rollover, and no bounds for what follows */
  constructor(provider: Provider, killed = false) {
    this.tape = new Tape(provider.hearsHz);
    this.stage = new Stage(provider.speed, this.tape);
    this.network = new Network(this.stage, provider.mind, provider.beside?.(this.stage) ?? null);
    const format = { type: "audio/pcm", rate: provider.hearsHz };
    const planned = {
      name: "speaker",
      options: provider.options,
      ...(!killed && { rolloverMs: ROLLS_AFTER_MS }),
    };
    this.call = new Call({
      upstreams: [planned],
      createUpstream,
      connect: false,
      toUpstream: this.network.toUpstream,
      limits: killed ? UNBOUNDED : {},
      planSession: {
        instructions: "Be brief.",
        tools: [TOOL],
        audio: { input: { format, transcription: provider.wordless ? null : { model: "any" } } },
      },
    });
    this.network.join(this.call);
    this.listener = new Listener(this.call);
    this.call.connect("realtime");
    this.network.serve();
    this.room(400);
  }

  /** The microphone is open, and the client and the providers live on. */
  frame(samples: Int16Array): void {
    this.tape.record(samples);
    this.call.append(samples);
    this.network.serve();
    this.call.advance(FRAME_MS);
    this.network.tick(FRAME_MS);
    this.listener.look();
    this.network.serve();
    this.onFrame?.();
  }

  room(ms: number): void {
    for (const frame of this.tape.room(ms)) this.frame(frame);
  }

  speak(words: string, ms: number, seed: number): void {
    const from = this.tape.length;
    const to = from + (ms * this.tape.rateHz) / 1000;
    this.spoken.push({ words, from, to });
    this.stage.spoken.push({ words, ms, seed, answers: [], from, to, over: false });
    for (const frame of this.tape.speech(ms, seed)) this.frame(frame);
  }

  until(what: string, over: () => boolean): void {
    for (let waited = 0; !over(); waited += FRAME_MS) {
      if (waited > PATIENCE_MS)
        throw new Error(`${what} did not come: ${this.call.types().slice(-12).join()}`);
      this.room(FRAME_MS);
    }
  }

  play(script: readonly Step[]): this {
    for (const step of script) {
      this.steps.push({ step, connection: this.stage.minds.length - 1 });
      this.#step(step);
    }
    this.room(1000);
    return this;
  }

  #step(step: Step): void {
    switch (step.type) {
      case "turn": {
        const { words, ms, seed } = step.turn;
        this.stage.turns.push(step.turn);
        return this.speak(words, ms, seed);
      }
      case "hears": {
        const before = this.listener.answers.length;
        const speaks = () => this.listener.answers.length > before && this.listener.playedMs >= step.ms;
        return this.until("an answer", speaks);
      }
      case "answered":
        return this.until("the end of all answers", () => this.answered);
      case "rollover": {
        const { mind } = this.network;
        return this.until("another connection", () => mind.closed && this.network.mind !== mind);
      }
      default:
        return step satisfies never;
    }
  }

  /** All that was to be said was said and heard. */
  get answered(): boolean {
    const { stage, listener, network } = this;
    const due = stage.turns.length + stage.lines.length > 0 || network.busy;
    return !due && listener.silent && listener.unfinished.length === 0;
  }
}
