/**
 * Experiments of `relay.config.ts`: a name that leads to one of several routes, by weight. Who has the same sticky value has
 * the same arm as long as the weights stay; when they change only as many callers change as have to.
 */
import * as v from "valibot";

const MOST_ARMS = 16;

export const weight = v.pipe(
  v.number(),
  v.check((each) => Number.isFinite(each) && each >= 0, "a weight is a number from 0"),
);

export const experiment = v.strictObject({
  experiment: v.pipe(
    v.strictObject({
      /** By what the application says of the caller; where it says nothing, each session is drawn anew. */
      sticky: v.optional(v.literal("caller")),
      arms: v.pipe(
        v.array(v.strictObject({ route: v.pipe(v.string(), v.nonEmpty()), weight })),
        v.minLength(1, "an experiment needs an arm"),
        v.maxLength(MOST_ARMS, `an experiment has at most ${MOST_ARMS} arms`),
        v.check(
          (arms) => new Set(arms.map(({ route }) => route)).size === arms.length,
          "each arm is another route",
        ),
        v.check((arms) => arms.some((arm) => arm.weight > 0), "some arm has a weight above 0"),
      ),
    }),
  ),
});

export type Experiment = v.InferOutput<typeof experiment>["experiment"];

/** It is one, and no route: what is wrong with it is told of it. */
export function isExperiment(given: unknown): boolean {
  return typeof given === "object" && given !== null && "experiment" in given;
}

/** Of an arm, as far as sessions of one name have to agree. */
interface Arm {
  readonly storage?: string | undefined;
  readonly sealed?: boolean | undefined;
  readonly jurisdiction?: string | undefined;
}

/** Sessions are signed for and stored before anybody knows which arm they have. */
const ALIKE = ["storage", "sealed", "jurisdiction"] as const;

interface Tried {
  readonly routes: Readonly<Record<string, Arm>>;
  readonly experiments?: Readonly<Record<string, Experiment>>;
}

export function faultOfExperiments({ routes, experiments = {} }: Tried) {
  for (const [name, { arms }] of Object.entries(experiments)) {
    const first = routes[arms[0]?.route ?? ""];
    for (const [index, { route: armName }] of arms.entries()) {
      const path = ["routes", name, "experiment", "arms", index, "route"];
      const route = Object.hasOwn(routes, armName) ? routes[armName] : undefined;
      if (Object.hasOwn(experiments, armName))
        return { path, message: "an arm is a route, and no other experiment" };
      if (route === undefined) return { path, message: `no route is named '${armName}'` };
      const other = ALIKE.find((field) => first !== undefined && route[field] !== first[field]);
      if (other !== undefined) return { path, message: `the arms of an experiment have the same '${other}'` };
    }
  }
  return null;
}

/** The same arms by other weights. Null: these are none of them, or lead nobody anywhere. */
export function reweighed(
  { arms, ...rest }: Experiment,
  weights: Readonly<Record<string, number>>,
): Experiment | null {
  const known = Object.keys(weights).every((name) => arms.some(({ route }) => route === name));
  const found = arms.map(({ route }) => {
    return { route, weight: Object.hasOwn(weights, route) ? (weights[route] ?? 0) : 0 };
  });
  return known && found.some((arm) => arm.weight > 0) ? { ...rest, arms: found } : null;
}

/** A fraction of one, neither none of it nor all, that is spread evenly over values, and another one for another arm. */
function placeOf(arm: string, sticky: string): number {
  // FNV-1a, and the finish of MurmurHash3, which spreads what differs in its last letters only.
  let hash = 0x811c9dc5;
  for (const letter of `${arm}\n${sticky}`) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}

/**
 * The arm of whoever has this sticky value: of all arms that one whose time comes first, where an arm of twice the weight
 * waits half as long (weighted rendezvous hashing). Nobody moves but to an arm that has grown beside theirs.
 */
export function armOf(name: string, { arms }: Experiment, sticky: string): string {
  const times = arms.map(({ route, weight: share }) => {
    return { route, at: share > 0 ? -Math.log(placeOf(`${name}\n${route}`, sticky)) / share : Infinity };
  });
  return times.reduce((first, each) => (each.at < first.at ? each : first)).route;
}
