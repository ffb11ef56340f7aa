/**
 * Calls of people: a question, a human agent's answer, and one sound over it. The rows are those of the field's own
 * measurement of human speech.
 */
import { resample } from "../../../demo/resample.ts";
import { decodeMulaw, encodeMulaw } from "../../../src/audio/g711.ts";
import { Draw, headphones, SERVER_VAD, withTurnDetection } from "../draw.ts";
import type { CallScript, Cue, CueKind, Room } from "../script.ts";
import { CALLER_DB, joined, levelled, PER_MS, RATE_HZ, scaled, silence, type Samples } from "../sounds.ts";
import {
  babble,
  extras,
  piece,
  recordings,
  tellers,
  utterances,
  type Clip,
  type Recording,
  type Split,
} from "./material.ts";

/** One call, and the row of the table that it is counted in. */
export interface HumanCall {
  readonly row: string;
  readonly script: CallScript;
}

interface Case {
  readonly row: string;
  readonly id: string;
  readonly kind: CueKind;
  readonly sound: Samples;
  /** What the caller asks before. */
  readonly question: Samples;
  readonly room?: Room;
  readonly teller?: Samples;
  readonly messageMs?: number;
  readonly afterMs?: number;
  readonly answerMs?: number;
}

function callOf(one: Case, index: number, voices: readonly Samples[]): HumanCall {
  const draw = new Draw(8_000_000 + index);
  const cue = (kind: CueKind, label: string, sound: Samples, after: Cue["after"], afterMs: number): Cue => ({
    kind,
    label,
    sound,
    pauses: [],
    after,
    afterMs,
  });
  const yields = one.kind === "interruption";
  const soundMs = one.sound.length / PER_MS;
  const pace = draw.of([1.5, 4, 20]);
  const lengthMs = one.answerMs ?? (yields ? soundMs + 8000 : soundMs + draw.between(3500, 4500));
  const afterMs = one.afterMs ?? draw.between(700, 1900);
  const room = headphones(draw, index);
  const script: CallScript = {
    id: `${one.row} ${one.id}`,
    seed: draw.seed,
    group: "floor",
    session: withTurnDetection(SERVER_VAD),
    cues: [
      cue("turn", "question", one.question, "ready", draw.between(300, 500)),
      cue(one.kind, one.id, one.sound, "audible", afterMs),
    ],
    answers: [{ firstAudioMs: 150, lengthMs, pace }],
    endsWith: yields ? "answer_begun" : "answer_heard",
    acks: index % 2 === 0,
    prebufferMs: draw.between(0, 80),
    room: one.room ?? room,
    teller: one.teller ?? draw.of(voices, index),
    ...(one.messageMs !== undefined && { messageMs: one.messageMs }),
  };
  return { row: one.row, script };
}

/** Every `every`-th of each row. */
export function makeHumanCalls(split: Split, extra: string | null, every: number): HumanCall[] {
  const own = extras(extra, split);
  const agents = tellers(split, own);
  const voices = agents.map(({ sound }) => sound);
  const counts = new Map<string, number>();
  return casesOf(split, own, agents)
    .filter(({ row }) => {
      const count = counts.get(row) ?? 0;
      counts.set(row, count + 1);
      return count % every === 0;
    })
    .map((one, index) => callOf(one, index, voices));
}

/** Sentences of each speaker. */
const SENTENCES = 3;

type Tellers = ReturnType<typeof tellers>;

function casesOf(split: Split, own: readonly Clip[], agents: Tellers): Case[] {
  // Readers of the split who speak for agents are no callers.
  const more = own.filter(({ speaker }) => !agents.some(({ name }) => name === speaker));
  const clips = [...utterances().filter((clip) => clip.split === split), ...more];
  const calls = recordings("calls").filter((one) => one.split === split);
  const meetings = recordings("ami-pairs").filter((one) => one.split === split);
  const adult = clips.find(({ group }) => group === "adult" || group === "ivr");
  if (!adult) throw new Error(`nobody speaks in the split ${split}`);
  const sentences = sentencesOf(clips);
  const requests = requestsOf([...calls, ...meetings], split);
  return [
    ...requests,
    ...wordsOf(clips, adult.sound),
    ...sentences,
    ...listenersOf([...calls, ...meetings], adult.sound, split),
    ...nuisancesOf(more, adult.sound),
    ...roomTalk(clips, adult.sound),
    ...conditions([...requests.filter(({ row }) => row === "requests"), ...someOf(sentences, 12)]),
    ...echoes(adult.sound, agents),
    ...overEcho(someOf(sentences, 24)),
  ];
}

function someOf<Item>(items: readonly Item[], count: number): Item[] {
  const step = Math.max(1, Math.floor(items.length / count));
  return items.filter((_, index) => index % step === 0).slice(0, count);
}

