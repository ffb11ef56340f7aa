/** An AudioContext whose player worklet is the test: records what is played and reports what was heard. */
import { vi } from "vitest";
import type { PlayerCommand, PlayerMessage } from "../../src/client/worklets/messages.ts";
import type { TrackReport } from "../../src/client/worklets/playout.ts";

class ScriptedPort extends EventTarget {
  readonly commands: PlayerCommand[] = [];
  start(): void {}
  postMessage(command: PlayerCommand): void {
    this.commands.push(command);
  }
}

class ScriptedNode extends EventTarget {
  /** The worklet made last. */
  static last: ScriptedNode | null = null;
  static readonly source = { connect: (to: ScriptedNode): ScriptedNode => to };
  readonly port = new ScriptedPort();

  constructor() {
    super();
    ScriptedNode.last = this;
  }
  connect(): this {
    return this;
  }
  disconnect(): void {}
}

class ScriptedTrack extends EventTarget {
  stopped = false;
  enabled = true;
  /** By the system. */
  muted = false;
  readonly label: string;
  constructor(label: string) {
    super();
    this.label = label;
  }
  stop(): void {
    this.stopped = true;
  }
}

/** A microphone that the test speaks into and pulls out. Install it after the player was made. */
export function installMicrophone(): {
  frame(pcm: Int16Array): void;
  unplug(): void;
  /** Its processor. */
  fail(): void;
  readonly stopped: boolean;
  /** One for each time that it was asked for. */
  readonly tracks: ScriptedTrack[];
  /** What it was asked for with. */
  readonly asked: MediaTrackConstraints[];
  /** The system keeps silent what is asked for next. */
  mutedAtFirst: boolean;
} {
  const tracks: ScriptedTrack[] = [];
  const asked: MediaTrackConstraints[] = [];
  const getUserMedia = ({ audio }: { audio: MediaTrackConstraints }): Promise<unknown> => {
    asked.push(audio);
    if (audio.deviceId === "missing")
      return Promise.reject(new DOMException("no such device", "OverconstrainedError"));
    const track = new ScriptedTrack(typeof audio.deviceId === "string" ? audio.deviceId : "default");
    track.muted = microphone.mutedAtFirst;
    tracks.push(track);
    return Promise.resolve({ getTracks: () => [track], getAudioTracks: () => [track] });
  };
  const mediaDevices = Object.assign(new EventTarget(), {
    getUserMedia,
    enumerateDevices: () => Promise.resolve([{ kind: "audioinput", deviceId: "b", label: "Headset" }]),
  });
  vi.stubGlobal("navigator", { mediaDevices });
  const microphone = {
    frame: (data: Int16Array) =>
      void ScriptedNode.last?.port.dispatchEvent(new MessageEvent("message", { data })),
    fail: () => void ScriptedNode.last?.dispatchEvent(new Event("processorerror")),
    unplug: () => void tracks.at(-1)?.dispatchEvent(new Event("ended")),
    get stopped() {
      return tracks.at(-1)?.stopped === true;
    },
    tracks,
    asked,
    mutedAtFirst: false,
  };
  return microphone;
}

export class ScriptedContext extends EventTarget {
  /** Every context since `installAudio`, oldest first. */
  static readonly made: ScriptedContext[] = [];
  /** Modules that cannot be loaded, by their beginning. */
  static unloadable: string | null = null;
  /** Whether contexts run without a gesture. */
  static allowed = true;
  readonly sampleRate: number;
  readonly loaded: string[] = [];
  readonly audioWorklet = {
    addModule: (url: string): Promise<void> => {
      this.loaded.push(url);
      const { unloadable } = ScriptedContext;
      return unloadable !== null && url.startsWith(unloadable)
        ? Promise.reject(new DOMException("Unable to load a worklet's module."))
        : Promise.resolve();
    },
  };
  readonly destination = {};
  readonly outputLatency = 0;
  readonly baseLatency = 0;
  state: string;
  constructor({ sampleRate }: { sampleRate: number }) {
    super();
    if (sampleRate > 96_000) throw new DOMException("no such rate", "NotSupportedError");
    this.sampleRate = sampleRate;
    this.state = ScriptedContext.allowed ? "running" : "suspended";
    ScriptedContext.made.push(this);
  }
  createMediaStreamSource(): typeof ScriptedNode.source {
    return ScriptedNode.source;
  }
  /** As a browser that does not allow it: pending for ever. */
  resume(): Promise<void> {
    if (this.state === "closed") return Promise.reject(new DOMException("closed", "InvalidStateError"));
    if (!ScriptedContext.allowed) return new Promise(() => undefined);
    this.enter("running");
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.enter("closed");
    return Promise.resolve();
  }
  /** The browser's doing. */
  enter(state: string): void {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

export function installAudio(): void {
  ScriptedNode.last = null;
  ScriptedContext.made.length = 0;
  ScriptedContext.unloadable = null;
  ScriptedContext.allowed = true;
  vi.stubGlobal("AudioContext", ScriptedContext);
  vi.stubGlobal("AudioWorkletNode", ScriptedNode);
}

/** The worklet's side of the last player. */
export function worklet(): {
  readonly commands: PlayerCommand[];
  take(): PlayerCommand[];
  heard(key: string, ms: number, more?: Partial<TrackReport>): void;
  overflow(key: string): void;
  /** The audio thread's 500 ms. */
  clock(): void;
  /** The player's processor fails. */
  fail(): void;
} {
  const node = ScriptedNode.last;
  if (node === null) throw new Error("no player was made");
  const { port } = node;
  const tell = (data: PlayerMessage): void => void port.dispatchEvent(new MessageEvent("message", { data }));
  const interesting = (command: PlayerCommand): boolean => command.type !== "latency";
  return {
    get commands() {
      return port.commands.filter(interesting);
    },
    take: () => port.commands.splice(0).filter(interesting),
    heard(key, ms, more = {}) {
      const track = { key, heardSamples: ms * 24, finished: false, flushed: false, ...more };
      tell({ type: "report", peak: 0.5, tracks: [track] });
    },
    overflow: (key) => tell({ type: "overflow", key }),
    clock: () => tell({ type: "clock" }),
    fail: () => void node.dispatchEvent(new Event("processorerror")),
  };
}
