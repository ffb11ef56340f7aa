/** One simulated call, from its seed to its outcome. */
import type { SessionSnapshot } from "../../src/session/session.ts";
import type { Plan, PlannedUpstream } from "../../src/session/state/plan.ts";
import { isPriced, withPrices } from "./bill.ts";
import { Checks, type Violation } from "./checks.ts";
import { Client } from "./client.ts";
import { drawFitting, faultNamed } from "./faults/index.ts";
import { Provider } from "./provider.ts";
import { Random } from "./random.ts";
import { Relay } from "./relay.ts";
import { plannedUpstream, waitsLongerMs } from "./scenario.ts";
import { SHADOW } from "./shadow.ts";
import { Tape } from "./tape.ts";
import { Announced, SAID, SAY } from "./asides.ts";
import { changePlans, PlanWatch } from "./plan-changes.ts";
import { MIND, Minds } from "./minds.ts";
import { VOICE, Voices } from "./voices.ts";
import { Deeds, lookOf } from "./tools.ts";
import { Typed } from "./typed.ts";
import { Wishes } from "./wishes.ts";
import { VirtualTime } from "./time.ts";
import { checksProviders, compareProviders } from "./provider-account.ts";
import { judge } from "./verdict.ts";
import type { Scenario, SimUpstream, World } from "./world.ts";

/** A call that nobody ends by then is stuck. */
const LONGEST_MS = 180_000;
const QUIET_MS = 2500;
/** A provider that reads slowly is waited for so long, that it may be asked what it knows. */
const BEHIND_MS = 15_000;
/** What is to strike in a certain moment waits for it so long. */
const WAITS_MS = 6000;
/** Silence that ends a turn, and a little more. */
const HANGOVER_MS = 900;
/** After the client's window: everything that was open must be closed by then. */
const AFTERMATH_MS = 12_000;

export interface Outcome {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly violation: Violation | null;
  /** Virtual milliseconds. */
  readonly lastedMs: number;
  readonly struck: ReadonlyMap<string, number>;
  readonly figures: ReadonlyMap<string, number>;
  readonly scenario: Scenario;
  readonly trace: readonly string[];
}

export class SimulatedCall implements World {
  readonly seed: number;
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly checks: Checks;
  readonly scenario: Scenario;
  readonly tape: Tape;
  readonly providers = new Map<string, Provider>();
  readonly relay: Relay;
  readonly client: Client;
  readonly deeds: Deeds;
  readonly minds: Minds;
  readonly voices: Voices;
  readonly typed: Typed;
  readonly wishes = new Wishes(this);
  readonly shadowAnswers = new Set<number>();
  readonly announced: Announced;
  readonly plans = new PlanWatch(this);
  /** A fault makes providers silent: zeros are no stranger's voice. */
  silentVoices = false;
  /** A fault makes times unpredictable: what was heard is not compared to the millisecond. */
  unsteady = false;
  /** The session as it was when the client hung up of its own will; null: it did not come to that. */
  lastMoment: SessionSnapshot | null = null;
  /** When the client hung up, or was put out. */
  hungUpAt: number | null = null;
  #answers = 0;

  /** How long the caller talks on; null: until all turns of the scenario are said. */
  readonly #talksMs: number | null;

  constructor(seed: number, faults: readonly string[], tracing: boolean, talksMs: number | null = null) {
    this.seed = seed;
    this.#talksMs = talksMs;
    this.random = new Random(seed);
    this.checks = new Checks(() => this.time.now, tracing);
    const scenario = drawFitting(this.random.fork(), faults);
    this.scenario = talksMs === null ? scenario : { ...scenario, utterances: Infinity };
    this.tape = new Tape(this.scenario.rateHz, this.random.int(0, 1 << 20));
    for (const upstream of [...this.scenario.upstreams, this.scenario.transcriber]) {
      if (upstream === null || upstream.kind === "echo") continue;
      this.providers.set(
        upstream.name,
        new Provider(this, upstream, this.scenario.providerQuality, this.random.fork()),
      );
    }
    const { rateHz, transcriber } = this.scenario;
    const planned = (upstream: SimUpstream): PlannedUpstream => {
      const one = plannedUpstream(upstream, rateHz);
      const cast = upstream.name === SHADOW ? { ...one, role: "shadow" as const } : one;
      return isPriced(seed) ? withPrices(cast) : cast;
    };
    const plan = {
      name: "sim",
      upstreams: this.scenario.upstreams.map(planned),
      ...(isPriced(seed) && { currency: "USD" }),
      ...(this.scenario.strategy === null ? {} : { strategy: this.scenario.strategy }),
      ...(this.scenario.guard === undefined ? {} : { guard: this.scenario.guard }),
      ...(this.scenario.webhook === true && toolsOf(this.scenario)),
      ...(this.scenario.fillers && { fillers: this.scenario.fillers }),
      ...(this.scenario.backchannels && { backchannels: this.scenario.backchannels }),
      ...((this.scenario.faults.includes(SAY) || this.scenario.speech === true) && { sounds: SAID }),
      ...(this.scenario.speech === true && { speech: VOICE }),
      session: {},
      detector: "energy",
      ...(transcriber === null ? {} : { transcriber: planned(transcriber) }),
    } as const;
    const setup = {
      id: "sim",
      model: "sim",
      plan,
      intent: "conversation",
      session: this.scenario.session,
    } as const;
    // With draws of its own: all other calls are what they were.
    this.deeds = new Deeds(this, new Random(seed ^ 0x7001));
    this.typed = new Typed(this, new Random(seed ^ 0x7005));
    this.minds = new Minds(this, new Random(seed ^ 0x7002));
    this.voices = new Voices(this, new Random(seed ^ 0x7004));
    this.announced = new Announced(this);
    this.relay = new Relay(this, this.providers, setup, this.random.fork());
    this.client = new Client(this, this.relay, this.random.fork(), () => this.silentVoices);
    for (const name of this.scenario.faults) faultNamed(name).arm(this, this.random.fork());
    changePlans(this, new Random(seed ^ 0x7003));
  }

