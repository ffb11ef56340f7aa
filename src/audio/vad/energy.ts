/**
 * Speech by loudness alone: the fallback where the neural kernel is not loaded, and the choice where a few
 * microseconds per second of audio are all there is.
 *
 * Each 20 ms hop is high-passed (a direct current, mains hum and rumble say nothing about speech), its level is set
 * against the noise floor, and a logistic makes the distance a probability. The floor is the minimum of the smoothed
 * level over the last seconds (minimum statistics, R. Martin, IEEE Trans. SAP 9(5), 2001, without the bias
 * compensation per band): speech has gaps, noise has not, so the minimum follows noise up and down and is not
 * lifted by somebody who talks on.
 *
 * Noise that sets in would be speech for as long as the window. But a voice rises and falls, noise does not: a level that
 * is steady, or changes steadily, is the floor at once.
 */
import { Framer } from "../framer.ts";
import { isDigitalSilence } from "../level.ts";
import type { DetectorSnapshot, DetectorThresholds, SpeechDetector } from "./detector.ts";

const SAMPLE_RATE_HZ = 16000;
const HOP_SAMPLES = 320;

/** Butterworth, second order, 120 Hz: 15 dB off 50 Hz hum, and most of a voice passes. */
const HIGH_PASS = highPass(120, SAMPLE_RATE_HZ);

/** So many samples of digital silence in a row (2.5 ms) are a microphone's that is muted. */
const MUTED_SAMPLES = 40;

/** The floor's window: minima of slots of 10 hops (200 ms), the last 16 of them: noise that sets in is
 * taken for speech no longer than 3.2 s. */
const HOPS_PER_SLOT = 10;
const SLOTS = 16;
/** Assumed for the first second, so that a call that begins with speech is not taken for its own noise. */
const INITIAL_FLOOR_DBFS = -50;
const INITIAL_SLOTS = 5;
/** No room is quieter for this purpose: a breath in a studio is not speech. Speech must rise above this, too. */
const LOWEST_FLOOR_DBFS = -70;
/** Part of the old smoothed level that is kept per hop: 0.7 is a time constant of 56 ms. More would bridge more of a
 * word's gaps and report the end of speech later. */
const LEVEL_KEPT = 0.7;
/** The mean level of steady noise lies this much above the minimum of its smoothed level. */
const MINIMUM_BIAS_DB = 2;
/** Decibels above the floor at which speech is as likely as not, and per factor e of the odds. */
const EVEN_ODDS_DB = 7;
const DB_PER_LOGIT = 2.5;

/**
 * Hops whose level strays from a straight line by less than this (standard deviation; pink noise has 0.8 dB at most) are no voice:
 * a whole window of them, or the first few after a sound set in, which must be fewer than the 160 ms that cut an agent.
 */
const STEADY_DB = 0.9;
const STEADY_HOPS = 16;
const STEADY_AT_ONCE_DB = 1.2;
const STEADY_AT_ONCE_HOPS = 6;
/** A level that was taken for the room's so soon is a voice after all when one hop strays from it by this. */
const LIVELY_DB = 3.5;
/** A sound sets in after so many hops without one: less is a gap between words. */
const QUIET_HOPS = 10;

/** 10.5 dB above the floor to start, 5 to go on, 15.7 while the assistant is audible. */
const THRESHOLDS: DetectorThresholds = {
  // Noise that has been there for a while gives at most 0.07.
  least: 0.25,
  start: 0.8,
  stop: 0.31,
  startWhileSpeaking: 0.97,
  tailMs: 0,
};

export function createEnergyDetector(): SpeechDetector {
  return new EnergyDetector();
}

class EnergyDetector implements SpeechDetector {
  readonly name = "energy";
  readonly sampleRateHz = SAMPLE_RATE_HZ;
  readonly hopSamples = HOP_SAMPLES;
  readonly thresholds = THRESHOLDS;
  readonly #framer = new Framer(HOP_SAMPLES);
  readonly #slots = initialSlots();
  #slot = 0;
  #hopsInSlot = 0;
  /** Levels of the last hops, newest last, and of these, how many since the present sound set in. */
  #recent: number[] = [];
  #hopsOfSound = 0;
  #quietHops = 0;
  /** A level taken for the room's after a few hops, NaN: none; and the floor before it. */
  #suspectDbfs = NaN;
  readonly #slotsBefore = initialSlots();
  /** Smoothed; NaN before the first hop, whose level it begins with. */
  #levelDbfs = NaN;
  /** Delay line of the high-pass (transposed direct form II). */
  #z1 = 0;
  #z2 = 0;

