/**
 * A call in virtual time: drives a Session, keeps what the client received and what each upstream was sent, and plays
 * scripted upstreams. No sockets, no clock.
 */
import { NO_KERNELS, type AudioKernels } from "../../src/audio/kernels.ts";
import { FRAME_HEADER_BYTES, readFrameHeader, type FrameHeader } from "../../src/protocol/frame.ts";
import { CLIENT, type Action, type Dialect, type Input } from "../../src/session/io.ts";
import type { SpeechStore } from "../../src/session/aside/kept-speech.ts";
import type { BackchannelPlan, FillerPlan, Sounds } from "../../src/session/state/sounds.ts";
import type { GuardPlan } from "../../src/session/state/guard-plan.ts";
import type { BackgroundPlan } from "../../src/session/state/background-plan.ts";
import type { ToolPlan } from "../../src/session/state/tool-plan.ts";
import type { Limits } from "../../src/session/limits.ts";
import type { AudioPool } from "../../src/session/setup.ts";
import type { Locks } from "../../src/session/client/locks.ts";
import type { EndOfTurnModel, Plan, PlannedUpstream, StrategyChoice } from "../../src/session/state/plan.ts";
import {
  Session,
  type SessionDependencies,
  type SessionSetup,
  type SessionSnapshot,
} from "../../src/session/session.ts";
import type { JsonObject, UpstreamFactory } from "../../src/upstreams/upstream.ts";
import { createWireUpstream, type SentCommand, type WireEvent } from "./wire-upstream.ts";

/** A server event as a test looks at it: loose on purpose, fields are asserted by the tests. */
export interface Received {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface CallOptions {
  readonly upstreams?: readonly PlannedUpstream[];
  /** How several upstreams answer; default: each for itself. */
  readonly strategy?: StrategyChoice;
  readonly transcriber?: PlannedUpstream;
  readonly createUpstream?: UpstreamFactory;
  readonly session?: JsonObject;
  readonly planSession?: JsonObject;
  readonly intent?: "conversation" | "transcription";
  readonly dialect?: Dialect;
  readonly dialectSettings?: JsonObject;
  readonly kernels?: AudioKernels;
  /** Default: by energy. */
  readonly detector?: "auto" | "energy";
  readonly endOfTurn?: EndOfTurnModel;
  readonly guard?: GuardPlan;
  readonly tools?: readonly ToolPlan[];
  readonly background?: BackgroundPlan;
  readonly fillers?: FillerPlan;
  readonly backchannels?: BackchannelPlan;
  readonly sounds?: Sounds;
  readonly speech?: Plan["speech"];
  readonly speechStore?: SpeechStore;
  /** The relay's network hears how a voice ended; default: it does. */
  readonly cadence?: boolean;
  readonly locks?: Locks;
  /** Fields that the route locks. */
  readonly routeLocked?: readonly string[];
  readonly routeToolTypes?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly audioPool?: AudioPool;
  /** Faults of the relay's own are looked for: they are told the client and throw nothing. */
  readonly faulty?: boolean;
  /** Open the client and make every upstream ready. Default true. */
  readonly connect?: boolean;
  /** Takes what upstreams are sent, as it is, instead of its being kept as commands: valid only during the call. */
  readonly toUpstream?: (peer: string, data: string | Uint8Array) => void;
}

export const WIRE: PlannedUpstream = { name: "wire", options: { adapter: "wire" } };

function priced({ upstreams = [], transcriber, speech, background }: CallOptions): boolean {
  if (speech?.price !== undefined || background?.price !== undefined) return true;
  return [...upstreams, ...(transcriber ? [transcriber] : [])].some(({ prices }) => prices !== undefined);
}

/** Bytes or characters to the client. */
const LOOK_AFTER = 512 * 1024;

export class Call {
  session: Session;
  now = 1_000_000;
  readonly events: Received[] = [];
  readonly frames: { readonly header: FrameHeader; readonly payload: Uint8Array }[] = [];
  /** In the order of arrival: `json` or `frame`, to check what overtook what. */
  readonly order: string[] = [];
  /** By upstream peer. */
  readonly sent = new Map<string, SentCommand[]>();
  readonly actions: Action[] = [];
  readonly open = new Set<string>();
  /** What the client was sent is read at once, and the shell would see that soon; a test that says what waits decides. */
  #reads = true;
  #unseen = 0;
  readonly #faulty: boolean;
  readonly #toUpstream: CallOptions["toUpstream"];
  readonly #setup: SessionSetup;
  #drawn = 0;
  readonly #dependencies: SessionDependencies;

