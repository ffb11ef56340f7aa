/**
 * The core: a session is a synchronous function of (input, now) to actions (see `io.ts`). This file only joins the
 * parts and routes; each part has its own file, and every change of state is a row in `transitions.ts`.
 */
import { PCM_24K } from "../audio/format.ts";
import type { AudioKernels } from "../audio/kernels.ts";
import type { SpeechDetector } from "../audio/vad/detector.ts";
import { createDetector } from "../audio/vad/index.ts";
import { Base64Decoder, scanAppend } from "../protocol/append.ts";
import { ClientError } from "../protocol/client-error.ts";
import { EXTENSION_EVENTS, readClientEvent, type ResponseParams } from "../protocol/client-events.ts";
import { FRAME_AUDIO, FRAME_HEADER_BYTES, readFrameHeader } from "../protocol/frame.ts";
import { parseJsonObject, type JsonObject } from "../protocol/json.ts";
import type { SessionConfig } from "../protocol/session-config.ts";
import type { UpstreamConfig, UpstreamFactory, WireMessage } from "../upstreams/upstream.ts";
import { AudioInput, TICKS_PER_MS, type AudioInputSnapshot } from "./audio-input.ts";
import { BargeIn } from "./barge-in.ts";
import { ClientCommands, invalidAudio } from "./client-commands.ts";
import { ClientPort, type ClientPortSnapshot } from "./client-port.ts";
import { Configuration, endpointerOptions } from "./configuration.ts";
import { Context, type ContextSnapshot } from "./context.ts";
import { Conversation, type ConversationSnapshot } from "./conversation.ts";
import { CLIENT, type Action, type Dialect, type DrawId, type Input, type SessionState } from "./io.ts";
import { Eager, type EagerSnapshot } from "./eager.ts";
import { Floor, type FloorSnapshot } from "./floor/floor.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { Link, type LinkSnapshot } from "./link.ts";
import { Pauses } from "./pauses.ts";
import type { Plan } from "./plan.ts";
import { Playout, type PlayoutSnapshot } from "./playout.ts";
import type { ResponseRecord } from "./response.ts";
import { ResponseWriter, type WriterSnapshot } from "./response-writer.ts";
import { Responses, type ResponseDefaults, type ResponsesSnapshot } from "./responses.ts";
import { TurnTaking, type TurnSnapshot } from "./turn-taking.ts";
import { UpstreamEvents } from "./upstream-events.ts";

export interface SessionSetup {
  readonly id: string;
  /** The model string the client asked for, echoed in `session.model`. */
  readonly model: string;
  readonly plan: Plan;
  /** `transcription` for `?intent=transcription`. */
  readonly intent: "conversation" | "transcription";
  /** Session object given with the token (client_secrets `session`, POST /v1/sessions `session`), or `{}`. */
  readonly session: JsonObject;
}

export interface SessionDependencies {
  readonly drawId: DrawId;
  readonly kernels: AudioKernels;
  readonly createUpstream: UpstreamFactory;
  readonly limits?: Partial<Limits>;
}

/** Structured-clonable. Holds no secret. */
export interface SessionSnapshot {
  readonly version: 1;
  readonly createdAt: number;
  readonly status: SessionState["status"];
  readonly audioReceivedMs: number;
  readonly usage: Readonly<Record<string, number>>;
  readonly context: ContextSnapshot;
  readonly port: ClientPortSnapshot;
  readonly config: SessionConfig;
  readonly conversation: ConversationSnapshot;
  readonly playout: PlayoutSnapshot;
  readonly writer: WriterSnapshot;
  readonly responses: ResponsesSnapshot;
  readonly floor: FloorSnapshot;
  readonly eager: EagerSnapshot;
  readonly pauses: readonly number[];
  readonly input: AudioInputSnapshot;
  readonly turns: TurnSnapshot;
  readonly links: readonly LinkSnapshot[];
}

