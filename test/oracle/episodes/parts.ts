/** What episodes are made of. */
import type { JsonObject } from "../../../src/protocol/json.ts";
import type { Random } from "../../sim/random.ts";
import type { Spelling, Speech, Step, WireFormat } from "../script.ts";

export interface Mood {
  readonly turns: "text" | "manual" | "detected" | "transcription";
  readonly format: WireFormat;
}

export interface Episode {
  readonly name: string;
  readonly weight: number;
  readonly moods: readonly Mood["turns"][];
  steps(random: Random, mood: Mood): readonly Step[];
}

export const ANSWERING: Episode["moods"] = ["text", "manual", "detected"];
export const TYPED: Episode["moods"] = ["text", "manual"];
export const EVERY: Episode["moods"] = ["text", "manual", "detected", "transcription"];

/** Nothing of a client's happens in the very moment of an answer's piece: which comes first there is chance. */
export const APART_MS = 0.137;

export const SETTLE: Step = { do: "settle" };

export function send(event: JsonObject, spelling?: Spelling): Step {
  return spelling === undefined ? { do: "send", event } : { do: "send", event, spelling };
}

export function text(words: string, more: JsonObject = {}): JsonObject {
  const content = [{ type: "input_text", text: words }];
  return { type: "conversation.item.create", item: { type: "message", role: "user", content, ...more } };
}

/** A name of the client's own, short and hardly twice in a script. */
export function own(random: Random, what: string): string {
  return `mine_${what}_${random.int(100_000, 999_999)}`;
}

export const WORDS = [
  "hello",
  "say good day to everybody",
  "count to 12",
  "what is 12 times 7?",
  "how are you?",
  "thanks",
  "spell relay",
  "say 你好,世界。今天天气很好。",
  'say "a quote", a \\ backslash and a / slash',
  "say é ü ß 🙂 done",
  "say nothing, then stop.",
] as const;

export const WEATHER = {
  type: "function",
  name: "get_weather",
  description: "The weather at a place",
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer", minimum: 1 } },
    required: ["city"],
  },
};
export const TICKETS = {
  type: "function",
  name: "book_tickets",
  description: "Books tickets for a concert",
  parameters: { type: "object", properties: { count: { type: "integer" } }, required: ["count"] },
};

export function update(session: JsonObject, more: JsonObject = {}): Step {
  return send({ type: "session.update", session: { type: "realtime", ...session }, ...more });
}

export function ask(response?: JsonObject, more: JsonObject = {}): Step {
  return send({ type: "response.create", ...(response === undefined ? {} : { response }), ...more });
}

export function speech(random: Random, mood: Mood, ms: number): Step[] {
  return [said(random, mood, "voice", ms)];
}

export function quiet(random: Random, mood: Mood, ms: number): Step[] {
  return [said(random, mood, "silence", ms)];
}

/** Speech that is sent in one moment. */
export function burst(random: Random, mood: Mood, ms: number): Step[] {
  return [{ ...said(random, mood, "voice", ms), burst: true }];
}

function said(random: Random, mood: Mood, kind: Speech["kind"], ms: number): Speech & { readonly do: "say" } {
  const spelling = random.chance(0.6)
    ? "plain"
    : random.pick<Spelling>([
        "slashes",
        "unicode",
        "lines",
        "spaced",
        "audio first",
        "id first",
        "all escaped",
      ]);
  return {
    do: "say",
    kind,
    ms,
    seed: random.int(1, 4),
    chunkMs: random.pick([20, 20, 40, 100, 250, 1_000]),
    format: mood.format,
    spelling,
    burst: mood.turns === "manual" && random.chance(0.5),
  };
}
