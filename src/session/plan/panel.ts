/**
 * Several voices take turns: the one that the caller calls by name, else the next after the one that spoke last. Who called a tool
 * says what came of it. The others answer only when it cannot, in their order.
 */
import type { Question, Strategy } from "../state/strategy.ts";

export const PANEL: Strategy = {
  name: "panel",
  oneVoice: (able, question) => {
    const at = whose(
      able.map(({ name }) => name),
      question,
    );
    const [first, ...others] = [...able.slice(at), ...able.slice(0, at)];
    return {
      first: first === undefined ? [] : [first],
      later: others.map((who) => ({ who, afterMs: null })),
    };
  },
};

/** Place of the voice whose turn it is. */
function whose(names: readonly string[], { last, goesOn, words }: Question): number {
  const before = last === null ? -1 : names.indexOf(last);
  if (goesOn && before >= 0) return before;
  const called = calledIn(words, names);
  return called ?? (before + 1) % names.length;
}

/** Place of the name that was said last; null: none was. */
function calledIn(words: string, names: readonly string[]): number | null {
  const said = words.toLowerCase().split(/[^\p{L}\p{N}_-]+/u);
  const places = names.map((name) => said.lastIndexOf(name.toLowerCase()));
  const latest = Math.max(...places);
  return latest < 0 ? null : places.indexOf(latest);
}
