/**
 * Calls in which the relay plays sounds of its own: fillers of the route, and what its application has said. Looked at where they
 * leave the session: none over the caller, none in any history, no answer later than the bound for a filler, and every
 * announcement comes to one end.
 */
import { readFrameHeader, FRAME_HEADER_BYTES } from "../../src/protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import type { BackchannelPlan, FillerPlan } from "../../src/session/state/sounds.ts";
import type { Action } from "../../src/session/io.ts";
import { fields, text } from "./fields.ts";
import type { Random } from "./random.ts";
import type { Scenario, World } from "./world.ts";

export const FILLERS = "relay.fillers";
export const SAY = "relay.say";
export const BACKCHANNELS = "relay.backchannels";

/** What of a filler may be ahead of the listener when an answer's first sample comes, and its end (SPEC X295). */
const DELAY_MS = 50;

const sound = (rateHz: number, ms: number) => ({
  rateHz,
  samples: Int16Array.from({ length: (rateHz * ms) / 1000 }, (_, n) => (n % 40) * 20),
});

/** Drawn only where they are named: all other calls are what they were. */
export function withAsides(random: Random, scenario: Scenario): Scenario {
  const { faults, rateHz } = scenario;
  if (faults.includes(BACKCHANNELS)) return { ...scenario, backchannels: nods(random, rateHz) };
  if (!faults.includes(FILLERS)) return scenario;
  const fillers: FillerPlan = {
    afterMs: random.pick([20, 60, 200]),
    everyMs: random.pick([300, 800]),
    most: random.int(1, 3),
    whileTool: random.chance(0.7),
    sounds: [sound(rateHz, 60), sound(24_000, random.pick([120, 400]))],
  };
  return { ...scenario, fillers };
}

/** Sooner than any route may have them: the calls here are short. */
function nods(random: Random, rateHz: number): BackchannelPlan {
  return {
    afterMs: random.pick([200, 600, 1200]),
    everyMs: random.pick([300, 2000]),
    sounds: [sound(rateHz, 200), sound(24_000, random.pick([60, 900]))],
  };
}

/** `relay.say` of an observer that comes for it. */
export function saying(random: Random, number: number): JsonObject {
  const ms = random.pick([40, 300, 1500]);
  return {
    type: "relay.say",
    say_id: `say${number}`,
    sound: `s${ms}`,
    interrupt: random.chance(0.4),
    expires_ms: random.pick([400, 3000, 20_000]),
  };
}

export const SAID = new Map([40, 300, 1500].map((ms) => [`s${ms}`, sound(24_000, ms)] as const));

const STRIKES: Readonly<Record<string, string>> = { filler: FILLERS, backchannel: BACKCHANNELS };

interface Own {
  readonly kind: string;
  item: string;
}

/** One life of a session: what it sends to its client, and to its upstreams. */
export class AsideWatch {
  readonly #world: World;
  readonly #own = new Map<number, Own>();
  readonly #ordinals = new Map<string, number>();
  #sequence = 0;
  #speaking = false;
  #judged: "hold" | "duck" | null = null;
  /** When what was sent last will have been heard, and whether that is a filler. */
  #endsAt = 0;
  #filler = false;

  constructor(world: World) {
    this.#world = world;
  }

  take(actions: readonly Action[], now: number): void {
    for (const action of actions) {
      if (action.type !== "send") continue;
      if (action.peer.startsWith("control:")) continue;
      if (action.peer !== "client") this.#upstream(action.data);
      else if (typeof action.data !== "string") this.#frame(action.data, now);
      else if (action.data.startsWith("{")) this.#event(parseJsonObject(action.data) ?? {});
    }
  }

