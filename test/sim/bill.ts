/** What answers cost: by what providers told the relay, and by the relay's own account of it, which is in money. */
import type { Input } from "../../src/session/io.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import { parseJsonObject } from "../../src/protocol/json.ts";
import type { SimulatedCall } from "./call.ts";
import { fields, text } from "./fields.ts";
import { isShaded } from "./shadow.ts";
import type { World } from "./world.ts";

const MILLION = 1_000_000;
const SAME = 1e-6;
/** A token costs one, and a second of an open connection too. */
const PRICE = {
  inputTokensPerMillion: MILLION,
  outputTokensPerMillion: MILLION,
  openPerMinute: 60,
} as const;

/** Every third call has prices. */
export function isPriced(seed: number): boolean {
  return seed % 3 === 0;
}

export function withPrices(planned: PlannedUpstream): PlannedUpstream {
  return { ...planned, prices: [PRICE, ...(planned.fallback ?? []).map(() => PRICE)] };
}

/** Answers whose end was told: one that is told twice costs once. */
const ended = new WeakMap<World, Set<string>>();

function isFirstEnd(world: World, name: string): boolean {
  const before = ended.get(world) ?? new Set();
  ended.set(world, before);
  const first = !before.has(name);
  before.add(name);
  return first;
}

/** A provider's message reaches the session. */
export function noteBill(world: World, input: Input): void {
  if (input.type !== "message" || typeof input.data !== "string") return;
  if (!input.peer.startsWith("up") || !input.data.includes('"response.done"')) return;
  const event = parseJsonObject(input.data);
  if (event?.["type"] !== "response.done") return;
  const response = fields(event["response"]);
  const tokens = fields(response["usage"])["total_tokens"];
  if (typeof tokens !== "number" || !isFirstEnd(world, `${input.peer} ${text(response["id"])}`)) return;
  world.checks.count("tokens billed", tokens);
}

/** Where nothing is forgotten in a crash: in an ended session all was counted, and nothing twice. */
export function compareBill(call: SimulatedCall): void {
  const { checks, scenario, relay, seed } = call;
  if (!isPriced(seed) || relay.ended === null) return;
  if (scenario.faults.includes(DIES_ALONE)) return compareDead(call);
  if (scenario.faults.some((fault) => FORGETS.has(fault))) return;
  const figure = (name: string): number => checks.figures.get(name) ?? 0;
  const [heard, unheard, line, shadow] = ["heard", "unheard", "line", "shadow"].map(
    (kind) => figure(`metric_cost_${kind}_millionths`) / MILLION,
  ) as [number, number, number, number];
  const tokens = figure("tokens billed");
  const openS = figure("metric_upstream_open_ms") / 1000;
  checks.count("calls with prices");
  checks.count("cost of shadows", shadow);
  // A shadow's tokens and seconds are one sum.
  const apart = isShaded(scenario) || Math.abs(line - openS) < SAME;
  if (Math.abs(heard + unheard + line + shadow - tokens - openS) < SAME && apart) return;
  const counted = `${heard} for what was heard, ${unheard} not, ${line} for the line, ${shadow} for shadows`;
  checks.fail("money", `${tokens} tokens and ${openS} s were billed, and counted were ${counted}`);
}

/** An object that is dead pays for no connection: what was counted beyond those that were open is what it forgot that it had told. */
function compareDead({ checks, providers, relay, scenario }: SimulatedCall): void {
  // What its clock says is no measure.
  if (scenario.faults.some((fault) => fault.startsWith("platform.clock"))) return;
  const openMs = [...providers.keys()].reduce((sum, name) => sum + relay.openMs(name), 0);
  const line = (checks.figures.get("metric_cost_line_millionths") ?? 0) / MILLION;
  checks.count("calls with prices");
  if (line > openMs / 1000 + FORGOTTEN_S * providers.size)
    checks.fail("money", `${line} s of connections are counted, and they were open for ${openMs / 1000} s`);
}

/** Where no client comes back, so that the object is dead for a while. */
const DIES_ALONE = "platform.crash_plain";
const FORGOTTEN_S = 1.3;

const FORGETS: ReadonlySet<string> = new Set([
  "platform.crash",
  "platform.deploy",
  "platform.store_fails",
  "platform.version",
]);
