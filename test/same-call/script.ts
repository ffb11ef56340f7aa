/** The call: what is said, by whom, and what happens meanwhile, as data. */

/** What a provider says when it is its turn. */
export interface Line {
  readonly words: string;
  readonly ms: number;
  /** Of its voice: each line is another one. */
  readonly seed: number;
  readonly call?: ToolCall;
  /** The connection breaks when so much of it was said. */
  readonly breaksAfterMs?: number;
}

export interface ToolCall {
  readonly name: string;
  readonly id: string;
  readonly args: string;
}

export interface Turn {
  readonly words: string;
  readonly ms: number;
  readonly seed: number;
  /** What it is answered with: each line is one ask. */
  readonly answers: readonly Line[];
}

export type Step =
  | { readonly type: "turn"; readonly turn: Turn }
  /** The caller listens until so much of the present answer was played. */
  | { readonly type: "hears"; readonly ms: number }
  /** Until all that was to be said was said and heard. */
  | { readonly type: "answered" }
  /** Until another connection serves, because the time of the one before is up. */
  | { readonly type: "rollover" };

export const TOOL = {
  type: "function",
  name: "book",
  description: "Books a table.",
  // As Pydantic and zod write them.
  parameters: {
    type: "object",
    properties: {
      day: { type: "string" },
      floor: { type: "integer", enum: [0, 1, 2] },
      site: { type: "string", format: "uri" },
      at: { anyOf: [{ $ref: "#/$defs/Place" }, { type: "null" }], default: null },
    },
    required: ["day"],
    $defs: { Place: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
  },
} as const;
const CALL: ToolCall = { name: "book", id: "call_7", args: '{"day":"Thursday"}' };
export const RESULT = '{"reference":"Quillfeather"}';

const GREETING: Line = {
  words: "Marmalade mornings begin with slow coffee and a very long story about boats.",
  ms: 4000,
  seed: 21,
};
const BOOKED: Line = { words: "Quartz tables are reserved for Thursday evening.", ms: 1600, seed: 22 };
const BROKEN: Line = {
  words: "Nightingale weather brings showers in the north and a bright spell later on everywhere else.",
  ms: 4000,
  seed: 23,
  breaksAfterMs: 1800,
};
const REST: Line = { words: "Periwinkle skies follow after noon.", ms: 1200, seed: 24 };

const TURNS: readonly Turn[] = [
  { words: "Cinnamon greetings, who is there?", ms: 1000, seed: 31, answers: [GREETING] },
  {
    words: "Stop, please book a velvet table for Thursday.",
    ms: 1200,
    seed: 32,
    answers: [{ words: "", ms: 0, seed: 0, call: CALL }, BOOKED],
  },
  { words: "Lanterns aside, what about the weather?", ms: 1100, seed: 33, answers: [BROKEN, REST] },
];
const [FIRST, SECOND, THIRD] = TURNS as readonly [Turn, Turn, Turn];
export const WORDS: readonly string[] = TURNS.map(({ words }) => words);

/** What becomes of an answer that breaks off: whoever comes next is asked for the rest, is not asked, or says it as if nothing was. */
export type AfterLoss = "asked" | "silent" | "resumed";

/** Three turns; the second interrupts the answer to the first and leads to a call; the answer to the third breaks off. */
export function scriptFor(afterLoss: AfterLoss): readonly Step[] {
  const third = afterLoss === "asked" ? THIRD : { ...THIRD, answers: [BROKEN] };
  return [
    { type: "turn", turn: FIRST },
    { type: "hears", ms: 1000 },
    { type: "turn", turn: SECOND },
    { type: "answered" },
    { type: "rollover" },
    { type: "turn", turn: third },
    { type: "answered" },
  ];
}
