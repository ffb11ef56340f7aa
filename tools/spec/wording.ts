/**
 * What a program can hold of how a rule is worded: a name of the wire stands in backticks, spelled as on the wire; a
 * rule begins with a capital letter, a number or a name in backticks, says by itself what it is about, and ends with a
 * full stop.
 */

const RULE = /^\s*- \*\*([A-Z]{1,2}\d+)\*\* (.*)$/;
/** Lines of a rule after its first are indented below it. */
const CONTINUATION = /^\s{2,}\S/;
/** What may hold any spelling: code, and the target of a link. */
const APART = /`[^`]*`|\]\([^)]*\)/g;
/** `idle_timeout_ms`, also `Idle_timeout_ms`; `hedgeMs`. */
const NAME = /\b(?:[A-Za-z0-9]+_[A-Za-z0-9_]+|[a-z]{2,}[a-z0-9]*[A-Z]\w*)/;
/** `session.update`, also `Session.update`. */
const EVENT =
  /\b(?:conversation|duplex|error|input_audio_buffer|item|output_audio_buffer|overlap|playback|rate_limits|relay|response|session)\.[a-z]\w*/i;
/** The first word of a rule that cannot be understood without the one above it. */
const LEANS = /^(?:Also|Else|It|Its|Likewise|Nor|One (?:of which|that|which)|So|Such|Their|Then|They)\b/;

interface Worded {
  readonly id: string;
  readonly place: string;
  readonly text: string;
}

function worded(file: string, document: string): Worded[] {
  const rules: Worded[] = [];
  let open = false;
  for (const [i, line] of document.split("\n").entries()) {
    const [, id, text] = RULE.exec(line) ?? [];
    const last = rules.at(-1);
    if (id !== undefined && text !== undefined) rules.push({ id, place: `${file}:${i + 1}`, text });
    else if (open && last !== undefined && CONTINUATION.test(line))
      rules[rules.length - 1] = { ...last, text: `${last.text} ${line.trim()}` };
    open = id !== undefined || (open && CONTINUATION.test(line));
  }
  return rules;
}

/** What is wrong with the wording of a document's rules, one line each; empty when nothing is. */
export function misworded(file: string, document: string): string[] {
  return worded(file, document).flatMap(({ id, place, text }) => {
    const words = text.replace(APART, "`");
    const name = (EVENT.exec(words) ?? NAME.exec(words))?.[0];
    const leans = LEANS.exec(words)?.[0];
    return [
      ...(name === undefined ? [] : [`the name ${name} stands outside of backticks`]),
      ...(/^[A-Z0-9`]/.test(words) ? [] : ["it begins with a small letter"]),
      ...(leans === undefined ? [] : [`"${leans}" leans on the rule above it`]),
      ...(/\.\)?$/.test(text) ? [] : ["it does not end with a full stop"]),
    ].map((fault) => `${place}: rule ${id}: ${fault}`);
  });
}
