/** One call in virtual time: the real session and the real adapters between hostile peers. Every message is looked at. */
import type { ToolCall } from "../../durable-objects/asked.ts";
import { fromBytes, toBytes } from "../../durable-objects/value-bytes.ts";
import { readFrameHeader } from "../../src/protocol/frame.ts";
import { eventIdOf } from "../../src/protocol/client-events.ts";
import { eventIdIn } from "../../src/protocol/event-id.ts";
import { parseJsonObject, type JsonObject } from "../../src/protocol/json.ts";
import { CLIENT, type Action, type Dialect, type Input } from "../../src/session/io.ts";
import { Session, type SessionDependencies, type SessionSetup } from "../../src/session/session.ts";
import { createUpstream } from "../../src/upstreams/index.ts";
import type { DialRequest, WireMessage } from "../../src/upstreams/upstream.ts";
import { objectOf } from "../oracle/fields.ts";
import { Random } from "../sim/random.ts";
import { loadKernels } from "../support/kernels.ts";
import { plain } from "../support/opus.ts";
import { BetaWatch } from "./beta.ts";
import { honestStage, type Stage, stageAt } from "./cascade.ts";
import { ClientWatch, holdsSecret, Violation } from "./checks.ts";
import { Known } from "./known.ts";
import { LockWatch } from "./lock-watch.ts";
import { isObserverPeer, type Observers, withoutDraws } from "./observers.ts";
import { adapterAt, honestAt, hostileAt, type HonestPeer, type HostilePeer } from "./peers.ts";
import { FuzzedServices } from "./services.ts";
import { Caller, isCarrier, PhoneWatch } from "./phone.ts";

/** Deadlines that may be due within one message's time, and in one instant. */
const MOST_DEADLINES = 4_000;
const MOST_AT_ONCE = 400;

/** Of what waits for a listener some thousand events: a call here is too short for the eight thousand of the default. */
const LIMITS = { laneSize: 512 * 1024 };

/** What a message did, for people. */
export interface Said {
  readonly to: string;
  readonly data: WireMessage;
  /** Milliseconds, by the clock of the call. */
  readonly tookMs: number;
}

/** What is being said to the session, and under which name. */
interface Handling {
  readonly eventId: string | null;
  readonly audio: boolean;
  readonly data: WireMessage;
}

/** Characters of it that a finding shows. */
const SAID_CHARS = 400;

type Peer =
  | { readonly kind: "loop" }
  | { readonly kind: "hostile"; readonly adapter: string; readonly provider: HostilePeer }
  /** One HTTP request of a cascade's. */
  | { readonly kind: "stage"; readonly adapter: string; readonly stage: Stage }
  | { readonly kind: "honest"; readonly adapter: string; readonly provider: HonestPeer };

export class World {
  session: Session;
  now = 1_000_000;
  readonly known = new Known();
  readonly open = new Map<string, Peer>();
  readonly dialling: { readonly peer: string; readonly request: DialRequest }[] = [];
  /** Channels that are over. */
  readonly gone: string[] = [];
  observers: Observers | null = null;
  /** All that the client is told; null: nobody asks. */
  heard: string[] | null = null;
  readonly said: Said[] = [];
  readonly events: JsonObject[] = [];
  ended = false;
  clientOpen = false;
  dialect: Dialect = "realtime";
  /** Who telephones, where the client is a carrier. */
  caller: Caller | null = null;
  /** How many messages each kind of peer said, and what else happened how often. */
  readonly played = new Map<string, number>();
  /** From now on who is dialled does as it is asked. */
  honest = false;
  /** Keep what was said, to be printed. */
  readonly #keeps: boolean;
  readonly #clock: () => number;
  readonly #random: Random;
  readonly #setup: SessionSetup;
  readonly #dependencies: SessionDependencies;
  /** Calls of the relay's tools that have no result. */
  readonly #calls: string[] = [];
  /** Whom the relay itself asks. */
  readonly #services = new FuzzedServices();
  readonly #inbound: (readonly [peer: string, data: WireMessage])[] = [];
  #watch: ClientWatch | BetaWatch = new ClientWatch(false);
  #phone: PhoneWatch | null = null;
  #handling: Handling | null = null;
  /** What the client was shown first of fields that it may not change. */
  readonly #locked: LockWatch;
  sentBytes = 0;
  messages = 0;

  /** @param clock what one message took is measured by, ms. */
  constructor(setup: SessionSetup, seed: number, keeps: boolean, clock: () => number) {
    this.#clock = clock;
    this.#setup = setup;
    this.#locked = new LockWatch(setup.locks?.fields ?? []);
    this.#keeps = keeps;
    this.#random = new Random(seed ^ 0x5bd1);
    let drawn = 0;
    this.#dependencies = {
      drawId: () => `drawn${(drawn += 1)}`,
      kernels: loadKernels(),
      createUpstream: (options) => createUpstream(options, { opus: plain }),
      limits: LIMITS,
    };
    this.session = new Session(setup, this.#dependencies, this.now);
  }

