/** The guard of a route, as `relay.config.ts` says it: who judges words, how long they wait, and what does not fit. */
import * as v from "valibot";
import { faultOfSource } from "../session/guard/moderators/patterns.ts";
import type { JsonObject } from "../upstreams/upstream.ts";
import { binding, header } from "./named.ts";

/** Words that wait longer are no conversation. */
const MOST_HOLD_MS = 2000;
const MOST_WAIT_MS = 10_000;
const MOST_MODERATORS = 4;
const MOST_PATTERNS = 64;
const MOST_PATTERN_CHARS = 500;
const MOST_REPLACEMENT_CHARS = 500;

const category = v.pipe(
  v.string(),
  v.regex(/^[\w./-]{1,64}$/, "a category is 1 to 64 letters, digits or any of . _ / -"),
);
const pattern = v.pipe(
  v.string(),
  v.minLength(1, "a pattern is not empty"),
  v.maxLength(MOST_PATTERN_CHARS, `a pattern has at most ${MOST_PATTERN_CHARS} characters`),
  v.check(
    (source) => faultOfSource(source) === null,
    ({ input }) => `this pattern ${faultOfSource(input) ?? ""}`,
  ),
);

const moderator = v.variant("adapter", [
  /** Regular expressions by category, whatever the case; judged in the session itself. */
  v.strictObject({
    adapter: v.literal("patterns"),
    patterns: v.record(
      category,
      v.pipe(
        v.array(pattern),
        v.minLength(1, "a category needs a pattern"),
        v.maxLength(MOST_PATTERNS, `a category has at most ${MOST_PATTERNS} patterns`),
      ),
    ),
  }),
  /** OpenAI's moderation endpoint, or one that answers like it. */
  v.strictObject({
    adapter: v.literal("openai"),
    url: v.optional(v.union([v.pipe(v.string(), v.url()), v.strictObject({ env: binding })])),
    headers: v.optional(v.record(v.string(), header)),
    model: v.optional(v.pipe(v.string(), v.nonEmpty())),
    /** Only these count. Default: whatever is flagged. */
    categories: v.optional(v.pipe(v.array(category), v.minLength(1, "name a category, or leave it out"))),
  }),
  /** Llama Guard on Workers AI. `binding`: `AI` by default. */
  v.strictObject({
    adapter: v.literal("workers-ai"),
    model: v.optional(v.pipe(v.string(), v.nonEmpty())),
    binding: v.optional(binding),
  }),
]);

const side = {
  /** All are asked; one is enough to refuse. */
  moderators: v.pipe(
    v.array(moderator),
    v.minLength(1, "a guard needs a moderator"),
    v.maxLength(MOST_MODERATORS, `at most ${MOST_MODERATORS} moderators`),
  ),
  /** What nobody judged in time passes (`open`) or is refused (`closed`). */
  fail: v.picklist(["open", "closed"]),
};

/** Who judges words before they pass (docs/guard.md). */
export const guardFields = {
  guard: v.optional(
    v.strictObject({
      /** The caller's words, before an answer to them is asked for: for `waitMs` at most (2,000). */
      input: v.optional(
        v.strictObject({
          ...side,
          waitMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_WAIT_MS))),
        }),
      ),
      /** The words of answers, before they and their sound pass: for `holdMs` at most; 0: nothing waits. */
      output: v.optional(
        v.strictObject({
          ...side,
          holdMs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST_HOLD_MS)),
          replacement: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(MOST_REPLACEMENT_CHARS))),
        }),
      ),
    }),
  ),
};

/** Adapters of providers that always take the turns themselves. */
const AGENTS: ReadonlySet<string> = new Set(["deepgram-agent", "elevenlabs-agents"]);

interface Dialled {
  readonly adapter: string;
  readonly settings?: JsonObject | undefined;
}

export interface Guarded {
  readonly guard?:
    | {
        readonly input?: object | undefined;
        readonly output?: { readonly holdMs: number; readonly fail: "open" | "closed" } | undefined;
      }
    | undefined;
  readonly upstreams: readonly (Dialled & { readonly fallback?: readonly Dialled[] | undefined })[];
  readonly transcriber?: object | undefined;
  readonly session?: JsonObject | undefined;
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of a route's guard does not fit the rest of it. */
export function faultOfGuard({ guard, upstreams, transcriber, session }: Guarded): Fault | null {
  if (guard === undefined) return null;
  if (guard.output?.holdMs === 0 && guard.output.fail === "closed")
    return { path: ["guard", "output", "fail"], message: "a guard that holds nothing back is 'open'" };
  if (guard.input && transcriber === undefined && !transcribes(session))
    return {
      path: ["guard", "input"],
      message: "the caller's words are needed: a 'transcriber', or 'session.audio.input.transcription'",
    };
  for (const [index, { fallback = [], ...own }] of upstreams.entries()) {
    for (const [at, one] of [own, ...fallback].entries()) {
      const path = ["upstreams", index, ...(at === 0 ? [] : ["fallback", at - 1])];
      if (one.adapter === "echo")
        return { path: [...path, "adapter"], message: "'echo' says no words that a guard could judge" };
      if (guard.input && AGENTS.has(one.adapter))
        return {
          path: [...path, "adapter"],
          message: "an agent takes the turns itself, and answers unjudged input",
        };
      if (guard.input && one.settings?.["turns"] === "server")
        return {
          path: [...path, "settings", "turns"],
          message: "a provider that takes the turns itself answers before the input is judged",
        };
    }
  }
  return null;
}

function transcribes(session: JsonObject | undefined): boolean {
  const audio = session?.["audio"] as JsonObject | undefined;
  const input = audio?.["input"] as JsonObject | undefined;
  return input?.["transcription"] !== undefined && input["transcription"] !== null;
}
