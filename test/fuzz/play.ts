/** One call from its seed: every step draws from a seed of its own, so that a call without some of them is the same call. */
import { CLIENT, type Dialect, type Input } from "../../src/session/io.ts";
import { FRAME_AUDIO, writeFrame } from "../../src/protocol/frame.ts";
import type { WireMessage } from "../../src/upstreams/upstream.ts";
import { Random } from "../sim/random.ts";
import { betaEvent } from "./beta.ts";
import type { Stage } from "./cascade.ts";
import { sizeOf, Violation } from "./checks.ts";
import { clientEvent } from "./client-grammar.ts";
import { Corpus } from "./corpus.ts";
import { loose, type LooseObject } from "./hostile.ts";
import { mutate } from "./mutate.ts";
import { differenceOf, Observers } from "./observers.ts";
import { omniEvent, omniOpening } from "./omni.ts";
import { CALL, type Caller, isCarrier } from "./phone.ts";
import { probe } from "./probe.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { sound, soundBytes, speech } from "./sounds.ts";
import { sentence } from "./voices.ts";
import { bytes, spell } from "./spell.ts";
import { World, type Said } from "./world.ts";

/** A session, as its snapshot has it: all that it may keep (`limits.sessionSize`). */
const MOST_SNAPSHOT_BYTES = 12 * 1024 * 1024;
/** Lists of a snapshot grow with what a client may have (`limits.items` is 1,000), never with what it says. */
const MOST_LIST = 1_100;

export interface Played {
  readonly violation: Violation | null;
  readonly messages: number;
  /** Those that were slow, or all of them where they were asked for. */
  readonly said: readonly Said[];
  readonly snapshotBytes: number;
  readonly longestList: number;
  readonly sentBytes: number;
  /** What was said by whom, in numbers of messages, and what else happened how often. */
  readonly played: ReadonlyMap<string, number>;
}

export interface Manner {
  /** All that is said is kept; else what was slow. */
  readonly keeps?: boolean;
  /** Steps to take, in order; default: all. */
  readonly steps?: readonly number[];
  /** Default: the wall's, which another process may make slow. */
  readonly clock?: () => number;
}

export function play(
  seed: number,
  number: number,
  { keeps = false, steps, clock = wall }: Manner = {},
): Played {
  const scenario = scenarioOf(seed, number);
  const world = new World(scenario.setup, number, keeps, clock);
  // Which of several voices is back first, and answers, is drawn as ids are.
  const compared = scenario.observing === "quiet" && scenario.setup.plan.strategy === undefined;
  if (compared) world.heard = [];
  const alone = compared ? heardAlone(scenario, seed, number, steps) : null;
  let snapshotBytes = 0;
  let longestList = 0;
  let violation: Violation | null = null;
  try {
    const call = new HostileCall(world, scenario, seed, number);
    call.begin();
    if (steps === undefined) for (let at = 0; at < scenario.steps && !world.ended; at += 1) call.step(at);
    else for (const at of steps) call.step(at);
    world.settle();
    const size = sizeOf(world.session.snapshot());
    snapshotBytes = size.bytes;
    longestList = size.longestList;
    if (size.bytes > MOST_SNAPSHOT_BYTES) throw new Violation("size", `the snapshot has ${size.bytes} bytes`);
    if (size.longestList > MOST_LIST) {
      throw new Violation(
        "growth",
        `${size.where} has ${size.longestList} entries after ${world.messages} messages`,
      );
    }
    probe(world, scenario.setup.intent);
    const other = alone !== null && world.heard !== null ? differenceOf(alone, world.heard) : null;
    if (other !== null) throw new Violation("observed", other);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  }
  const { messages, said, sentBytes, played } = world;
  return { violation, messages, said, snapshotBytes, longestList, sentBytes, played };
}

/** What the client of the same call is told where nobody observes it; null: something was broken there. */
function heardAlone(
  scenario: Scenario,
  seed: number,
  number: number,
  steps: readonly number[] | undefined,
): readonly string[] | null {
  const world = new World(scenario.setup, number, false, () => 0);
  world.heard = [];
  try {
    const call = new HostileCall(world, { ...scenario, observing: null }, seed, number);
    call.begin();
    for (const at of steps ?? Array.from({ length: scenario.steps }, (_, n) => n)) call.step(at);
    world.settle();
    probe(world, scenario.setup.intent);
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return null;
  }
  return world.heard;
}

function wall(): number {
  return performance.now();
}

class HostileCall {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #base: number;
  readonly #corpus: Corpus;
  readonly #pattern: number;
  #spoken = 0;

