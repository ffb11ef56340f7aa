/** Sounds that the relay plays by itself, as `relay.config.ts` says them: named, and when a route's callers hear them. */
import * as v from "valibot";
import { samplesOf, softened } from "../audio/notes.ts";
import {
  isSentence,
  type BackchannelPlan,
  type FillerPlan,
  type Sentence,
  type Sound,
  type Sounds,
} from "../session/state/sounds.ts";
import { isSpeakable } from "../upstreams/cascade/synthesiser.ts";

const MOST_SOUNDS = 32;
const MOST_NOTES = 16;
/** A filler that is longer is in the answer's way. */
const MOST_FILLER_MS = 3000;
const MOST_SOUND_MS = 30_000;
/** Characters of a sentence, and of one that fills a silence. */
const MOST_SENTENCE = 500;
const MOST_FILLER_SENTENCE = 60;
/** Characters of base64: half a minute at 24 kHz. */
const MOST_WAV = 2 * 1024 * 1024;
const NOTES_RATE_HZ = 24_000;
/** What is cut out of a recording clicks where it begins and ends. */
const SOFT_MS = 5;
const AFTER_MS = 1500;
const EVERY_MS = 4000;
const MOST = 3;
/** What is longer than an "mhm" is in the caller's way. */
const MOST_BACKCHANNEL_MS = 1000;
const MOST_BACKCHANNEL_SENTENCE = 20;
const TELLS_MS = 8000;
const NODS_EVERY_MS = 8000;

/** There always: two soft notes, a quarter of a second together. */
const BUILT_IN: ReadonlyMap<string, Sound> = new Map([
  [
    "soft",
    made([
      { hz: 523.25, ms: 110, gapMs: 30 },
      { hz: 659.25, ms: 140 },
    ]),
  ],
]);

const milliseconds = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

const note = v.strictObject({
  hz: v.pipe(v.number(), v.minValue(50), v.maxValue(3400)),
  ms: milliseconds(20, 2000),
  gapMs: v.optional(milliseconds(0, 2000)),
});

const sound = v.pipe(
  v.strictObject({
    /** Base64 of a WAV file: mono PCM of 16 bits, 8 to 48 kHz. */
    wav: v.optional(
      v.pipe(
        v.string(),
        v.maxLength(MOST_WAV, "a sound has at most two million characters"),
        v.check(
          (base64) => faultOfWav(base64) === null,
          ({ input }) => `it ${faultOfWav(input) ?? ""}`,
        ),
      ),
    ),
    notes: v.optional(
      v.pipe(
        v.array(note),
        v.minLength(1, "name a note"),
        v.maxLength(MOST_NOTES),
        v.check(
          (all) => all.reduce((sum, { ms, gapMs = 0 }) => sum + ms + gapMs, 0) <= MOST_SOUND_MS,
          "it is longer than 30 seconds",
        ),
      ),
    ),
    /** Words, in the voice that the route's `speech` is. */
    text: v.optional(
      v.pipe(
        v.string(),
        v.maxLength(MOST_SENTENCE, `a sentence has at most ${MOST_SENTENCE} characters`),
        v.check((text) => isSpeakable(text), "there is nothing in it that can be spoken"),
      ),
    ),
  }),
  v.check(
    ({ wav, notes, text }) => [wav, notes, text].filter((one) => one !== undefined).length === 1,
    "a sound has 'wav', 'notes' or 'text'",
  ),
);

const soundName = v.pipe(
  v.string(),
  v.regex(/^[\w.-]{1,64}$/, "a sound's name is 1 to 64 letters, digits or any of _ . -"),
);

/** By name. `soft` is there without being named. */
export const soundFields = {
  sounds: v.optional(
    v.pipe(
      v.record(soundName, sound),
      v.check((all) => Object.keys(all).length <= MOST_SOUNDS, `at most ${MOST_SOUNDS} sounds`),
    ),
  ),
};

/** What a route's callers hear while nobody answers (docs/sounds.md). */
export const fillerFields = {
  fillers: v.optional(
    v.strictObject({
      /** Nothing was heard for so long. Default 1,500. */
      afterMs: v.optional(milliseconds(200, 30_000)),
      /** From the end of one to the next. Default 4,000. */
      everyMs: v.optional(milliseconds(500, 60_000)),
      /** So many in a row. Default 3. */
      most: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(20))),
      /** Also while a tool of the relay's runs. Default: yes. */
      whileTool: v.optional(v.boolean()),
      /** Names in `sounds`, one after the other. Default: `["soft"]`. */
      sounds: v.optional(
        v.pipe(v.array(soundName), v.minLength(1, "name a sound, or leave 'sounds' out"), v.maxLength(8)),
      ),
    }),
  ),
};

/** What a route's callers hear while they tell something long (docs/sounds.md). Absent: nothing. */
export const backchannelFields = {
  backchannels: v.optional(
    v.strictObject({
      /** The caller tells for so long. Default 8,000. */
      afterMs: v.optional(milliseconds(3000, 120_000)),
      /** From the end of one to the next, at least. Default 8,000. */
      everyMs: v.optional(milliseconds(3000, 120_000)),
      /** Names in `sounds`, one after the other. */
      sounds: v.pipe(v.array(soundName), v.minLength(1, "name a sound"), v.maxLength(8)),
    }),
  ),
};

