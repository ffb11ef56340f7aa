/** What kind of call a seed is. */
import type { Limits } from "../../src/session/limits.ts";
import type { PlannedUpstream } from "../../src/session/state/plan.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import type { Random } from "./random.ts";
import type { Scenario, SimUpstream, UpstreamKind } from "./world.ts";

/** Waits and buffers small enough to be reached within a call of half a minute. */
const SIM_LIMITS: Partial<Limits> = {
  items: 24,
  // Of history and recordings together: one turn is kept, and often not two.
  archiveBytes: 320 * 1024,
  inputHistoryMs: 10_000,
  backlogBytes: 512 * 1024,
  laneBytes: 96 * 1024,
  outboxBytes: 768 * 1024,
  clientBufferedBytes: 192 * 1024,
  activeResponses: 6,
  finishedResponses: 6,
  dialMs: 3000,
  readyMs: 3000,
  firstOutputMs: 5000,
  progressMs: 3000,
  redialFirstMs: 100,
  redialMostMs: 1000,
  clientGoneMs: 8000,
  unclaimedMs: 10_000,
};

/** All that anybody says in such a call; and in some calls no more than one turn, so that the oldest goes. */
const WORDLESS_BYTES = 4 * 1024 * 1024;
const WORDLESS_FEW_BYTES = 320 * 1024;

/** By default. */
const DUCK_DB = 15;

const KINDS: readonly (readonly UpstreamKind[])[] = [
  ["turns"],
  ["turns"],
  ["turns"],
  ["turns"],
  ["turns"],
  ["turns", "echo"],
  ["turns", "turns"],
  ["turns", "turns", "turns"],
  ["turns", "server"],
  ["server", "turns"],
  ["server", "server"],
  ["server"],
  ["server"],
  ["echo"],
];

/** Upstreams are hung up in the pauses of such calls. */
/** Calls in which the client has formats of its own. */
const CONVERTING: readonly string[] = ["client.formats"];
const PARKING: readonly string[] = ["caller.long_silence", "platform.evict"];

export function drawScenario(random: Random, faults: readonly string[]): Scenario {
  const rateHz = random.pick([16_000, 16_000, 16_000, 24_000, 8000] as const);
  const converted = faults.some((name) => CONVERTING.includes(name));
  const kinds = converted ? random.pick([["turns"], ["turns"], ["server"]] as const) : random.pick(KINDS);
  const dialect = random.chance(0.6) ? "duplex.v1" : "realtime";
  // A silence, or a dial in vain, is another thing where the client takes the turns.
  const often = ["caller.long_silence", "provider.no_answer"].some((name) => faults.includes(name))
    ? 0.3
    : 0.12;
  const manual = kinds.every((kind) => kind === "turns") && random.chance(often);
  const tools = random.chance(0.25);
  const upstreams = kinds.map((kind, index): SimUpstream => {
    const profile =
      kind === "turns" ? random.pick(["openai", "openai", "localai", "xai"] as const) : "openai";
    const rolloverMs = faults.includes("provider.rollover") ? Math.round(random.between(2500, 8000)) : null;
    const standby = faults.includes("provider.standby");
    const fallback = kind !== "echo" && random.chance(0.2);
    return { name: `p${index}`, kind, profile, rolloverMs, standby, fallback };
  });
  const transcriber: SimUpstream | null = random.chance(faults.includes("caller.long_silence") ? 0.5 : 0.12)
    ? {
        name: "ear",
        kind: "transcriber",
        profile: "openai",
        rolloverMs: null,
        standby: false,
        fallback: random.chance(0.3),
      }
    : null;
  const settings = session(random, rateHz, manual, tools, dialect === "duplex.v1");
  return {
    dialect,
    rateHz,
    upstreams,
    strategy: null,
    transcriber,
    converted,
    manual,
    eager: faults.includes("client.eager_on_off") || JSON.stringify(settings).includes("eager_ms"),
    tools,
    sealed: false,
    semantic: JSON.stringify(settings).includes("semantic_vad") || faults.includes("client.semantic_vad"),
    faults,
    session: settings,
    ducks: false,
    duckDb: DUCK_DB,
    limits: {
      ...SIM_LIMITS,
      wordlessBytes: tools ? WORDLESS_FEW_BYTES : WORDLESS_BYTES,
      ...(PARKING.some((name) => faults.includes(name)) && { parkMs: 1000 }),
      // An upload takes as long as a lost connection needs to come back.
      ...(faults.includes("client.drops_after_upload") && {
        inputStepMs: 200,
        clientWorkBurstMs: 500,
        clientWorkSpeed: 8,
      }),
      // A client that does not read is noticed within one call's arguments.
      ...(faults.includes("provider.calls_in_pieces") && { clientBufferedBytes: 16 * 1024 }),
      ...(faults.includes("platform.longest") && { sessionMs: Math.round(random.between(2000, 12_000)) }),
    },
    // A provider that fell silent is found out in what is said after it.
    utterances: random.int(2, 4) + (faults.some((name) => name.startsWith("provider.hole")) ? 2 : 0),
    clientQuality: { delayMs: random.between(5, 60), jitterMs: random.between(0, 15), speed: 10_000 },
    providerQuality: { delayMs: random.between(5, 80), jitterMs: random.between(0, 15), speed: 10_000 },
  };
}