  /** Something of the session is not the client's to change. */
  get locked(): boolean {
    return this.#setup.locks !== undefined;
  }

  /** A client connects; one that is there is put out, as the shell does. */
  connect(dialect: Dialect): void {
    this.dialect = dialect;
    this.clientOpen = true;
    this.#watch = dialect === "openai-beta" ? new BetaWatch() : new ClientWatch(dialect === "duplex.v1");
    this.#phone = isCarrier(dialect) ? new PhoneWatch(dialect) : null;
    if (isCarrier(dialect)) this.caller ??= new Caller(dialect);
    this.known.said = 0;
    this.input({ type: "open", peer: CLIENT, dialect });
  }

  /** @throws Violation */
  input(input: Input): void {
    for (const action of this.#handle(input)) this.#perform(action);
    for (let at = 0; at < this.#inbound.length && !this.ended; at += 1) {
      const [peer, data] = this.#inbound[at] ?? ["", ""];
      if (!this.open.has(peer)) continue;
      // What a provider says to it is no answer to the client's event.
      this.#handling = null;
      for (const action of this.#handle({ type: "message", peer, data })) this.#perform(action);
      if (at > 5_000)
        throw new Violation("restless", "the session and an in-process upstream talk without end");
    }
    this.#inbound.length = 0;
    this.#channelsEnd();
  }

  /** A channel is over when its connection is. */
  #channelsEnd(): void {
    const peers = [...this.open.keys(), ...this.dialling.map(({ peer }) => peer)];
    for (const peer of peers) {
      const [connection = "", channel] = peer.split("/");
      if (channel !== undefined && !this.open.has(connection))
        throw new Violation("channel", `${peer} outlives its connection`);
    }
  }

  #handle(input: Input): readonly Action[] {
    try {
      const actions = this.session.handle(input, this.now);
      if (this.ended && actions.length > 0)
        throw new Violation("after-end", `it acts after its end: ${actions[0]?.type}`);
      return actions;
    } catch (error) {
      if (error instanceof Violation) throw error;
      const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
      throw new Violation("threw", stack.split("\n").slice(0, 5).join(" | "));
    }
  }

  /** A message of the client's or of an upstream's. @throws Violation */
  message(peer: string, data: WireMessage): void {
    this.messages += 1;
    const known = peer === CLIENT && data.length < 200_000;
    const event = known && typeof data === "string" ? parseJsonObject(data) : null;
    const audio = typeof data !== "string" || data.includes("input_audio_buffer.append");
    // A resume brings back what other events were answered with.
    const blames = known && event?.["type"] !== "session.resume" && this.#phone === null;
    // Of a text that is no JSON nobody can say what its name is.
    const named = event !== null || typeof data !== "string" || eventIdIn(data) === null;
    this.#handling = blames && named ? { eventId: eventIdOf(event), audio, data } : null;
    this.#played(peer, data, event);
    const began = this.#clock();
    try {
      this.input({ type: "message", peer, data });
    } finally {
      this.#handling = null;
      const tookMs = this.#clock() - began;
      if (this.#keeps || tookMs > 20) {
        this.said.push({ to: peer, data: typeof data === "string" ? data : data.slice(), tookMs });
      }
    }
  }

  /** An observer says something: nothing of it is the client's, nor an error for it. @throws Violation */
  observed(peer: string, data: WireMessage): void {
    this.count("observer");
    if (this.#keeps)
      this.said.push({ to: peer, data: typeof data === "string" ? data : data.slice(), tookMs: 0 });
    this.#handling = { eventId: "an observer's", audio: false, data };
    try {
      this.input({ type: "message", peer, data });
    } finally {
      this.#handling = null;
    }
  }

  #played(peer: string, data: WireMessage, event: JsonObject | null): void {
    if (event?.["type"] === "session.resume") this.count("session.resume");
    const upstream = this.open.get(peer);
    const who =
      peer === CLIENT
        ? `client ${this.dialect}`
        : `provider ${upstream && "adapter" in upstream ? upstream.adapter : "echo"}`;
    this.count(typeof data === "string" ? who : `${who}, binary`);
  }

