/** The loudspeaker: gap-free playback of every response, with the exact position of what was heard. */
import { RelayError, reasonOf } from "./error.ts";
import {
  PLAYER_PROCESSOR,
  type PlayerCommand,
  type PlayerMessage,
  type PlayerOptions,
} from "./worklets/messages.ts";
import type { TrackReport } from "./worklets/playout.ts";

export interface PlayerHooks {
  readonly workletUrl: string;
  report(track: TrackReport): void;
  level(peak: number): void;
  error(error: RelayError): void;
}

/** Covers the jitter between two messages of a relay that sends ahead; heard as delay once per response. */
const PREBUFFER_MS = 60;
/** Five minutes of unheard speech: more is a peer without measure. */
const MAX_QUEUED_MS = 300_000;
const MAX_TRACKS = 64;

export class Player {
  readonly #hooks: PlayerHooks;
  #context: AudioContext | null = null;
  #node: AudioWorkletNode | null = null;
  #opening: Promise<void> | null = null;
  /** Commands that came while the worklet was loading. */
  #waiting: PlayerCommand[] = [];
  #waitingSamples = 0;
  #closed = false;

  constructor(hooks: PlayerHooks) {
    this.#hooks = hooks;
  }

  /**
   * Opens the output device at `sampleRateHz`. Without a user's gesture a browser keeps it silent: what arrives
   * waits, bounded, until `resume` is called from one.
   */
  open(sampleRateHz: number): Promise<void> {
    this.#opening ??= this.#open(sampleRateHz);
    return this.#opening;
  }

  /** Lets a suspended device play. */
  async resume(): Promise<void> {
    await this.#context?.resume();
  }

  /** The device's context, for meters and recorders; null until `open`. */
  get context(): AudioContext | null {
    return this.#context;
  }

  /** Queues audio; `pcm` belongs to the player from now on. */
  play(key: string, stream: number, pcm: Int16Array<ArrayBuffer>): void {
    this.#command({ type: "audio", key, stream, pcm });
  }

  end(key: string): void {
    this.#command({ type: "end", key });
  }

  /** Silences a track at once; its last report tells what was heard of it. */
  flush(key: string): void {
    this.#command({ type: "flush", key });
  }

  /** Stands still at once; what is queued and what comes is kept. */
  hold(): void {
    this.#command({ type: "hold" });
  }

  /** Goes on from the sample at which `hold` stopped. */
  release(): void {
    this.#command({ type: "release" });
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#node?.disconnect();
    this.#node = null;
    if (this.#context !== null && this.#context.state !== "closed") void this.#context.close();
  }

  async #open(sampleRateHz: number): Promise<void> {
    try {
      const context = new AudioContext({ sampleRate: sampleRateHz, latencyHint: "interactive" });
      this.#context = context;
      await context.audioWorklet.addModule(this.#hooks.workletUrl);
      if (this.#closed) return;
      const processorOptions: PlayerOptions = {
        prebufferSamples: (sampleRateHz * PREBUFFER_MS) / 1000,
        maxQueuedSamples: (sampleRateHz * MAX_QUEUED_MS) / 1000,
        maxTracks: MAX_TRACKS,
      };
      const node = new AudioWorkletNode(context, PLAYER_PROCESSOR, {
        numberOfInputs: 0,
        outputChannelCount: [1],
        processorOptions,
      });
      node.port.addEventListener("message", (event: MessageEvent<PlayerMessage>) =>
        this.#message(event.data),
      );
      node.port.start();
      node.connect(context.destination);
      this.#node = node;
      for (const command of this.#waiting.splice(0)) this.#command(command);
    } catch (error) {
      this.#hooks.error(new RelayError("playback_failed", `No sound: ${reasonOf(error)}`, null, error));
      this.close();
    }
  }

  #command(command: PlayerCommand): void {
    if (this.#closed) return;
    if (this.#node !== null) {
      this.#node.port.postMessage(
        command,
        command.type === "audio" ? [command.pcm.buffer as ArrayBuffer] : [],
      );
      return;
    }
    if (command.type === "audio") this.#waitingSamples += command.pcm.length;
    if (this.#waitingSamples > MAX_QUEUED_MS * 48) return;
    this.#waiting.push(command);
  }

  #message(message: PlayerMessage): void {
    if (message.type === "overflow") {
      this.#hooks.error(
        new RelayError("playback_overflow", "More audio came than is kept: some was dropped"),
      );
      return;
    }
    this.#declareLatency();
    this.#hooks.level(message.peak);
    for (const track of message.tracks) this.#hooks.report(track);
  }

  /** The device's latency changes (Bluetooth, another output), so it is told again with every report. */
  #declareLatency(): void {
    const context = this.#context;
    if (context === null) return;
    const seconds = context.outputLatency || context.baseLatency || 0;
    this.#command({ type: "latency", samples: Math.round(seconds * context.sampleRate) });
  }
}
