/** What one call is: its plan, its dialect and its manners, from a seed. */
import type { Dialect } from "../../src/session/io.ts";
import type { Plan, PlannedUpstream } from "../../src/session/state/plan.ts";
import type { SessionSetup } from "../../src/session/session.ts";
import { PROFILES } from "../../src/upstreams/openai-compatible/profiles.ts";
import type { JsonObject, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Random } from "../sim/random.ts";
import { agentOptions } from "./agents.ts";
import { cascadeOptions } from "./cascade.ts";
import { FUZZED_MIND } from "./minds.ts";
import type { Observing } from "./observers.ts";
import { moshiOptions } from "./moshi.ts";
import { GROK } from "./peers.ts";
import { CALL, isCarrier } from "./phone.ts";
import { SECRET } from "./provider-grammar.ts";
import { FUZZED_VOICE } from "./voices.ts";
import { transcriberOptions } from "./transcribers.ts";

/** Whatever a provider says, new items, or one event of a client's, always under other names. */
type Flood = "provider" | "items" | "events";

export interface Scenario {
  readonly setup: SessionSetup;
  readonly dialect: Dialect;
  readonly profile: string;
  /** 0: everybody does as the protocol says. 1: hardly anything is whole. */
  readonly clientHostility: number;
  readonly providerHostility: number;
  readonly refusals: number;
  readonly steps: number;
  /** One kind of message over and over: what grows then grows without bound. */
  readonly flood: Flood | null;
  /** What is stored passes through the bytes that a sealed session's is encrypted as. */
  readonly sealed: boolean;
  /** What a client that comes again may speak. */
  readonly dialects: readonly Dialect[];
  /** The voice is a cascade: its client asks more often, and its transcriber is mild, so that the other stages are asked. */
  readonly cascade: boolean;
  /** Null: no observer comes. */
  readonly observing: Observing | null;
}

const PROFILE_NAMES = Object.keys(PROFILES);

/** Each call is of one of these, and some are further changed: by a seed of its own, so that the others stay as they are. */
export function scenarioOf(seed: number, number: number): Scenario {
  const scenario = plainScenario(seed, number);
  const random = new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x3c6ef372);
  const varied = { ...scenario, sealed: random.chance(0.5), setup: lockedSetup(scenario.setup, random) };
  const { plan } = varied.setup;
  const others = { ...varied, setup: { ...varied.setup, plan: otherProviders(plan, random) } };
  const placed = scenario.flood === null && random.chance(0.12) ? telephoned(others, random) : others;
  const whole = later(placed, new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x2b7e1516));
  const raced = oneVoice(whole, new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x510e527f));
  const tools = tooled(raced, new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x1f83d9ab));
  const spoken = speaking(tools, new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x428a2f98));
  return wordless(spoken, new Random(Math.imul(seed, 0x01000193) ^ number ^ 0x5be0cd19));
}

/** The relay may have a voice of its own. */
function speaking(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(0.2)) return scenario;
  return { ...scenario, setup: { ...scenario.setup, plan: { ...scenario.setup.plan, ...FUZZED_VOICE } } };
}

/** Its voice may be a Moshi server, which nobody can ask. */
function wordless(scenario: Scenario, random: Random): Scenario {
  const { setup } = scenario;
  const [first, ...more] = setup.plan.upstreams;
  if (first === undefined || setup.plan.strategy !== undefined || !random.chance(0.06)) return scenario;
  const upstreams = [{ ...first, options: moshiOptions(random) }, ...more];
  return { ...scenario, cascade: false, setup: { ...setup, plan: { ...setup.plan, upstreams } } };
}

/** What providers call may be the relay's to run. */
function tooled(scenario: Scenario, random: Random): Scenario {
  if (!random.chance(0.2)) return scenario;
  const webhook = { url: "https://tools.fuzz/", secret: SECRET, timeoutMs: 1000, budgetMs: 1000, retries: 0 };
  const parameters = { type: "object", properties: {} };
  const tools = [{ name: "get_weather", description: "Weather.", parameters, webhook }];
  const own = random.chance(0.4) ? { background: FUZZED_MIND } : { tools };
  return { ...scenario, setup: { ...scenario.setup, plan: { ...scenario.setup.plan, ...own } } };
}

