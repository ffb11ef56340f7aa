/**
 * How the parts of a session act on each other: what a turn asks of the upstreams, what an answer does to the
 * listener, when the floor is contested. Each part knows its own work and asks here for the rest.
 */
import type { AudioKernels } from "../audio/kernels.ts";
import type { SpeechDetector } from "../audio/vad/detector.ts";
import { createDetector, type DetectorFallback } from "../audio/vad/index.ts";
import { Absence } from "./client/absence.ts";
import { Asides } from "./aside/index.ts";
import { Arrival } from "./turns/arrival.ts";
import { Asking } from "./output/asking.ts";
import { AudioInput } from "./turns/audio-input.ts";
import { TICKS_PER_MS } from "./state/ticks.ts";
import { Background } from "./background/index.ts";
import { Backpressure, type BackpressureHost } from "./client/backpressure.ts";
import { BargeIn } from "./output/barge-in.ts";
import { Budget } from "./client/budget.ts";
import { Kept } from "./client/budget-kept.ts";
import { ClientCommands } from "./client/client-commands.ts";
import type { AudioPart } from "./client/client-messages-host.ts";
import { commandHost, commandParts } from "./client/command-parts.ts";
import { ClientPort } from "./client/client-port.ts";
import { asDetected, Configuration, endpointerOptions } from "./client/configuration.ts";
import { SessionObject } from "./client/session-object.ts";
import type { Shadows } from "./shadow/shadows.ts";
import { Context } from "./context.ts";
import { countCosts } from "./cost/index.ts";
import type { Costs } from "./cost/costs.ts";
import { Conversation } from "./memory/conversation.ts";
import { Delivery, type DeliveryHost } from "./delivery/delivery.ts";
import { Eager } from "./turns/eager.ts";
import { Guard } from "./guard/index.ts";
import { Floor } from "./floor/floor.ts";
import { floorHost, floorSide } from "./floor/floor-host.ts";
import { Idle } from "./turns/idle.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Connection } from "./links/connection.ts";
import type { PeerId } from "./io.ts";
import { inputInFormat } from "./memory/item-audio.ts";
import { Link } from "./links/link.ts";
import type { LinkHost } from "./links/link-host.ts";
import { Listener } from "./output/listener.ts";
import { Parking } from "./links/parking.ts";
import { PlacedItems } from "./output/placed-items.ts";
import { Playout } from "./output/playout.ts";
import { Recovery } from "./output/recovery.ts";
import { Replay } from "./links/replay.ts";
import type { ResponseRecord } from "./state/response.ts";
import { responseDefaults } from "./output/response-defaults.ts";
import { ResponseWriter } from "./output/response-writer.ts";
import { Responses } from "./output/responses.ts";
import { Rounds } from "./output/rounds.ts";
import { Cast } from "./plan/cast.ts";
import { ToldHeard } from "./output/told-heard.ts";
import { Voices } from "./plan/voices.ts";
import { spend, type TokenSums } from "./state/usage.ts";
import { isQuiet, isUnasked } from "./quiet.ts";
import type { SessionDependencies, SessionSetup } from "./setup.ts";
import { PushToTalk } from "./turns/push-to-talk.ts";
import { Tools } from "./tools/index.ts";
import type { Transcriber } from "./turns/transcriber.ts";
import { createTranscriber } from "./turns/transcriber-host.ts";
import { TurnEnd } from "./turn-end/turn-end.ts";
import { TurnTaking } from "./turns/turn-taking.ts";
import { whoDecides } from "./turns/who-decides.ts";
import type { UpstreamConfig } from "../upstreams/upstream.ts";
import { Refusals } from "./links/refusals.ts";
import { UpstreamEvents } from "./links/upstream-events.ts";
import { Witness } from "./turns/witness.ts";
import { linkUpstreams } from "./upstream-links.ts";
import { keepWordless } from "./memory/wordless.ts";

/** What happens to the client's connection and to the session. */
type Life = DeliveryHost & BackpressureHost;

