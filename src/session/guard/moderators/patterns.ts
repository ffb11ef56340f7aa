/** Regular expressions, judged in the session itself: each belongs to a category, whatever its case. */
import type { LocalModerator } from "./moderator.ts";
import { faultOfPattern, WINDOW_CHARS } from "./pattern-cost.ts";
import type { PatternsChoice } from "../../state/moderator-choice.ts";

/** Two windows have so much in common: what is no longer than that is seen whole. */
const OVERLAP_CHARS = WINDOW_CHARS / 4;

export function patternsModerator({ patterns }: PatternsChoice): LocalModerator {
  const compiled = Object.entries(patterns).flatMap(([category, sources]) =>
    sources.map((source) => ({ category, expression: new RegExp(source, "iu") })),
  );
  return {
    judge: (text) => {
      for (let at = 0; at === 0 || at + OVERLAP_CHARS < text.length; at += WINDOW_CHARS - OVERLAP_CHARS) {
        const window = text.slice(at, at + WINDOW_CHARS);
        const found = compiled.find(({ expression }) => expression.test(window));
        if (found) return found.category;
      }
      return null;
    },
  };
}

/** Why a pattern cannot be used; null: it can. */
export function faultOfSource(source: string): string | null {
  try {
    void new RegExp(source, "iu");
  } catch {
    return "is no regular expression";
  }
  return faultOfPattern(source);
}