/** How agents give way in it. Drawn last, so that calls in which nobody is spoken over are what they were. */
export function givingWay(random: Random, scenario: Scenario): Scenario {
  const extended = scenario.dialect === "duplex.v1";
  const ducks = extended && random.chance(0.5);
  const duckDb = random.chance(0.4) ? random.pick([12, 18]) : DUCK_DB;
  const over_agent = random.chance(0.3) ? random.pick(["duck", "duck", "hold"]) : undefined;
  // A plain client's audio is paced where it asks for that: then it is made quieter on its way.
  const paced = !extended && random.chance(0.4);
  const confirm_ms = paced && random.chance(0.7) ? 680 : undefined;
  const sealed = extended && sealable(scenario) && random.chance(0.2);
  // Longer than the silence that ends a turn, perhaps: then a sound ends before it is judged.
  const dismiss_ms = random.chance(0.2) ? random.pick([400, 600]) : undefined;
  // An interruption may end before it is long enough to be one, and its turn may end before it is judged.
  const late = extended && (random.chance(0.25) || scenario.faults.includes("caller.interrupts_and_waits"));
  const judged = late ? { confirm_ms: 1300, dismiss_ms: 600 } : {};
  const relay = {
    ...(scenario.session["relay"] as JsonObject),
    ...(paced ? { lead_ms: random.pick([60, 100, 400]) } : {}),
    interruption: {
      ...(duckDb === DUCK_DB ? {} : { duck_db: duckDb }),
      ...(over_agent === undefined ? {} : { over_agent }),
      ...(confirm_ms === undefined ? {} : { confirm_ms }),
      ...(dismiss_ms === undefined ? {} : { dismiss_ms }),
      ...judged,
    },
  };
  const given = { ...scenario, ducks, duckDb, sealed, session: { ...scenario.session, relay } };
  return patient(random, meaning(random, given));
}

/** Several turns may be made while a dial is waited for. */
const PATIENT_DIAL_MS = 6000;

/** A provider that does not answer the call may be waited for so long that turns are made meanwhile. */
function patient(random: Random, scenario: Scenario): Scenario {
  if (!scenario.faults.includes("provider.no_answer") || random.chance(0.5)) return scenario;
  return { ...scenario, limits: { ...scenario.limits, dialMs: PATIENT_DIAL_MS } };
}

/** Pauses of so many utterances together are longer than a provider that decides by meaning may wait. */
const UTTERANCES_FOR_MEANING = 11;

