/** The loudspeaker: gap-free playback of every response, with the exact position of what was heard. */
import { Awake } from "./awake.ts";
import { RelayError, reasonOf } from "./error.ts";
import { addWorklets } from "./worklet-module.ts";
import {
  PLAYER_PROCESSOR,
  type PlayerCommand,
  type PlayerMessage,
  type PlayerOptions,
} from "./worklets/messages.ts";
import type { TrackReport } from "./worklets/playout.ts";

export interface PlayerHooks {
  readonly workletUrl: string | null;
  report(track: TrackReport): void;
  level(peak: number): void;
  /** Every 500 ms while the device runs, also in a hidden page. */
  clock(): void;
  /** Nothing can be heard, or can be again. */
  blocked(blocked: boolean): void;
  error(error: RelayError): void;
}

interface Device {
  readonly context: AudioContext;
  readonly awake: Awake;
}

/** Covers the jitter between two messages of a relay that sends ahead; heard as delay once per response. */
const PREBUFFER_MS = 60;
/** Five minutes of unheard speech: more is a peer without measure. */
const MAX_QUEUED_MS = 300_000;
const MAX_TRACKS = 64;

export class Player {
  readonly #hooks: PlayerHooks;
  #opening: { readonly rateHz: number; readonly done: Promise<void> } | null = null;
  #device: Device | null = null;
  #node: AudioWorkletNode | null = null;
  /** Commands that came while the worklet was loading. */
  #waiting: PlayerCommand[] = [];
  #waitingSamples = 0;
  #closed = false;

  constructor(hooks: PlayerHooks) {
    this.#hooks = hooks;
  }

  /**
   * Opens the output device at `sampleRateHz`, or anew where it had another. Without a user's gesture a browser keeps it
   * silent: what arrives waits, bounded, and the next gesture lets it be heard.
   * @throws RelayError `playback_failed` or `worklets_missing`
   */
  open(sampleRateHz: number): Promise<void> {
    if (this.#opening?.rateHz !== sampleRateHz) {
      const former = this.#opening?.done.catch(() => undefined);
      // At once, if it can be: what a gesture allows, it does not allow for long.
      const done = former?.then(() => this.#open(sampleRateHz)) ?? this.#open(sampleRateHz);
      // Whoever opens the call hears of it.
      done.catch(() => undefined);
      this.#opening = { rateHz: sampleRateHz, done };
    }
    return this.#opening.done;
  }

  /** Lets a suspended device play. @throws RelayError `playback_failed` */
  async resume(): Promise<void> {
    const context = this.#device?.context;
    if (context === undefined || context.state === "running") return;
    try {
      await context.resume();
    } catch (error) {
      throw failed(error);
    }
  }

  /** The device's context, for meters and recorders; null until it is open. */
  get context(): AudioContext | null {
    return this.#device?.context ?? null;
  }

  /** Everything that is played, on its way to the device. */
  get node(): AudioNode | null {
    return this.#node;
  }

  /** Nothing can be heard now: the browser keeps the device silent. */
  get blocked(): boolean {
    return this.#device?.awake.blocked ?? false;
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

  /** Goes on at this level (of 1); nothing waits for it. */
  duck(level: number): void {
    this.#command({ type: "duck", level });
  }

  /** Goes on from the sample at which `hold` stopped, and at full level. */
  release(): void {
    this.#command({ type: "release" });
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#leave();
  }

  #leave(): void {
    const device = this.#device;
    this.#node?.disconnect();
    this.#node = this.#device = null;
    device?.awake.stop();
    if (device !== null && device.context.state !== "closed") void device.context.close();
  }

  async #open(sampleRateHz: number): Promise<void> {
    this.#leave();
    if (this.#closed) return;
    try {
      const context = new AudioContext({ sampleRate: sampleRateHz, latencyHint: "interactive" });
      this.#device = { context, awake: new Awake(context, (blocked) => this.#hooks.blocked(blocked)) };
      await addWorklets(context, this.#hooks.workletUrl);
      // Closed meanwhile, or open at another rate.
      if (this.context === context) this.#connect(context, sampleRateHz);
    } catch (error) {
      this.#leave();
      throw error instanceof RelayError ? error : failed(error);
    }
  }

  #connect(context: AudioContext, sampleRateHz: number): void {
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
    node.port.addEventListener("message", (event: MessageEvent<PlayerMessage>) => this.#message(event.data));
    node.port.start();
    // A processor that failed is silent for ever.
    node.addEventListener("processorerror", () => {
      if (this.#node === node) this.#hooks.error(failed(new Error("the player broke")));
    });
    node.connect(context.destination);
    this.#node = node;
    this.#waitingSamples = 0;
    for (const command of this.#waiting.splice(0)) this.#command(command);
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
    if (message.type === "clock") {
      this.#hooks.clock();
      return;
    }
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
    const context = this.#device?.context;
    if (context === undefined) return;
    const seconds = context.outputLatency || context.baseLatency || 0;
    this.#command({ type: "latency", samples: Math.round(seconds * context.sampleRate) });
  }
}

function failed(error: unknown): RelayError {
  return new RelayError("playback_failed", `No sound: ${reasonOf(error)}`, null, error);
}
