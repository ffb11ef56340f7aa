/** How the upstreams of a route answer, as `relay.config.ts` says it: what is missing for it, or in its way. */
import * as v from "valibot";
import type { JsonObject } from "../protocol/json.ts";
import { faultOfBackground, type WithBackground } from "./background.ts";
import { faultOfGuard, type Guarded } from "./guard.ts";
import { faultOfPrices, type PricedRoute } from "./prices.ts";
import type { StrategyChoice } from "../session/state/plan.ts";
import { UNASKED } from "../upstreams/index.ts";
import { faultOfSpeech, type WithSpeech } from "./speech.ts";
import { faultOfTools } from "./tools.ts";

const PLANS = ["single", "tagged", "race", "hedge", "failover", "panel"] as const;
/** Plans of which the upstreams are one voice. */
const ONE_VOICE: ReadonlySet<string> = new Set(["race", "hedge", "failover", "panel"]);
/** Longer than this nobody waits for an answer. */
const MOST_HEDGE_MS = 30_000;

export const planFields = {
  /**
   * How several upstreams answer (docs/plans.md). `tagged`, the default: each for itself, on a stream of its own. `race`: all are
   * asked, and the first that can be heard gives the answer. `hedge`: the next one is asked when nobody was heard for `hedgeMs`.
   * `failover`: the next one is asked when the one before cannot answer. `panel`: they take turns, or are called by name.
   * `single`: there is one.
   */
  plan: v.optional(v.picklist(PLANS)),
  hedgeMs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_HEDGE_MS))),
};

interface Dialled {
  readonly adapter: string;
  readonly settings?: JsonObject | undefined;
}

interface Roled {
  readonly role?: "speaker" | "shadow" | undefined;
}

interface Planned {
  readonly plan?: (typeof PLANS)[number] | undefined;
  readonly hedgeMs?: number | undefined;
  readonly upstreams: readonly (Dialled & Roled & { readonly fallback?: readonly Dialled[] | undefined })[];
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function faultOfPlan({ plan, hedgeMs, upstreams }: Planned): Fault | null {
  const speakers = speakersFirst(upstreams).filter(({ role }) => role !== "shadow");
  const shadowed = speakers.length < upstreams.length;
  if (speakers.length === 0)
    return { path: ["upstreams"], message: "a shadow stands behind somebody who speaks" };
  if (plan === "single" && speakers.length > 1)
    return {
      path: ["plan"],
      message: "plan 'single' has one upstream; several are 'tagged', 'race', 'hedge', 'failover' or 'panel'",
    };
  if (plan !== "hedge" && hedgeMs !== undefined)
    return { path: ["hedgeMs"], message: "'hedgeMs' belongs to plan 'hedge'" };
  const voices = plan !== undefined && ONE_VOICE.has(plan);
  if (!voices && !shadowed) return null;
  if (plan === "hedge" && hedgeMs === undefined)
    return { path: ["hedgeMs"], message: "plan 'hedge' needs to know when the next upstream is asked" };
  if (voices && speakers.length < 2)
    return { path: ["plan"], message: `plan '${plan}' needs two upstreams or more` };
  for (const [index, { fallback = [], ...own }] of upstreams.entries()) {
    for (const [at, one] of [own, ...fallback].entries()) {
      const path = ["upstreams", index, ...(at === 0 ? [] : ["fallback", at - 1])];
      const fault = faultOfVoice(one);
      if (fault)
        return {
          path: [...path, ...fault.path],
          message: `${fault.message} (${voices ? `plan '${plan}'` : "beside a shadow"})`,
        };
    }
  }
  return null;
}

/** In their order, shadows behind those that speak. */
export function speakersFirst<Each extends Roled>(upstreams: readonly Each[]): readonly Each[] {
  const shadows = upstreams.filter(({ role }) => role === "shadow");
  return [...upstreams.filter(({ role }) => role !== "shadow"), ...shadows];
}

/** Who speaks without being asked can be in no race. */
function faultOfVoice({ adapter, settings }: Dialled): Fault | null {
  const unasked = UNASKED.get(adapter);
  if (unasked === "none")
    return { path: ["adapter"], message: `'${adapter}' has no turns: it cannot be asked for an answer` };
  if (unasked === "server")
    return { path: ["adapter"], message: `'${adapter}' takes the turns itself and answers unasked` };
  if (settings?.["turns"] !== "server") return null;
  const message = "a provider that takes the turns itself answers unasked: leave them to the relay";
  return { path: ["settings", "turns"], message };
}

/** What of a route's plan, guard, tools or background mind does not fit the rest of it is told at its place. */
export function planFits<Route extends Planned & Guarded & WithBackground & WithSpeech & PricedRoute>(
  context: v.RawCheckContext<Route>,
): void {
  const { dataset } = context;
  if (!dataset.typed) return;
  const { value } = dataset;
  addFault(
    context,
    value,
    faultOfPlan(value) ??
      faultOfGuard(value) ??
      faultOfTools(value) ??
      faultOfBackground(value) ??
      faultOfSpeech(value) ??
      faultOfPrices(value),
  );
}

/** Tells a fault at its place. */
export function addFault<Whole>(
  { addIssue }: Pick<v.RawCheckContext<Whole>, "addIssue">,
  value: unknown,
  fault: Fault | null,
): void {
  if (fault === null) return;
  const [first, ...rest] = fault.path.map((key) => {
    return { type: "unknown" as const, origin: "value" as const, input: value, key, value: undefined };
  });
  if (first) addIssue({ message: fault.message, path: [first, ...rest] });
}

/** Nothing: the default. */
export function strategyChosen({ plan, hedgeMs }: Planned): { readonly strategy?: StrategyChoice } {
  if (plan === "race" || plan === "failover" || plan === "panel") return { strategy: { name: plan } };
  return plan === "hedge" && hedgeMs !== undefined ? { strategy: { name: plan, hedgeMs } } : {};
}
