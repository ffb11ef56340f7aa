/**
 * Calls in which the relay has a voice of its own: a synthesiser that is quick, slow, late, hostile or gone. Where its sentences are
 * heard `asides.ts` looks at; here at whether one is said to have failed that did not, and that nothing is asked for ever.
 */
import type { Call, DialEvents } from "../../durable-objects/dial.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { FillerPlan, SpeechPlan } from "../../src/session/state/sounds.ts";
import type { DialRequest } from "../../src/upstreams/upstream.ts";
import { textAt } from "../../src/upstreams/json.ts";
import { fields } from "./fields.ts";
import type { OutputGate } from "./output-gate.ts";
import type { Random } from "./random.ts";
import type { Scenario, World } from "./world.ts";

export const SPEECH = "relay.speech";
export const VOICE_URL = "https://voice.sim/v1/audio/speech";
const RATE_HZ = 24_000;
const ANSWER_MS = 1500;
const IDLE_MS = 800;

export const VOICE: SpeechPlan = {
  options: {
    adapter: "openai-speech",
    url: VOICE_URL,
    model: "speaker",
    settings: { answerMs: ANSWER_MS, idleMs: IDLE_MS },
  },
  clients: true,
};

const MOMENT = { text: "One moment.", fixed: true } as const;

/** Drawn only where it is named: all other calls are what they were. */
export function withVoice(random: Random, scenario: Scenario): Scenario {
  if (!scenario.faults.includes(SPEECH)) return scenario;
  const fillers: FillerPlan = {
    afterMs: random.pick([60, 200]),
    everyMs: random.pick([300, 800]),
    most: random.int(1, 3),
    whileTool: true,
    sounds: random.chance(0.5) ? [MOMENT] : [MOMENT, ...(scenario.fillers?.sounds ?? [])],
  };
  return { ...scenario, fillers, speech: true };
}

/** `relay.say` of words. */
export function sentence(random: Random, number: number): JsonObject {
  return {
    type: "relay.say",
    say_id: `word${number}`,
    text: `Sentence number ${number}.`,
    ...(random.chance(0.3) && { sound: "s40" }),
    interrupt: random.chance(0.4),
    expires_ms: random.pick([400, 1500, 3000]),
  };
}

const KINDS = [
  "quick",
  "quick",
  "quick",
  "slow",
  "slow",
  "never",
  "refuses",
  "busy",
  "stalls",
  "breaks",
  "endless",
  "silent",
  "nothing",
  "no sound",
] as const;
type Kind = (typeof KINDS)[number];
/** Of these a sentence comes whole. */
const WELL: ReadonlySet<Kind> = new Set(["quick", "slow"]);

const PIECE = new Uint8Array(
  Int16Array.from({ length: RATE_HZ / 10 }, (_, n) => Math.round(4000 * Math.sin(n / 9))).buffer,
);
const PIECES = 4;

export class Voices {
  readonly #world: World;
  readonly #random: Random;
  /** What requests were answered with, by their words. */
  readonly #kinds = new Map<string, Kind[]>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** The relay tells what became of a sentence. */
  told(data: string): void {
    if (this.#world.scenario.speech !== true || !data.includes("relay.say.dropped")) return;
    const event = parseJsonObject(data);
    if (textAt(event, "type") !== "relay.say.dropped") return;
    const reason = textAt(event, "reason") ?? "";
    this.#world.checks.count(`voices: dropped ${reason}`);
    if (reason !== "not_spoken") return;
    const number = /^word(\d+)$/.exec(textAt(event, "say_id") ?? "")?.[1];
    const kinds = this.#kinds.get(`Sentence number ${number}.`) ?? [];
    if (number !== undefined && kinds.every((kind) => WELL.has(kind)))
      this.#world.checks.fail(
        "voice-blamed",
        `sentence ${number} was not spoken (${textAt(fields(event?.["error"]), "code")}), and was answered ${kinds.join()}`,
      );
  }

  /** A request to the voice. */
  dial({ http }: DialRequest, events: DialEvents, gate: OutputGate): Call {
    let over = false;
    const kind = this.#random.pick(KINDS);
    const words = textAt(parseJsonObject(String(http?.body)), "input") ?? "";
    this.#kinds.set(words, [...(this.#kinds.get(words) ?? []), kind]);
    const { checks, time } = this.#world;
    const later = (ms: number, run: () => void) =>
      time.after(ms, () => {
        if (!over) run();
        time.unsettled();
      });
    const end = (code: number, reason = ""): void => {
      over = true;
      events.closed(code, reason);
    };
    checks.strike(SPEECH);
    checks.count(`voices: ${kind}`);
    checks.note(() => `voice ← "${words}": ${kind}`);
    gate.pass(() => this.#respond(kind, events, later, end));
    return {
      hangUp: () => {
        over = true;
      },
    };
  }

  #respond(kind: Kind, events: DialEvents, later: (ms: number, run: () => void) => void, end: End): void {
    if (kind === "never") return;
    later(kind === "slow" ? 1200 : this.#random.between(20, 400), () => {
      const status = { refuses: 401, busy: 503 }[kind as string] ?? 200;
      events.opened(null, { status, type: kind === "no sound" ? "text/html" : "audio/pcm" });
      if (kind === "refuses" || kind === "busy" || kind === "nothing") later(20, () => end(1000));
      else this.#sound(kind, events, later, end, 0);
    });
  }

  #sound(
    kind: Kind,
    events: DialEvents,
    later: (ms: number, run: () => void) => void,
    end: End,
    number: number,
  ): void {
    events.message(kind === "silent" ? new Uint8Array(PIECE.length) : PIECE.slice());
    if (kind === "stalls") return;
    if (kind === "breaks") return later(30, () => end(1006));
    if (kind !== "endless" && number + 1 === PIECES) return later(10, () => end(1000));
    later(kind === "slow" ? 300 : 20, () => this.#sound(kind, events, later, end, number + 1));
  }
}

type End = (code: number, reason?: string) => void;
