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

class ScriptedNode {
  /** The worklet made last. */
  static last: ScriptedNode | null = null;
  static readonly source = { connect: (to: ScriptedNode): ScriptedNode => to };
  readonly port = new ScriptedPort();

  constructor() {
    ScriptedNode.last = this;
  }
  connect(): this {
    return this;
  }
  disconnect(): void {}
}

/** A microphone that the test speaks into and pulls out. Install it after the player was made. */
export function installMicrophone(): {
  frame(pcm: Int16Array): void;
  unplug(): void;
  readonly stopped: boolean;
} {
  const track = Object.assign(new EventTarget(), { stopped: false, stop: () => void (track.stopped = true) });
  const stream = { getTracks: () => [track], getAudioTracks: () => [track] };
  const getUserMedia = (): Promise<typeof stream> => Promise.resolve(stream);
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return {
    frame: (data) => ScriptedNode.last?.port.dispatchEvent(new MessageEvent("message", { data })),
    unplug: () => void track.dispatchEvent(new Event("ended")),
    get stopped() {
      return track.stopped;
    },
  };
}

class ScriptedContext {
  readonly sampleRate: number;
  readonly audioWorklet = { addModule: () => Promise.resolve() };
  readonly destination = {};
  readonly outputLatency = 0;
  readonly baseLatency = 0;
  state = "running";
  constructor({ sampleRate }: { sampleRate: number }) {
    this.sampleRate = sampleRate;
  }
  createMediaStreamSource(): typeof ScriptedNode.source {
    return ScriptedNode.source;
  }
  resume(): Promise<void> {
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.state = "closed";
    return Promise.resolve();
  }
}

export function installAudio(): void {
  ScriptedNode.last = null;
  vi.stubGlobal("AudioContext", ScriptedContext);
  vi.stubGlobal("AudioWorkletNode", ScriptedNode);
}

/** The worklet's side of the last player. */
export function worklet(): {
  readonly commands: PlayerCommand[];
  take(): PlayerCommand[];
  heard(key: string, ms: number, more?: Partial<TrackReport>): void;
  overflow(key: string): void;
} {
  const port = ScriptedNode.last?.port;
  if (port === undefined) throw new Error("no player was made");
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
  };
}
