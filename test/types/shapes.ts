/** Events of distinct shape: one example of each, short enough to read and to compile. */
import { isJsonObject, type Json, type JsonObject } from "../../src/protocol/json.ts";

/** Members whose value is a word of the protocol, not a name or what somebody said. */
const WORDS: ReadonlySet<string> = new Set(
  "type object role status reason code detail eagerness modality voice tool_choice rate name phase".split(
    " ",
  ),
);
const LONG = 60;

function shapeOf(value: Json, key = ""): string {
  if (Array.isArray(value))
    return `[${[...new Set(value.map((each) => shapeOf(each, key)))].toSorted().join()}]`;
  if (isJsonObject(value)) {
    const members = Object.entries(value).map(([name, each]) => `${name}:${shapeOf(each, name)}`);
    return `{${members.toSorted().join()}}`;
  }
  if (typeof value === "string" && !WORDS.has(key)) return "string";
  return value === null || typeof value === "string" ? String(value) : typeof value;
}

/** Long strings (audio) cut. */
function shortened(value: Json): Json {
  if (typeof value === "string") return value.slice(0, LONG);
  if (Array.isArray(value)) return value.map(shortened);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shortened(each)]));
}

export class Shapes {
  readonly #known = new Map<string, JsonObject>();

  add(events: readonly JsonObject[]): void {
    for (const event of events) {
      const shape = shapeOf(event);
      if (!this.#known.has(shape))
        this.#known.set(shape, Object.fromEntries(Object.entries(event).map(([k, v]) => [k, shortened(v)])));
    }
  }

  get examples(): readonly JsonObject[] {
    return [...this.#known.values()].toSorted((a, b) =>
      JSON.stringify(a["type"]) < JSON.stringify(b["type"]) ? -1 : 1,
    );
  }
}

/**
 * A copy without the members at these places: of `nulls` where they hold null, of `extras` in any case.
 * `*: a.b[].c` is of every event, `response.created: a.b` of those of this type; `[]` stands for each element.
 */
export function without(
  event: JsonObject,
  { nulls, extras }: { readonly nulls: readonly string[]; readonly extras: readonly string[] },
): JsonObject {
  const { type } = event;
  const here = (places: readonly string[]): Set<string> =>
    new Set(
      places
        .map((place) => place.split(": "))
        .flatMap(([of, path = ""]) => (of === "*" || of === type ? [path] : [])),
    );
  const [null_, extra] = [here(nulls), here(extras)];
  return stripped(event, "", (path, value) => extra.has(path) || (value === null && null_.has(path)));
}

function stripped(
  object: JsonObject,
  path: string,
  goes: (path: string, value: Json) => boolean,
): JsonObject {
  const kept = Object.entries(object).flatMap(([key, value]): [string, Json][] => {
    const at = path === "" ? key : `${path}.${key}`;
    if (goes(at, value)) return [];
    if (Array.isArray(value))
      return [[key, value.map((each) => (isJsonObject(each) ? stripped(each, `${at}[]`, goes) : each))]];
    return [[key, isJsonObject(value) ? stripped(value, at, goes) : value]];
  });
  return Object.fromEntries(kept);
}
