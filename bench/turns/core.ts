/** Plays a call in virtual time, straight on the session core: no sockets, no waiting, the same samples every time. */
import { seededRandom } from "../../demo/ids.ts";
import { Session } from "../../src/session/session.ts";
import { CLIENT, type Action, type Input } from "../../src/session/io.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import { loadKernels } from "../../test/support/kernels.ts";
import { Caller } from "./caller.ts";
import { FRAME } from "./player.ts";
import type { CallScript } from "./script.ts";
import { ScriptedVoice } from "./scripted-voice.ts";
import type { Passed } from "./wire.ts";

/** A finished call: what both ends know of it. */
export interface PlayedCall {
  readonly caller: Caller;
  readonly voice: ScriptedVoice | null;
  /** Zero of the device clock on the clock that the voice was given. */
  readonly startMs: number;
  /** How late each tick of the caller's own clock was, in milliseconds; empty in virtual time. */
  readonly lateMs: readonly number[];
  /** What went by on the wire; empty in virtual time. */
  readonly passed: readonly Passed[];
  /** Why it could not be played; null: it was. */
  readonly failure: string | null;
}

/** A scripted end-of-turn model: it knows the truth, and says it late and now and then wrongly. */
export interface Oracle {
  readonly lateMs: number;
  /** Part of the answers that are wrong. */
  readonly wrong: number;
}

const START = 1_000_000;
const TICK_MS = 20;

/** A scripted upstream beside the voice: what it says, and when the next of it is due. */
export interface Ear {
  receive(text: string): void;
  /** @returns what is due at this tick of the caller. */
  tick(caller: Caller): readonly string[];
}

/** What a call has beside its script. */
export interface Beside {
  /** The plan names an end-of-turn model, and this is it. */
  readonly oracle?: Oracle;
  /** The plan names a transcriber, and this is it. */
  readonly ear?: Ear;
  /** The relay's own network is not asked. */
  readonly deaf?: boolean;
  /** The route hears speech by loudness alone. */
  readonly energy?: boolean;
}

/** The first dial of a plan's second upstream. */
const EAR_PEER = "up1.1";

class VirtualCall {
  readonly #inbox: Input[] = [];
  readonly #session: Session;
  readonly #voices = new Map<string, ScriptedVoice>();
  readonly #script: CallScript;
  readonly caller: Caller;
  readonly #oracle: Oracle | null;
  readonly #ear: Ear | null;
  readonly #random: () => number;
  readonly #answers: { readonly at: number; readonly input: Input }[] = [];
  #now = START;
  #drawn = 0;

  constructor(script: CallScript, { oracle, ear, deaf = false, energy = false }: Beside) {
    this.#script = script;
    this.#oracle = oracle ?? null;
    this.#ear = ear ?? null;
    this.#random = seededRandom(script.seed ^ 0x0eac1e);
    const options = { adapter: "openai-compatible", url: "http://voice.test/v1/realtime" };
    const plan = {
      name: "demo",
      upstreams: [{ name: "demo", options }],
      session: {},
      detector: energy ? ("energy" as const) : ("auto" as const),
      cadence: !deaf,
      ...(ear && {
        transcriber: {
          name: "ear",
          options: { ...options, url: "http://ear.test/v1/realtime", settings: { turns: "server" } },
        },
      }),
      ...(oracle && { endOfTurn: { adapter: "http" as const, url: "http://turns.test", headers: {} } }),
    };
    const setup = { id: script.id, model: "demo", plan, intent: "conversation" as const, session: {} };
    const drawId = () => `drawn${(this.#drawn += 1)}`.padEnd(21, "x");
    this.#session = new Session(setup, { drawId, kernels: loadKernels(), createUpstream }, START);
    this.caller = new Caller(script, (data) => this.#inbox.push({ type: "message", peer: CLIENT, data }));
    this.#inbox.push({ type: "open", peer: CLIENT, dialect: "duplex.v1" });
  }

  get voice(): ScriptedVoice | null {
    return [...this.#voices.values()].at(-1) ?? null;
  }

  #handle(input: Input): void {
    for (const action of this.#session.handle(input, this.#now)) this.#perform(action);
  }

  #perform(action: Action): void {
    if (action.type === "dial") this.#dial(action.peer);
    else if (action.type === "consult") this.#consult(action.id);
    else if (action.type === "send") {
      if (action.peer === CLIENT) this.caller.receive(action.data, this.#now - START);
      else if (action.peer === EAR_PEER) this.#ear?.receive(String(action.data));
      else this.#voices.get(action.peer)?.receive(String(action.data), this.#now);
    }
  }

  /** Whether the caller's present turn is over, as the oracle has it. */
  #consult(id: number): void {
    if (!this.#oracle) return;
    const last = this.caller.cues.at(-1);
    const over = last !== undefined && this.caller.ticks * FRAME >= last.at + last.cue.sound.length;
    const said = over !== this.#random() < this.#oracle.wrong;
    const input: Input = { type: "consulted", id, probability: said ? 0.95 : 0.05 };
    this.#answers.push({ at: this.#now + this.#oracle.lateMs, input });
  }

  #dial(peer: string): void {
    this.#inbox.push({ type: "open", peer });
    if (peer === EAR_PEER) return;
    const send = (data: string) => this.#inbox.push({ type: "message", peer, data });
    this.#voices.set(peer, new ScriptedVoice(send, (id) => (id === this.#script.id ? this.#script : null)));
  }

  #pump(): void {
    for (let input = this.#inbox.shift(); input; input = this.#inbox.shift()) this.#handle(input);
  }

  play(): PlayedCall {
    this.#pump();
    const jitterMs = this.#script.room.rough?.jitterMs ?? 0;
    const random = seededRandom(this.#script.seed ^ 0x717);
    for (let tickAt = START, ticks = 0; !this.caller.over;) {
      const voiceAt = this.voice?.deadline ?? Infinity;
      const sessionAt = this.#session.deadline ?? Infinity;
      const answerAt = this.#answers[0]?.at ?? Infinity;
      this.#now = Math.max(this.#now, Math.min(tickAt, voiceAt, sessionAt, answerAt));
      if (answerAt <= this.#now) this.#inbox.push(...this.#answers.splice(0, 1).map(({ input }) => input));
      if (sessionAt <= this.#now) this.#inbox.push({ type: "timeout" });
      if (voiceAt <= this.#now) this.voice?.tick(this.#now);
      if (tickAt <= this.#now) {
        this.caller.tick();
        for (const data of this.#ear?.tick(this.caller) ?? [])
          this.#inbox.push({ type: "message", peer: EAR_PEER, data });
        ticks += 1;
        tickAt = START + ticks * TICK_MS + Math.round(jitterMs * (2 * random() - 1));
      }
      this.#pump();
    }
    return { caller: this.caller, voice: this.voice, startMs: START, lateMs: [], passed: [], failure: null };
  }
}

export function playInCore(script: CallScript, beside: Beside = {}): PlayedCall {
  return new VirtualCall(script, beside).play();
}
