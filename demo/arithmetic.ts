/** "What is twelve times 7?" → "12 times 7 is 84." Two numbers and one sign; anything else is not arithmetic. */
const NUMBER_WORDS = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
  "seventeen eighteen nineteen twenty"
).split(" ");

const NUMBER = `-?\\d+(?:\\.\\d+)?|${NUMBER_WORDS.join("|")}`;
const SIGN = "\\+|-|−|\\*|×|x|/|÷|plus|minus|times|multiplied by|divided by|over";
const SUM = new RegExp(`(?:^|[^\\w.-])(${NUMBER})\\s*(${SIGN})\\s*(${NUMBER})(?![\\w-])`, "i");

/** The sentence, or null when `text` asks no sum. */
export function calculate(text: string): string | null {
  const match = SUM.exec(text);
  if (match === null) return null;
  const left = numberOf(match[1] ?? "");
  const right = numberOf(match[3] ?? "");
  const sign = (match[2] ?? "").toLowerCase();
  if (/^(\+|plus)$/.test(sign)) return sentence(left, "plus", right, left + right);
  if (/^(-|−|minus)$/.test(sign)) return sentence(left, "minus", right, left - right);
  if (/^(\*|×|x|times|multiplied by)$/.test(sign)) return sentence(left, "times", right, left * right);
  if (right === 0) return "Nothing can be divided by zero.";
  return sentence(left, "divided by", right, left / right);
}

function numberOf(word: string): number {
  const index = NUMBER_WORDS.indexOf(word.toLowerCase());
  return index >= 0 ? index : Number(word);
}

function sentence(left: number, sign: string, right: number, result: number): string {
  return `${left} ${sign} ${right} is ${Number(result.toFixed(6))}.`;
}