/** Two that can be asked may be one voice. */
function oneVoice(scenario: Scenario, random: Random): Scenario {
  const { setup } = scenario;
  const { upstreams } = setup.plan;
  const asked = ({ options: { adapter, settings } }: PlannedUpstream) =>
    adapter !== "echo" && settings?.["turns"] !== "server";
  if (upstreams.length < 2 || !upstreams.every(asked) || random.chance(0.4)) return scenario;
  const quick = random.chance(0.6) ? ({ name: "race" } as const) : ({ name: "hedge", hedgeMs: 300 } as const);
  const strategy = random.chance(0.35) ? { name: random.pick(["failover", "panel"] as const) } : quick;
  return { ...scenario, setup: { ...setup, plan: { ...setup.plan, strategy } } };
}

/** What was added last: the beta, cascades, observers and vLLM-Omni's client. */
function later(scenario: Varied, random: Random): Scenario {
  const { setup, flood } = scenario;
  const dialects: readonly Dialect[] = ["realtime", "duplex.v1"];
  const beta: readonly Dialect[] =
    random.chance(0.12) && !isCarrier(scenario.dialect) ? ["openai-beta", ...dialects] : dialects;
  const [first, ...more] = setup.plan.upstreams;
  const cascade = random.chance(0.14) && first !== undefined;
  const fallback = first?.fallback?.map((each) => (random.chance(0.5) ? cascadeOptions(random) : each));
  const voice = cascade
    ? [{ ...first, options: cascadeOptions(random), ...(fallback ? { fallback } : {}) }, ...more]
    : setup.plan.upstreams;
  const observing = random.pick<Observing | null>([null, null, null, null, null, null, "quiet", "active"]);
  const omni = beta === dialects && !isCarrier(scenario.dialect) && random.chance(0.1);
  const spoken: readonly Dialect[] = omni ? ["vllm-omni", ...dialects] : beta;
  return {
    ...scenario,
    setup: { ...setup, plan: { ...setup.plan, upstreams: voice } },
    dialect: spoken === dialects ? scenario.dialect : (spoken[0] ?? scenario.dialect),
    dialects: spoken,
    cascade,
    observing: flood === null ? observing : null,
  };
}

type Varied = Omit<Scenario, "dialects" | "cascade" | "observing">;

const LOCKS = ["instructions", "audio.output.voice", "max_output_tokens", "prompt", "tracing", "unknown"];

function lockedSetup(setup: SessionSetup, random: Random): SessionSetup {
  if (!random.chance(0.1)) return setup;
  const fields = LOCKS.filter(() => random.chance(0.4));
  return { ...setup, locks: { fields, toolTypes: random.chance(0.5) ? ["function"] : null } };
}

/** Who is neither of OpenAI's dialect nor a cascade. */
function otherVoice(random: Random): UpstreamOptions {
  const who = random.pick([
    "gemini-2.5-flash-live",
    "gemini-3.8-live",
    "elevenlabs-agents",
    "deepgram-agent",
    "openai-live",
    "vllm-omni-duplex",
  ] as const);
  if (who !== "gemini-2.5-flash-live" && who !== "gemini-3.8-live") return agentOptions(who, random);
  return {
    adapter: "gemini-live",
    model: who,
    headers: { "x-goog-api-key": SECRET },
    settings: random.chance(0.3) ? { turns: "server" } : {},
  };
}

