/** What the floor asks of the parts around it, and what turn taking asks and tells the floor. */
import type { BandsKernel } from "../../audio/kernels.ts";
import type { Context } from "../context.ts";
import type { Floor } from "./floor.ts";
import type { YieldSettings } from "./giving-way.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type {
  Arrival,
  Asides,
  AudioInput,
  BargeIn,
  ClientPort,
  Configuration,
  Link,
  Listener,
  Responses,
  TurnTaking,
} from "./ports.ts";

export interface FloorSettings extends YieldSettings {
  /** Voiced milliseconds that make an interruption. */
  readonly confirmMs: number;
  /** Silent milliseconds after which a sound is dismissed. */
  readonly dismissMs: number;
}

export interface FloorHost {
  readonly bands: BandsKernel | null;
  settings(): FloorSettings;
  /** An agent of this stream takes turns. */
  takesTurns(stream: number): boolean;
  /** An agent that takes turns is audible, or has something to say that waits. */
  audible(): boolean;
  /** One is audible, and what is heard just now may interrupt it. */
  contested(): boolean;
  /** End of the detector's last hop in the caller's stream. */
  heardMs(): number;
  /** When the last agent that takes turns will have been heard, by what was sent so far. */
  playingUntil(): number;
  /** When what is heard just now was said: before now by what else came with it. */
  saidAt(): number;
  /** The client's next message may be so long in coming though all is well. */
  messageMs(): number;
  connected(): boolean;
  /** The sound is the caller's turn and an interruption: it began at this position. `cut`: the player was told to stop. */
  begin(prefixTicks: number, cut: () => void): void;
  /** It is a turn, and interrupts nobody. */
  start(prefixTicks: number): void;
  /** What was heard from one position to another is a turn. */
  adopt(fromTicks: number, toTicks: number): void;
  /** The sound was nothing: the endpointer may listen for the next one. */
  forget(): void;
  /** Lets pass what waited. */
  release(): void;
}

/** Read when it is asked for: these parts are made after the floor, and know it. */
interface FloorParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly listener: Listener;
  readonly links: readonly Link[];
  readonly input: AudioInput;
  readonly turns: TurnTaking;
  readonly bargeIn: BargeIn;
  readonly responses: Responses;
  readonly floor: Floor;
  readonly arrival: Arrival;
  readonly asides: Asides;
}

/** What turn taking asks and tells the floor. */
interface FloorSide {
  /** An agent is audible and may be interrupted: what begins now is first judged. */
  contested(): boolean;
  judging(): boolean;
  onOnset(prefixTicks: number): void;
  onEnded(): void;
  onAnew(): void;
  earliest(prefixTicks: number): number;
  wouldBegin(prefixTicks: number): number;
  onHeard(samples: Int16Array, rateHz: number, fromMs: number, restMs: number): void;
  heardAs(probability: number): number;
  onHop(probability: number, hopMs: number): void;
}

export function floorHost(parts: FloorParts, bands: BandsKernel | null): FloorHost {
  return {
    bands,
    settings: () => parts.config.relay(parts.port),
    takesTurns: (stream) => parts.links[stream]?.capabilities.turns !== "none",
    audible: () => parts.listener.audible,
    contested: () => contested(parts),
    heardMs: () => parts.input.hopEndTicks / TICKS_PER_MS,
    playingUntil: () => parts.listener.playingUntil(),
    saidAt: () => parts.context.now - parts.input.restMs,
    messageMs: () => parts.turns.watch.messageMs,
    connected: () => parts.port.connected,
    begin: (prefixTicks, cut) => {
      const interrupts = parts.config.turnDetection?.interrupt_response === true;
      parts.bargeIn.around(interrupts, () => {
        cut();
        parts.turns.begin(prefixTicks);
      });
    },
    start: (prefixTicks) => parts.turns.begin(prefixTicks),
    adopt: (fromTicks, toTicks) => parts.turns.adopt(fromTicks, toTicks),
    forget: () => parts.turns.forget(),
    release: () => parts.responses.drain(),
  };
}

function contested({ listener, config, arrival }: FloorParts): boolean {
  return listener.audible && config.turnDetection?.interrupt_response === true && !arrival.late;
}

export function floorSide(parts: FloorParts): FloorSide {
  return {
    contested: () => contested(parts),
    judging: () => parts.floor.judging,
    onOnset: (prefixTicks) => parts.floor.onset(prefixTicks),
    onEnded: () => parts.floor.ended(),
    onAnew: () => parts.floor.abandon(),
    earliest: (prefixTicks) => parts.floor.late.earliest(prefixTicks),
    wouldBegin: (prefixTicks) => parts.floor.late.wouldBegin(prefixTicks),
    onHeard: (samples, rateHz, fromMs, restMs) =>
      parts.floor.guard.heard(samples, rateHz, fromMs, parts.context.now - restMs, parts.context.now),
    heardAs: (probability) => (parts.asides.echoes && parts.floor.hearsEcho ? 0 : probability),
    onHop: (probability, hopMs) => parts.floor.hop(probability, hopMs, parts.input.endpointer.options),
  };
}
