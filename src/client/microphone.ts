/** The caller's microphone as 20 ms frames of PCM16. */
import { Awake } from "./awake.ts";
import { RelayError, reasonOf } from "./error.ts";
import { addWorklets } from "./worklet-module.ts";
import { CAPTURE_PROCESSOR, type CaptureOptions } from "./worklets/messages.ts";

export const FRAME_MS = 20;

export interface MicrophoneHooks {
  readonly workletUrl: string | null;
  /** On the wire, now. */
  sampleRateHz(): number;
  frame(pcm: Int16Array): void;
  /** Frames are coming. Not told when only the device is another. */
  started(): void;
  /** Capture ended: by `stop`, or because the device went away (then with the reason). */
  stopped(lost: RelayError | null): void;
  /** Nothing is captured though the microphone is on, or is again. */
  blocked(blocked: boolean): void;
  muted(muted: boolean): void;
}

interface Capture {
  readonly stream: MediaStream;
  readonly context: AudioContext;
  readonly ended: AbortController;
  awake: Awake | null;
}

export class Microphone {
  readonly #hooks: MicrophoneHooks;
  #capture: Capture | null = null;
  #starting: { readonly done: Promise<void>; readonly stops: number } | null = null;
  /** Counts `stop` calls, so that a start that was overtaken by one knows. */
  #stops = 0;
  #muted = false;
  #closed = false;
  #constraints: MediaTrackConstraints = {};

  constructor(hooks: MicrophoneHooks) {
    this.#hooks = hooks;
  }

  get active(): boolean {
    return this.#capture !== null;
  }

  /** Sends silence and keeps the device, so that the relay hears turns end. Stays from one start to the next. */
  get muted(): boolean {
    return this.#muted;
  }

  set muted(muted: boolean) {
    if (muted === this.#muted) return;
    this.#muted = muted;
    this.#enable();
    this.#hooks.muted(muted);
  }

  /** What the browser calls the device that is captured; null: none is. */
  get label(): string | null {
    return this.#capture?.stream.getAudioTracks()[0]?.label ?? null;
  }

  /**
   * Asks for the microphone, with echo cancellation unless `constraints` say otherwise, and sends frames until
   * `stop`. Call it from a user's gesture. With constraints while it is on it goes over to what they ask for (another
   * `deviceId`); where that fails, the former device goes on.
   * @throws RelayError `microphone_denied`, `microphone_missing`, `microphone_failed`, `worklets_missing`, or `closed`
   *   when the call is over.
   */
  start(constraints: MediaTrackConstraints = {}): Promise<void> {
    if (this.#closed) return Promise.reject(new RelayError("closed", "The call is over"));
    const asked = Object.keys(constraints).length > 0;
    const starting = this.#starting;
    if (!asked && starting?.stops === this.#stops) return starting.done;
    if (!asked && starting === null && this.#capture !== null) return Promise.resolve();
    return this.#next(() => this.#open(constraints));
  }

  /** The wire has another rate from now on. @throws RelayError as `start` */
  async retune(): Promise<void> {
    if (this.#starting === null && this.#capture === null) return;
    await this.#next(() => (this.#capture === null ? Promise.resolve() : this.#open(this.#constraints)));
  }

  /** Frees the device. At most the last 20 ms, which fill no frame, are not sent. */
  stop(): void {
    this.#stops++;
    this.#release(null);
  }

  /** The call is over: nothing starts any more. */
  close(): void {
    this.#closed = true;
    this.stop();
  }

  /** One after the other: the last that was asked for is the one that stays, unless it was stopped meanwhile. */
  #next(open: () => Promise<void>): Promise<void> {
    const stops = this.#stops;
    const then = (): Promise<void> => (stops === this.#stops ? open() : Promise.resolve());
    const done = (this.#starting?.done.then(then, then) ?? open()).finally(() => {
      if (this.#starting === starting) this.#starting = null;
    });
    const starting = { done, stops };
    this.#starting = starting;
    return done;
  }

  async #open(constraints: MediaTrackConstraints): Promise<void> {
    const stops = this.#stops;
    const stream = await openStream(constraints);
    let context: AudioContext;
    try {
      context = await this.#connect(stream);
    } catch (error) {
      release(stream);
      if (error instanceof RelayError) throw error;
      const message = `The microphone cannot be captured: ${reasonOf(error)}`;
      throw new RelayError("microphone_failed", message, null, error);
    }
    const former = this.#capture;
    const capture: Capture = { stream, context, ended: new AbortController(), awake: null };
    if (stops !== this.#stops) {
      free(capture);
      return;
    }
    this.#capture = capture;
    this.#constraints = constraints;
    this.#enable();
    if (former === null) this.#hooks.started();
    else free(former);
    this.#watch(capture);
  }

  /** What happens to the device, and to the context that captures from it. */
  #watch(capture: Capture): void {
    const { stream, context, ended } = capture;
    const options = { signal: ended.signal };
    const lost = new RelayError("microphone_lost", "The microphone was disconnected");
    let silenced = stream.getAudioTracks().some((track) => track.muted);
    const tell = (): void => this.#hooks.blocked(silenced || capture.awake?.blocked === true);
    capture.awake = new Awake(context, tell);
    for (const track of stream.getAudioTracks()) {
      track.addEventListener("ended", () => this.#release(lost), options);
      // The system took it: a phone call, a switch on the device.
      for (const type of ["mute", "unmute"]) {
        const changed = (): void => {
          silenced = type === "mute";
          tell();
        };
        track.addEventListener(type, changed, options);
      }
    }
    // Of the device before this one other things may have been told.
    tell();
  }

  #enable(): void {
    for (const track of this.#capture?.stream.getAudioTracks() ?? []) track.enabled = !this.#muted;
  }

  async #connect(stream: MediaStream): Promise<AudioContext> {
    const targetRateHz = this.#hooks.sampleRateHz();
    const { context, source } = openSource(stream, targetRateHz);
    try {
      await addWorklets(context, this.#hooks.workletUrl);
      const processorOptions: CaptureOptions = {
        targetRateHz,
        samplesPerFrame: (targetRateHz * FRAME_MS) / 1000,
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
      // A processor that failed is silent for ever.
      node.addEventListener("processorerror", () => {
        const error = new RelayError("microphone_failed", "The microphone's audio cannot be processed");
        if (this.#capture?.context === context) this.#release(error);
      });
      // The node is silent, but only what leads to the destination is pulled everywhere.
      source.connect(node).connect(context.destination);
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
    free(capture);
    this.#hooks.blocked(false);
    this.#hooks.stopped(lost);
  }
}

function free({ stream, context, ended, awake }: Capture): void {
  ended.abort();
  awake?.stop();
  release(stream);
  void context.close();
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
    throw notOpened(error);
  }
}

function notOpened(error: unknown): RelayError {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError": {
      const message =
        "The microphone was not allowed: allow it in the settings of this site, beside its address";
      return new RelayError("microphone_denied", message, null, error);
    }
    case "NotFoundError":
      return new RelayError("microphone_missing", "There is no microphone", null, error);
    case "OverconstrainedError":
      return new RelayError("microphone_missing", "There is no such microphone", null, error);
    default: {
      const message = `The microphone does not open: ${reasonOf(error)}`;
      return new RelayError("microphone_failed", message, null, error);
    }
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
