/** What the parts of one simulated call share. */
import type { Dialect } from "../../src/session/io.ts";
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";
import type { Limits } from "../../src/session/limits.ts";
import type { StrategyChoice } from "../../src/session/state/plan.ts";
import type { JsonObject } from "../../src/upstreams/upstream.ts";
import type { Checks } from "./checks.ts";
import type { Quality } from "./connection.ts";
import type { Random } from "./random.ts";
import type { Tape } from "./tape.ts";
import type { Minds } from "./minds.ts";
import type { Voices } from "./voices.ts";
import type { Announced } from "./asides.ts";
import type { PlanWatch } from "./plan-changes.ts";
import type { BackchannelPlan, FillerPlan } from "../../src/session/state/sounds.ts";
import type { Deeds } from "./tools.ts";
import type { Typed } from "./typed.ts";
import type { Wishes } from "./wishes.ts";
import type { VirtualTime } from "./time.ts";

/** `turns`: the relay decides; `server`: the provider does; `echo`: in process, full duplex; `transcriber`: only hears. */
export type UpstreamKind = "turns" | "server" | "echo" | "transcriber";

export interface SimUpstream {
  readonly name: string;
  readonly kind: UpstreamKind;
  /** Profile of `openai-compatible`. */
  readonly profile: "openai" | "localai" | "xai";
  /** Its connection is changed for another after so long; null: never. */
  readonly rolloverMs: number | null;
  /** A second connection is kept ready. */
  readonly standby: boolean;
  /** There is another address for it. */
  readonly fallback: boolean;
}

/** Everything that is decided before the call begins. */
export interface Scenario {
  readonly dialect: Dialect;
  readonly rateHz: 8000 | 16000 | 24000;
  readonly upstreams: readonly SimUpstream[];
  /** How several of them are one voice; null: each answers for itself. */
  readonly strategy: StrategyChoice | null;
  readonly transcriber: SimUpstream | null;
  readonly session: JsonObject;
  /** The client's formats differ from the providers': audio is told by how much of it there is, not by the sample. */
  readonly converted: boolean;
  readonly limits: Partial<Limits>;
  readonly utterances: number;
  readonly manual: boolean;
  /** Turns may be committed in advance, and taken back. */
  readonly eager: boolean;
  readonly tools: boolean;
  /** What is stored can be opened by the client's tokens alone (`sealed` of its route). */
  readonly sealed: boolean;
  /** The client's player goes on quieter when it is told to, and the client says so. */
  readonly ducks: boolean;
  /** How much quieter an agent goes on where the session asks for it, or by default. */
  readonly duckDb: number;
  /** Meaning may end turns, or not. */
  readonly semantic: boolean;
  /** A provider that vanishes does so when it has said that it hears somebody. */
  readonly vanishesHearing?: true;
  /** Words are judged before they pass. */
  readonly guard?: GuardPlan;
  /** The tool that agents call is the relay's. */
  readonly webhook?: true;
  /** Or hands on to a background mind (with `webhook`: it is the relay's all the same). */
  readonly mind?: true;
  /** The caller may take a call of it back for so long. */
  readonly confirmMs?: number;
  /** What is heard while nobody answers. */
  readonly fillers?: FillerPlan;
  readonly backchannels?: BackchannelPlan;
  /** The relay has a voice of its own. */
  readonly speech?: true;
  /** So often the plan changes in mid-call. */
  readonly planChanges?: number;
  readonly faults: readonly string[];
  /** Faults change these before the call begins. */
  readonly clientQuality: Quality;
  readonly providerQuality: Quality;
}

export interface World {
  readonly seed: number;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly checks: Checks;
  readonly scenario: Scenario;
  readonly tape: Tape;
  /** The relay may make audio quieter on its way to the present client. */
  readonly relayDucks: boolean;
  /** Numbers answers over all providers. @param provider whose it is. */
  nextAnswer(provider: string): number;
  /** Answers that nobody may hear. */
  readonly shadowAnswers: ReadonlySet<number>;
  readonly deeds: Deeds;
  readonly typed: Typed;
  readonly wishes: Wishes;
  readonly minds: Minds;
  readonly voices: Voices;
  readonly announced: Announced;
  readonly plans: PlanWatch;
  /** So far. */
  readonly answers: number;
}