  constructor(options: CallOptions = {}) {
    this.#faulty = options.faulty ?? false;
    this.#toUpstream = options.toUpstream;
    this.#setup = {
      id: "s1",
      model: "demo",
      plan: {
        name: "demo",
        upstreams: options.upstreams ?? [WIRE],
        session: options.planSession ?? {},
        ...(options.strategy ? { strategy: options.strategy } : {}),
        ...(priced(options) ? { currency: "USD" } : {}),
        ...(options.routeLocked ? { locked: options.routeLocked } : {}),
        ...(options.routeToolTypes ? { toolTypes: options.routeToolTypes } : {}),
        ...(options.transcriber ? { transcriber: options.transcriber } : {}),
        detector: options.detector ?? "energy",
        ...(options.endOfTurn ? { endOfTurn: options.endOfTurn } : {}),
        ...(options.guard ? { guard: options.guard } : {}),
        ...(options.tools ? { tools: options.tools } : {}),
        ...(options.background ? { background: options.background } : {}),
        ...(options.fillers ? { fillers: options.fillers } : {}),
        ...(options.backchannels ? { backchannels: options.backchannels } : {}),
        ...(options.sounds ? { sounds: options.sounds } : {}),
        ...(options.speech ? { speech: options.speech } : {}),
        ...(options.cadence === undefined ? {} : { cadence: options.cadence }),
      },
      intent: options.intent ?? "conversation",
      session: options.session ?? {},
      ...(options.locks ? { locks: options.locks } : {}),
      ...(options.dialectSettings ? { dialectSettings: options.dialectSettings } : {}),
    };
    this.#dependencies = {
      drawId: () => `drawn${(this.#drawn += 1)}`,
      kernels: options.kernels ?? NO_KERNELS,
      createUpstream: options.createUpstream ?? createWireUpstream,
      // A test sees what a message does when it has been handed in; long-uploads.test.ts is about steps.
      limits: {
        inputStepMs: Number.POSITIVE_INFINITY,
        eventStepSize: Number.POSITIVE_INFINITY,
        ...(options.limits?.inputStepMs === undefined && { clientWorkBurstMs: Number.POSITIVE_INFINITY }),
        ...options.limits,
      },
      ...(options.audioPool && { audioPool: options.audioPool }),
      ...(options.speechStore && { speechStore: options.speechStore }),
    };
    this.session = new Session(this.#setup, this.#dependencies, this.now);
    if (options.connect === false) return;
    this.connect(options.dialect ?? "realtime");
    for (const peer of Array.from(this.open)) if (peer !== CLIENT) this.accept(peer);
  }

  connect(dialect: Dialect): void {
    this.open.add(CLIENT);
    this.input({ type: "open", peer: CLIENT, dialect });
  }

  /** Opens an upstream's socket and makes it ready. */
  accept(peer: string): void {
    this.input({ type: "open", peer });
    this.upstream({ type: "ready" }, peer);
  }

  input(input: Input): readonly Action[] {
    if (input.type === "buffered" && input.peer === CLIENT) this.#reads = false;
    return this.#hand(input);
  }

