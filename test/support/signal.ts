/** Signals for core tests: deterministic, no files. */

/** A small seeded generator (mulberry32): same seed, same numbers, everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Signals are asked for again and again: each is made once. Callers do not write into what they get. */
const made = new Map<string, Int16Array>();

function once(key: string, make: () => Int16Array): Int16Array {
  const known = made.get(key);
  if (known) return known;
  const signal = make();
  made.set(key, signal);
  return signal;
}

/** Quiet room: noise at about −66 dBFS. */
export function silence(ms: number, rateHz = 24_000, seed = 1): Int16Array {
  return once(`silence ${ms} ${rateHz} ${seed}`, () => makeSilence(ms, rateHz, seed));
}

function makeSilence(ms: number, rateHz: number, seed: number): Int16Array {
  const random = seeded(seed);
  return Int16Array.from({ length: (ms * rateHz) / 1000 }, () => (random() - 0.5) * 50);
}

/** Something voiced: a gliding pulse train with formant-like harmonics, in syllables of 100 to 300 ms. */
export function voice(ms: number, rateHz = 24_000, seed = 2): Int16Array {
  return once(`voice ${ms} ${rateHz} ${seed}`, () => makeVoice(ms, rateHz, seed));
}

/** A voice whose pitch goes from one frequency to another, in a straight line. */
export function sung(ms: number, fromHz: number, toHz: number, rateHz = 24_000): Int16Array {
  return once(`sung ${ms} ${fromHz} ${toHz} ${rateHz}`, () => makeSung(ms, fromHz, toHz, rateHz));
}

function makeSung(ms: number, fromHz: number, toHz: number, rateHz: number): Int16Array {
  const length = (ms * rateHz) / 1000;
  const random = seeded(ms);
  let phase = 0;
  return Int16Array.from({ length }, (_, at) => {
    phase += (2 * Math.PI * (fromHz + ((toHz - fromHz) * at) / length)) / rateHz;
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic += 1) sum += Math.sin(phase * harmonic) / harmonic;
    // Syllables: eight swells a second.
    const loudness = 0.6 + 0.4 * Math.sin((50 * at) / rateHz);
    return sum * 5000 * loudness + (random() - 0.5) * 200;
  });
}

function makeVoice(ms: number, rateHz: number, seed: number): Int16Array {
  const random = seeded(seed);
  let phase = 0;
  let loudness = 0.8;
  let target = 1;
  let left = 0;
  return Int16Array.from({ length: (ms * rateHz) / 1000 }, (_, at) => {
    const t = at / rateHz;
    if (left <= 0) {
      left = (0.05 + 0.1 * random()) * rateHz;
      target = target > 0.4 ? 0.1 + 0.25 * random() : 0.6 + 0.4 * random();
    }
    left -= 1;
    loudness += (target - loudness) * (60 / rateHz);
    phase += (2 * Math.PI * (120 + 20 * Math.sin(3 * t + seed))) / rateHz;
    let sum = 0;
    for (let harmonic = 1; harmonic <= 12; harmonic += 1) sum += Math.sin(phase * harmonic) / harmonic;
    return sum * 5000 * loudness + (random() - 0.5) * 200;
  });
}

/** Pink noise (P. Kellet's filter) at a level in dBFS, mean power. */
export function pink(ms: number, dbfs: number, rateHz = 24_000, seed = 5): Int16Array {
  return once(`pink ${ms} ${dbfs} ${rateHz} ${seed}`, () => makePink(ms, dbfs, rateHz, seed));
}

function makePink(ms: number, dbfs: number, rateHz: number, seed: number): Int16Array {
  const random = seeded(seed);
  let [a, b, c] = [0, 0, 0];
  const raw = Float64Array.from({ length: (ms * rateHz) / 1000 }, () => {
    const white = 2 * random() - 1;
    a = 0.997_65 * a + white * 0.099_046;
    b = 0.963 * b + white * 0.296_516;
    c = 0.57 * c + white * 1.052_691;
    return a + b + c + white * 0.1848;
  });
  const power = raw.reduce((sum, value) => sum + value * value, 0) / raw.length;
  const gain = (32_768 * 10 ** (dbfs / 20)) / Math.sqrt(power);
  return Int16Array.from(raw, (value) => Math.max(-32_768, Math.min(32_767, value * gain)));
}

export function concat(...parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