/** A provider that takes the turns, and vanishes, may decide by meaning: so much may be said before it is missed. */
function meaning(random: Random, scenario: Scenario): Scenario {
  const { faults, upstreams, session, utterances } = scenario;
  if (!faults.includes("provider.hole_anytime") || !upstreams.some(({ kind }) => kind === "server"))
    return scenario;
  if (faults.some((name) => name.startsWith("client.")) || random.chance(0.4)) return scenario;
  const audio = session["audio"] as JsonObject;
  const eagerness = random.pick(["high", "auto"] as const);
  const input = { ...(audio["input"] as JsonObject), turn_detection: { type: "semantic_vad", eagerness } };
  return {
    ...scenario,
    semantic: true,
    vanishesHearing: true,
    utterances: eagerness === "high" ? utterances : UTTERANCES_FOR_MEANING,
    session: { ...session, audio: { ...audio, input } },
  };
}

/** Several that can be asked may be one voice. Drawn last of all, so that other calls are what they were. */
export function oneVoice(random: Random, scenario: Scenario): Scenario {
  const { upstreams } = scenario;
  if (upstreams.length < 2 || upstreams.some(({ kind }) => kind !== "turns")) return scenario;
  if (random.chance(0.4)) return scenario;
  const hedgeMs = random.pick([50, 300, 1200]);
  const quick = random.chance(0.6) ? ({ name: "race" } as const) : ({ name: "hedge", hedgeMs } as const);
  const strategy = random.chance(0.35) ? { name: random.pick(["failover", "panel"] as const) } : quick;
  return { ...scenario, strategy };
}

/** Sealed, an object never sleeps, and one that died with a plain client or for one without a token is gone for good. */
function sealable({ faults }: Scenario): boolean {
  if (faults.includes("platform.evict")) return false;
  return !faults.includes("client.begins_anew") || !faults.some((name) => name.startsWith("platform."));
}

function session(
  random: Random,
  rate: number,
  manual: boolean,
  tools: boolean,
  extended: boolean,
): JsonObject {
  const format = { type: "audio/pcm", rate };
  const turn_detection = manual ? null : detection(random);
  const transcription = random.chance(0.5) ? { model: "whisper" } : null;
  const parameters = { type: "object", properties: {} };
  return {
    instructions: "Answer.",
    tools: tools ? [{ type: "function", name: "look", description: "Looks.", parameters }] : [],
    audio: { input: { format, turn_detection, transcription }, output: { format } },
    relay: {
      ...(extended && random.chance(0.3) ? { lead_ms: random.pick([100, 400, 2000, null]) } : {}),
      ...(!manual && random.chance(0.3) ? { eager_ms: random.pick([50, 100, 200]) } : {}),
    },
  };
}

function detection(random: Random): JsonObject {
  if (random.chance(0.1))
    return { type: "semantic_vad", eagerness: random.pick(["high", "auto", "low"] as const) };
  return {
    type: "server_vad",
    silence_duration_ms: random.int(250, 600),
    prefix_padding_ms: random.int(200, 400),
  };
}

const MELODY_MS = 4500;

/** How much longer than by silence alone the relay may wait for the end of a turn: where meaning decides. */
export function waitsLongerMs({ semantic }: Scenario): number {
  return semantic ? MELODY_MS : 0;
}

/** How long a provider that decides by meaning may take a pause for part of a turn (OpenAI's bounds). */
export function meaningMs({ semantic, session, faults }: Scenario): number {
  if (!semantic) return 0;
  return JSON.stringify(session).includes('"low"') || faults.includes("client.semantic_vad") ? 8000 : 4000;
}

export function plannedUpstream(
  { name, kind, profile, rolloverMs, standby, fallback }: SimUpstream,
  rate: 8000 | 16000 | 24000,
): PlannedUpstream {
  const format = { type: "audio/pcm", rate } as const;
  if (kind === "echo") return { name, options: { adapter: "echo", settings: { format } } };
  const turns = kind === "turns" ? "client" : "server";
  const options = {
    adapter: "openai-compatible",
    url: `wss://${name}.sim/v1/realtime`,
    model: "voice",
    settings: { profile, turns, input: format, output: format },
  } as const;
  return {
    name,
    options,
    ...(rolloverMs === null ? {} : { rolloverMs }),
    ...(standby ? { standby } : {}),
    ...(standby || fallback ? { fallback: [options] } : {}),
  };
}