export class Conduct {
  readonly context: Context;
  readonly budget: Budget;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly sessionObject: SessionObject;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly writer: ResponseWriter;
  readonly listener: Listener;
  readonly backpressure: Backpressure;
  readonly floor: Floor;
  readonly eager: Eager;
  readonly recovery: Recovery;
  readonly turnEnd: TurnEnd;
  readonly input: AudioInput;
  readonly turns: TurnTaking;
  readonly bargeIn: BargeIn;
  readonly absence: Absence;
  readonly idle = new Idle(this);
  readonly kept = new Kept(this);
  readonly toldHeard = new ToldHeard(this);
  readonly arrival = new Arrival();
  /** What a client that says itself what its turns are says by what it sends. */
  readonly talk = new PushToTalk(this);
  /** Who takes part now, and by which strategy. */
  readonly cast: Cast<Link>;
  readonly voices: Voices<Link> = new Voices(this);
  readonly rounds = new Rounds(this);
  readonly asking = new Asking(this);
  /** Judges words before they pass; null: the plan has none. */
  readonly guard: Guard | null;
  /** Tools that the relay runs; null: the plan has none. */
  readonly tools: Tools | null;
  /** Works on what speakers hand on; null: the plan has none. */
  readonly background: Background | null;
  /** What it costs; null: nothing has a price. */
  readonly costs: Costs | null;
  /** What the relay plays by itself. */
  readonly asides: Asides;
  readonly placed: PlacedItems;
  readonly delivery: Delivery;
  readonly parking: Parking;
  readonly witness: Witness;
  readonly commands: ClientCommands;
  readonly refusals = new Refusals(this);
  readonly upstreamEvents: UpstreamEvents;
  /** Upstreams that answer, and shadows behind them. */
  readonly links: Link[] = [];
  readonly speakers: Link[] = [];
  readonly shadows: Shadows | null;
  readonly transcriber: Transcriber<Link> | null;
  /** All that is connected: the upstreams, and the transcriber behind them. */
  readonly lines: readonly Link[];
  readonly conversationId: string;
  createdAt: number;
  /** Why the energy detector decides, or null. */
  readonly detectorFallback: DetectorFallback | null;
  usage: TokenSums = {};
  readonly kernels: AudioKernels;
  readonly detector: SpeechDetector;
  #echo = false;

