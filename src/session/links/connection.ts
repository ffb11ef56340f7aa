/**
 * One connection to one provider, from dial to end: its codec, its state, the bounded backlog of what waits until it is
 * configured, and what it knows of the conversation. A connection is dialled once; what follows it is another one.
 * In-process upstreams (`loop:`) are the same but for the socket: what they encode is handed to their own decode.
 */
import { formatKey, sampleRateHz } from "../../audio/format.ts";
import { named } from "../../upstreams/dial-request.ts";
import type {
  AudioChunk,
  Capabilities,
  Command,
  Leaves,
  Upstream,
  UpstreamConfig,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../../upstreams/upstream.ts";
import { Backlog } from "./backlog.ts";
import { ChannelPeers, type ChannelsHost, type UpstreamInput } from "../channel-peers.ts";
import { Congestion } from "./congestion.ts";
import type { ConnectionSnapshot, GoesOn } from "./connection-snapshot.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { HeldVerdicts } from "./held-verdicts.ts";
import type { Flood, Floods } from "./flood.ts";
import { CodecWatch, type CodecDeadline } from "./codec-watch.ts";
import { Knowledge } from "./knowledge.ts";
import { LINK, next, type LinkEvent, type LinkPhase } from "../transitions.ts";
import { SilenceWatch } from "./silence-watch.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";

export interface ConnectionHost {
  /** What its upstreams said lately, by candidate. */
  readonly floods: Floods;
  /** The configuration to greet an upstream with. */
  upstreamConfig(): UpstreamConfig;
  /** How long it may say nothing at all while an answer is owed. */
  answerMs(): number;
  onReady(connection: Connection): void;
  onEvent(connection: Connection, event: UpstreamEvent): void;
  /** It is ready, and all that waited for that has been sent. */
  onSent(connection: Connection): void;
  /** So much audio that waited for it had to go. */
  onDropped(connection: Connection, ms: number): void;
  /** It is of no more use. Called once, and not after `hangUp`. */
  onLost(connection: Connection, fault: UpstreamFault): void;
}

type ConnectionDeadline = "dial" | "ready" | "keepalive" | "answer" | CodecDeadline;
const DEADLINES: readonly ConnectionDeadline[] = ["dial", "ready", "keepalive", "answer", "settle", "name"];
/** What an upstream said is nothing that an upstream says. */
const NONSENSE = "upstream_protocol_error";
const UNREADY: UpstreamFault = {
  code: "upstream_timeout",
  message: "The upstream did not accept its configuration in time.",
};
/** How the shell says that a dial was refused for there being too many. */
const OVERLOAD = /^HTTP (?:429|503)$/;
/** A connection of which nothing was heard is given up so long after the answer that it owed. */
const AFTER_ANSWER_MS = 50;

export class Connection implements ChannelsHost {
  readonly identity: ConnectionIdentity;
  readonly peer: PeerId;
  readonly knows = new Knowledge();
  readonly verdicts = new HeldVerdicts();
  /** When its socket opened; null before. */
  openedAt: number | null = null;
  /** When its provider says that it will close it, by the provider's clock. */
  expiresAt: number | null = null;
  /** How its socket reads. */
  readonly reading: Congestion;
  /** Something that can be heard or read was said by it. */
  useful = false;
  /** It made something of what the caller said. */
  acknowledged = false;
  /** It was greeted and said that it is of no use: the same greeting will not do better. */
  refused = false;
  /** Its dial was refused, or it was not let in, because there were too many. */
  overloaded = false;
  /** Its socket broke off while it served: it may be gone on with. */
  brokeOff = false;
  /** It goes on with another one; its fault is told where this one cannot. */
  goesOn: GoesOn | null = null;
  readonly #context: Context;
  readonly #host: ConnectionHost;
  readonly #upstream: Upstream;
  #phase: LinkPhase = "idle";
  #loop = false;
  readonly #backlog: Backlog;
  readonly #silence: SilenceWatch;
  readonly #codec: CodecWatch;
  /** What it has beside its socket; null: nothing. */
  readonly #channels: ChannelPeers | null;
  /** The configuration changed since the greeting. */
  #reconfigure = false;
  readonly #flood: Flood;
  /** It was told of another configuration by what its present message led to: what this judges is older. */
  #restated = false;

  constructor(identity: ConnectionIdentity, upstream: Upstream, context: Context, host: ConnectionHost) {
    this.identity = identity;
    this.peer = `up${identity.link}.${identity.number}`;
    this.#upstream = upstream;
    this.#backlog = new Backlog(context.limits, upstream.capabilities.input);
    this.#context = context;
    this.#host = host;
    this.#silence = new SilenceWatch(context, this.nameOf("answer"));
    this.#flood = host.floods.of(identity.candidate);
    this.#codec = new CodecWatch(context, upstream, (what) => this.nameOf(what));
    this.reading = new Congestion(context, identity.upstream);
    this.#channels = upstream.channels ? new ChannelPeers(context, upstream.channels, this) : null;
  }

  get phase(): LinkPhase {
    return this.#phase;
  }

  get capabilities(): Capabilities {
    return this.#upstream.capabilities;
  }

  /** In this process: nothing to lose, nothing to pay. */
  get loop(): boolean {
    return this.#loop;
  }

  /** Characters of JSON in the commands that wait for it, about. */
  get waiting(): number {
    return this.#backlog.size;
  }

  /** It can still be of use. */
  get alive(): boolean {
    return this.#phase !== "closed" && this.#phase !== "idle";
  }

  /** It is to be told how much of its answers is heard. */
  get acknowledges(): boolean {
    return this.#phase === "ready" && this.#upstream.heard !== undefined;
  }

  /** So much of an item that it made was heard. */
  heard(itemId: string, audioEndMs: number): void {
    if (this.knows.owns(itemId)) this.#write(this.#upstream.heard?.(itemId, audioEndMs) ?? []);
  }

  /** Number of the connection that it is to the session: of the first of those that go on with each other. */
  get serving(): number {
    return this.goesOn?.serving ?? this.identity.number;
  }

  /** What another connection to the same provider can go on with, now that this one broke off. */
  get leaves(): Leaves | null {
    return this.brokeOff ? (this.#upstream.leaves ?? null) : null;
  }

  /** Goes on where another one broke off. `fault`: nobody was told of that, and is where this one cannot. */
  goOnWith(former: Connection, fault: UpstreamFault | null): void {
    this.#upstream.goOn?.(former.#upstream.snapshot());
    if (fault !== null) this.knows.restore(former.knows.snapshot());
    this.goesOn = { serving: fault === null ? this.identity.number : former.serving, fault };
  }

  #step(event: LinkEvent): boolean {
    const state = next(LINK, this.#phase, event);
    if (state !== null) this.#phase = state;
    return state !== null;
  }

  /** From now on commands are kept for it. */
  begin(): void {
    this.#step("dial");
  }

  /** Opens the socket; a loop is open at once. */
  dial(): void {
    const config = this.#host.upstreamConfig();
    const asked = this.#upstream.request(config.kind, config);
    const request = named(asked, () => this.#context.newId("conn"));
    this.#loop = request.url.startsWith("loop:");
    if (this.#loop) {
      this.opened();
      return;
    }
    this.#deadline("dial", this.#context.limits.dialMs);
    this.#context.act({ type: "dial", peer: this.peer, request });
  }

  opened(): void {
    if (!this.#step("open")) return;
    this.openedAt = this.#context.now;
    if (!this.#loop) this.#context.meter?.opened(this.identity);
    this.#clear("dial");
    this.#deadline("ready", this.#upstream.admission?.withinMs ?? this.#context.limits.readyMs);
    this.#reconfigure = false;
    this.#write(this.#upstream.greet(this.#host.upstreamConfig(), () => this.#backlog.takeItems()));
  }

  message(data: WireMessage): void {
    if ((this.#phase !== "greeting" && this.#phase !== "ready") || !this.takes(data.length)) return;
    this.#restated = false;
    const taken = this.capabilities.input;
    const events = this.#upstream.decode(data);
    const { input } = this.capabilities;
    // A provider may state another format than it was dialled for, while audio waits for it.
    if (input !== taken && formatKey(input) !== formatKey(taken)) this.#backlog.restate(input);
    for (const event of events) this.event(event);
    this.#codec.look(this.alive);
  }

  /** A message of this size comes. @returns false: it was given up for it. */
  takes(size: number): boolean {
    this.#silence.over();
    if (size > this.#context.limits.upstreamMessageSize)
      this.giveUp(NONSENSE, "The upstream sent a message beyond the size limit.", 1009);
    else if (!this.#flood.takes(size))
      this.giveUp(NONSENSE, "The upstream sent more messages than any answer has.", 1008);
    else return true;
    return false;
  }

  /** Something comes of its socket or of one of its channels. */
  take(input: UpstreamInput): void {
    if (input.peer !== this.peer) this.#channels?.input(input);
    else if (input.type === "open") this.opened();
    else if (input.type === "message") this.message(input.data);
    else this.closed(input.code, input.reason);
    this.#channels?.perform();
  }

  /** It said this. */
  event(event: UpstreamEvent): void {
    // It may have been given up for what it said just before.
    if (!this.alive) return;
    if (event.type === "ready") this.#ready();
    else if (event.type === "expires") this.expiresAt = event.at;
    else if (event.type === "reply") this.#send(event.data);
    else if (event.type === "error" && event.fatal) {
      this.refused = this.#phase === "greeting";
      this.giveUp(event.error.code, event.error.message);
    } else {
      const excess = event.type === "error" ? this.#flood.tooMany(event.error.code === NONSENSE) : null;
      if (excess !== null) this.giveUp(NONSENSE, excess, 1008);
      else if (event.type !== "configured" || !this.#restated) this.#host.onEvent(this, event);
    }
  }

  #ready(): void {
    const first = this.#phase === "greeting";
    if (!this.#step("configured")) return;
    this.#clear("ready");
    if (!first) return;
    this.#keepAlive();
    this.#host.onReady(this);
    const restated =
      this.#reconfigure && this.#tell({ type: "configure", config: this.#host.upstreamConfig() });
    this.#reconfigure = false;
    // It took the greeting; what it was told just now it judges later.
    if (!restated && this.capabilities.confirms) this.#host.onEvent(this, { type: "configured" });
    const backlog = this.#backlog.take();
    for (const command of backlog) this.#write(this.#encode(command));
    this.#codec.look(this.alive);
    this.#channels?.perform();
    if (this.#phase !== "ready") return;
    if (backlog.some(({ type }) => type === "respond")) this.#watchAnswer();
    this.#host.onSent(this);
  }

  /** From now on something must be heard of it: the caller spoke, and it decides by itself what that means. */
  watchHearing(leastMs: number): void {
    if (!this.#loop && this.alive) this.#silence.hears(Math.max(leastMs, this.#host.answerMs()));
  }

  /** Something must be heard of it, and was not yet. */
  readonly watched = (): boolean => this.#silence.watching;

  /** The answer's own deadline comes first; after it nobody is asked who has said nothing at all. */
  #watchAnswer(): void {
    if (!this.#loop && this.alive) this.#silence.asked(this.#host.answerMs() + AFTER_ANSWER_MS);
  }

  /** It need not make anything of what it hears. */
  unwatch(): void {
    this.#silence.excused();
  }

  #caused(command: Command): Command {
    const { cause } = this.#context;
    return cause === null || command.type === "audio" ? command : { ...command, cause };
  }

  /** Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing. @returns whether it was sent. */
  command(given: Command): boolean {
    if (!this.alive || !this.knows.concerns(given)) return false;
    this.knows.note(given);
    const command = this.knows.renamed(this.#caused(given));
    if (this.reading.congested && command.type === "audio")
      this.reading.overdraw(command.chunk.bytes.byteLength);
    if (this.#phase === "ready") {
      if (command.type === "respond") this.#watchAnswer();
      return this.#tell(command);
    }
    if (this.#phase === "dialling" || this.#phase === "greeting") this.#keep(command);
    return false;
  }

  #tell(command: Command): boolean {
    const judged = this.#upstream.unjudged ?? 0;
    const messages = this.#encode(command);
    this.#write(messages);
    this.#codec.look(this.alive);
    if (this.#channels !== null) this.#channels.perform();
    // An update may wait behind an answer that does, and is judged when it was sent.
    const said = messages.length > 0 || (this.#upstream.unjudged ?? 0) > judged;
    if (command.type === "configure" && said) this.#restated = true;
    return said;
  }

  #encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") {
      const { length } = command.chunk.bytes;
      this.#context.meter?.heard(this.identity, this.capabilities.input, length);
    }
    return this.#upstream.encode(command);
  }

  #keep(command: Command): void {
    if (command.type === "configure") {
      // The greeting may have said something older: what is in force is said once it is ready.
      this.#reconfigure = true;
      return;
    }
    const droppedMs = this.#backlog.keep(command);
    if (droppedMs > 0) this.#host.onDropped(this, droppedMs);
    if (this.#backlog.full) {
      this.giveUp("upstream_backlog_full", "The upstream was not ready in time to take what was said.");
    }
  }

  /** Audio of the caller as it comes. */
  hear(chunk: AudioChunk): void {
    if (this.#phase === "dialling" || this.#phase === "greeting")
      this.#backlog.unsent(chunk.bytes.byteLength);
    this.command({ type: "audio", chunk });
  }

  /** What of the caller waits for it, or waited when it was lost. */
  get unsentTicks(): number {
    const ms = (this.#backlog.unsentSamples * 1000) / sampleRateHz(this.capabilities.input);
    return ms * TICKS_PER_MS;
  }

  #write(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#send(message);
    if (messages.length > 0 && this.#phase === "ready") this.#keepAlive();
  }

  #send(data: WireMessage): void {
    if (!this.#loop) this.#context.act({ type: "send", peer: this.peer, data });
    else for (const event of this.#upstream.decode(data)) this.event(event);
  }

  #keepAlive(): void {
    const everyMs = this.capabilities.keepaliveMs;
    if (everyMs !== null) this.#deadline("keepalive", everyMs);
  }

  /** So many bytes wait in its socket, or in one of its channels, which are sent little. */
  buffered(peer: PeerId, bytes: number): void {
    if (peer === this.peer) this.reading.buffered(bytes);
  }

  /** The socket ended or never opened (`code` 0). */
  closed(code: number, reason: string): void {
    if (!this.alive) return;
    this.overloaded = code === 0 && OVERLOAD.test(reason);
    this.brokeOff = this.#phase === "ready";
    const fault = this.#upstream.closed(code, reason);
    this.#lost(fault ?? { code: "upstream_closed", message: "The upstream closed the connection." });
  }

  /** It died with a former life of the session, which knew it until then; what is in this process lives on. */
  died(knownUntil: number): void {
    if (!this.alive || this.#loop) return;
    const message = "The connection died with the session's object.";
    this.#lost({ code: "upstream_closed", message }, knownUntil);
  }

  /** Ends it for a fault of its own. */
  giveUp(code: string, message: string, closeCode = 1000): void {
    if (!this.alive) return;
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: closeCode, reason: "" });
    this.#lost({ code, message });
  }

  #lost(fault: UpstreamFault, at = this.#context.now): void {
    // Words that were not answered may be half of them: those that can be told by their sound are told so.
    const answered = this.capabilities.turns !== "client" || this.knows.responses.size > 0;
    this.#end(at, answered && this.leaves !== "all");
    this.#host.onLost(this, fault);
  }

  /** An ordinary end, of which nobody is told. */
  hangUp(): void {
    if (!this.alive) return;
    if (this.#phase === "ready") this.#write(this.#upstream.farewell ?? []);
    if (!this.#loop) this.#context.act({ type: "close", peer: this.peer, code: 1000, reason: "" });
    this.#end(this.#context.now);
  }

  #end(at: number, words = false): void {
    const last = this.#codec.last(words);
    // It takes nothing any more: what its last words lead to, whoever comes next is told.
    this.#step("lost");
    for (const event of last) this.#host.onEvent(this, event);
    for (const what of DEADLINES) this.#clear(what);
    this.#backlog.forget();
    this.#silence.ended();
    this.#channels?.end();
    this.#context.meter?.closed(this.identity, at);
    if (this.#loop || this.openedAt === null) return;
    this.#context.metric("upstream_open_ms", at - this.openedAt, this.identity.upstream);
  }

  /** A deadline of this connection came. */
  timeout(what: string): void {
    if (what === "keepalive") this.command({ type: "keepalive" });
    else if (what === "settle" || what === "name")
      for (const event of this.#codec.due(what)) this.event(event);
    else if (what === "answer") this.#silent();
    else if (this.#channels?.due(what) === true) return;
    else if (what === "dial")
      this.giveUp("upstream_timeout", "The upstream did not answer the call in time.");
    else this.#unready();
  }

  #unready(): void {
    const { admission } = this.#upstream;
    this.overloaded = admission !== undefined;
    const { code, message } = admission?.fault ?? UNREADY;
    this.giveUp(code, message);
  }

  #silent(): void {
    if (this.#silence.due(this.#host.answerMs(), this.reading.tookAt))
      this.giveUp("upstream_timeout", "The upstream fell silent.");
  }

  #deadline(what: ConnectionDeadline, inMs: number): void {
    this.#context.deadlines.set(this.nameOf(what), this.#context.now + inMs);
  }

  #clear(what: ConnectionDeadline): void {
    this.#context.deadlines.clear(this.nameOf(what));
  }

  /** A deadline's full name. */
  nameOf(what: string): string {
    return `link:${this.identity.link}.${this.identity.number}:${what}`;
  }

  snapshot(): ConnectionSnapshot {
    return {
      identity: this.identity,
      phase: this.#phase,
      loop: this.#loop,
      openedAt: this.openedAt,
      ...(this.expiresAt !== null && { expiresAt: this.expiresAt }),
      ...this.reading.snapshot(),
      reconfigure: this.#reconfigure,
      ...this.knows.snapshot(),
      useful: this.useful,
      acknowledged: this.acknowledged,
      watched: this.#silence.watching,
      upstream: this.#upstream.snapshot(),
      backlog: this.#backlog.snapshot(),
      flood: this.#flood.snapshot(),
      ...this.verdicts.snapshot(),
      ...(this.goesOn && { goesOn: this.goesOn }),
      ...(this.brokeOff && { brokeOff: true }),
      ...(this.#channels !== null && { channels: this.#channels.snapshot() }),
    };
  }

  restore(snapshot: ConnectionSnapshot): void {
    this.#phase = snapshot.phase;
    this.#loop = snapshot.loop;
    this.openedAt = snapshot.openedAt;
    this.expiresAt = snapshot.expiresAt ?? null;
    this.reading.restore(snapshot);
    if (snapshot.flood) this.#flood.restore(snapshot.flood);
    this.#reconfigure = snapshot.reconfigure;
    this.knows.restore(snapshot);
    this.goesOn = snapshot.goesOn ?? null;
    this.brokeOff = snapshot.brokeOff ?? false;
    this.useful = snapshot.useful;
    this.acknowledged = snapshot.acknowledged;
    this.verdicts.restore(snapshot.verdicts);
    this.#silence.restore(snapshot.watched);
    this.#upstream.restore(snapshot.upstream);
    if (snapshot.channels) this.#channels?.restore(snapshot.channels);
    this.#backlog.restore(snapshot.backlog, this.capabilities.input);
  }
}