/** Another clip by the same person. */
function questionOf(clip: Clip, all: readonly Clip[], or: Samples): Samples {
  const same = all.filter(({ speaker, id }) => speaker === clip.speaker && id !== clip.id);
  const longest = same.toSorted((a, b) => b.sound.length - a.sound.length).at(0);
  return longest && longest.sound.length > 500 * PER_MS ? longest.sound : or;
}

function sentencesOf(clips: readonly Clip[]): Case[] {
  const spoken = new Map<string, number>();
  return clips
    .filter(({ group, sound }) => ["child", "adult", "ivr"].includes(group) && sound.length >= 1000 * PER_MS)
    .filter(({ speaker, group }) => {
      const count = spoken.get(speaker) ?? 0;
      spoken.set(speaker, count + 1);
      return count < (group === "ivr" ? 12 : SENTENCES);
    })
    .map((clip) => ({
      row: `sentences, ${clip.group}${clip.group === "ivr" ? ` ${languageOf(clip.speaker)}` : ""}`,
      id: clip.id,
      kind: "interruption" as const,
      sound: clip.sound,
      question: questionOf(clip, clips, clip.sound),
    }));
}

/** Prompts' speakers are named `ast-LANGUAGE`, and so on where a language has several. */
function languageOf(speaker: string): string {
  return speaker.split("-")[1] ?? speaker;
}

const WORD_BOUNDS = [400, 600, 900];

function wordsOf(clips: readonly Clip[], question: Samples): Case[] {
  return clips
    .filter(({ group }) => group === "word" || group === "telephone")
    .map((clip) => {
      const ms = clip.sound.length / PER_MS;
      const most = WORD_BOUNDS.find((bound) => ms <= bound) ?? 2000;
      return {
        row: `words to ${most} ms, ${clip.group === "word" ? "studio" : "telephone"}`,
        id: clip.id,
        kind: "interruption" as const,
        sound: clip.sound,
        question: questionOf(
          clip,
          clips.filter(({ group }) => group !== "word"),
          question,
        ),
      };
    });
}

const atCallersLevel = (sound: Samples): Samples => levelled(sound, CALLER_DB);

/** What the same recording's person says at most length, to be asked before. */
function ownQuestion(one: Recording, all: readonly Recording[]): Samples {
  const series = one.id.slice(0, one.id.indexOf("-"));
  const own = all
    .filter(({ id, yields }) => id.startsWith(series) && id !== one.id && yields)
    .map((other) => piece(other.caller, other.pieces[0] ?? [0, 0]))
    .toSorted((a, b) => b.length - a.length);
  return atCallersLevel((own[0] ?? one.caller).slice(0, 3000 * PER_MS));
}

function requestsOf(all: readonly Recording[], split: Split): Case[] {
  return all
    .filter(({ yields, pieces }) => yields && pieces.length > 0)
    .map((one) => ({
      row: one.id.startsWith("ami") ? `meetings, taking the floor` : "requests",
      id: `${one.id}-${split}`,
      kind: "interruption" as const,
      sound: atCallersLevel(piece(one.caller, one.pieces[0] ?? [0, 0])),
      question: ownQuestion(one, all),
    }));
}

/** "Yeah" and the like: longer pieces of a listener are remarks. */
const LONGEST_BACKCHANNEL_MS = 900;
const GAPS_MS = [150, 250, 400, 600] as const;

function listenersOf(all: readonly Recording[], or: Samples, split: Split): Case[] {
  const listeners = all.filter(({ yields }) => !yields);
  const single = listeners.flatMap((one) =>
    one.pieces
      .filter(([from, to]) => to - from <= LONGEST_BACKCHANNEL_MS)
      .map((where, at) => ({ one, at, sound: atCallersLevel(piece(one.caller, where)) })),
  );
  const question = (one: Recording): Samples =>
    all.some(({ yields, id }) => yields && id.slice(0, 5) === one.id.slice(0, 5))
      ? ownQuestion(one, all)
      : or;
  const backchannel = (row: string, id: string, one: Recording, sound: Samples): Case => ({
    row,
    id: `${id}-${split}`,
    kind: "backchannel",
    sound,
    question: question(one),
  });
  const singles = single.flatMap(({ one, at, sound }) =>
    [0, -3, -6].map((db) => backchannel("backchannels", `${one.id}-${at}${db}`, one, scaled(sound, db))),
  );
  const chains = single.flatMap(({ one, at, sound }, index) => {
    // The next sound of the same listener, or the same again.
    const next = single.find((other, place) => place > index && other.one.id === one.id)?.sound ?? sound;
    const gap = silence(GAPS_MS[index % GAPS_MS.length] ?? 250);
    const two = joined(sound, gap, next);
    return [
      backchannel("backchannels, chains of 2", `${one.id}-${at}`, one, scaled(two, -3)),
      backchannel("backchannels, chains of 3", `${one.id}-${at}`, one, scaled(joined(two, gap, sound), -3)),
    ];
  });
  const whole = listeners.map((one) => {
    const sound = atCallersLevel(piece(one.caller, [one.onsetMs - 100, one.onsetMs + 5900]));
    return backchannel("listeners, 6 s", one.id, one, scaled(sound, -3));
  });
  return [...singles, ...chains, ...whole];
}