  /** @throws ClientError when `setup.session` or the plan's session is no valid configuration. */
  constructor(setup: SessionSetup, dependencies: SessionDependencies, now: number, life: Life) {
    const { kernels, createUpstream, drawId } = dependencies;
    this.cast = new Cast<Link>(this, setup.plan);
    this.createdAt = now;
    const limits = { ...DEFAULT_LIMITS, ...setup.plan.limits, ...dependencies.limits };
    this.context = new Context(limits, drawId().slice(0, 16), now);
    this.conversationId = `conv_${setup.id}`;
    this.budget = new Budget(this.context);
    this.port = new ClientPort(this.context, this.budget, setup.dialectSettings);
    this.playout = new Playout(limits.playsOnMs, (stream) => this.voices.playerOf(stream));
    this.turnEnd = new TurnEnd(this.context, setup.plan);
    this.config = Configuration.of(setup.intent, setup.plan.session, setup.session);
    this.sessionObject = new SessionObject(this, setup, {
      configureTurns: () => this.#configureTurns(),
      upstreamConfig: () => this.#upstreamConfig(),
    });
    this.conversation = new Conversation(this.context.limits);
    this.guard = setup.plan.guard ? new Guard(this, setup.plan.guard) : null;
    this.tools = Tools.of(this, setup.plan);
    this.background = this.tools && Background.of(this, setup.plan, this.tools);
    this.costs = countCosts(this, setup.plan);
    this.asides = new Asides(this, setup.plan, dependencies.speechStore);
    this.listener = new Listener(this);
    this.backpressure = new Backpressure(this.context, this.port, life);
    this.floor = new Floor(this.context, this.port, this.playout, floorHost(this, kernels.bands));
    this.writer = new ResponseWriter(
      this.context,
      this.port,
      this.conversation,
      this.playout,
      kernels,
      this.floor.way,
      (stream, samples, rateHz, atMs) => {
        // What is in this process gives back the caller's own voice, which is nobody's echo.
        if (this.config.turnDetection && this.links[stream]?.remote)
          this.floor.guard.played(stream, samples, rateHz, atMs, this.context.now);
      },
    );
    this.responses = new Responses(this.context, this.writer, {
      listener: this.listener,
      responseDefaults: (params) => responseDefaults(this.config, this.conversationId, params),
      link: (stream) => this.links[stream],
      truncates: (itemId) => this.bargeIn.truncates(itemId),
      paramsFor: (link: Link, params, format) => inputInFormat(params, format, link.format, kernels),
      onAudio: () => this.asides.answered(),
      onResponseDone: (response) => this.#responseDone(response),
      onUsage: (usage, link: Link, told) => spend(this, usage, link, told),
      rounds: this.rounds,
      guard: this.guard,
      channelOf: (stream) => this.voices.channelOf(stream),
      onItem: (response, itemId) => this.voices.tellOthers(response, itemId),
      onSilent: (link: Link, response) => this.upstreamEvents.onSilent(link, response),
    });
    this.placed = new PlacedItems(this.context, this.port, this.conversation, this.responses);
    const chosen = createDetector(kernels, setup.plan.detector);
    this.detector = chosen.detector;
    this.detectorFallback = chosen.fallback;
    const { inputFormat } = this.config;
    this.input = new AudioInput(inputFormat, this.detector, this.#endpointerOptions(), kernels, limits);
    this.upstreamEvents = new UpstreamEvents(this.context, this.port, this.conversation, this.responses, {
      upstreamConfig: () => this.#upstreamConfig(),
      turns: () => this.turns,
      eager: () => this.eager,
      bargeIn: () => this.bargeIn,
      recovery: () => this.recovery,
      rounds: () => this.rounds,
      witness: () => this.witness,
      serves: () => this.#serves(),
      refusals: () => this.refusals,
      placed: () => this.placed,
      shadows: () => this.shadows,
      onUsage: (usage, link) => spend(this, usage, link, null),
      changed: () => this.guard?.input?.changed(),
      links: this.links,
      atGap: (link) => this.turns.atGap(link) && this.listener.atGap(link) && !this.witness.owes(link),
      primary: () => this.cast.primary,
      transcribes: (link) => link === this.cast.primary && this.transcriber === null,
    });
    const { context, conversation } = this;
    const replay = new Replay(context, conversation, kernels, this);
    this.shadows = linkUpstreams(this, setup.plan, createUpstream, replay, () => this.#upstreamConfig());
    keepWordless(this, dependencies.audioPool);
    const { transcriber: planned } = setup.plan;
    const made = planned && {
      planned,
      link: (host: LinkHost) =>
        new Link(this.links.length, planned, createUpstream, this.context, host, null),
    };
    this.transcriber = made ? createTranscriber(this, made, (text) => this.#words(text)) : null;
    this.lines = this.transcriber ? [...this.links, this.transcriber.link] : this.links;
    this.witness = new Witness(this.context, this.speakers, this.input.endpointer, this.config, {
      mayAsk: () => this.asking.may && !this.responses.underway,
      ask: (link: Link) => this.asking.ask([link], {}),
      aside: (responseId) => this.responses.get(responseId)?.outOfBand === true,
    });
    this.recovery = new Recovery(this.context, this.responses, this.links, {
      mayAsk: () => this.asking.may,
      instructions: () => this.config.current.instructions,
      whoGoesOn: (link: Link) => this.voices.whoGoesOn(link),
      unheard: (response) => this.bargeIn.forget(response),
    });
    this.eager = new Eager(this.context, this.links, this.budget, this.asking, this.rounds);
    this.turns = new TurnTaking(this.context, this.port, this.conversation, this.input, {
      ...floorSide(this),
      links: this.links,
      onCandidate: () => this.#candidate(),
      onPause: (ms) => this.#paused(ms),
      eagerMs: () => this.#eagerMs,
      eager: () => this.eager,
      onWitnessed: (speechMs, sinceMs) => {
        this.budget.heard();
        this.parking.touch();
        // Nobody else says that the caller speaks.
        if (speechMs === null && this.config.turnDetection?.type === "duplex") this.tools?.takeBack();
        this.witness.heard(speechMs, sinceMs);
      },
      ear: () => this.transcriber?.link ?? null,
      earWaitsMs: () => (this.transcriber?.owes ? 0 : null),
      onAnnounced: (itemId) => {
        this.transcriber?.announced(itemId);
        for (const event of this.eager.takeWords()) this.upstreamEvents.transcript(event);
      },
      onSpeechStarted: () => this.#speechStarted(),
      onTurn: (detected) => this.#turnTaken(detected),
      onPart: () => this.#turnBegan(),
      connected: () => this.port.connected,
      silentSince: (at) => this.delivery.pulse.silentSince(at),
    });
    this.bargeIn = new BargeIn(this);
    this.parking = new Parking(this.context, this.lines, {
      quiet: () => this.quiet,
      onParked: () => this.context.persist(),
    });
    this.absence = new Absence(this, {
      mayAsk: () => this.asking.may,
      ask: () => this.asking.answer(),
    });
    this.delivery = new Delivery(this.context, this.port, drawId, life);
    this.kernels = kernels;
    this.commands = new ClientCommands(
      commandParts(this, this.budget),
      commandHost(this, this.sessionObject),
    );
    this.#configureTurns();
  }

  /** The session is over. */
  hangUp(): void {
    for (const link of this.lines) link.hangUp();
    this.background?.hangUp();
    this.asides.hangUp();
  }

  /** The upstream connection that a peer is; null when it was replaced meanwhile. */
  connection(peer: PeerId): Connection | null {
    for (const link of this.lines) {
      const connection = link.connection(peer);
      if (connection) return connection;
    }
    return null;
  }

  /** Words of the caller, while they are being said. */
  #words(text: string): void {
    if (this.floor.judging) this.floor.words(text);
    else if (this.config.turnDetection?.type === "semantic_vad" && this.turnEnd.words(text))
      this.input.endpointer.configure(this.#endpointerOptions());
  }

  /** Where a transcriber gives the words, no other upstream need. */
  #upstreamConfig(): UpstreamConfig {
    const own = this.config.upstream();
    const config = this.tools?.offered(own) ?? own;
    return this.transcriber ? { ...config, transcription: null } : config;
  }

  /** Answers are asked for in advance only where the end of a turn asks for one, and there is somebody to ask. */
  get #eagerMs(): number | null {
    // Words that are to be judged first are not known yet.
    if (this.guard?.input || this.cast.present.some(({ phase }) => phase === "closed")) return null;
    if (!this.asking.may || this.asking.holding || this.responses.underway) return null;
    const { eagerMs } = this.config.relay(this.port);
    if (!this.budget.mayHurry) return null;
    return eagerMs === null ? null : asDetected(eagerMs, this.detector.thresholds);
  }

  /** The present silence may be the end of the turn: what speaks for it and against it moves the wait. */
  #candidate(): void {
    if (this.config.turnDetection?.type !== "semantic_vad") return;
    this.turnEnd.candidate(this.input, this.turns.startTicks);
    this.input.endpointer.configure(this.#endpointerOptions());
  }

  /** The remote end-of-turn model answered. */
  consulted(id: number, probability: number | null): void {
    if (this.turnEnd.consulted(id, probability)) this.input.endpointer.configure(this.#endpointerOptions());
  }

  #paused(ms: number): void {
    this.turnEnd.paused(ms + this.detector.thresholds.tailMs);
    this.input.endpointer.configure(this.#endpointerOptions());
  }

  appendAudio(bytes: Uint8Array, { messageMs, first, restMs }: AudioPart): void {
    if (first) this.arrival.took(messageMs, this.context.now);
    // Whoever is dialled for what is in it comes while audio does.
    this.context.heardAt = this.context.now;
    const echo = this.#hearsAgents(this.context.now);
    if (echo !== this.#echo) {
      this.#echo = echo;
      this.input.endpointer.configure(this.#endpointerOptions());
    }
    this.turns.push(bytes, messageMs, restMs);
    this.talk.took(bytes, messageMs);
  }

  /** The microphone may hear an agent: only then does speech take more to begin. */
  #hearsAgents(now: number): boolean {
    return this.listener.playingUntil() > now && this.floor.echoPossible;
  }

  #endpointerOptions() {
    return endpointerOptions(this.config.turnDetection, this.detector.thresholds, this.#echo, (eagerness) =>
      this.turnEnd.waitMs(eagerness),
    );
  }

  /** @param handsOver see `TurnTaking.configure`. */
  #configureTurns(handsOver = false): void {
    const turn = this.config.turnDetection;
    const deciding = whoDecides(turn, this.speakers);
    const { openItem } = this.turns;
    this.turns.configure(deciding, this.config.inputFormat, turn, handsOver);
    if (openItem !== null) this.transcriber?.renamed(openItem, this.turns.nextItem);
    this.input.endpointer.configure(this.#endpointerOptions());
    // Nothing may be held any more: what is being said is a turn like any other.
    if (deciding.edge && turn?.interrupt_response === false) this.floor.concede();
  }

  /** A connection to another provider serves, where turns are decided by another rule perhaps. */
  #serves(): void {
    if (whoDecides(this.config.turnDetection, this.speakers).edge === this.turns.decides) return;
    this.#configureTurns(true);
  }

