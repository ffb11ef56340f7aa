/**
 * The coordinator: builds the parts of a session, each of which sees it through the interface that it declares of it, and names
 * them. How they act on each other is `reactions.ts`.
 */
import type { AudioKernels } from "../audio/kernels.ts";
import type { SpeechDetector } from "../audio/vad/detector.ts";
import { createDetector, type DetectorFallback } from "../audio/vad/index.ts";
import type { UpstreamConfig } from "../upstreams/upstream.ts";
import { Asides } from "./aside/index.ts";
import { Background } from "./background/index.ts";
import { Absence } from "./client/absence.ts";
import { Backpressure } from "./client/backpressure.ts";
import { Budget } from "./client/budget.ts";
import { Kept } from "./client/budget-kept.ts";
import { ClientCommands } from "./client/client-commands.ts";
import { ClientMessages } from "./client/client-messages.ts";
import { ClientPort } from "./client/client-port.ts";
import { Configuration } from "./client/configuration.ts";
import { Doubt } from "./client/doubt.ts";
import { SessionObject } from "./client/session-object.ts";
import { Context } from "./context.ts";
import { Observers } from "./control/observers.ts";
import type { Means } from "./control/ports.ts";
import type { Costs } from "./cost/costs.ts";
import { countCosts } from "./cost/index.ts";
import { Delivery } from "./delivery/delivery.ts";
import { Floor } from "./floor/floor.ts";
import { Guard } from "./guard/index.ts";
import type { PeerId } from "./io.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { Leaving } from "./leaving.ts";
import type { Connection } from "./links/connection.ts";
import type { Link } from "./links/link.ts";
import { Parking } from "./links/parking.ts";
import { Refusals } from "./links/refusals.ts";
import { UpstreamEvents } from "./links/upstream-events.ts";
import { Conversation } from "./memory/conversation.ts";
import { keepWordless } from "./memory/wordless.ts";
import { observerMeans } from "./observer-means.ts";
import { Asking } from "./output/asking.ts";
import { BargeIn } from "./output/barge-in.ts";
import { Listener } from "./output/listener.ts";
import { PlacedItems } from "./output/placed-items.ts";
import { Playout } from "./output/playout.ts";
import { Recovery } from "./output/recovery.ts";
import { ResponseWriter } from "./output/response-writer.ts";
import { Responses } from "./output/responses.ts";
import { Rounds } from "./output/rounds.ts";
import { ToldHeard } from "./output/told-heard.ts";
import { Cast } from "./plan/cast.ts";
import { Voices } from "./plan/voices.ts";
import { Presence } from "./presence.ts";
import { isQuiet, isUnasked } from "./quiet.ts";
import { Reactions } from "./reactions.ts";
import type { SessionDependencies, SessionSetup } from "./setup.ts";
import type { Shadows } from "./shadow/shadows.ts";
import type { TokenSums } from "./state/usage.ts";
import { Tools } from "./tools/index.ts";
import { TurnEnd } from "./turn-end/turn-end.ts";
import { Arrival } from "./turns/arrival.ts";
import { AudioInput } from "./turns/audio-input.ts";
import { Eager } from "./turns/eager.ts";
import { Endpointing } from "./turns/endpointing.ts";
import { Idle } from "./turns/idle.ts";
import { PushToTalk } from "./turns/push-to-talk.ts";
import type { Transcriber } from "./turns/transcriber.ts";
import { TurnTaking } from "./turns/turn-taking.ts";
import { Witness } from "./turns/witness.ts";
import { linkTranscriber, linkUpstreams } from "./upstream-links.ts";

export class Conduct {
  /** What happens in one part, and what the others do then. */
  readonly reactions = new Reactions(this);
  /** The client is there or not. */
  readonly presence = new Presence(this);
  /** The session is to end when all is heard. */
  readonly leaving = new Leaving(this);
  /** What it has seen is not known, since the session's object died. */
  readonly doubt = new Doubt(this);
  readonly messages: ClientMessages;
  /** The application's own connections. */
  readonly observers = new Observers(this);
  readonly context: Context;
  readonly budget: Budget;
  readonly port: ClientPort;
  readonly config: Configuration;
  readonly sessionObject: SessionObject;
  readonly conversation: Conversation;
  readonly playout: Playout;
  readonly responses: Responses;
  readonly writer: ResponseWriter;
  readonly listener = new Listener(this);
  readonly backpressure: Backpressure;
  readonly floor: Floor;
  readonly eager: Eager;
  readonly recovery: Recovery;
  readonly turnEnd: TurnEnd;
  readonly endpointing = new Endpointing(this);
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
  readonly shadows: Shadows<Link> | null;
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