  get relayDucks(): boolean {
    return !this.client.playerDucks;
  }

  get answers(): number {
    return this.#answers;
  }

  nextAnswer(provider: string): number {
    this.#answers += 1;
    if (provider === SHADOW) this.shadowAnswers.add(this.#answers);
    return this.#answers;
  }

  /** Something happens at a moment of the call that is drawn. */
  sometime(random: Random, run: () => void, fromMs = 700, toMs = 9000): void {
    this.time.after(random.between(fromMs, toMs), () => {
      if (!this.client.over) run();
    });
  }

  /** As soon as something is so; or else, after a while, all the same. */
  when(holds: () => boolean, run: () => void): void {
    const until = this.time.now + WAITS_MS;
    const look = (): void => {
      if (this.client.over) return;
      if (holds() || this.time.now >= until) run();
      else this.time.after(10, look);
    };
    look();
  }

  async run(): Promise<Outcome> {
    const { checks, client, time } = this;
    client.begin();
    this.#watchTheEnd();
    await time.run(
      LONGEST_MS + (this.#talksMs ?? 0),
      () => checks.violation !== null || this.hungUpAt !== null,
    );
    if (this.hungUpAt === null && checks.violation === null) {
      checks.fail("stuck", `the call did not end: unfinished responses ${client.answering.join(", ")}`);
    }
    const windowMs = (this.scenario.limits.clientGoneMs ?? 0) + AFTERMATH_MS;
    await time.run(time.now + windowMs, () => checks.violation !== null);
    if (checks.violation === null) judge(this);
    checks.count("virtual_ms", time.now);
    checks.count(`calls ${this.scenario.dialect}`);
    return {
      seed: this.seed,
      faults: this.scenario.faults,
      violation: checks.violation,
      lastedMs: time.now,
      struck: checks.struck,
      figures: checks.figures,
      scenario: this.scenario,
      trace: checks.trace,
    };
  }

  /** A provider is still being told something, or hears a turn that has not ended, or something is on its way to the client. */
  get #behind(): boolean {
    if (this.client.line.connection?.tells("near") === true) return true;
    return [...this.providers.values()].some(({ open }) =>
      open.some((one) => !one.holed && (one.behind || one.hearsSince !== null)),
    );
  }

  #watchTheEnd(): void {
    const { client, time } = this;
    if (client.over) {
      this.hungUpAt = time.now;
      return;
    }
    if (this.#talksMs !== null && time.now >= this.#talksMs) client.caller.sayNoMore();
    const quietMs = QUIET_MS + client.holdsBackMs + waitsLongerMs(this.scenario);
    // What sends seconds at once sends the silence that ends the last turn by so much later.
    const endHeardAt = client.caller.quietSince + HANGOVER_MS + client.holdsBackMs;
    if (
      client.caller.quietFor(quietMs) &&
      client.line.settled(quietMs, Math.max(endHeardAt, client.line.askedAt)) &&
      !client.agentAudible &&
      client.answering.length === 0 &&
      !(time.now < client.caller.quietSince + BEHIND_MS && this.#behind)
    ) {
      const session = this.relay.session?.snapshot() ?? null;
      if (session !== null) this.relay.inspection.look(session);
      this.lastMoment = session;
      if (checksProviders(this)) compareProviders(this);
      this.plans.look(this);
      client.line.hangUp();
      this.hungUpAt = time.now;
      return;
    }
    time.after(50, () => this.#watchTheEnd());
  }
}

function toolsOf(scenario: Scenario): Pick<Plan, "tools" | "background"> {
  return scenario.mind === true ? { background: MIND } : { tools: [lookOf(scenario)] };
}