function made(notes: Parameters<typeof samplesOf>[0]): Sound {
  return { rateHz: NOTES_RATE_HZ, samples: samplesOf(notes, NOTES_RATE_HZ) };
}

/** @returns what is wrong with it, where something is. */
function readWav(base64: string): Sound | string {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(base64);
  } catch {
    return "is no base64";
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number): string =>
    at + 4 <= bytes.length ? String.fromCharCode(...bytes.subarray(at, at + 4)) : "";
  if (tag(0) !== "RIFF" || tag(8) !== "WAVE") return "is no WAV file";
  let rateHz = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = Math.min(view.getUint32(at + 4, true), bytes.length - at - 8);
    if (tag(at) === "fmt " && size >= 16) {
      const [format, channels, bits] = [0, 2, 14].map((offset) => view.getUint16(at + 8 + offset, true));
      rateHz = view.getUint32(at + 12, true);
      if (format !== 1 || channels !== 1 || bits !== 16) return "is not mono PCM of 16 bits";
      if (rateHz < 8000 || rateHz > 48_000) return "has a rate that is not 8 to 48 kHz";
    } else if (tag(at) === "data" && rateHz > 0) {
      const samples = Int16Array.from({ length: size >> 1 }, (_, n) => view.getInt16(at + 8 + 2 * n, true));
      if (samples.length === 0) return "has no samples";
      if ((samples.length / rateHz) * 1000 > MOST_SOUND_MS) return "is longer than 30 seconds";
      return { rateHz, samples: softened(samples, rateHz, SOFT_MS) };
    }
    at += 8 + size + (size % 2);
  }
  return "has no samples";
}

function faultOfWav(base64: string): string | null {
  const read = readWav(base64);
  return typeof read === "string" ? read : null;
}

interface Named {
  readonly sounds?: Readonly<Record<string, v.InferOutput<typeof sound>>> | undefined;
}

/** Made once for each configuration, of which other weights make another. */
const READ = new WeakMap<object, Sounds>();

export function soundsOf({ sounds }: Named): Sounds {
  if (sounds === undefined) return BUILT_IN;
  const known = READ.get(sounds);
  if (known) return known;
  const own = Object.entries(sounds).map(([name, one]): [string, Sound | Sentence] => {
    if (one.text !== undefined) return [name, { text: one.text.trim().toWellFormed(), fixed: true }];
    const read = one.wav === undefined ? made(one.notes ?? []) : readWav(one.wav);
    // The schema has looked at it.
    if (typeof read === "string") throw new Error(`the sound '${name}' ${read}`);
    return [name, read];
  });
  const all = new Map<string, Sound | Sentence>([...BUILT_IN, ...own]);
  READ.set(sounds, all);
  return all;
}

type Fillers = v.InferOutput<(typeof fillerFields)["fillers"]>;

export function resolveFillers(fillers: NonNullable<Fillers>, sounds: Sounds): FillerPlan {
  const {
    afterMs = AFTER_MS,
    everyMs = EVERY_MS,
    most = MOST,
    whileTool = true,
    sounds: names = ["soft"],
  } = fillers;
  return { afterMs, everyMs, most, whileTool, sounds: names.flatMap((name) => sounds.get(name) ?? []) };
}

type Backchannels = v.InferOutput<(typeof backchannelFields)["backchannels"]>;

export function resolveBackchannels(
  { afterMs = TELLS_MS, everyMs = NODS_EVERY_MS, sounds: names }: NonNullable<Backchannels>,
  sounds: Sounds,
): BackchannelPlan {
  return { afterMs, everyMs, sounds: names.flatMap((name) => sounds.get(name) ?? []) };
}

interface SoundingRoute {
  readonly fillers?: Fillers;
  readonly backchannels?: Backchannels;
  readonly speech?: object | undefined;
}

/** What a route plays by itself, and how long that may be. */
const PLAYED = [
  { field: "fillers", what: "a filler", mostMs: MOST_FILLER_MS, mostChars: MOST_FILLER_SENTENCE },
  {
    field: "backchannels",
    what: "a backchannel",
    mostMs: MOST_BACKCHANNEL_MS,
    mostChars: MOST_BACKCHANNEL_SENTENCE,
  },
] as const;

/** A filler or a backchannel that is no sound, or too long; null: there is none. */
export function faultOfPlayed(config: Named & { readonly routes: Readonly<Record<string, SoundingRoute>> }) {
  const sounds = soundsOf(config);
  for (const [route, one] of Object.entries(config.routes)) {
    for (const played of PLAYED) {
      for (const [index, name] of (one[played.field]?.sounds ?? []).entries()) {
        const message = faultOf(sounds.get(name), name, played, one.speech);
        if (message !== null) return { path: ["routes", route, played.field, "sounds", index], message };
      }
    }
  }
  return null;
}

function faultOf(
  said: Sound | Sentence | undefined,
  name: string,
  { what, mostMs, mostChars }: (typeof PLAYED)[number],
  speech: object | undefined,
): string | null {
  if (said === undefined) return `there is no sound '${name}' in 'sounds'`;
  if (!isSentence(said)) {
    if ((said.samples.length / said.rateHz) * 1000 <= mostMs) return null;
    return `${what} lasts at most ${mostMs / 1000} second${mostMs === 1000 ? "" : "s"}`;
  }
  if (speech === undefined) return "it is a sentence, and the route has no 'speech' to say it";
  return said.text.length <= mostChars ? null : `${what} has at most ${mostChars} characters`;
}
