/** At the end of a call: what each provider remembers is what was heard, and its session is the one that is shown. */
import type { Json, JsonObject } from "../../src/protocol/json.ts";
import type { SimulatedCall } from "./call.ts";
import { fields } from "./fields.ts";
import { wordsOfEntry } from "./words.ts";
import type { Provider } from "./provider.ts";
import { SHADOW } from "./shadow.ts";
import type { ProviderCall } from "./provider-call.ts";

/** Acknowledgements, frames and what is on its way. */
const SLACK_MS = 80;
/** A player that stands still is known to at its next acknowledgement. */
const BETWEEN_ACKS_MS = 100;
/** Who has said where it is is taken to have played so much, at most, of what it says nothing of (SPEC B14). */
export const PLAYS_ON_MS = 1000;
/** Within this a client knows what became of its `session.update`. */
const JUDGED_MS = 2000;

/** Where samples name their answers, nothing forgotten in a crash, and everything cut was told to the relay. */
export function checksProviders(call: SimulatedCall): boolean {
  const { converted, faults, upstreams, dialect } = call.scenario;
  // A plain client cannot tell agents apart: what it truncates is the one that it takes for the only one.
  if (dialect === "realtime" && upstreams.length > 1) return false;
  return !converted && !call.silentVoices && !faults.some((fault) => UNACCOUNTABLE.has(fault));
}

/** Calls in which client or relay forget, or in which the client itself takes items away. */
const UNACCOUNTABLE: ReadonlySet<string> = new Set([
  "platform.crash",
  "platform.crash_plain",
  "platform.deploy",
  "platform.store_fails",
  "platform.version",
  "caller.delete",
  "client.vanishes",
  "client.begins_anew",
]);

export function compareProviders(call: SimulatedCall): void {
  for (const provider of call.providers.values()) for (const one of provider.calls) compareTold(call, one);
  for (const [index, upstream] of call.scenario.upstreams.entries()) {
    const provider = call.providers.get(upstream.name);
    const serving = provider?.open.filter((one) => !one.holed) ?? [];
    // One that is ready, or is being prepared, is to take over as it is.
    for (const one of serving) if (one.settled) compareConfig(call, one);
    // What is said meanwhile a successor will be told later.
    const [only] = serving;
    if (!provider || serving.length !== 1 || only === undefined || !only.settled) continue;
    if (provider.turns.some(({ again, call: one }) => again && one === only))
      call.checks.fail("spoken-twice", `${provider.name} heard a turn again that was not taken back`);
    compareItems(call, provider, only, index);
  }
}

/** What a provider is told in the words in which the client is shown it. Formats and turns may be the relay's own. */
const SHARED: readonly (readonly string[])[] = [
  ["instructions"],
  ["tools"],
  ["tool_choice"],
  ["max_output_tokens"],
  ["audio", "input", "transcription"],
  ["audio", "output", "voice"],
];

function compareConfig({ checks, client, scenario, time }: SimulatedCall, { config }: ProviderCall): void {
  // Its verdict is on its way.
  if (time.now - client.line.updatedAt < JUDGED_MS) return;
  checks.count("configurations compared");
  for (const path of SHARED) {
    // The relay's own is not the client's to see.
    if (scenario.webhook === true && path[0] === "tools") continue;
    const held = valueAt(config, path);
    const shown = valueAt(client.shown, path);
    // Told nothing, it has what a provider has by itself.
    if (held === undefined && path[0] !== "instructions") continue;
    if (JSON.stringify(held ?? null) === JSON.stringify(shown ?? null)) continue;
    const what = path.join(".");
    checks.fail(
      "provider-config",
      `the provider has ${what} ${JSON.stringify(held)}, and ${JSON.stringify(shown)} is shown`,
    );
  }
}

function valueAt(object: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = object;
  for (const key of path) value = fields(value)[key];
  return value;
}

/** Who is told in words of what was before its time knows as much of it as was heard, also when that changed since. */
function compareTold({ checks }: SimulatedCall, { heard, items, provider }: ProviderCall): void {
  // One that never answered was told of what was before its time at most: it may be told of the rest when it serves.
  if (heard === null || items.all.every(({ answer }) => answer === null)) return;
  for (const { words } of items.all) {
    if (words !== "") checks.count("words compared");
    if (words === "" || heard.has(words)) continue;
    checks.fail("provider-history", `${provider.name} was told "${words}", and that is not what was heard`);
  }
}

/** Every answer of this connection is remembered for as long as it was heard, and one that nobody heard not at all. */
function compareItems(call: SimulatedCall, provider: Provider, { items }: ProviderCall, index: number): void {
  const { checks, client, relay } = call;
  const { scenario } = call;
  const { faults, clientQuality } = scenario;
  const stalls = faults.includes("client.player_stalls");
  const slackMs =
    SLACK_MS + 2 * (clientQuality.delayMs + clientQuality.jitterMs) + (stalls ? BETWEEN_ACKS_MS : 0);
  for (const { answer, type, audioMs, truncatedMs, stalledAskAt } of items.all) {
    if (answer === null || type !== "message" || audioMs === 0) continue;
    if (provider.name === SHADOW && goesOn(call, provider, stalledAskAt)) continue;
    const itemId = client.hearing.itemOf(answer);
    const item = itemId === null ? undefined : client.player.items.get(itemId);
    const heardMs = item?.playedMs ?? 0;
    const rememberedMs = truncatedMs ?? audioMs;
    checks.count("provider items compared");
    if (call.unsteady ? heardMs > 0 || rememberedMs <= PLAYS_ON_MS : rememberedMs - heardMs <= slackMs)
      continue;
    if (provider.abandons || (call.unsteady && client.believed.has(itemId ?? ""))) continue;
    // It stops its player and says nothing of it: the provider keeps what it said, as without a relay (SPEC B17).
    const unsaid = !client.habits.truncates || client.unsaid.has(itemId ?? "");
    if (unsaid && !client.extended) continue;
    const what = `${provider.name} remembers ${rememberedMs.toFixed(0)} ms of answer ${answer}`;
    checks.fail("provider-history", `${what}, and ${heardMs.toFixed(0)} ms were heard`);
  }
  const entries = relay.session?.snapshot().conversation.entries ?? [];
  const knowsAll = scenario.strategy !== null || provider.name === SHADOW;
  const heard = entries.filter(
    (entry) =>
      // Where no word was heard there is nothing to tell.
      (entry.origin === index || (knowsAll && entry.origin !== null)) &&
      entry.item.type === "message" &&
      entry.audioMs > 0 &&
      wordsOfEntry(entry) !== "",
  );
  const known = items.all.filter(({ type, role }) => type === "message" && role === "assistant").length;
  if (known < heard.length)
    checks.fail(
      "provider-history",
      `${provider.name} knows of ${known} answers, and ${heard.length} were heard`,
    );
}

/**
 * An answer of a shadow that stopped without a word: nobody waits for it, and it may go on until another one is asked for or the
 * speaker's is cut. Then it is forgotten like any other (SPEC X331).
 */
function goesOn({ client }: SimulatedCall, { asks }: Provider, stalledAskAt: number | null): boolean {
  const cut = client.dialogue.endedAs === "cancelled" || client.dialogue.endedAs === "failed";
  return stalledAskAt !== null && stalledAskAt === asks.at(-1)?.at && !cut;
}
