/** The key of a dial, where a provider repeats it: whole, or cut, and never so changed that nobody would know it. */
import type { Random } from "../sim/random.ts";
import { isLooseObject, type Loose, type LooseObject } from "./hostile.ts";
import { SECRET } from "./provider-grammar.ts";
import { spell } from "./spell.ts";

/** Puts it into one of these members, after all other changes. */
export function quoteIn(object: Loose | undefined, members: readonly string[], random: Random): void {
  if (!isLooseObject(object) || random.chance(0.4)) return;
  const said = random.pick([SECRET, `Bearer ${SECRET}`, `key=${SECRET}`, SECRET.slice(0, 24)]);
  const texts = members.filter((member) => typeof object[member] === "string");
  if (texts.length > 0) object[random.pick(texts)] = random.chance(0.5) ? `Bad key ${said}.` : said;
}

/** As `spell`, but a key that is in it stays whole: what was put into it would be the provider's own work. */
export function spellKey(event: LooseObject, random: Random, oddly: number): string | Uint8Array {
  const message = spell(event, random, oddly);
  const plain = JSON.stringify(event);
  const broken = typeof message === "string" && plain.includes(SECRET) && !message.includes(SECRET);
  return broken && !/\\u0065/.test(message) ? plain : message;
}
