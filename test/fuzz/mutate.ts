/** Changes of one valid message by its structure: members go, come, change their kind or their place. */
import type { Random } from "../sim/random.ts";
import {
  hostileName,
  hostileNumber,
  hostileText,
  hostileValue,
  isLooseObject,
  loose,
  setOwn,
  type Loose,
  type LooseObject,
} from "./hostile.ts";

/** Where a value stands. */
interface Place {
  readonly holder: LooseObject | Loose[];
  readonly key: string;
}

/** Names that exist in the call, of whatever kind: an id of another thing is the likeliest mistake. */
export type Names = readonly string[];

/** `event` itself is changed. */
export function mutate(event: LooseObject, random: Random, names: Names): void {
  const times = random.chance(0.7) ? 1 : random.int(2, 4);
  for (let n = 0; n < times; n += 1) {
    const places = placesOf(event);
    if (places.length === 0) return;
    change(random.pick(places), places, random, names);
  }
}

function placesOf(value: LooseObject | Loose[], found: Place[] = [], depth = 0): Place[] {
  for (const key of Object.keys(value)) {
    // Enough to choose from: audio and long lists are not walked to their end.
    if (found.length >= 60) break;
    found.push({ holder: value, key });
    const inner = get({ holder: value, key });
    if (typeof inner === "object" && inner !== null && depth < 8) placesOf(inner, found, depth + 1);
  }
  return found;
}

function get({ holder, key }: Place): Loose {
  return (Array.isArray(holder) ? holder[Number(key)] : holder[key]) ?? null;
}

function set({ holder, key }: Place, value: Loose): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else setOwn(holder, key, value);
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function change(place: Place, places: readonly Place[], random: Random, names: Names): void {
  const value = get(place);
  switch (random.int(0, 11)) {
    case 0:
      return remove(place);
    case 1:
      return set(place, hostileValue(random));
    case 2:
      return set(place, otherKind(value, random));
    case 3:
      return rename(place, hostileName(random));
    case 4:
      return addTo(place, value, random);
    case 5:
      return set(place, loose(get(random.pick(places))));
    case 6:
      return set(place, names.length === 0 ? hostileText(random) : random.pick(names));
    case 7:
      return set(place, random.chance(0.5) ? [value] : { value });
    case 8:
      return repeat(place, value, random);
    case 9:
      return set(place, near(value, random));
    case 10:
      return set(place, typeof value === "string" ? hostileText(random) : hostileNumber(random));
    default:
      return set(place, null);
  }
}

/** The same said in another type of JSON. */
function otherKind(value: Loose, random: Random): Loose {
  if (typeof value === "number") return random.chance(0.5) ? String(value) : value !== 0;
  if (typeof value === "boolean") return random.chance(0.5) ? String(value) : Number(value);
  if (typeof value === "string") return random.chance(0.5) ? value.length : value.slice(0, 20).split("");
  if (Array.isArray(value)) return Object.fromEntries<Loose>(value.slice(0, 20).entries());
  return value === null ? {} : Object.values(value);
}

function rename(place: Place, name: string): void {
  const value = get(place);
  remove(place);
  if (Array.isArray(place.holder)) place.holder.push(name);
  else setOwn(place.holder, name, value);
}

function addTo(place: Place, value: Loose, random: Random): void {
  const into = isLooseObject(value) ? value : place.holder;
  if (Array.isArray(into)) into.push(hostileValue(random));
  else setOwn(into, hostileText(random), hostileValue(random));
}

function repeat(place: Place, value: Loose, random: Random): void {
  const flat = typeof value !== "object";
  const times = random.chance(0.9) || !flat ? random.int(2, 8) : random.int(20, 200);
  if (typeof value === "string") return set(place, value.slice(0, 200).repeat(times));
  const { holder } = place;
  if (Array.isArray(holder)) for (let n = 0; n < times; n += 1) holder.push(value);
  else
    set(
      place,
      Array.from({ length: times }, () => value),
    );
}

function near(value: Loose, random: Random): Loose {
  if (typeof value === "number") return value + random.pick([-1, 1, 0.5, -value, value, 2 ** 31]);
  if (typeof value !== "string") return value;
  const at = random.int(0, value.length);
  const kind = random.next();
  if (kind < 0.3) return value.slice(0, at);
  if (kind < 0.6) return value.slice(0, at) + hostileText(random).slice(0, 20) + value.slice(at);
  return kind < 0.8 ? value.toUpperCase() : value.slice(at);
}
