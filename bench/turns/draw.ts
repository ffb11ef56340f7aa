/** Seeded choices of one call, and the room it is made in. */
import { seededRandom } from "../../demo/ids.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Room } from "./script.ts";
import { hiss, noiseOf, type Random, type Samples } from "./sounds.ts";

/** Draws of one call. */
export class Draw {
  readonly seed: number;
  readonly random: Random;

  constructor(seed: number) {
    this.seed = seed;
    this.random = seededRandom(seed);
  }

  between(least: number, most: number): number {
    return least + (most - least) * this.random();
  }

  of<Value>(values: readonly [Value, ...Value[]] | readonly Value[], index?: number): Value {
    const at = index ?? Math.floor(this.random() * values.length);
    const value = values[at % values.length];
    if (value === undefined) throw new Error("nothing to choose from");
    return value;
  }

  /** Log-normal around `median`, within bounds. */
  around(median: number, spread: number, least: number, most: number): number {
    const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
    return Math.min(most, Math.max(least, median * Math.exp(spread * normal)));
  }
}

/** A quiet room; every third has something running in it. */
function bedOf(draw: Draw, index: number): Samples {
  if (index % 3 !== 2) return hiss(draw.random, 2000, -66);
  const name = draw.of(["pipecat-office", "coffee-shop", "rain"] as const);
  return noiseOf(name, draw.random, 4000, draw.between(-54, -46));
}

export function headphones(draw: Draw, index: number): Room {
  return { echoDb: null, echoLateMs: 0, bed: bedOf(draw, index), rough: null };
}

export function loudspeaker(draw: Draw, index: number): Room {
  return {
    echoDb: draw.between(-20, -6),
    echoLateMs: Math.round(draw.between(40, 300)),
    bed: bedOf(draw, index),
    rough: null,
  };
}

/** A loudspeaker in a live room, half of them overdriven, a third turned up or down in mid-answer, on a jittery device. */
export function roughRoom(draw: Draw, index: number): Room {
  const dies = draw.between(300, 500);
  const tail = Array.from({ length: 24 }, (_, at): readonly [number, number] => {
    const ms = 25 + (at + draw.random()) * ((dies * 0.7) / 24);
    // 60 dB in `dies` milliseconds.
    return [ms, (draw.random() < 0.5 ? -0.2 : 0.2) * 10 ** ((-3 * ms) / dies)];
  });
  const turned = draw.random() < 0.5 ? -6 : 6;
  return {
    ...loudspeaker(draw, index),
    rough: {
      tail,
      bendsAt: index % 2 === 0 ? 0.1 : null,
      turnedDb: index % 3 === 0 ? turned : 0,
      turnedAtMs: draw.between(4000, 5000),
      jitterMs: 10,
    },
  };
}

export const SERVER_VAD: JsonObject = { type: "server_vad", silence_duration_ms: 500 };
export const SEMANTIC_VAD: JsonObject = { type: "semantic_vad" };

export function withTurnDetection(turnDetection: JsonObject, relay: JsonObject = {}): JsonObject {
  return { type: "realtime", relay, audio: { input: { turn_detection: turnDetection } } };
}