export class Session {
  readonly #setup: SessionSetup;
  readonly #limits: Limits;
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #config: Configuration;
  readonly #conversation: Conversation;
  readonly #playout = new Playout();
  readonly #responses: Responses;
  readonly #writer: ResponseWriter;
  readonly #floor: Floor;
  readonly #eager: Eager;
  readonly #pauses = new Pauses();
  readonly #detector: SpeechDetector;
  readonly #input: AudioInput;
  readonly #turns: TurnTaking;
  readonly #bargeIn: BargeIn;
  readonly #commands: ClientCommands;
  readonly #upstreamEvents: UpstreamEvents;
  readonly #links: Link[] = [];
  readonly #base64 = new Base64Decoder();
  readonly #conversationId: string;
  #createdAt: number;
  #status: SessionState["status"] = "waiting";
  #audible = false;

  /** @throws ClientError when `setup.session` or the plan's session is no valid configuration. */
  constructor(setup: SessionSetup, dependencies: SessionDependencies, now: number) {
    const { kernels, createUpstream, drawId } = dependencies;
    this.#setup = setup;
    this.#limits = { ...DEFAULT_LIMITS, ...dependencies.limits };
    this.#createdAt = now;
    this.#context = new Context(this.#limits, drawId().slice(0, 16), now);
    this.#conversationId = `conv_${setup.id}`;
    this.#port = new ClientPort(this.#context);
    this.#config = new Configuration(setup.intent, setup.plan.session, setup.session);
    this.#conversation = new Conversation(this.#limits);
    this.#floor = this.#createFloor();
    this.#writer = new ResponseWriter(
      this.#context,
      this.#port,
      this.#conversation,
      this.#playout,
      kernels,
      (stream, samples, rateHz, atMs) => this.#floor.guard.played(stream, samples, rateHz, atMs),
    );
    this.#responses = new Responses(this.#context, this.#writer, {
      gate: this.#gateHost(),
      responseDefaults: () => this.#responseDefaults(),
      command: (stream, command) => this.#links[stream]?.command(command),
      onResponseDone: (response) => this.#responseDone(response),
    });
    this.#detector = createDetector(kernels, setup.plan.detector).detector;
    const options = this.#endpointerOptions();
    this.#input = new AudioInput(this.#config.inputFormat, this.#detector, options, kernels, this.#limits);
    this.#upstreamEvents = new UpstreamEvents(this.#context, this.#port, this.#conversation, this.#responses, {
      upstreamConfig: () => this.#upstreamConfig(),
      turns: () => this.#turns,
      bargeIn: () => this.#bargeIn,
      primary: (link) => link === this.#links[0],
    });
    for (const [index, planned] of setup.plan.upstreams.slice(0, this.#limits.upstreams).entries()) {
      this.#links.push(new Link(index, planned, createUpstream, this.#context, this.#upstreamEvents));
    }
    this.#eager = new Eager(this.#context, this.#links, this.#responses);
    this.#turns = new TurnTaking(this.#context, this.#port, this.#conversation, this.#input, {
      ...this.#floorSide(),
      onSpeechStarted: () => this.#speechStarted(),
      onTurn: (detected) => this.#turnTaken(detected),
    });
    this.#bargeIn = new BargeIn(
      this.#context,
      this.#port,
      this.#conversation,
      this.#playout,
      this.#responses,
      this.#links,
    );
    this.#commands = this.#createCommands();
    this.#configureTurns();
    this.#context.deadlines.set("session:unclaimed", now + this.#limits.unclaimedMs);
    this.#context.deadlines.set("session:end", now + this.#limits.sessionMs);
  }

  #createFloor(): Floor {
    return new Floor(this.#context, this.#port, this.#playout, {
      settings: () => this.#config.relay(this.#port.extended),
      audible: () => this.#agentAudible,
      begin: (prefixTicks) => this.#turns.begin(prefixTicks),
      forget: () => this.#turns.forget(),
      release: () => this.#responses.drain(),
    });
  }

  /** What may pass to the listener, and when. */
  #gateHost() {
    return {
      holds: (response: ResponseRecord) =>
        !response.announced ||
        (this.#floor.held && this.#links[response.stream]?.capabilities.turns !== "none"),
      // A duplex model keeps time by itself: pacing it would only delay it.
      leadMs: (stream: number) =>
        this.#links[stream]?.capabilities.turns === "none" ? null : this.#config.relay(this.#port.extended).leadMs,
      aheadMs: (stream: number) => this.#playout.aheadMs(stream, this.#context.now),
      outputFormat: (stream: number) => this.#links[stream]?.capabilities.output ?? PCM_24K,
    };
  }

  /** What turn taking asks and tells the floor. */
  #floorSide() {
    return {
      links: this.#links,
      contested: () => this.#agentAudible && this.#config.turnDetection?.interrupt_response === true,
      judging: () => this.#floor.judging,
      onOnset: (prefixTicks: number) => this.#floor.onset(prefixTicks),
      onEnded: () => this.#floor.ended(),
      onPause: (ms: number) => this.#paused(ms),
      eagerMs: () => this.#eagerMs,
      eager: () => this.#eager,
      onHeard: (samples: Int16Array, rateHz: number, endMs: number) =>
        this.#floor.guard.heard(samples, rateHz, endMs, this.#context.now),
      onHop: (probability: number, hopMs: number) =>
        this.#floor.hop(probability, hopMs, this.#input.endpointer.options),
    };
  }

  /** Answers are asked for in advance only where the end of a turn asks for one. */
  get #eagerMs(): number | null {
    const asks = this.#config.turnDetection?.create_response === true && !this.#config.transcriptionOnly;
    if (!asks || this.#responses.answering.length > 0) return null;
    return this.#config.relay(this.#port.extended).eagerMs;
  }

  #paused(ms: number): void {
    this.#pauses.heard(ms);
    this.#input.endpointer.configure(this.#endpointerOptions());
  }

  /** An agent that takes turns sounds, or has something to say that waits for the listener. */
  get #agentAudible(): boolean {
    if (this.#playingUntil() > this.#context.now) return true;
    return this.#responses.active.some(
      (response) =>
        this.#links[response.stream]?.capabilities.turns !== "none" && this.#responses.waiting(response),
    );
  }

  #createCommands(): ClientCommands {
    const parts = {
      context: this.#context,
      port: this.#port,
      conversation: this.#conversation,
      playout: this.#playout,
      responses: this.#responses,
      turns: this.#turns,
      bargeIn: this.#bargeIn,
      links: this.#links,
    };
    const config = this.#config;
    return new ClientCommands(parts, {
      updateSession: (session) => this.#updateSession(session),
      appendAudio: (bytes) => this.#appendAudio(bytes),
      respond: (params) => this.#respond(params),
      get transcriptionOnly() {
        return config.transcriptionOnly;
      },
    });
  }

  handle(input: Input, now: number): readonly Action[] {
    this.#context.now = now;
    if (this.#status !== "ended") this.#route(input);
    return this.#context.takeActions();
  }

  #route(input: Input): void {
    if (input.type === "timeout") {
      for (const name of this.#context.deadlines.due(this.#context.now)) this.#due(name);
    } else if (input.type === "buffered") {
      this.#context.metric("buffered_bytes", input.bytes, input.peer);
    } else if (input.peer === CLIENT) {
      if (input.type === "open") this.#clientOpen(input.dialect ?? "realtime");
      else if (input.type === "message") this.#clientMessage(input.data);
      else this.#clientClosed();
    } else {
      // A message or close of a connection that was replaced meanwhile has no link any more: it is dropped.
      const link = this.#links.find((candidate) => candidate.peer === input.peer);
      if (input.type === "open") link?.opened();
      else if (input.type === "message") link?.message(input.data);
      else link?.closed(input.code, input.reason);
    }
  }

  #clientOpen(dialect: Dialect): void {
    this.#status = "connected";
    this.#port.open(dialect);
    this.#context.deadlines.clear("session:unclaimed");
    this.#context.deadlines.clear("client:gone");
    this.#port.emit({ type: "session.created", session: this.#shownSession() });
    this.#port.emit({
      type: "conversation.created",
      conversation: { id: this.#conversationId, object: "realtime.conversation" },
    });
    for (const link of this.#links) if (link.phase === "idle" || link.phase === "closed") link.dial();
    this.#context.persist();
  }

  /** A `realtime` client cannot come back; a `duplex.v1` client may, for a while. */
  #clientClosed(): void {
    const mayReturn = this.#port.extended;
    this.#port.closed();
    this.#status = "waiting";
    if (mayReturn) this.#context.deadlines.set("client:gone", this.#context.now + this.#limits.clientGoneMs);
    else this.#end("client_closed");
  }

  #end(reason: string): void {
    if (this.#status === "ended") return;
    for (const link of this.#links) link.hangUp();
    this.#status = "ended";
    this.#context.deadlines.restore([]);
    this.#context.act({ type: "end", reason });
  }

  /** The application ended the session (`DELETE /v1/sessions/:id`). */
  terminate(now: number): readonly Action[] {
    this.#context.now = now;
    if (this.#port.connected) {
      this.#context.act({ type: "close", peer: CLIENT, code: 1000, reason: "session ended by the application" });
    }
    this.#end("terminated");
    return this.#context.takeActions();
  }

  #expire(): void {
    const message = `Your session hit the maximum duration of ${Math.round(this.#limits.sessionMs / 60_000)} minutes.`;
    this.#port.emit({
      type: "error",
      error: { type: "invalid_request_error", code: "session_expired", message, param: null, event_id: null },
    });
    if (this.#port.connected) this.#context.act({ type: "close", peer: CLIENT, code: 1001, reason: message });
    this.#end("expired");
  }

  #clientMessage(data: WireMessage): void {
    let eventId: string | null = null;
    try {
      if (data.length > this.#limits.clientMessageSize) {
        const limit = this.#limits.clientMessageSize;
        throw new ClientError("message_too_large", `The message is larger than ${limit} bytes.`);
      }
      if (typeof data !== "string") {
        this.#clientFrame(data);
        return;
      }
      const append = scanAppend(data);
      if (append) {
        eventId = null;
        this.#appendBase64(data.slice(append.from, append.to), data);
        return;
      }
      const message = parseJsonObject(data);
      if (!message) {
        throw new ClientError("invalid_json", "The message is not a JSON object (one event per text message).");
      }
      eventId = typeof message["event_id"] === "string" ? message["event_id"].slice(0, 512) : null;
      const event = readClientEvent(message);
      if (EXTENSION_EVENTS.has(event.type) && !this.#port.extended) {
        throw new ClientError("invalid_value", `'${event.type}' needs the subprotocol 'duplex.v1'.`, "type");
      }
      this.#commands.handle(event);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#port.rejected(error, eventId);
    }
  }

  #clientFrame(frame: Uint8Array): void {
    if (!this.#port.extended) {
      throw new ClientError("binary_not_negotiated", "Binary messages need the subprotocol 'duplex.v1'.");
    }
    const header = readFrameHeader(frame);
    if (!header) {
      throw new ClientError(
        "invalid_frame",
        `A binary message has at least ${FRAME_HEADER_BYTES} bytes, this one ${frame.byteLength}.`,
      );
    }
    if (header.kind !== FRAME_AUDIO || header.stream !== 0) {
      const what = header.kind === FRAME_AUDIO ? `stream ${header.stream}` : `kind ${header.kind}`;
      throw new ClientError("invalid_frame", `Unknown ${what} in a binary message: expected kind 1, stream 0.`);
    }
    this.#appendAudio(frame.subarray(FRAME_HEADER_BYTES));
  }

  #appendBase64(text: string, message: string): void {
    const bytes = this.#base64.decode(text);
    if (bytes) {
      this.#appendAudio(bytes);
      return;
    }
    const eventId = parseJsonObject(message)?.["event_id"];
    this.#port.rejected(invalidAudio(), typeof eventId === "string" ? eventId : null);
  }

  #appendAudio(bytes: Uint8Array): void {
    const audible = this.#playingUntil() > this.#context.now;
    if (audible !== this.#audible) {
      this.#audible = audible;
      this.#input.endpointer.configure(this.#endpointerOptions());
    }
    this.#turns.push(bytes);
  }

  /** When the last agent that takes turns will have been heard. */
  #playingUntil(): number {
    let until = 0;
    for (const link of this.#links) {
      if (link.capabilities.turns !== "none") until = Math.max(until, this.#playout.audibleUntil(link.index));
    }
    return until;
  }

  #endpointerOptions() {
    return endpointerOptions(this.#config.turnDetection, this.#detector.thresholds, this.#audible, this.#pauses);
  }

  #updateSession(session: JsonObject): void {
    const voice = JSON.stringify(this.#config.current.audio.output.voice);
    const before = this.#config.snapshot();
    this.#config.update(session);
    const spoke = this.#conversation.entries.some((entry) => entry.origin !== null && entry.audioMs > 0);
    if (spoke && JSON.stringify(this.#config.current.audio.output.voice) !== voice) {
      this.#config.restore(before);
      throw new ClientError(
        "cannot_update_voice",
        "The voice cannot be changed after the assistant has spoken.",
        "session.audio.output.voice",
      );
    }
    this.#configureTurns();
    const config = this.#config.upstream();
    for (const link of this.#links) link.command({ type: "configure", config });
    this.#port.emit({ type: "session.updated", session: this.#shownSession() });
    this.#armIdle();
    this.#context.persist();
  }

  /** Turns are decided at the edge unless the primary upstream insists on deciding itself. */
  #configureTurns(): void {
    const edge = this.#config.turnDetection !== null && this.#links[0]?.capabilities.turns !== "server";
    this.#turns.configure(edge, this.#config.inputFormat);
    this.#input.endpointer.configure(this.#endpointerOptions());
  }

  #upstreamConfig(): UpstreamConfig {
    return this.#config.upstream();
  }

  #shownSession(): JsonObject {
    const identity: Record<string, JsonObject[string]> = {
      object: this.#config.transcriptionOnly ? "realtime.transcription_session" : "realtime.session",
      id: `sess_${this.#setup.id}`,
      model: this.#setup.model,
      expires_at: Math.floor((this.#createdAt + this.#limits.sessionMs) / 1000),
    };
    if (this.#port.extended) {
      identity["relay"] = {
        session_id: this.#setup.id,
        upstreams: this.#links.map((link) => link.name),
      };
    }
    return this.#config.shown(identity);
  }

  #responseDefaults(): ResponseDefaults {
    return {
      modality: this.#config.modality,
      maxOutputTokens: this.#config.current.max_output_tokens,
      output: this.#config.output,
      format: this.#config.outputFormat,
      conversationId: this.#conversationId,
    };
  }

  #speechStarted(): void {
    this.#context.deadlines.clear("idle");
    if (this.#config.turnDetection?.interrupt_response) this.#bargeIn.interrupt("turn_detected");
  }

  #turnTaken(detected: boolean): void {
    if (this.#eager.confirm()) return;
    if (!detected || this.#config.transcriptionOnly) return;
    if (!this.#config.turnDetection?.create_response) return;
    // An answer that may not be interrupted goes on; the turn is in the conversation for the next one.
    if (this.#responses.answering.length === 0) this.#ask(this.#answerers, {});
  }

  /** Upstreams that answer turns: a duplex one speaks when it likes. */
  get #answerers(): readonly Link[] {
    return this.#links.filter((link) => link.capabilities.turns !== "none");
  }

  /** The client's `response.create`. */
  #respond(params: ResponseParams): void {
    if (params.conversation !== "none") {
      this.#ask(this.#answerers.length > 0 ? this.#answerers : this.#links, params);
      return;
    }
    const able = this.#links.filter((link) => link.capabilities.outOfBand);
    if (able.length === 0) {
      throw new ClientError("unsupported", "No upstream of this session answers out of band.", "response.conversation");
    }
    this.#ask(able.slice(0, 1), params);
  }

  #ask(links: readonly Link[], params: ResponseParams): void {
    this.#context.deadlines.clear("idle");
    for (const link of links) {
      link.ensure();
      this.#responses.request(link, params);
    }
  }

  #responseDone(response: ResponseRecord): void {
    if (response.usage) {
      for (const kind of ["total_tokens", "input_tokens", "output_tokens"]) {
        const tokens = response.usage[kind];
        if (typeof tokens === "number") this.#usage[kind] = (this.#usage[kind] ?? 0) + tokens;
      }
    }
    this.#context.metric(`responses_${response.phase}`, 1, response.upstream);
    if (response.asked && !response.outOfBand) this.#armIdle();
    this.#context.persist();
  }

  #usage: Record<string, number> = {};

  /** `idle_timeout_ms` starts when the answer has been played to its end. */
  #armIdle(): void {
    const turn = this.#config.turnDetection;
    const idleMs = turn?.type === "server_vad" ? turn.idle_timeout_ms : null;
    this.#context.deadlines.clear("idle");
    if (idleMs === null || this.#responses.answering.length > 0 || this.#responses.count === 0) return;
    const from = Math.max(this.#context.now, this.#playingUntil());
    this.#context.deadlines.set("idle", from + idleMs);
  }

  #due(name: string): void {
    const [kind, which = "", what = ""] = name.split(":");
    if (kind === "link") this.#links[Number(which)]?.timeout(what);
    else if (kind === "response") this.#responseDue(which);
    else if (kind === "lane") this.#responses.drainOne(which);
    else if (name === "floor") this.#floor.abandon();
    else if (name === "persist") this.#context.persist();
    else if (name === "idle") this.#idle();
    else if (name === "session:end") this.#expire();
    else if (name === "session:unclaimed") this.#end("unclaimed");
    else if (name === "client:gone") this.#end("client_gone");
  }

  #responseDue(id: string): void {
    const stream = this.#responses.get(id)?.stream;
    this.#responses.timeout(id, stream === undefined ? undefined : this.#links[stream]);
  }

  #idle(): void {
    const turn = this.#config.turnDetection;
    if (turn?.type === "server_vad" && turn.idle_timeout_ms !== null) this.#turns.idle(turn.idle_timeout_ms);
  }

  /** When to call `handle` with `timeout` at the latest; null: never. */
  get deadline(): number | null {
    return this.#context.deadlines.next;
  }

  /** Nothing is audible, pending or in flight: the shell may let the object hibernate. */
  get quiet(): boolean {
    return (
      this.#status !== "connected" ||
      (this.#responses.active.length === 0 &&
        this.#turns.phase === "listening" &&
        this.#links.every((link) => link.phase === "closed" || link.phase === "idle"))
    );
  }

  snapshot(): SessionSnapshot {
    return {
      version: 1,
      createdAt: this.#createdAt,
      status: this.#status,
      audioReceivedMs: this.#input.ticks / TICKS_PER_MS,
      usage: { ...this.#usage },
      context: this.#context.snapshot(),
      port: this.#port.snapshot(),
      config: this.#config.snapshot(),
      conversation: this.#conversation.snapshot(),
      playout: this.#playout.snapshot(),
      writer: this.#writer.snapshot(),
      responses: this.#responses.snapshot(),
      floor: this.#floor.snapshot(),
      eager: this.#eager.snapshot(),
      pauses: this.#pauses.snapshot(),
      input: this.#input.snapshot(),
      turns: this.#turns.snapshot(),
      links: this.#links.map((link) => link.snapshot()),
    };
  }

  /** Rebuilds a session in another isolate. Peers are as the snapshot had them: hand in `close` for dead ones. */
  static restore(
    snapshot: SessionSnapshot,
    setup: SessionSetup,
    dependencies: SessionDependencies,
    now: number,
  ): Session {
    const session = new Session(setup, dependencies, now);
    session.#createdAt = snapshot.createdAt;
    session.#status = snapshot.status;
    session.#usage = { ...snapshot.usage };
    session.#port.restore(snapshot.port);
    session.#config.restore(snapshot.config);
    session.#conversation.restore(snapshot.conversation);
    session.#playout.restore(snapshot.playout);
    session.#writer.restore(snapshot.writer);
    session.#responses.restore(snapshot.responses);
    session.#floor.restore(snapshot.floor);
    session.#eager.restore(snapshot.eager);
    session.#pauses.restore(snapshot.pauses);
    session.#input.restore(snapshot.input);
    session.#audible = session.#playingUntil() > snapshot.context.now;
    session.#input.endpointer.configure(session.#endpointerOptions());
    session.#turns.restore(snapshot.turns);
    for (const [index, kept] of snapshot.links.entries()) session.#links[index]?.restore(kept);
    session.#context.restore(snapshot.context);
    return session;
  }

  /** For `GET /v1/sessions/:id`: no transcripts, no audio. */
  state(): SessionState {
    return {
      id: this.#setup.id,
      object: "relay.session",
      status: this.#status,
      model: this.#setup.model,
      created_at: Math.floor(this.#createdAt / 1000),
      expires_at: Math.floor((this.#createdAt + this.#limits.sessionMs) / 1000),
      turns: this.#turns.count,
      responses: this.#responses.count,
      upstreams: this.#links.map((link) => ({ name: link.name, status: link.phase })),
      audio: {
        received_ms: Math.round(this.#input.ticks / TICKS_PER_MS),
        sent_ms: Math.round(this.#playout.totalMs),
      },
      usage: { ...this.#usage },
    };
  }
}
