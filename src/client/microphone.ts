/** The caller's microphone as 20 ms frames of PCM16. */
import { RelayError, reasonOf } from "./error.ts";
import { CAPTURE_PROCESSOR, type CaptureOptions } from "./worklets/messages.ts";

export const FRAME_MS = 20;

export interface MicrophoneHooks {
  readonly workletUrl: string;
  readonly sampleRateHz: number;
  frame(pcm: Int16Array): void;
  /** Frames are coming. */
  started(): void;
  /** Capture ended: by `stop`, or because the device went away (then with the reason). */
  stopped(lost: RelayError | null): void;
}

interface Capture {
  readonly stream: MediaStream;
  readonly context: AudioContext;
}

export class Microphone {
  readonly #hooks: MicrophoneHooks;
  #capture: Capture | null = null;
  #starting: Promise<void> | null = null;
  /** Counts `stop` calls, so that a start that was overtaken by one knows. */
  #stops = 0;

  constructor(hooks: MicrophoneHooks) {
    this.#hooks = hooks;
  }

  get active(): boolean {
    return this.#capture !== null;
  }

  /**
   * Asks for the microphone, with echo cancellation unless `constraints` say otherwise, and sends frames until
   * `stop`. Call it from a user's gesture.
   * @throws RelayError `microphone_denied`, `microphone_missing` or `microphone_failed`.
   */
  start(constraints: MediaTrackConstraints = {}): Promise<void> {
    if (this.#capture !== null) return Promise.resolve();
    this.#starting ??= this.#open(constraints).finally(() => (this.#starting = null));
    return this.#starting;
  }

  /** Frees the device. At most the last 20 ms, which fill no frame, are not sent. */
  stop(): void {
    this.#stops++;
    this.#release(null);
  }

  async #open(constraints: MediaTrackConstraints): Promise<void> {
    const stops = this.#stops;
    const stream = await openStream(constraints);
    try {
      const context = await this.#connect(stream);
      this.#capture = { stream, context };
    } catch (error) {
      release(stream);
      throw new RelayError(
        "microphone_failed",
        `The microphone cannot be captured: ${reasonOf(error)}`,
        null,
        error,
      );
    }
    if (stops !== this.#stops) {
      this.#release(null);
      return;
    }
    this.#hooks.started();
    for (const track of stream.getAudioTracks()) {
      const lost = new RelayError("microphone_lost", "The microphone was disconnected");
      track.addEventListener("ended", () => this.#release(lost));
    }
  }

  async #connect(stream: MediaStream): Promise<AudioContext> {
    const { context, source } = openSource(stream, this.#hooks.sampleRateHz);
    try {
      await context.audioWorklet.addModule(this.#hooks.workletUrl);
      const processorOptions: CaptureOptions = {
        targetRateHz: this.#hooks.sampleRateHz,
        samplesPerFrame: (this.#hooks.sampleRateHz * FRAME_MS) / 1000,
      };
      const node = new AudioWorkletNode(context, CAPTURE_PROCESSOR, {
        numberOfInputs: 1,
        channelCount: 1,
        channelCountMode: "explicit",
        processorOptions,
      });
      node.port.addEventListener("message", (event: MessageEvent<Int16Array>) => {
        if (this.#capture?.context === context) this.#hooks.frame(event.data);
      });
      node.port.start();
      // The node is silent, but only what leads to the destination is pulled everywhere.
      source.connect(node).connect(context.destination);
      await context.resume();
      return context;
    } catch (error) {
      await context.close();
      throw error;
    }
  }

  #release(lost: RelayError | null): void {
    const capture = this.#capture;
    if (capture === null) return;
    this.#capture = null;
    release(capture.stream);
    void capture.context.close();
    this.#hooks.stopped(lost);
  }
}

async function openStream(constraints: MediaTrackConstraints): Promise<MediaStream> {
  if (!("mediaDevices" in navigator)) {
    throw new RelayError(
      "microphone_missing",
      "This page has no access to microphones: it needs https or localhost",
    );
  }
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
        ...constraints,
      },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError") {
      throw new RelayError("microphone_denied", "The microphone was not allowed", null, error);
    }
    if (name === "NotFoundError") {
      throw new RelayError("microphone_missing", "There is no microphone", null, error);
    }
    throw new RelayError(
      "microphone_failed",
      `The microphone does not open: ${reasonOf(error)}`,
      null,
      error,
    );
  }
}

/**
 * A context at the wire's rate lets the browser resample. Firefox refuses to capture into one (bugzilla 1674892):
 * there the context has the device's rate and the worklet resamples.
 */
function openSource(
  stream: MediaStream,
  sampleRateHz: number,
): { context: AudioContext; source: MediaStreamAudioSourceNode } {
  const context = new AudioContext({ sampleRate: sampleRateHz, latencyHint: "interactive" });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    void context.close();
    const native = new AudioContext({ latencyHint: "interactive" });
    return { context: native, source: native.createMediaStreamSource(stream) };
  }
}

function release(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
