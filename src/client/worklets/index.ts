/** The module that `audioContext.audioWorklet.addModule` loads: capture and player. Runs on the audio thread. */
import { Framer } from "./framer.ts";
import {
  CAPTURE_PROCESSOR,
  PLAYER_PROCESSOR,
  type CaptureOptions,
  type PlayerCommand,
  type PlayerMessage,
  type PlayerOptions,
} from "./messages.ts";
import { Playout } from "./playout.ts";
import { Resampler } from "./resampler.ts";

class CaptureProcessor extends AudioWorkletProcessor {
  readonly #framer: Framer;
  readonly #resampler: Resampler | null;

  constructor(options: { readonly processorOptions?: unknown }) {
    super();
    const { targetRateHz, samplesPerFrame } = options.processorOptions as CaptureOptions;
    this.#framer = new Framer(samplesPerFrame);
    this.#resampler = targetRateHz === sampleRate ? null : new Resampler(sampleRate, targetRateHz);
  }

  override process(inputs: readonly (readonly Float32Array[])[]): boolean {
    const samples = inputs[0]?.[0];
    if (samples !== undefined) {
      this.#framer.push(this.#resampler?.process(samples) ?? samples, (frame) => {
        this.port.postMessage(frame, [frame.buffer]);
      });
    }
    return true;
  }
}

class PlayerProcessor extends AudioWorkletProcessor {
  readonly #playout: Playout;
  readonly #reportSamples = Math.round(sampleRate / 50);
  readonly #clockSamples = Math.round(sampleRate / 2);
  #latencySamples = 0;
  #sinceReport = 0;
  #sinceClock = 0;
  #peak = 0;
  #wasIdle = true;

  constructor(options: { readonly processorOptions?: unknown }) {
    super();
    const given = options.processorOptions as PlayerOptions;
    this.#playout = new Playout({ ...given, sampleRateHz: sampleRate });
    this.port.addEventListener("message", (event: MessageEvent<PlayerCommand>) => this.#command(event.data));
    this.port.start();
  }

  override process(
    _inputs: readonly (readonly Float32Array[])[],
    outputs: readonly (readonly Float32Array[])[],
  ): boolean {
    const [first, ...others] = outputs[0] ?? [];
    if (first === undefined) return true;
    this.#playout.render(first);
    for (const channel of others) channel.set(first);
    for (const sample of first) this.#peak = Math.max(this.#peak, Math.abs(sample));
    this.#sinceReport += first.length;
    if (this.#sinceReport >= this.#reportSamples) this.#report();
    this.#sinceClock += first.length;
    if (this.#sinceClock >= this.#clockSamples) {
      this.#sinceClock = 0;
      this.#post({ type: "clock" });
    }
    return true;
  }

  #command(command: PlayerCommand): void {
    switch (command.type) {
      case "audio":
        if (!this.#playout.push(command.key, command.stream, command.pcm)) {
          this.#post({ type: "overflow", key: command.key });
        }
        return;
      case "end":
        if (this.#playout.has(command.key)) this.#playout.end(command.key);
        else this.#unknown(command.key);
        return;
      case "flush": {
        const report = this.#playout.flush(command.key);
        if (report === null) this.#unknown(command.key);
        else this.#post({ type: "report", peak: 0, tracks: [report] });
        return;
      }
      case "hold":
        this.#playout.hold();
        return;
      case "duck":
        this.#playout.duck(command.level);
        return;
      case "release":
        this.#playout.release();
        return;
      case "latency":
        this.#latencySamples = command.samples;
        return;
    }
  }

  /** Nothing of the track was kept (it is over, or never was taken): nobody need remember it. */
  #unknown(key: string): void {
    this.#post({
      type: "report",
      peak: 0,
      tracks: [{ key, heardSamples: 0, finished: true, flushed: true }],
    });
  }

  #report(): void {
    this.#sinceReport %= this.#reportSamples;
    const tracks = this.#playout.reports(this.#latencySamples);
    const idle = tracks.length === 0 && this.#playout.idle;
    if (!idle || !this.#wasIdle) this.#post({ type: "report", peak: this.#peak, tracks });
    this.#wasIdle = idle;
    this.#peak = 0;
  }

  #post(message: PlayerMessage): void {
    this.port.postMessage(message, []);
  }
}

registerProcessor(CAPTURE_PROCESSOR, CaptureProcessor);
registerProcessor(PLAYER_PROCESSOR, PlayerProcessor);
