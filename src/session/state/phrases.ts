/** What words say of a turn, as far as that can be told from a few of them in several languages. */

/** What is said to someone who is to go on (English, German, French, Spanish, Italian, Portuguese, Dutch, Japanese). */
const BACKCHANNELS: ReadonlySet<string> = new Set(
  (
    "mhm mm mmm hm hmm uhhuh uh huh aha ah oh okay ok yeah yes yep yup right sure wow really i see got it " +
    "ja jaja genau stimmt achso klar ach so oui ouais daccord voilà si sí claro vale ya certo sì esatto sim pois isso " +
    "hai un ええ はい うん そう"
  ).split(" "),
);

/** Words after which a sentence goes on, and sounds of someone who looks for the next one. */
const UNFINISHED: ReadonlySet<string> = new Set(
  (
    "and but or so because if when while that which who the a an to of for with from in on at my your is are was " +
    "um uh er erm hmm like well " +
    "und aber oder weil wenn dass der die das ein eine mit von zu äh ähm " +
    "et mais ou parce que le la les un une de du avec pour euh y pero o porque el los las con para eh este " +
    "e ma perché il lo di con mas porque com en maar of omdat het een van met"
  ).split(" "),
);

function wordsOf(text: string): readonly string[] {
  return text
    .toLowerCase()
    .replaceAll(/['’-]/g, "")
    .split(/[^\p{L}\p{M}]+/u)
    .filter((word) => word !== "");
}

/** It is only that somebody listens: "mhm", "yeah, right". Null: there are no words in it. */
export function isBackchannel(text: string): boolean | null {
  const words = wordsOf(text);
  return words.length === 0 ? null : words.every((word) => BACKCHANNELS.has(word));
}

/** `over`: a sentence is closed. `open`: it goes on. Null: the words do not say. */
export function phraseOf(text: string): "over" | "open" | null {
  const trimmed = text.trim();
  const last = wordsOf(trimmed).at(-1);
  if (last === undefined) return null;
  if (/(?:[,;:–—-]|\.\.\.|…)$/u.test(trimmed) || UNFINISHED.has(last)) return "open";
  return /[.?!。？！]["'”’)]?$/u.test(trimmed) ? "over" : null;
}
