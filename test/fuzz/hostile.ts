/** Values that programs stumble over: names that every object inherits, numbers at edges, texts that are no texts. */
import type { Json } from "../../src/protocol/json.ts";
import type { Random } from "../sim/random.ts";

/** JSON that is made to be changed. */
export type Loose = string | number | boolean | null | Loose[] | LooseObject;
export interface LooseObject {
  [key: string]: Loose;
}

/** What `object[name]` finds on any object. */
const INHERITED = [
  "constructor",
  "__proto__",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "prototype",
  "__defineGetter__",
  "toJSON",
  "then",
  "length",
] as const;

const TEXTS = [
  "",
  " ",
  "NaN",
  "Infinity",
  "-0",
  "1e999",
  "null",
  "undefined",
  "[object Object]",
  "\ud800",
  "\udfff!",
  "half \ud83d",
  "\udc00\ud800",
  "\u0000",
  "\u2028\u2029",
  "\ufeff",
  '"',
  "\\",
  "\\u0000",
  "</script><script>",
  "../../etc",
  "%00%ff",
  "$&$1$`",
  "AAA",
  "====",
  "YQ",
  "-_-_",
  "data:audio/wav;base64,AAAA",
  "🙂".repeat(40),
  "é".normalize("NFD"),
  "\u202etxet",
  "你好",
  "client:gone",
  "link:0:redial",
  "response:stall",
  "up0.1",
  "drawn1",
] as const;

const NUMBERS = [
  0,
  -0,
  -1,
  1,
  0.5,
  1e-320,
  255,
  65_536,
  2 ** 31,
  2 ** 32,
  2 ** 32 - 1,
  2 ** 53,
  2 ** 53 + 2,
  1e21,
  1e308,
  -1e308,
  24_000,
  4_294_967_296_000,
] as const;

export function hostileName(random: Random): string {
  return random.pick(INHERITED);
}

export function hostileText(random: Random): string {
  const kind = random.next();
  if (kind < 0.25) return hostileName(random);
  if (kind < 0.85) return random.pick(TEXTS);
  if (kind < 0.97)
    return random.pick(["x", "é", "\\", "\u0001", "a b ", "🙂", "9"]).repeat(random.int(2, 600));
  return random.pick(["y", "\ud800", "AAAA"]).repeat(random.int(1_000, 20_000));
}

export function hostileNumber(random: Random): number {
  return random.chance(0.8) ? random.pick(NUMBERS) : random.between(-100, 100_000);
}

export function hostileValue(random: Random): Loose {
  const kind = random.next();
  if (kind < 0.3) return hostileText(random);
  if (kind < 0.5) return hostileNumber(random);
  if (kind < 0.6) return null;
  if (kind < 0.68) return random.chance(0.5);
  if (kind < 0.76) return [];
  if (kind < 0.84) return {};
  if (kind < 0.9) return Array.from({ length: random.int(1, 200) }, () => 0);
  if (kind < 0.95) return nested(random.int(2, 90), random.chance(0.5));
  return own(hostileName(random), hostileText(random));
}

/** `{"__proto__": value}` with that very member, which an assignment would not make. */
function own(name: string, value: Loose): LooseObject {
  return setOwn({}, name, value);
}

export function setOwn(object: LooseObject, name: string, value: Loose): LooseObject {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
}

function nested(depth: number, lists: boolean): Loose {
  let value: Loose = "bottom";
  for (let level = 0; level < depth; level += 1) value = lists ? [value] : { in: value };
  return value;
}

export function isLooseObject(value: Loose | undefined): value is LooseObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A copy that may be changed. */
export function loose(value: Json | Loose): Loose {
  if (Array.isArray(value)) return value.map((inner) => loose(inner));
  if (typeof value !== "object" || value === null) return value;
  const copy: LooseObject = {};
  for (const [key, inner] of Object.entries(value)) setOwn(copy, key, loose(inner));
  return copy;
}