  #hand(input: Input): readonly Action[] {
    const actions = this.session.handle(input, this.now);
    for (const action of actions) this.#perform(action);
    return actions;
  }

  #perform(action: Action): void {
    this.actions.push(action);
    if (action.type === "metric" && action.name === "internal_errors" && !this.#faulty)
      throw new Error("a fault of the relay's own was told the client");
    if (action.type === "dial") this.open.add(action.peer);
    else if (action.type === "close") this.open.delete(action.peer);
    else if (action.type === "send") this.#deliver(action.peer, action.data);
    if (action.type === "send" && action.peer === CLIENT) this.#unseen += action.data.length;
  }

  /** The shell looks at the client's socket: only where there was much to see, to keep what is done plain. */
  #look(): void {
    if (!this.#reads || this.#unseen <= LOOK_AFTER) return;
    this.#hand({ type: "buffered", peer: CLIENT, bytes: 0 });
    this.#unseen = 0;
  }

  #deliver(peer: string, data: string | Uint8Array): void {
    if (!this.open.has(peer)) throw new Error(`an action on the closed peer ${peer}`);
    if (peer !== CLIENT && this.#toUpstream) this.#toUpstream(peer, data);
    else if (peer !== CLIENT) {
      const commands = this.sent.get(peer) ?? [];
      commands.push((typeof data === "string" ? JSON.parse(data) : { type: "binary" }) as SentCommand);
      this.sent.set(peer, commands);
    } else if (typeof data === "string") {
      this.events.push(JSON.parse(data) as Received);
      this.order.push(JSON.parse(data).type);
    } else {
      const header = readFrameHeader(data);
      if (!header) throw new Error("a frame without a header");
      this.frames.push({ header, payload: data.slice(FRAME_HEADER_BYTES) });
      this.order.push("frame");
    }
  }

  /** Client → session. */
  client(event: JsonObject | string | Uint8Array): void {
    const raw = typeof event === "string" || event instanceof Uint8Array;
    this.input({ type: "message", peer: CLIENT, data: raw ? event : JSON.stringify(event) });
  }

  append(samples: Int16Array): void {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    this.client({ type: "input_audio_buffer.append", audio: bytes.toBase64() });
  }

  /** Speaks in 20 ms frames at 24 kHz, in time. */
  speak(samples: Int16Array, frame = 480, frameMs = 20): void {
    for (let at = 0; at < samples.length; at += frame) {
      this.append(samples.subarray(at, at + frame));
      this.advance(frameMs);
    }
  }

  /** Upstream → session. */
  upstream(event: WireEvent, peer = "up0.1"): void {
    this.input({ type: "message", peer, data: JSON.stringify(event) });
  }

  /** A whole spoken answer of an upstream to the last `respond` it got. */
  answer(samples: Int16Array, transcript = "Hello.", peer = "up0.1"): void {
    this.beginAnswer(peer);
    const audio = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength).toBase64();
    this.upstream({ type: "transcript", response: "r", item: "i", delta: transcript }, peer);
    this.upstream({ type: "audio", response: "r", item: "i", audio }, peer);
    this.finishAnswer(peer);
  }

  beginAnswer(peer = "up0.1"): void {
    const respond = this.commands(peer).findLast((command) => command.type === "respond");
    if (respond?.type !== "respond") throw new Error("nobody asked for a response");
    this.upstream({ type: "response.started", response: "r", answers: respond.responseId }, peer);
    this.upstream({ type: "item.started", response: "r", item: "i", kind: "message" }, peer);
  }

  finishAnswer(peer = "up0.1"): void {
    this.upstream({ type: "item.done", status: "completed", response: "r", item: "i" }, peer);
    const done = { reason: null, error: null, usage: null, metadata: null };
    this.upstream({ type: "response.done", response: "r", status: "completed", ...done }, peer);
  }

  /** Lets time pass, with every deadline at its moment. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.#look();
    for (;;) {
      const { deadline } = this.session;
      if (deadline === null || deadline > until) break;
      this.now = Math.max(this.now, deadline);
      this.input({ type: "timeout" });
    }
    this.now = until;
  }

  commands(peer = "up0.1"): readonly SentCommand[] {
    return this.sent.get(peer) ?? [];
  }

  /** Types of the commands an upstream got, audio runs collapsed. */
  commandTypes(peer = "up0.1"): readonly string[] {
    const types = this.commands(peer).map((command) => command.type);
    return types.filter((type, at) => type !== "audio" || types[at - 1] !== "audio");
  }

  /** All caller audio an upstream got, concatenated. */
  heard(peer = "up0.1"): Uint8Array {
    const pieces = this.commands(peer).flatMap((command) =>
      command.type === "audio" ? [...Uint8Array.fromBase64(command.audio)] : [],
    );
    return Uint8Array.from(pieces);
  }

  types(): readonly string[] {
    return this.events.map((event) => event.type);
  }

  last(type: string): Received {
    const found = this.events.findLast((event) => event.type === type);
    if (!found) throw new Error(`the client got no ${type}, but ${this.types().join(", ")}`);
    return found;
  }

  /** Forgets what was received so far. */
  clearEvents(): void {
    this.events.length = 0;
    this.frames.length = 0;
    this.order.length = 0;
  }

  /** The object died: only an older snapshot is left, and every socket is gone. */
  crash(kept: SessionSnapshot): void {
    const peers = [...this.open];
    this.open.clear();
    this.session = Session.restore(structuredClone(kept), this.#setup, this.#dependencies, this.now);
    // The shell tells of the client first: nothing more is said to it.
    for (const peer of peers.sort((a) => (a === CLIENT ? -1 : 0))) {
      this.input({ type: "close", peer, code: 1006, reason: "" });
    }
  }

  /** Goes on in "another isolate": snapshot, structured clone, restore. */
  hibernate(): void {
    const kept = structuredClone(this.session.snapshot());
    const drawn = this.#drawn;
    this.session = Session.restore(kept, this.#setup, this.#dependencies, this.now, false);
    // What is drawn to build it goes, and its next names are those that it would have had.
    this.#drawn = drawn;
  }
}
