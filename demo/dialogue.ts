/** What the demo voice answers: rules, no model. It never claims to have understood speech. */
import { decode, rateHz } from "./codec.ts";
import { audioMs, type Content, type Item } from "./conversation.ts";
import { calculate } from "./arithmetic.ts";
import type { Tool, ToolChoice } from "./schemas.ts";
import { callsFor, type FunctionCall } from "./tools.ts";

/** A piece of an answer: words to speak, or audio to play. */
export type Part =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "playback"; readonly samples: Int16Array; readonly rateHz: number };

export type Answer =
  | { readonly type: "speak"; readonly parts: readonly Part[] }
  | { readonly type: "call"; readonly calls: readonly FunctionCall[] };

export interface Question {
  /** The conversation, or an out-of-band response's own input. */
  readonly items: readonly Item[];
  /** Instructions of this response alone. */
  readonly instructions: string;
  readonly tools: readonly Tool[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  /** Knob `reply`: says this whatever the question. */
  readonly reply: string | null;
  readonly now: Date;
}

/** As much of a text as the rules look at: their patterns are not meant for whole books. */
const MAX_QUESTION = 2_000;

/** Longest answer in characters: about five minutes of speech. */
const MAX_ANSWER = 4_000;

const STORY =
  "Once upon a time a small relay lived at the edge of a very large network. " +
  "Every day people spoke to it, and every day it carried their words to a voice far away. " +
  "One night a storm broke the line in the middle of a sentence. " +
  "The relay did not panic, for it had kept every word that was not yet answered. " +
  "It dialled again, told the story from where it had stopped, and waited. " +
  "In the morning the voice answered, and nobody had noticed that anything had been lost. " +
  "And that is the end of the story.";

const HELP =
  "You can say hello, ask what time it is, ask me to count to ten, to tell you a story, to repeat something, what I just said, " +
  "to spell a word, or to calculate, for instance twelve times seven. " +
  "When you speak to me I play your own words back to you. I also call the tools you give me.";

const GREETING = "Hello! I am the demo voice. How can I help you?";

/** Seconds as they are said and written: `2.30 s`. */
export function seconds(ms: number, digits = 1): string {
  return (ms / 1000).toFixed(digits);
}

export function answer(question: Question): Answer {
  if (question.reply !== null) return speak(question.reply);
  const note = noteOf(question.items.at(-1));
  if (note !== null) return speak(note);
  const last = question.items.findLast(
    (item) => item.type !== "other" && !(item.type === "message" && item.role === "system"),
  );
  if (last?.type === "function_call_output") return speak(speakOutputs(question.items));
  const user = last?.type === "message" && last.role === "user" ? last.content : [];
  const text = textOf(user);
  if (question.toolChoice !== "none" && !(text === "" && question.toolChoice === "auto")) {
    const calls = callsFor(text, question.tools, question.toolChoice, question.parallelToolCalls);
    if (calls.length > 0) return { type: "call", calls };
  }
  const audio = user.find((part) => part.type === "input_audio")?.audio;
  if (text === "" && audio !== undefined) {
    return {
      type: "speak",
      parts: [
        { type: "text", text: `I heard you for ${seconds(audioMs(audio))} seconds. You said: ` },
        { type: "playback", samples: decode(audio.bytes, audio.format), rateHz: rateHz(audio.format) },
      ],
    };
  }
  if (text === "") return speak(instructed(question.instructions));
  return speak(RECALL.test(text) ? recalled(question.items) : reply(text, question.now));
}

const RECALL = /\bwhat (?:did you|was it you|have you) (?:just )?sa(?:y|id)\b/i;

/** As far as this voice knows: what it was told that was heard of it, or of another one in its place. */
function recalled(items: readonly Item[]): string {
  const said = items.findLast((item) => item.type === "message" && item.role === "assistant");
  if (said?.type !== "message") return "I have said nothing yet.";
  const words = said.content.map((part) => part.text ?? part.transcript ?? "").join(" ");
  // A provider forgets the words of what was cut.
  return words.trim() === "" ? "You cut me off." : `I said: ${words.slice(0, MAX_QUESTION)}`;
}

/** What the relay says that came of a task which was handed on (docs/background.md). */
function noteOf(last: Item | undefined): string | null {
  if (last?.type !== "message" || last.role !== "system") return null;
  const came = /^What came of it: (.+)$/m.exec(textOf(last.content))?.[1];
  return came === undefined ? null : `By the way, about what you asked for: ${came}`;
}

function speak(text: string): Answer {
  return { type: "speak", parts: [{ type: "text", text: text.slice(0, MAX_ANSWER) }] };
}

function textOf(content: readonly Content[]): string {
  return content
    .map((part) => part.text ?? "")
    .join(" ")
    .slice(0, MAX_QUESTION)
    .trim();
}

/** No words from the user: obeys "say …", otherwise greets. */
function instructed(instructions: string): string {
  return repeated(instructions.slice(0, MAX_QUESTION)) ?? GREETING;
}

interface Rule {
  readonly pattern: RegExp;
  readonly answer: (match: RegExpMatchArray, text: string, now: Date) => string;
}

const RULES: readonly Rule[] = [
  { pattern: /\bcount (?:up )?to (\d+)/i, answer: (match) => count(Number(match[1])) },
  { pattern: /\bstory\b/i, answer: () => STORY },
  { pattern: /\bspell (?:the word )?["']?([\p{L}'-]+)/iu, answer: (match) => spell(match[1] ?? "") },
  { pattern: /\b(?:what|tell|which)\b.*\btime\b/i, answer: (_match, _text, now) => time(now) },
  { pattern: /\bhelp\b|what can you do/i, answer: () => HELP },
  { pattern: /\b(?:bye|goodbye|good night)\b/i, answer: () => "Goodbye. It was nice to talk to you." },
  { pattern: /\bthank(?:s| you)\b/i, answer: () => "You are welcome." },
  { pattern: /\bhow are you\b/i, answer: () => "I am well, as far as rules can be. How are you?" },
  { pattern: /\b(?:hello|hi|hey|good (?:morning|afternoon|evening))\b/i, answer: () => GREETING },
];

function reply(text: string, now: Date): string {
  const echoed = repeated(text) ?? calculate(text);
  if (echoed !== null) return echoed;
  for (const rule of RULES) {
    const match = text.match(rule.pattern);
    if (match !== null) return rule.answer(match, text, now);
  }
  return `I am a demo voice with a few simple rules, and none fits what you wrote: ${text.slice(0, 200)}. Say help to hear what I can do.`;
}

/** "Repeat after me: good day" → "good day". */
function repeated(text: string): string | null {
  const match =
    /\b(?:repeat|say)(?: (?:after me|exactly|this|the following|the words?))*\s*[:,]?\s+["']?([^]+?)["']?\s*$/i.exec(
      text,
    );
  return match?.[1] ?? null;
}

function count(to: number): string {
  const last = Math.min(200, Math.max(1, to));
  const numbers = Array.from({ length: last }, (_, i) => i + 1);
  // A sentence per ten, so that the first is heard while the next is made.
  return numbers.map((n) => (n === last || n % 10 === 0 ? `${n}.` : `${n},`)).join(" ");
}

function spell(word: string): string {
  return `${word}: ${(word.toUpperCase().match(/\p{L}/gu) ?? []).join(", ")}.`;
}

function time(now: Date): string {
  return `I was given no clock tool, but by my own clock it is ${now.toISOString().slice(11, 16)}, universal time.`;
}

/** As the relay answers a task that is handed on. */
const UNDER_WAY = /^The task is under way\./;

/** The outputs since the model last spoke, each with the name of its function. */
function speakOutputs(items: readonly Item[]): string {
  const spoken = items.findLastIndex((item) => item.type === "message" && item.role === "assistant");
  const outputs = items.slice(spoken + 1).filter((item) => item.type === "function_call_output");
  return outputs
    .map((output) => {
      if (UNDER_WAY.test(output.output)) return "I will look into it. Ask me something else meanwhile.";
      const call = items.find((item) => item.type === "function_call" && item.call_id === output.call_id);
      const name = call?.type === "function_call" ? call.name.replaceAll(/[_-]+/g, " ") : "the tool";
      return `The answer of ${name} is: ${spokenOutput(output.output)}.`;
    })
    .join(" ");
}

function spokenOutput(output: string): string {
  try {
    return spokenValue(JSON.parse(output), 0).slice(0, 500) || "nothing";
  } catch {
    return output.trim().replace(/\.$/, "").slice(0, 500) || "nothing";
  }
}

function spokenValue(value: unknown, depth: number): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (depth > 2) return "more";
  if (Array.isArray(value))
    return value
      .slice(0, 20)
      .map((entry) => spokenValue(entry, depth + 1))
      .join(", ");
  return Object.entries(value)
    .slice(0, 20)
    .map(([key, entry]) => `${key.replaceAll(/[_-]+/g, " ")} ${spokenValue(entry, depth + 1)}`)
    .join(", ");
}