  constructor(world: World, scenario: Scenario, seed: number, number: number) {
    this.#world = world;
    this.#scenario = scenario;
    if (scenario.observing !== null) world.observers = new Observers(world, scenario.observing);
    this.#base = Math.imul(Math.imul(seed, 0x01000193) ^ number, 0x85ebca6b);
    const random = new Random(this.#base ^ 0x7f4a);
    this.#corpus = new Corpus(random);
    this.#pattern = random.int(0, 1_000_000);
  }

  begin(): void {
    this.#world.connect(this.#scenario.dialect);
    this.#starts(new Random(this.#base ^ 0x51a7));
  }

  /** A carrier says first which stream it is. */
  #starts(random: Random): void {
    const { caller, dialect } = this.#world;
    if (caller !== null && isCarrier(dialect) && random.chance(0.95))
      this.#world.message(CLIENT, JSON.stringify(caller.start(random)));
  }

  step(at: number): void {
    const world = this.#world;
    if (world.ended) return;
    const random = new Random((this.#base + Math.imul(at + 1, 0x9e3779b1)) | 0);
    world.observers?.step(new Random((this.#base ^ Math.imul(at + 1, 0x85ebca77)) | 0));
    world.answerDials(random, this.#scenario.refusals, this.#scenario.providerHostility);
    if (world.ended) return;
    const kind = random.next();
    if (this.#scenario.flood !== null) return this.#flood(random, kind);
    if (this.#scenario.cascade && random.chance(0.12)) return this.#asks();
    if (kind < 0.43) this.#client(random);
    else if (kind < 0.87) this.#provider(random);
    else if (kind < 0.95) world.advance(random.chance(0.93) ? random.int(1, 900) : random.int(900, 45_000));
    else this.#line(random);
  }

  #asks(): void {
    const world = this.#world;
    for (const event of [typedItem(), { type: "response.create" }])
      if (world.clientOpen && !isCarrier(world.dialect) && !world.ended)
        world.message(CLIENT, JSON.stringify(event));
  }

  /** The same kind of message, always with other names in it. */
  #flood(random: Random, kind: number): void {
    const world = this.#world;
    if (kind < 0.02) return world.advance(random.int(1, 400));
    if (kind < 0.03 && !world.clientOpen) return this.#line(random);
    const { flood } = this.#scenario;
    if (flood === "provider") return this.#provider(random);
    // Drawn alike, and then named otherwise.
    const event =
      flood === "items" ? typedItem() : clientEvent(new Random(this.#pattern), world.known, false);
    rename(event, random);
    if (world.clientOpen) world.message(CLIENT, JSON.stringify(event));
  }

  #client(random: Random): void {
    const world = this.#world;
    if (!world.clientOpen) return this.#line(random);
    world.message(CLIENT, this.#clientMessage(random));
  }

  #clientMessage(random: Random): WireMessage {
    const { dialect, caller } = this.#world;
    const hostility = this.#scenario.clientHostility;
    if (caller !== null && isCarrier(dialect)) return this.#phoned(caller, random, hostility);
    const extended = dialect === "duplex.v1";
    const kind = random.next();
    if (kind < 0.03 * hostility) return bytes(random);
    if (extended && kind < 0.2) return this.#frame(random, hostility);
    // Who speaks makes turns, and turns make answers.
    if (kind < 0.35) {
      this.#spoken += 1;
      if (random.chance(0.7)) this.#world.now += 100;
      return `{"type":"input_audio_buffer.append","audio":"${speech(this.#spoken)}"}`;
    }
    const event = this.#saidIn(dialect, random);
    if (!random.chance(0.55 * hostility)) return spell(event, random, 0.12 * hostility);
    const changed = loose(event) as LooseObject;
    mutate(changed, random, this.#world.known.all());
    return spell(changed, random, 0.12 * hostility);
  }

  #saidIn(dialect: Dialect, random: Random): LooseObject {
    const { known } = this.#world;
    if (dialect === "vllm-omni" && random.chance(0.1)) return omniOpening(random);
    const extended = dialect === "duplex.v1";
    if (extended && this.#scenario.setup.plan.speech && random.chance(0.05)) return sentence(random);
    const event = random.chance(0.25) ? this.#corpus.next(known) : clientEvent(random, known, extended);
    if (dialect === "openai-beta" && random.chance(0.85)) return betaEvent(event, random);
    return dialect === "vllm-omni" && random.chance(0.85) ? omniEvent(event, random) : event;
  }

  #phoned(caller: Caller, random: Random, hostility: number): WireMessage {
    if (random.chance(0.03 * hostility)) return bytes(random);
    if (random.chance(0.7)) this.#world.now += 100;
    // What a telephone may not say: an event of OpenAI's.
    const event = random.chance(0.04 * hostility)
      ? clientEvent(random, this.#world.known, true)
      : caller.next(random);
    if (random.chance(0.3 * hostility)) mutate(event, random, [CALL]);
    return spell(event, random, 0.1 * hostility);
  }

  #frame(random: Random, hostility: number): WireMessage {
    const { known } = this.#world;
    known.said += 1;
    const payload = soundBytes(random);
    const whole = !random.chance(0.3 * hostility);
    const header = {
      kind: whole ? FRAME_AUDIO : random.int(0, 255),
      stream: whole ? 0 : random.pick([0, 1, 255]),
      response: random.chance(0.9) ? 0 : random.int(0, 65_535),
      sequence: random.chance(0.9)
        ? known.said
        : random.pick([0, 2 ** 32 - 1, known.said + 100, known.said - 3]),
    };
    const frame = writeFrame(header, payload);
    return whole ? frame : frame.subarray(0, random.int(0, frame.length));
  }

  #provider(random: Random): void {
    const { open } = this.#world;
    const hostile = [...open].filter(([, peer]) => peer.kind === "hostile" || peer.kind === "stage");
    if (hostile.length === 0) return this.#client(random);
    const [name, peer] = random.pick(hostile);
    if (peer.kind === "stage") return this.#stage(name, peer.stage, random);
    if (peer.kind !== "hostile") return;
    this.#world.message(name, peer.provider.say(random, this.#hostility));
  }

  get #hostility(): number {
    return this.#scenario.providerHostility * (this.#scenario.cascade ? 0.3 : 1);
  }

  /** Something comes of a request, and sometimes of one that is over. */
  #stage(peer: string, stage: Stage, random: Random): void {
    const world = this.#world;
    const hostility = this.#scenario.providerHostility;
    if (world.gone.length > 0 && random.chance(0.05 * hostility)) {
      const late = random.pick(world.gone);
      world.input(
        random.pick<Input>([
          { type: "message", peer: late, data: bytes(random) },
          { type: "open", peer: late, head: { status: 200, type: "audio/pcm" } },
          { type: "close", peer: late, code: 1000, reason: "" },
        ]),
      );
    }
    // Much comes of one request in the time of a frame.
    for (let n = random.int(1, 6); n > 0 && world.open.has(peer); n -= 1) {
      const come = stage.say(random, hostility);
      if (come instanceof Uint8Array) world.message(peer, come);
      else if (come !== null) world.drop(peer, come.code, come.reason);
    }
  }

  /** What happens to sockets and objects. */
  #line(random: Random): void {
    const world = this.#world;
    const upstreams = [...world.open.keys()];
    if (!world.clientOpen) {
      const same = random.chance(0.8);
      world.connect(same ? world.dialect : random.pick(this.#scenario.dialects));
      this.#starts(random);
      if (world.dialect === "duplex.v1" && random.chance(0.7)) this.#resume(random);
      return;
    }
    const kind = random.next();
    if (kind < 0.2) world.drop(CLIENT, random.pick([1001, 1006, 1006, 4000]), random.pick(["", "end of it"]));
    else if (kind < 0.4 && upstreams.length > 0) {
      const code = random.pick([1000, 1006, 1011, 4000, 3000]);
      world.drop(
        random.pick(upstreams),
        code,
        random.pick(["", "session expired", "bye \ud800", "x".repeat(123)]),
      );
    } else if (kind < 0.5) world.connect(random.pick(this.#scenario.dialects));
    else if (kind < 0.62) world.hibernate(this.#scenario.sealed);
    else if (kind < 0.75) world.persisted();
    else if (kind < 0.85)
      world.input({ type: "buffered", peer: CLIENT, bytes: random.pick([0, 10, 2e6, 2 ** 31]) });
    else if (kind < 0.95 && upstreams.length > 0) {
      world.input({
        type: "buffered",
        peer: random.pick(upstreams),
        bytes: random.pick([0, 300_000, 2 ** 31]),
      });
    } else
      world.input({ type: "consulted", id: random.int(0, 5), probability: random.pick([null, 0, 1, 0.5]) });
  }

  #resume(random: Random): void {
    const { known } = this.#world;
    const resume_token =
      known.tokens.length === 0 || random.chance(0.1) ? sound(random).slice(0, 40) : known.tokens.at(-1);
    const last_received = Math.max(0, known.received - random.int(0, 9));
    this.#world.message(
      CLIENT,
      JSON.stringify({ type: "session.resume", resume_token: resume_token ?? "", last_received }),
    );
  }
}

function typedItem(): LooseObject {
  const item = { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] };
  return { type: "conversation.item.create", item };
}

/** Names in an event that make it another one. */
function rename(event: LooseObject, random: Random): void {
  const name = `n${random.int(0, 1e9)}`;
  event["event_id"] = name;
  for (const key of ["item_id", "response_id", "resume_token"]) if (key in event) event[key] = name;
  const item = event["item"];
  if (typeof item === "object" && item !== null && !Array.isArray(item)) item["id"] = name;
  const session = event["session"];
  if (typeof session === "object" && session !== null && !Array.isArray(session))
    session["instructions"] = name;
}