  /** @throws ClientError when `setup.session` or the plan's session is no valid configuration. */
  // oxlint-disable-next-line max-lines-per-function -- a list of the parts: each reads, as it is made, those above it
  constructor(setup: SessionSetup, dependencies: SessionDependencies, now: number) {
    const { kernels, createUpstream, drawId } = dependencies;
    const { plan } = setup;
    this.createdAt = now;
    this.kernels = kernels;
    this.conversationId = `conv_${setup.id}`;
    const limits = { ...DEFAULT_LIMITS, ...plan.limits, ...dependencies.limits };
    this.context = new Context(limits, drawId().slice(0, 16), now);
    this.cast = new Cast<Link>(this, plan);
    // What the client is and wants.
    this.budget = new Budget(this.context);
    this.port = new ClientPort(this.context, this.budget, setup.dialectSettings);
    this.backpressure = new Backpressure(this.context, this.port, this.presence);
    this.config = Configuration.of(setup.intent, plan.session, setup.session);
    this.sessionObject = new SessionObject(this, setup);
    this.conversation = new Conversation(this.context.limits);
    // What a plan may have beside its upstreams.
    this.guard = plan.guard ? new Guard(this, plan.guard) : null;
    this.tools = Tools.of(this, plan);
    this.background = this.tools && Background.of(this, plan, this.tools);
    this.costs = countCosts(this, plan);
    this.asides = new Asides(this, plan, dependencies.speechStore);
    // What agents say, on its way to the listener.
    this.playout = new Playout(limits.playsOnMs, this.voices);
    this.floor = new Floor(this);
    this.writer = new ResponseWriter(this);
    this.responses = new Responses(this);
    this.placed = new PlacedItems(this.context, this.port, this.conversation, this.responses);
    this.bargeIn = new BargeIn(this);
    this.recovery = new Recovery(this);
    // What the caller says.
    const { detector, fallback } = createDetector(kernels, plan.detector);
    this.detector = detector;
    this.detectorFallback = fallback;
    this.turnEnd = new TurnEnd(this.context, plan);
    const { inputFormat } = this.config;
    this.input = new AudioInput(inputFormat, detector, this.endpointing.options, kernels, limits);
    // Upstreams, and what becomes of both between them.
    this.upstreamEvents = new UpstreamEvents(this);
    this.shadows = linkUpstreams(this, plan, createUpstream);
    keepWordless(this, dependencies.audioPool);
    this.transcriber = linkTranscriber(this, plan, createUpstream);
    this.lines = this.transcriber ? [...this.links, this.transcriber.link] : this.links;
    this.witness = new Witness(this);
    this.eager = new Eager(this);
    this.turns = new TurnTaking(this);
    this.parking = new Parking(this);
    this.absence = new Absence(this);
    // What the client sends.
    this.delivery = new Delivery(this.context, this.port, drawId, this.presence);
    this.commands = new ClientCommands(this, { budget: this.budget, session: this.sessionObject });
    this.messages = new ClientMessages(this);
    this.reactions.configured();
  }

  /** What upstreams are told of the configuration: where a transcriber gives the words, no other one need. */
  get upstreamConfig(): UpstreamConfig {
    const own = this.config.upstream();
    const config = this.tools?.offered(own) ?? own;
    return this.transcriber ? { ...config, transcription: null } : config;
  }

  /** The upstream connection that a peer is; null when it was replaced meanwhile. */
  connection(peer: PeerId): Connection | null {
    for (const link of this.lines) {
      const connection = link.connection(peer);
      if (connection) return connection;
    }
    return null;
  }

  /** What one more observer has of its own. */
  meansOfObserver(): Means {
    return observerMeans(this);
  }

  /** Nothing is asked, being said, being heard or half said. */
  get quiet(): boolean {
    return isQuiet(this);
  }

  /** The same, but for what still plays, and for tasks under way. */
  get unasked(): boolean {
    return isUnasked(this);
  }
}
