/** Calls under a guard: what its moderators are asked, and whose samples were heard. */
import type { GuardPlan, InputGuardPlan, OutputGuardPlan } from "../../src/session/state/guard-plan.ts";
import type { Action } from "../../src/session/io.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { begin } from "./answering.ts";
import { Call, type CallOptions } from "./call.ts";
import { base64 } from "./race.ts";

/** A service that a test answers for. */
export const REMOTE = {
  adapter: "openai",
  url: "https://moderator.test/v1",
  headers: {},
  model: "judge",
} as const;
export const PATTERNS = { adapter: "patterns", patterns: { insult: ["\\bfool\\b"] } } as const;

/** An upstream whose words come no later than their sound. */
export const wordsFirst = (name = "wire"): PlannedUpstream => ({
  name,
  options: { adapter: "wire", settings: { wordsFirst: true } },
});

/** What passes goes out at once: nothing is paced. */
export function guarded(output: Partial<OutputGuardPlan> = {}, options: CallOptions = {}): Call {
  const guard: GuardPlan = { output: { moderators: [REMOTE], fail: "closed", holdMs: 500, ...output } };
  const session = { relay: { lead_ms: null }, ...options.session };
  return new Call({ upstreams: [wordsFirst()], dialect: "duplex.v1", guard, ...options, session });
}

export function inputGuarded(input: Partial<InputGuardPlan> = {}, options: CallOptions = {}): Call {
  const guard: GuardPlan = { input: { moderators: [REMOTE], fail: "closed", waitMs: 1000, ...input } };
  return new Call({ dialect: "duplex.v1", guard, ...options });
}

/** An answer begins. */
export function answering(call: Call, peer = "up0.1"): Call {
  call.client({ type: "response.create" });
  begin(call, "r", peer);
  call.upstream({ type: "item.started", response: "r", item: "i", kind: "message" }, peer);
  return call;
}

export function words(call: Call, delta: string, peer = "up0.1"): void {
  call.upstream({ type: "transcript", response: "r", item: "i", delta }, peer);
}

/** Sound of which every sample is `value`. */
export function sound(call: Call, ms: number, value: number, peer = "up0.1"): void {
  const audio = base64(new Int16Array(ms * 24).fill(value));
  call.upstream({ type: "audio", response: "r", item: "i", audio }, peer);
}

/** Milliseconds of these samples that were heard. */
export function heardMs(call: Call, value: number): number {
  let samples = 0;
  for (const { payload } of call.frames)
    samples += new Int16Array(payload.slice().buffer).filter((sample) => sample === value).length;
  return samples / 24;
}

type Question = Extract<Action, { type: "moderate" }>;

export function questions(call: Call): readonly Question[] {
  return call.actions.filter((action): action is Question => action.type === "moderate");
}

/** What moderators were asked about. */
export const texts = (call: Call): readonly string[] => questions(call).map(({ text }) => text);

/** A moderator answers its question of this number: with a category, `null` (it passes) or nothing (`undefined`). */
export function judge(call: Call, number: number, category: string | null | undefined): void {
  const question = questions(call)[number];
  if (!question) throw new Error(`only ${questions(call).length} questions were asked`);
  const { id, moderator } = question;
  call.input({ type: "moderated", id, moderator, verdict: category === undefined ? null : { category } });
}

/** What the client was told of the guard. */
export const toldOf = (call: Call) =>
  call.events
    .filter(({ type }) => type === "relay.guard")
    .map(({ side, decision, category }) => ({ side, decision, category }));

/** Words that the client was shown. */
export const shown = (call: Call): string =>
  call.events
    .filter(({ type }) => /(?:output_audio_transcript|output_text)\.delta$/.test(type))
    .map(({ delta }) => String(delta))
    .join("");