const PEOPLE = [
  "coughing",
  "throat-clearing",
  "sneezing",
  "sighing",
  "laughing",
  "yawning",
  "crying",
  "nose-blowing",
];
const ROOMS = ["room-talk", "music", "baby", "burst"];
/** Of each kind of noise. */
const NOISES = 16;
const ROOM_DB = -15;

function nuisancesOf(more: readonly Clip[], question: Samples): Case[] {
  return [...PEOPLE, ...ROOMS].flatMap((kind) => {
    const room = ROOMS.includes(kind);
    return someOf(
      more.filter(({ group }) => group === kind),
      NOISES,
    ).map((clip) => ({
      row: kind,
      id: clip.id,
      kind: kind === "coughing" ? ("cough" as const) : ("background" as const),
      sound: scaled(clip.sound.slice(0, 5000 * PER_MS), room ? ROOM_DB : 0),
      question,
    }));
  });
}

/** Somebody else in the caller's room, at 15 and 20 dB below the caller. */
function roomTalk(clips: readonly Clip[], question: Samples): Case[] {
  const others = clips.filter(({ group }) => group === "adult" || group === "ivr");
  return someOf(others, 16).map((clip, index) => ({
    row: "talk in the room, -15 and -20 dB",
    id: clip.id,
    kind: "background",
    sound: scaled(clip.sound, index % 2 === 0 ? -15 : -20),
    question,
  }));
}

const TELEPHONE_HZ = 8000;

function overTelephone(sound: Samples): Samples {
  const narrow = resample(sound, RATE_HZ, TELEPHONE_HZ);
  const bytes = new Uint8Array(narrow.length);
  encodeMulaw(narrow, bytes);
  decodeMulaw(bytes, narrow);
  return new Int16Array(resample(narrow, TELEPHONE_HZ, RATE_HZ));
}

/** The same people over other lines and in other rooms. */
function conditions(cases: readonly Case[]): Case[] {
  const noise = babble();
  const quiet = { echoDb: null, echoLateMs: 0, rough: null };
  const inBabble = (snrDb: number): Room => ({ ...quiet, bed: levelled(noise, CALLER_DB - snrDb) });
  return cases.flatMap((one) => {
    const other = (row: string, sounds: (sound: Samples) => Samples, room?: Room): Case => ({
      ...one,
      row,
      id: `${one.row} ${one.id}`,
      sound: sounds(one.sound),
      question: sounds(one.question),
      ...(room && { room }),
    });
    const same = (sound: Samples): Samples => sound;
    return [
      other("µ-law", overTelephone),
      other("babble 10 dB", same, inBabble(10)),
      other("babble 5 dB", same, inBabble(5)),
      other("soft, -20 dB", (sound) => scaled(sound, -20)),
      other("loud, +15 dB, clipped", (sound) => scaled(sound, 15)),
    ];
  });
}

/** Nobody speaks; the loudspeaker is in the microphone. */
function echoes(question: Samples, agents: Tellers): Case[] {
  const draw = new Draw(77);
  const bed = headphones(draw, 0).bed;
  const cases: Case[] = [];
  for (const teller of agents) {
    for (const echoDb of [0, -6, -12, -20]) {
      for (const echoLateMs of [40, 150, 300, 500]) {
        for (const messageMs of echoLateMs === 150 ? [20, 400, 2000] : [20]) {
          cases.push({
            row: messageMs === 20 ? "echo, human agents" : "echo, messages of .4 and 2 s",
            id: `${teller.name} ${echoDb} dB ${echoLateMs} ms ${messageMs}`,
            kind: "echo",
            sound: silence(20),
            question,
            teller: teller.sound,
            messageMs,
            afterMs: 20,
            answerMs: 6000,
            room: { echoDb, echoLateMs, bed, rough: null },
          });
        }
      }
    }
  }
  return cases;
}

/** The same callers with a loudspeaker. */
function overEcho(cases: readonly Case[]): Case[] {
  const draw = new Draw(78);
  return cases.map((one, index) => ({
    ...one,
    row: "sentences over an echo",
    afterMs: 2000,
    room: {
      echoDb: [-6, -12, -20][index % 3] ?? -12,
      echoLateMs: Math.round(draw.between(40, 300)),
      bed: headphones(draw, 0).bed,
      rough: null,
    },
  }));
}