  #upstream(data: string | Uint8Array): void {
    if (typeof data !== "string" || this.#own.size === 0) return;
    for (const { item } of this.#own.values())
      if (item !== "" && data.includes(item))
        this.#world.checks.fail("aside-told", `an upstream is told of ${item}`);
  }

  #event(event: JsonObject): void {
    const sequence = Number(event["server_event_seq"] ?? 0);
    if (sequence > 0 && sequence <= this.#sequence) return;
    this.#sequence = Math.max(this.#sequence, sequence);
    const type = text(event["type"]);
    if (type === "response.created") this.#created(fields(event["response"]));
    else if (type === "response.output_item.added") {
      const own = this.#own.get(this.#ordinals.get(text(event["response_id"])) ?? -1);
      if (own) own.item = text(fields(event["item"])["id"]);
    } else if (type === "input_audio_buffer.speech_started") this.#speaking = true;
    else if (/^input_audio_buffer\.(?:speech_stopped|committed|cleared)$/.test(type)) this.#speaking = false;
    else if (type === "overlap.decision") {
      const decision = text(event["decision"]);
      this.#judged = decision === "hold" || decision === "duck" ? decision : null;
    } else if (type === "output_audio_buffer.cleared") this.#endsAt = 0;
    else if (type.startsWith("conversation.item.")) this.#history(event);
    else if (type.startsWith("relay.say.")) this.#said(type.slice("relay.say.".length), event);
  }

  #created({ id, metadata, relay }: JsonObject): void {
    const kind = text(fields(metadata)["relay"]);
    const ordinal = Number(fields(relay)["ordinal"]);
    if (kind === "") return;
    this.#own.set(ordinal, { kind, item: "" });
    this.#ordinals.set(text(id), ordinal);
    this.#world.checks.strike(STRIKES[kind] ?? SAY);
    if (kind === "backchannel" && !this.#speaking)
      this.#world.checks.fail("aside-over-caller", "a backchannel begins though nobody tells anything");
  }

  #history(event: JsonObject): void {
    const id = text(event["item_id"]) || text(fields(event["item"])["id"]);
    for (const { item } of this.#own.values())
      if (item !== "" && item === id)
        this.#world.checks.fail("aside-told", `${item} is told as an item of the conversation`);
  }

  #said(what: string, event: JsonObject): void {
    this.#world.checks.count(
      `announcements: ${what}${what === "dropped" ? ` ${text(event["reason"])}` : ""}`,
    );
    this.#world.announced.took(text(event["say_id"]), what);
  }

  #frame(frame: Uint8Array, now: number): void {
    const header = readFrameHeader(frame);
    // What was sent before, and is sent again to a client that comes back, was judged then.
    if (header === null || header.sequence <= this.#sequence) return;
    this.#sequence = header.sequence;
    const { checks, scenario } = this.#world;
    const own = this.#own.get(header.response);
    const ms = ((frame.length - FRAME_HEADER_BYTES) / 2 / scenario.rateHz) * 1000;
    const nod = own?.kind === "backchannel";
    if (own && this.#speaking && !nod)
      checks.fail("aside-over-caller", `a ${own.kind} is sent in the caller's turn`);
    if (own && (this.#judged === "hold" || (this.#judged !== null && own.kind === "filler")))
      checks.fail("aside-over-caller", `a ${own.kind} is sent while a sound is judged`);
    if (own === undefined && this.#filler) {
      const waitsMs = this.#endsAt - now;
      checks.count("fillers: answers behind one");
      if (waitsMs > DELAY_MS + 1)
        checks.fail("filler-delays", `an answer waits ${waitsMs.toFixed(1)} ms for a filler`);
    }
    const short = nod || own?.kind === "filler";
    if (short && (!this.#filler || this.#endsAt < now)) this.#endsAt = now;
    if (short) this.#endsAt += ms;
    this.#filler = short;
  }
}

/** What the application had said, over all lives of its session. */
export class Announced {
  readonly #world: World;
  readonly #states = new Map<string, "asked" | "queued" | "over">();

  constructor(world: World) {
    this.#world = world;
  }

  asked(id: string): void {
    this.#states.set(id, "asked");
  }

  took(id: string, what: string): void {
    const state = this.#states.get(id);
    if (what === "started") return;
    // A life that is over may have said so before, and nobody heard.
    if (state === "over" && what !== "dropped")
      this.#world.checks.fail("announced-twice", `${id} is ${what}, and was over`);
    this.#states.set(id, what === "queued" ? "queued" : "over");
  }

  /** Nothing more comes. */
  look(): void {
    const dies = this.#world.scenario.faults.some((name) => /^(?:platform|network|client)\./.test(name));
    if (dies) return;
    for (const [id, state] of this.#states)
      if (state === "queued")
        this.#world.checks.fail("unannounced", `nothing was told of what became of ${id}`);
  }
}