/** Others in the place of a voice, and the transcribers that are nothing else. */
function otherProviders(plan: Plan, random: Random): Plan {
  const [first, ...more] = plan.upstreams;
  if (first === undefined) return plan;
  const voices: PlannedUpstream[] = [first, ...more];
  if (random.chance(0.18)) {
    const fallback = first.fallback?.map((each) => (random.chance(0.5) ? otherVoice(random) : each));
    voices[0] = { ...first, options: otherVoice(random), ...(fallback ? { fallback } : {}) };
  } else if (first.fallback !== undefined && random.chance(0.15)) {
    voices[0] = { ...first, fallback: first.fallback.map(() => otherVoice(random)) };
  }
  const options = transcriberOptions(random);
  const listens = random.chance(plan.transcriber === undefined ? 0.08 : 0.7);
  const transcriber = listens ? { transcriber: { name: "words", options } } : {};
  return { ...plan, upstreams: voices, ...transcriber };
}

/** A telephone hears one voice, in G.711 both ways. */
function telephoned(scenario: Varied, random: Random): Varied {
  const { setup } = scenario;
  const muLaw = { format: { type: "audio/pcmu" } };
  return {
    ...scenario,
    dialect: random.pick(["twilio", "telnyx", "plivo"]),
    setup: {
      ...setup,
      intent: "conversation",
      plan: { ...setup.plan, upstreams: setup.plan.upstreams.slice(0, 1) },
      session: { audio: { input: muLaw, output: muLaw } },
      dialectSettings: {
        call: random.chance(0.7) ? CALL : null,
        greeting: random.pick<boolean | string>([true, false, "Say hello."]),
        keys: random.chance(0.8),
      },
    },
  };
}

function plainScenario(seed: number, number: number): Omit<Varied, "sealed"> {
  const random = new Random(Math.imul(seed, 0x01000193) ^ number);
  const profile = random.pick(PROFILE_NAMES);
  const options = (): UpstreamOptions => ({
    adapter: "openai-compatible",
    url: `https://${profile === "xai" ? GROK : "provider.test"}/v1/realtime`,
    model: "voice",
    headers: { Authorization: `Bearer ${SECRET}` },
    settings: settings(random, profile),
  });
  const first: PlannedUpstream = {
    name: "first",
    options: options(),
    ...(random.chance(0.25) ? { fallback: [options()], standby: random.chance(0.4) } : {}),
    ...(random.chance(0.1) ? { rolloverMs: 30_000 } : {}),
  };
  const upstreams: PlannedUpstream[] = [first];
  if (random.chance(0.15)) upstreams.push({ name: "second", options: options() });
  if (random.chance(0.08)) upstreams.push({ name: "echo", options: { adapter: "echo" } });
  const transcriber: PlannedUpstream | null = random.chance(0.1)
    ? { name: "words", options: options() }
    : null;
  const flood = random.chance(0.06)
    ? random.pick<Flood>(["provider", "items", "items", "events", "events"])
    : null;
  const mild = random.chance(0.3);
  return {
    setup: {
      id: "sess_fuzz",
      model: "voice",
      plan: {
        name: "route",
        upstreams,
        session: {},
        detector: random.chance(0.03) ? "auto" : "energy",
        ...(transcriber ? { transcriber } : {}),
      },
      intent: random.chance(0.08) ? "transcription" : "conversation",
      session: {},
    },
    dialect: random.chance(0.5) ? "duplex.v1" : "realtime",
    profile,
    clientHostility: mild ? 0.15 : random.between(0.3, 1),
    providerHostility: mild ? 0.15 : random.between(0.2, 1),
    refusals: random.chance(0.2) ? 0.4 : 0.03,
    steps:
      flood !== null
        ? random.int(1_200, 2_500)
        : random.chance(0.1)
          ? random.int(400, 900)
          : random.int(40, 400),
    flood,
  };
}

function settings(random: Random, profile: string): JsonObject {
  return {
    profile,
    ...(random.chance(0.25) ? { turns: "server" } : {}),
    ...(random.chance(0.1) ? { input: { type: "audio/pcmu" }, output: { type: "audio/pcmu" } } : {}),
    ...(random.chance(0.05) ? { output: { type: "audio/pcm", rate: 44_100 } } : {}),
  };
}