  push(samples: Int16Array, onHop: (probability: number) => void): void {
    this.#framer.push(samples, (hop) => onHop(this.#hop(hop)));
  }

  reset(): void {
    this.#framer.reset();
    this.#slots.set(initialSlots());
    this.#slot = 0;
    this.#hopsInSlot = 0;
    this.#levelDbfs = NaN;
    this.#recent = [];
    this.#hopsOfSound = 0;
    this.#quietHops = 0;
    this.#suspectDbfs = NaN;
    this.#z1 = 0;
    this.#z2 = 0;
  }

  snapshot(): DetectorSnapshot {
    return {
      detector: this.name,
      state: {
        pending: this.#framer.snapshot(),
        slots: this.#slots.slice(),
        slot: this.#slot,
        hopsInSlot: this.#hopsInSlot,
        levelDbfs: this.#levelDbfs,
        recent: Float32Array.from(this.#recent),
        hopsOfSound: this.#hopsOfSound,
        quietHops: this.#quietHops,
        suspectDbfs: this.#suspectDbfs,
        slotsBefore: this.#slotsBefore.slice(),
        z1: this.#z1,
        z2: this.#z2,
      },
    };
  }

  restore(snapshot: DetectorSnapshot): void {
    const { slot, hopsInSlot, levelDbfs, hopsOfSound, quietHops, suspectDbfs, z1, z2 } = snapshot.state;
    const { pending, slots, slotsBefore, recent } = snapshot.state;
    if (
      snapshot.detector !== this.name ||
      !(pending instanceof Int16Array) ||
      !(slots instanceof Float32Array) ||
      !(slotsBefore instanceof Float32Array) ||
      !(recent instanceof Float32Array)
    ) {
      throw new RangeError(`a snapshot of ${snapshot.detector} does not fit the energy detector`);
    }
    this.#framer.restore(pending);
    this.#slots.set(slots.subarray(0, SLOTS));
    this.#slot = Number(slot);
    this.#hopsInSlot = Number(hopsInSlot);
    this.#levelDbfs = Number(levelDbfs);
    this.#recent = [...recent].slice(-STEADY_HOPS);
    this.#hopsOfSound = Number(hopsOfSound);
    this.#quietHops = Number(quietHops);
    this.#suspectDbfs = Number(suspectDbfs);
    this.#slotsBefore.set(slotsBefore.subarray(0, SLOTS));
    this.#z1 = Number(z1);
    this.#z2 = Number(z2);
  }

  #hop(samples: Int16Array): number {
    const levelDbfs = this.#filteredLevel(samples);
    if (partlyMuted(samples)) {
      this.#mute();
      return 0;
    }
    const before = Number.isNaN(this.#levelDbfs) ? levelDbfs : this.#levelDbfs;
    this.#levelDbfs = before + (1 - LEVEL_KEPT) * (levelDbfs - before);
    this.#adoptSteady(levelDbfs);
    const floorDbfs = Math.max(this.#floor(this.#levelDbfs) + MINIMUM_BIAS_DB, LOWEST_FLOOR_DBFS);
    // Up at once, down with the smoothed level.
    const aboveFloorDb = Math.max(levelDbfs, this.#levelDbfs) - floorDbfs;
    const probability = 1 / (1 + Math.exp((EVEN_ODDS_DB - aboveFloorDb) / DB_PER_LOGIT));
    this.#quietHops = probability < THRESHOLDS.stop ? this.#quietHops + 1 : 0;
    if (this.#quietHops === 0) this.#hopsOfSound += 1;
    else if (this.#quietHops >= QUIET_HOPS) this.#hopsOfSound = 0;
    return probability;
  }

  /** A muted microphone says nothing about the room: the floor stays as it was. What is heard after it is a new sound. */
  #mute(): void {
    this.#levelDbfs = NaN;
    this.#recent = [];
    this.#hopsOfSound = 0;
    this.#quietHops = QUIET_HOPS;
  }

  /** A steady level is the room's: for good after a whole window, before that until it varies as a voice does. */
  #adoptSteady(levelDbfs: number): void {
    // Kept as the snapshot keeps them.
    this.#recent.push(Math.fround(levelDbfs));
    if (this.#recent.length > STEADY_HOPS) this.#recent.shift();
    if (this.#recent.length === STEADY_HOPS && strayDb(this.#recent) < STEADY_DB) {
      this.#suspectDbfs = NaN;
      this.#adopt(mean(this.#recent));
      return;
    }
    if (Math.abs(levelDbfs - this.#suspectDbfs) > LIVELY_DB) {
      this.#slots.set(this.#slotsBefore);
      this.#suspectDbfs = NaN;
    }
    // The hop in which a sound set in is louder or softer than the rest of it.
    const since = this.#hopsOfSound - STEADY_AT_ONCE_HOPS;
    const first = this.#recent.slice(-STEADY_AT_ONCE_HOPS);
    if ((since !== 0 && since !== 1) || strayDb(first) >= STEADY_AT_ONCE_DB) return;
    if (Number.isNaN(this.#suspectDbfs)) this.#slotsBefore.set(this.#slots);
    this.#suspectDbfs = mean(first);
    this.#adopt(this.#suspectDbfs);
  }

  #adopt(floorDbfs: number): void {
    this.#levelDbfs = floorDbfs;
    this.#slots.fill(floorDbfs);
  }

  /** Takes the smoothed level into the running slot and returns the minimum of all. */
  #floor(levelDbfs: number): number {
    if (this.#hopsInSlot === HOPS_PER_SLOT) {
      this.#hopsInSlot = 0;
      this.#slot = (this.#slot + 1) % SLOTS;
      this.#slots[this.#slot] = levelDbfs;
    }
    this.#hopsInSlot++;
    this.#slots[this.#slot] = Math.min(this.#slots[this.#slot] ?? levelDbfs, levelDbfs);
    let least = levelDbfs;
    for (const slot of this.#slots) least = Math.min(least, slot);
    return least;
  }

  #filteredLevel(samples: Int16Array): number {
    const { b0, b1, b2, a1, a2 } = HIGH_PASS;
    let z1 = this.#z1;
    let z2 = this.#z2;
    let sum = 0;
    for (let i = 0; i < samples.length; i++) {
      const x = samples[i] ?? 0;
      const y = b0 * x + z1;
      z1 = b1 * x - a1 * y + z2;
      z2 = b2 * x - a2 * y;
      sum += y * y;
    }
    // Denormals are slow, and a silent filter would fall into them.
    this.#z1 = Math.abs(z1) < 1e-9 ? 0 : z1;
    this.#z2 = Math.abs(z2) < 1e-9 ? 0 : z2;
    return 10 * Math.log10(sum / samples.length / 32768 ** 2 + 1e-12);
  }
}

function mean(levels: readonly number[]): number {
  return levels.reduce((sum, level) => sum + level, 0) / levels.length;
}

/** Standard deviation from the straight line through these levels. */
function strayDb(levels: readonly number[]): number {
  const middle = (levels.length - 1) / 2;
  let [sum, slope, spread] = [0, 0, 0];
  for (const [at, level] of levels.entries()) {
    sum += level;
    slope += (at - middle) * level;
    spread += (at - middle) ** 2;
  }
  const centre = sum / levels.length;
  let squares = 0;
  for (const [at, level] of levels.entries())
    squares += (level - centre - (slope / spread) * (at - middle)) ** 2;
  return Math.sqrt(squares / (levels.length - 2));
}

/** A part of a hop would make the whole seem quieter than the room ever is. */
function partlyMuted(samples: Int16Array): boolean {
  for (let at = 0; at < samples.length; at += MUTED_SAMPLES) {
    if (isDigitalSilence(samples.subarray(at, at + MUTED_SAMPLES))) return true;
  }
  return false;
}

/** The slots that are taken next hold the assumption, and so it is gone when they have been. */
function initialSlots(): Float32Array {
  return new Float32Array(SLOTS).fill(Infinity).fill(INITIAL_FLOOR_DBFS, 1, 1 + INITIAL_SLOTS);
}

/** RBJ Audio EQ Cookbook, high-pass with Q = 1/√2. */
function highPass(cutoffHz: number, sampleRateHz: number) {
  const w = (2 * Math.PI * cutoffHz) / sampleRateHz;
  const alpha = Math.sin(w) / Math.SQRT2;
  const a0 = 1 + alpha;
  const b0 = (1 + Math.cos(w)) / 2 / a0;
  return { b0, b1: -2 * b0, b2: b0, a1: (-2 * Math.cos(w)) / a0, a2: (1 - alpha) / a0 };
}