  count(what: string): void {
    this.played.set(what, (this.played.get(what) ?? 0) + 1);
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "dial":
        if (this.#services.dialled(action.peer, action.request)) break;
        if (this.open.has(action.peer) || this.dialling.some(({ peer }) => peer === action.peer)) {
          throw new Violation("closed-peer", `${action.peer} is dialled twice`);
        }
        this.dialling.push({ peer: action.peer, request: action.request });
        break;
      case "send":
        this.#send(action.peer, action.data);
        break;
      case "close":
        this.#close(action.peer);
        if (holdsSecret(action.reason))
          throw new Violation("secret", `a close reason holds the key: ${action.reason}`);
        break;
      case "metric":
        if (action.name === "internal_errors") {
          throw new Violation(
            "threw",
            "it threw at what a provider said or at what was due, and gave a connection up for it",
          );
        }
        if (!Number.isFinite(action.value) || action.name.length > 64) {
          throw new Violation("metric", `${action.name} is ${action.value}`);
        }
        break;
      case "end":
        this.ended = true;
        break;
      case "tool":
        this.#called(action);
        break;
      case "persist":
      case "consult":
      case "moderate":
      case "rest":
        break;
      default:
        action satisfies never;
    }
  }

  /** The result comes with the next snapshot that is durable. */
  #called({ id, arguments: given }: ToolCall): void {
    if (parseJsonObject(given) === null)
      throw new Violation("tool", `it is called with ${given.slice(0, 60)}`);
    this.count("tool calls");
    this.#calls.push(id);
  }

  #close(peer: string): void {
    if (this.#services.closed(peer)) return;
    if (peer === CLIENT) {
      this.clientOpen = false;
      return;
    }
    this.observers?.closed(peer);
    this.#isOver(peer);
    this.open.delete(peer);
    const at = this.dialling.findIndex((each) => each.peer === peer);
    if (at >= 0) this.dialling.splice(at, 1);
  }

  #isOver(peer: string): void {
    if (!peer.includes("/")) return;
    this.gone.push(peer);
    if (this.gone.length > 9) this.gone.shift();
  }

  #send(peer: string, data: WireMessage): void {
    if (peer === CLIENT) return this.#told(data);
    if (isObserverPeer(peer) && this.observers !== null) return this.observers.told(peer, data);
    const upstream = this.open.get(peer);
    if (upstream === undefined) throw new Violation("closed-peer", `it sends to ${peer}, which is not open`);
    // What the relay sends is only good until the next call.
    const kept = typeof data === "string" ? data : data.slice();
    if (upstream.kind === "loop") this.#inbound.push([peer, kept]);
    else if (upstream.kind === "hostile") upstream.provider.receive(kept, this.#random);
    else if (upstream.kind === "stage") throw new Violation("channel", `it sends to a request, ${peer}`);
    else for (const reply of upstream.provider.receive(kept)) this.#inbound.push([peer, reply]);
  }

  #told(data: WireMessage): void {
    if (!this.clientOpen) throw new Violation("closed-peer", "it sends to a client that is not there");
    this.sentBytes += data.length;
    this.heard?.push(withoutDraws(data));
    if (this.#phone !== null) {
      const mark = this.#phone.message(data);
      if (mark !== null) this.caller?.marked(mark);
      return;
    }
    const event = this.#watch.message(data);
    if (event === null) {
      this.known.received = readFrameHeader(data as Uint8Array)?.sequence ?? this.known.received;
      return;
    }
    const { server_event_seq: sequence, item_id: itemId, type } = event;
    if (typeof sequence === "number") this.known.received = sequence;
    this.known.note(this.known.items, itemId ?? objectOf(event["item"])["id"]);
    if (type === "response.created") this.known.note(this.known.responses, objectOf(event["response"])["id"]);
    if (type === "response.function_call_arguments.done") this.known.note(this.known.calls, event["call_id"]);
    const token = event["resume_token"] ?? objectOf(objectOf(event["session"])["relay"])["resume_token"];
    this.known.note(this.known.tokens, token);
    if (type === "error") this.#refused(objectOf(event["error"]), data);
    // The application may change what its client may not.
    const shows = type === "session.created" || type === "session.updated";
    if (shows && this.observers?.active !== true) this.#locked.shown(objectOf(event["session"]));
    if (this.honest) this.events.push(event);
  }

  /** What a client did wrong is told under the name that it gave it. */
  #refused(error: JsonObject, data: WireMessage): void {
    const handling = this.#handling;
    if (handling === null || handling.audio || error["type"] !== "invalid_request_error") return;
    if (error["event_id"] !== handling.eventId) {
      const saying = typeof handling.data === "string" ? handling.data.slice(-SAID_CHARS) : "bytes";
      const was = String(handling.eventId);
      throw new Violation("blame", `the event was ${was}, the error is ${String(data)} to …${saying}`);
    }
  }

  /** Who is dialled answers, or does not. */
  answerDials(random: Random, refusals: number, hostility = 0): void {
    // One that is answered may end another that waits.
    for (const { peer, request } of this.dialling.slice()) {
      const at = this.dialling.findIndex((each) => each.peer === peer);
      if (at < 0) continue;
      this.dialling.splice(at, 1);
      const { url } = request;
      const loop = url.startsWith("loop:");
      if (!loop && !this.honest && random.chance(refusals)) {
        this.input({
          type: "close",
          peer,
          code: 0,
          reason: random.pick(["HTTP 401", "HTTP 503", "timeout"]),
        });
        continue;
      }
      if (request.http !== undefined) {
        this.#answerRequest(peer, request, random, hostility);
        continue;
      }
      if (loop) this.open.set(peer, { kind: "loop" });
      else if (this.honest) {
        this.open.set(peer, { kind: "honest", adapter: adapterAt(url), provider: honestAt(url, peer) });
      } else this.open.set(peer, { kind: "hostile", adapter: adapterAt(url), provider: hostileAt(url) });
      this.input({ type: "open", peer });
      const upstream = this.open.get(peer);
      if (upstream?.kind !== "honest") continue;
      for (const data of upstream.provider.opened()) this.input({ type: "message", peer, data });
    }
  }

  #answerRequest(peer: string, request: DialRequest, random: Random, hostility: number): void {
    if (!this.honest) {
      const stage = stageAt(request, random, hostility);
      this.open.set(peer, { kind: "stage", adapter: stage.adapter, stage });
      this.input({ type: "open", peer, head: stage.head });
      return;
    }
    const { head, body } = honestStage(request);
    this.open.set(peer, { kind: "loop" });
    this.input({ type: "open", peer, head });
    if (this.open.has(peer)) this.input({ type: "message", peer, data: body });
    if (this.open.has(peer)) this.drop(peer, 1000, "");
  }

  /** An upstream's or the client's socket is gone. */
  drop(peer: string, code: number, reason: string): void {
    if (peer === CLIENT) this.clientOpen = false;
    else this.open.delete(peer);
    this.#isOver(peer);
    this.input({ type: "close", peer, code, reason });
  }

  /** Every deadline at its moment. @throws Violation when they do not come to an end. */
  advance(ms: number): void {
    const until = this.now + ms;
    let at = 0;
    for (let count = 0; ; count += 1) {
      // When it was dialled, and not at the next deadline: an observer's is another one.
      for (let n = 0; this.honest && this.dialling.length > 0 && n < MOST_AT_ONCE; n += 1)
        this.answerDials(this.#random, 0);
      const { deadline } = this.session;
      if (this.ended || deadline === null || deadline > until) break;
      at = deadline > this.now ? 0 : at + 1;
      if (count > MOST_DEADLINES + ms || at > MOST_AT_ONCE)
        throw new Violation("restless", `deadlines do not end at ${deadline}`);
      this.now = Math.max(this.now, deadline);
      this.input({ type: "timeout" });
    }
    this.now = until;
  }

  /** Snapshot, copy and restore, as when the object left memory. `sealed`: by way of the bytes that are encrypted. */
  hibernate(sealed: boolean): void {
    this.count(sealed ? "sleeps, sealed" : "sleeps");
    this.settle();
    if (this.ended) return;
    try {
      const snapshot = this.session.snapshot();
      const kept = sealed ? (fromBytes(toBytes(snapshot)) as typeof snapshot) : structuredClone(snapshot);
      this.session = Session.restore(kept, this.#setup, this.#dependencies, this.now, false);
      // As a shell is woken; what follows from the restoring alone is not put off to whoever speaks first.
      this.input({ type: "timeout" });
      this.observers?.again();
    } catch (error) {
      throw new Violation(
        "restore",
        error instanceof Error ? (error.stack ?? "").slice(0, 500) : String(error),
      );
    }
  }

  /** Until what was said to it is worked through: before that no shell stores it. */
  settle(): void {
    for (let count = 0; this.session.busy && !this.ended; count += 1) {
      if (count > MOST_DEADLINES) throw new Violation("restless", "it does not come to the end of a message");
      const { deadline } = this.session;
      if (deadline === null) throw new Violation("stuck", "it has work and no deadline");
      this.now = Math.max(this.now, deadline);
      this.input({ type: "timeout" });
    }
  }

  persisted(): void {
    this.settle();
    if (this.ended) return;
    this.input({ type: "persisted", covers: this.session.snapshot().covers });
    for (const id of this.#calls.splice(0)) {
      const result = id.length % 2 === 0 ? { output: "snow" } : ({ failure: "timeout" } as const);
      if (!this.ended) this.input({ type: "tool_answered", id, result });
    }
    this.#services.answer((input) => {
      if (!this.ended) this.input(input);
    });
  }
}
