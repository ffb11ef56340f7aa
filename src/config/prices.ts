/** What upstreams ask for, as `relay.config.ts` says it (docs/cost.md). */
import * as v from "valibot";
import { PRICED, type Price } from "../session/state/price.ts";
import type { Plan, PlannedUpstream } from "../session/state/plan.ts";

const money = v.optional(
  v.pipe(
    v.number(),
    v.check((each) => Number.isFinite(each) && each >= 0, "a price is a number from 0"),
  ),
);
type Moneys = Record<(typeof PRICED)[number], typeof money>;
const DEFAULT_CURRENCY = "USD";

/** ISO 4217. Of a route all prices are in one currency. */
const currency = v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, "a currency is three capital letters, as USD"));

export const priceTable = v.strictObject({
  currency: v.optional(currency),
  ...(Object.fromEntries(PRICED.map((name) => [name, money])) as Moneys),
});

export type PriceTable = v.InferOutput<typeof priceTable>;

interface Priced {
  readonly price?: PriceTable | undefined;
}
interface PricedEntry extends Priced {
  readonly fallback?: readonly Priced[] | undefined;
}
export interface PricedRoute {
  readonly upstreams: readonly PricedEntry[];
  readonly transcriber?: PricedEntry | undefined;
  readonly speech?: Priced | undefined;
  readonly background?: { readonly text: Priced } | undefined;
}

function tablesOf({ upstreams, transcriber, speech, background }: PricedRoute): readonly PriceTable[] {
  const behind: readonly (PricedEntry | undefined)[] = [transcriber, speech, background?.text];
  return [...upstreams, ...behind.filter((one) => one !== undefined)].flatMap(({ price, fallback = [] }) =>
    [price, ...fallback.map((one) => one.price)].filter((table) => table !== undefined),
  );
}

/** Money of two currencies has no sum. */
export function faultOfPrices(route: PricedRoute) {
  const [first = DEFAULT_CURRENCY, ...others] = tablesOf(route).map((table) => currencyOf(table));
  if (others.every((each) => each === first)) return null;
  const message = `the prices of a route are in one currency: here are ${[...new Set([first, ...others])].join(", ")}`;
  return { path: ["upstreams"], message };
}

function currencyOf({ currency: named }: PriceTable): string {
  return named ?? DEFAULT_CURRENCY;
}

/** Nothing: no upstream has a price. */
export function currencyChosen(route: PricedRoute): Pick<Plan, "currency"> {
  const [first] = tablesOf(route);
  return first ? { currency: currencyOf(first) } : {};
}

/** Nothing: neither it nor any fallback has a price. */
export function pricesChosen({ price, fallback = [] }: PricedEntry): Pick<PlannedUpstream, "prices"> {
  const prices = [price, ...fallback.map((one) => one.price)].map((table) =>
    table ? amountsOf(table) : null,
  );
  return prices.some((each) => each !== null) ? { prices } : {};
}

/** Of who works for the relay itself. Nothing: it has none. */
export function priceChosen({ price }: Priced): { readonly price?: Price } {
  return price ? { price: amountsOf(price) } : {};
}

function amountsOf(table: PriceTable): Price {
  const { currency: _, ...amounts } = table;
  return amounts;
}
