/** A message on the wire: nearly always its plain JSON, sometimes spelled otherwise, sometimes no JSON any more. */
import type { Random } from "../sim/random.ts";
import { hostileText, type LooseObject } from "./hostile.ts";

/** Raw pieces that a JSON value may be replaced by in the text. */
const RAW = [
  "NaN",
  "Infinity",
  "-Infinity",
  "1e999",
  "-0",
  "0x10",
  "01",
  "undefined",
  "'a'",
  "1.",
  "[,]",
  "",
];

/** @param oddly how likely the text is anything but plain JSON. */
export function spell(event: LooseObject, random: Random, oddly: number): string | Uint8Array {
  const text = JSON.stringify(event);
  if (!random.chance(oddly)) return text;
  const at = random.int(0, text.length);
  switch (random.int(0, 13)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return (
        text.slice(0, at) +
        random.pick(["\ud800", "\u0000", '"', "\\", "}", "{", ",", "\ufeff"]) +
        text.slice(at)
      );
    case 2:
      return text.replace(/:(?:"[^"]{0,80}"|-?\d[\d.e+-]*|true|false|null)/, () => `:${random.pick(RAW)}`);
    case 3:
      return twice(text, random);
    case 4:
      return text + random.pick([text, "}", "\n\n", ",{}", "\u0000"]);
    case 5:
      return `\ufeff${text}`;
    case 6:
      return text.replaceAll("/", String.raw`\/`).replaceAll("e", String.raw`\u0065`);
    case 7:
      return JSON.stringify(event, null, random.pick([1, 2, "\t"])).replaceAll("\n", "\r\n");
    case 8:
      return deep(random);
    case 9:
      return new TextEncoder().encode(text);
    case 10:
      return random.pick(["", "[]", "null", "0", '"text"', "{", "[", "{}", "\ufeff", "true", "{]"]);
    case 11:
      return JSON.stringify(hostileText(random));
    case 12:
      return text.slice(at) + text.slice(0, at);
    default:
      return `[${text}]`;
  }
}

/** One member said twice, with two values. */
function twice(text: string, random: Random): string {
  const name = random.pick([
    "type",
    "event_id",
    "audio",
    "delta",
    "item_id",
    "session",
    "__proto__",
    "response_id",
  ]);
  const member = `${JSON.stringify(name)}:${JSON.stringify(hostileText(random).slice(0, 100))}`;
  if (random.chance(0.5)) return text.replace("{", `{${member},`);
  return `${text.slice(0, -1)},${member}}`;
}

/** Valid JSON that no recursion survives. */
function deep(random: Random): string {
  const depth = random.pick([60, 64, 65, 200, 2_000, 10_000]);
  const [open, close] = random.chance(0.5) ? ["[", "]"] : ['{"a":', "}"];
  const type = random.pick(["session.update", "conversation.item.create", "response.created", "x"]);
  const member = random.pick(["session", "item", "response", "a"]);
  const named = `"event_id":"deep${random.int(0, 9)}"`;
  const within = random.chance(0.5)
    ? `{${named}}`
    : String.raw`"\",${named.replaceAll('"', String.raw`\"`)}"`;
  const whole = `"${member}":${open.repeat(depth)}${within}${close.repeat(depth)}`;
  const spelled = random.chance(0.5)
    ? named
    : named.replace("event", String.raw`event`.replace("e", String.raw`\u0065`));
  const members = random.pick([
    [`"type":"${type}"`, whole],
    [`"type":"${type}"`, whole, spelled],
    [spelled, `"type":"${type}"`, whole],
    [`"event_id":"first"`, whole, `"type":"${type}"`, spelled],
    [spelled, whole, `"event_id":null`],
  ]);
  return `{${members.join(random.pick([",", " ,\n"]))}}`;
}

/** Bytes that are no message: any length, odd ones included. */
export function bytes(random: Random): Uint8Array {
  const length = random.chance(0.9) ? random.int(0, 64) : random.int(64, 4_000);
  const fill = random.int(0, 255);
  return Uint8Array.from({ length }, (_, at) => (fill + at * 31) & 255);
}
