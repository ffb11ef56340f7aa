/** What one call is: its plan, its dialect and its manners, from a seed. */
import type { Dialect } from "../../src/session/io.ts";
import type { PlannedUpstream } from "../../src/session/plan.ts";
import type { SessionSetup } from "../../src/session/session.ts";
import { PROFILES } from "../../src/upstreams/openai-profiles.ts";
import type { JsonObject, UpstreamOptions } from "../../src/upstreams/upstream.ts";
import { Random } from "../sim/random.ts";
import { SECRET } from "./provider-grammar.ts";

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
}

const PROFILE_NAMES = Object.keys(PROFILES);

export function scenarioOf(seed: number, number: number): Scenario {
  const random = new Random(Math.imul(seed, 0x01000193) ^ number);
  const profile = random.pick(PROFILE_NAMES);
  const options = (): UpstreamOptions => ({
    adapter: "openai-compatible",
    url: "https://provider.test/v1/realtime",
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
