/** A sound that is a few notes: soft sines that begin and end without a click. */

export interface Note {
  readonly hz: number;
  readonly ms: number;
  /** Silence after it. */
  readonly gapMs?: number | undefined;
}

export type Notes = readonly Note[];

/** Of full scale: some 24 dB below it. */
const LEVEL = 0.06 * 32767;
/** A sine that begins faster than this clicks. */
const RISE_MS = 12;

/** @returns samples at this rate. */
export function samplesOf(notes: Notes, rateHz: number): Int16Array {
  const lengths = notes.map(({ ms, gapMs = 0 }) => Math.round(((ms + gapMs) * rateHz) / 1000));
  const samples = new Int16Array(lengths.reduce((sum, length) => sum + length, 0));
  let from = 0;
  for (const [index, { hz, ms }] of notes.entries()) {
    const length = Math.round((ms * rateHz) / 1000);
    const rise = (RISE_MS * rateHz) / 1000;
    for (let n = 0; n < length; n += 1) {
      const edge = Math.min(1, n / rise, (length - 1 - n) / rise);
      // It fades while it lasts, as a thing that was struck does.
      const level = LEVEL * (0.5 - 0.5 * Math.cos(Math.PI * edge)) * (1 - (0.6 * n) / length);
      samples[from + n] = Math.round(level * Math.sin((2 * Math.PI * hz * n) / rateHz));
    }
    from += lengths[index] ?? 0;
  }
  return samples;
}

/** The samples, risen and fallen over so many milliseconds at their ends: cut out of something they click. */
export function softened(samples: Int16Array, rateHz: number, ms: number): Int16Array {
  const soft = samples.slice();
  const length = Math.min(Math.round((ms * rateHz) / 1000), samples.length >> 1);
  for (let n = 0; n < length; n += 1) {
    const level = 0.5 - 0.5 * Math.cos((Math.PI * n) / length);
    const end = samples.length - 1 - n;
    soft[n] = Math.round((samples[n] ?? 0) * level);
    soft[end] = Math.round((samples[end] ?? 0) * level);
  }
  return soft;
}

/** What is left of a sound that stops now: so many milliseconds of it, falling. */
export function fading(samples: Int16Array, from: number, rateHz: number, ms: number): Int16Array {
  const rest = samples.slice(from, from + Math.round((ms * rateHz) / 1000));
  for (let n = 0; n < rest.length; n += 1)
    rest[n] = Math.round((rest[n] ?? 0) * (0.5 + 0.5 * Math.cos((Math.PI * (n + 1)) / rest.length)));
  return rest;
}