  /** The client is gone: nothing that only its audio moves is waited for. */
  unwatch(): void {
    this.turns.watch.away();
    this.witness.away();
    this.transcriber?.link.unwatch();
  }

  /** Nothing is asked, being said, being heard or half said. */
  get quiet(): boolean {
    return isQuiet(this);
  }

  /** The same, but for what still plays, and for tasks under way. */
  get unasked(): boolean {
    return isUnasked(this);
  }

  /** A turn begins, or a part of an endless one was committed and it goes on as the next item. */
  #turnBegan(): void {
    const { openItem, startTicks } = this.turns;
    if (openItem !== null) this.transcriber?.began(openItem, (this.input.ticks - startTicks) / TICKS_PER_MS);
    this.parking.touch();
  }

  #speechStarted(): void {
    this.#turnBegan();
    this.budget.heard();
    this.tools?.takeBack();
    this.context.deadlines.clear("idle");
    this.turnEnd.began(this.context.now, this.input, this.turns.startTicks);
    this.input.endpointer.configure(this.#endpointerOptions());
    if (this.config.turnDetection?.interrupt_response) this.bargeIn.interrupt("turn_detected");
  }

  #turnTaken(detected: boolean): void {
    this.parking.touch();
    this.tools?.takeBack();
    if (!detected) this.talk.committed();
    const waitedMs = this.input.endpointer.options.hangoverMs + this.detector.thresholds.tailMs;
    this.turnEnd.ended(this.context.now, detected ? waitedMs : null);
    if (this.eager.confirm()) return;
    const costs = detected && this.asking.may && !this.asking.holding;
    const refusal = costs ? this.budget.refusedAnswer() : null;
    if (refusal) this.port.rejected(refusal, null);
    else if (detected) this.asking.turn();
    else this.asking.committed();
  }

  #responseDone(response: ResponseRecord): void {
    const { phase, upstream } = response;
    if (response.own) return this.context.persist();
    if (phase !== "requested" && phase !== "generating")
      this.context.metric(`responses_${phase}`, 1, upstream);
    for (const link of this.links) link.refill();
    const link = this.links[response.stream];
    if (link) this.recovery.ended(link, response);
    this.tools?.ended(response);
    this.costs?.ended(response);
    this.shadows?.ended(response);
    this.asking.settle();
    this.parking.touch();
    if (response.asked && !response.outOfBand) this.idle.arm();
    this.context.persistNow();
  }

  /** After a restore of the parts: what is derived from them. */
  restored(now: number): void {
    this.cast.restored();
    this.#echo = this.#hearsAgents(now);
    this.#configureTurns();
    this.input.endpointer.configure(this.#endpointerOptions());
  }
}
