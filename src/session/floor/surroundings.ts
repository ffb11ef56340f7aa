/** What the floor sees of the parts around it, and does with them. */
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { YieldSettings } from "./giving-way.ts";
import type {
  Arrival,
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

/** Read when it is asked for: these parts are made after the floor, and know it. */
export interface FloorParts {
  readonly context: Context;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly listener: Listener;
  readonly links: readonly Link[];
  readonly input: AudioInput;
  readonly turns: TurnTaking;
  readonly bargeIn: BargeIn;
  readonly responses: Responses;
  readonly arrival: Arrival;
}

export class Surroundings {
  readonly #parts: FloorParts;

  constructor(parts: FloorParts) {
    this.#parts = parts;
  }

  get settings(): FloorSettings {
    const { config, port } = this.#parts;
    return config.relay(port);
  }

  /** An agent of this stream takes turns. */
  takesTurns(stream: number): boolean {
    return this.#parts.links[stream]?.capabilities.turns !== "none";
  }

  /**
   * What is played of this stream may come back as an echo. What is in this process gives back the caller's own voice, which is
   * nobody's echo.
   */
  mayEcho(stream: number): boolean {
    const { config, links } = this.#parts;
    return config.turnDetection !== null && (links[stream]?.remote ?? false);
  }

  /** An agent that takes turns is audible, or has something to say that waits. */
  get audible(): boolean {
    return this.#parts.listener.audible;
  }

  /** One is audible, and what is heard just now may interrupt it. */
  get contested(): boolean {
    const { listener, config, arrival } = this.#parts;
    return listener.audible && config.turnDetection?.interrupt_response === true && !arrival.late;
  }

  /** End of the detector's last hop in the caller's stream. */
  get heardMs(): number {
    return this.#parts.input.hopEndTicks / TICKS_PER_MS;
  }

  /** When the last agent that takes turns will have been heard, by what was sent so far. */
  get playingUntil(): number {
    return this.#parts.listener.playingUntil();
  }

  /** When what is heard just now was said: before now by what else came with it. */
  get saidAt(): number {
    const { context, input } = this.#parts;
    return context.now - input.restMs;
  }

  /** The client's next message may be so long in coming though all is well. */
  get messageMs(): number {
    return this.#parts.turns.watch.messageMs;
  }

  get connected(): boolean {
    return this.#parts.port.connected;
  }

  /** The sound is the caller's turn and an interruption: it began at this position. `cut`: the player is told to stop. */
  begin(prefixTicks: number, cut: () => void): void {
    const { config, bargeIn, turns } = this.#parts;
    bargeIn.around(config.turnDetection?.interrupt_response === true, () => {
      cut();
      turns.begin(prefixTicks);
    });
  }

  /** It is a turn, and interrupts nobody. */
  start(prefixTicks: number): void {
    this.#parts.turns.begin(prefixTicks);
  }

  /** What was heard from one position to another is a turn. */
  adopt(fromTicks: number, toTicks: number): void {
    this.#parts.turns.adopt(fromTicks, toTicks);
  }

  /** The sound was nothing: the endpointer may listen for the next one. */
  forget(): void {
    this.#parts.turns.forget();
  }

  /** Lets pass what waited. */
  release(): void {
    this.#parts.responses.drain();
  }
}
