/** A script from a seed: an opening that says who takes the turns, and one to five episodes. */
import { Random } from "../sim/random.ts";
import { EPISODES } from "./episodes/index.ts";
import type { Mood } from "./episodes/parts.ts";
import { HABITS } from "./habits.ts";
import { isFair } from "./fair.ts";
import type { Script, Step } from "./script.ts";

/** The same whatever was heard, since both sides hear a turn a little longer or shorter. */
const REPLIES = [
  "That was a turn of yours, and this is the answer.",
  "That was a turn of yours, and this is the answer, which is a long one. ".repeat(6).trim(),
] as const;

/** Settled after most episodes: the rest run into each other. */
const SETTLED = 0.8;

export function draw(seed: number, number: number, provider?: string): Script {
  const random = new Random(Math.imul(seed, 0x01000193) ^ number);
  const mood = drawMood(random);
  const steps: Step[] = [];
  for (const step of opening(random, mood)) steps.push(step);
  const fitting = EPISODES.filter((episode) => episode.moods.includes(mood.turns));
  for (let left = random.int(1, 4); left > 0; left -= 1) {
    const weights = fitting.reduce((sum, episode) => sum + episode.weight, 0);
    let at = random.between(0, weights);
    const chosen = fitting.find((episode) => (at -= episode.weight) <= 0) ?? random.pick(fitting);
    steps.push(...chosen.steps(random, mood));
    if (random.chance(SETTLED)) steps.push({ do: "settle" });
  }
  if (steps.at(-1)?.do === "settle") steps.pop();
  const name = provider ?? drawProvider(random);
  const played = fair(steps);
  return {
    provider: name,
    ...drawPlan(new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x2545f491), name, played),
    intent: mood.turns === "transcription" ? "transcription" : "realtime",
    detected: mood.turns === "detected",
    pace: random.pick([1, 4, 4, 16]),
    pieceMs: random.pick([20, 40, 100, 240]),
    reply: mood.turns === "detected" ? random.pick(REPLIES) : null,
    steps: played,
  };
}

/** A provider that fails is stood in for by the other one: that is another conversation. */
const STOOD_IN_FOR = "fails";

/** An answer of one voice is told when it is heard (X100): one beside the conversation that was asked for later comes before it. */
function overtaken(steps: readonly Step[]): boolean {
  let asked = false;
  return steps.some((step) => {
    if (step.do === "settle") asked = false;
    if (step.do !== "send" || step.event["type"] !== "response.create") return false;
    const beside = JSON.stringify(step.event).includes('"conversation":"none"');
    asked ||= !beside;
    return beside && asked;
  });
}

/** Two of the provider may be one voice. Drawn apart, so that other scripts are what they were. */
function drawPlan(random: Random, provider: string, steps: readonly Step[]): Pick<Script, "plan"> {
  if (provider === STOOD_IN_FOR || overtaken(steps) || !random.chance(0.2)) return {};
  return {
    plan: random.pick([
      { name: "race" },
      { name: "failover" },
      { name: "panel" },
      { name: "hedge", hedgeMs: 300 },
    ] as const),
  };
}

/** Where commands wait for names, what a client says in one breath goes in another order. */
const NAMES_ITEMS = ["item ids of its own", "names of its own, later"] as const;

function drawProvider(random: Random): string {
  if (random.chance(0.35)) return "demo";
  return random.chance(0.25) ? random.pick(NAMES_ITEMS) : random.pick(HABITS).name;
}

const SPOKEN = /"conversation\.item\.create".*"output_audio"/;

/** What a cancel may hit in one moment with its request is settled first (see `isFair`). */
function fair(steps: readonly Step[]): readonly Step[] {
  const made: Step[] = [];
  for (const step of steps) {
    if (!isFair([...made, step])) made.push({ do: "settle" });
    made.push(step);
    // One side has the item, and the other refuses it ("spoken item"): from there on they hold two conversations.
    if (step.do === "send" && SPOKEN.test(JSON.stringify(step.event))) break;
  }
  return made;
}

function drawMood(random: Random): Mood {
  const turns = random.pick([
    "text",
    "text",
    "text",
    "manual",
    "manual",
    "detected",
    "transcription",
  ] as const);
  const pcm = random.chance(0.7);
  const format = pcm ? ("audio/pcm" as const) : random.pick(["audio/pcmu", "audio/pcma"] as const);
  return { turns, format: turns === "text" ? "audio/pcm" : format };
}

function opening(random: Random, mood: Mood): Step[] {
  const input: Record<string, string | number | boolean | null | object> = {};
  if (mood.turns === "text" || mood.turns === "manual") input["turn_detection"] = null;
  if (mood.turns === "transcription" && random.chance(0.5)) input["turn_detection"] = null;
  if (mood.format !== "audio/pcm") input["format"] = { type: mood.format };
  if (mood.turns !== "text" && random.chance(0.4)) input["transcription"] = { model: "gpt-transcribe" };
  const type = mood.turns === "transcription" ? "transcription" : "realtime";
  const instructions = type === "realtime" ? { instructions: "Be the voice of the reference." } : {};
  const session = { type, ...instructions, audio: { input } } as never;
  return [{ do: "send", event: { type: "session.update", session } }, { do: "settle" }];
}
