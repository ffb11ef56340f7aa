/**
 * What goes over one connection: commands, kept until it is configured and encoded then; what its socket and its channels bring,
 * decoded, with bounds on all of it. In-process upstreams (`loop:`) have no socket: what they encode is handed to their own
 * decode. How a connection lives and ends is `connection.ts`.
 */
import { formatKey, sampleRateHz, type AudioFormat } from "../../audio/format.ts";
import type { AudioChunk, Capabilities, Command, Upstream } from "../../upstreams/upstream.ts";
import type { UpstreamEvent, WireMessage } from "../../upstreams/upstream.ts";
import { ChannelPeers, type ChannelsHost, type UpstreamInput } from "../channel-peers.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { ConnectionIdentity } from "../state/connection-identity.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { LINK, next, type LinkEvent, type LinkPhase } from "../transitions.ts";
import { Backlog } from "./backlog.ts";
import { CodecWatch, type CodecDeadline } from "./codec-watch.ts";
import { Congestion } from "./congestion.ts";
import type { Flood } from "./flood.ts";
import { Knowledge } from "./knowledge.ts";
import { SilenceWatch } from "./silence-watch.ts";

type ConnectionDeadline = "dial" | "ready" | "keepalive" | "answer" | CodecDeadline;
const DEADLINES: readonly ConnectionDeadline[] = ["dial", "ready", "keepalive", "answer", "settle", "name"];
/** What an upstream said is nothing that an upstream says. */
const NONSENSE = "upstream_protocol_error";

export abstract class Wire implements ChannelsHost {
  readonly identity: ConnectionIdentity;
  readonly peer: PeerId;
  readonly knows = new Knowledge();
  /** How its socket reads. */
  readonly reading: Congestion;
  /** When its provider says that it will close it, by the provider's clock. */
  expiresAt: number | null = null;
  /** It was greeted and said that it is of no use: the same greeting will not do better. */
  refused = false;
  protected readonly context: Context;
  protected readonly upstream: Upstream;
  #phase: LinkPhase = "idle";
  #expected: Capabilities | null = null;
  /** In this process: nothing to lose, nothing to pay. */
  protected loop = false;
  protected readonly backlog: Backlog;
  protected readonly silence: SilenceWatch;
  protected readonly codec: CodecWatch;
  /** What it has beside its socket; null: nothing. */
  protected readonly channels: ChannelPeers | null;
  /** The configuration changed since the greeting. */
  protected reconfigure = false;
  protected readonly flood: Flood;
  /** It was told of another configuration by what its present message led to: what this judges is older. */
  #restated = false;

  /** @param expected what its provider stated before that it takes: what waits for it is put into that. */
  constructor(
    identity: ConnectionIdentity,
    upstream: Upstream,
    context: Context,
    flood: Flood,
    expected: AudioFormat | null,
  ) {
    this.identity = identity;
    this.peer = `up${identity.link}.${identity.number}`;
    this.upstream = upstream;
    this.expect(expected);
    this.backlog = new Backlog(context.limits, this.capabilities.input);
    this.context = context;
    this.silence = new SilenceWatch(context, this.nameOf("answer"));
    this.flood = flood;
    this.codec = new CodecWatch(context, upstream, (what) => this.nameOf(what));
    this.reading = new Congestion(context, identity.upstream);
    this.channels = upstream.channels ? new ChannelPeers(context, upstream.channels, this) : null;
  }

  /** Its socket opened, or it ended, or never opened (`code` 0). */
  protected abstract opened(): void;
  protected abstract closed(code: number, reason: string): void;
  /** It accepted its configuration. */
  protected abstract ready(): void;
  /** What it said is the link's to know. */
  protected abstract told(event: UpstreamEvent): void;
  /** It owes an answer. */
  protected abstract asked(): void;
  /** So much audio that waited for it had to go. */
  protected abstract dropped(ms: number): void;
  /** Ends it for a fault of its own. */
  abstract giveUp(code: string, message: string, closeCode?: number): void;

  get phase(): LinkPhase {
    return this.#phase;
  }

  get capabilities(): Capabilities {
    return this.#expected ?? this.upstream.capabilities;
  }

  /** The format that it is taken to state; null: it states none, or has said what it takes. */
  protected expect(input: AudioFormat | null): void {
    this.#expected = input && { ...this.upstream.capabilities, input };
  }

  protected get expected(): AudioFormat | null {
    return this.#expected?.input ?? null;
  }

  /** It can still be of use. */
  get alive(): boolean {
    return this.#phase !== "closed" && this.#phase !== "idle";
  }

  /** It is to be told how much of its answers is heard. */
  get acknowledges(): boolean {
    return this.#phase === "ready" && this.upstream.heard !== undefined;
  }

  protected step(event: LinkEvent): boolean {
    const state = next(LINK, this.#phase, event);
    if (state !== null) this.#phase = state;
    return state !== null;
  }

  /** As a snapshot has it. */
  protected revive(phase: LinkPhase, loop: boolean): void {
    this.#phase = phase;
    this.loop = loop;
  }

  protected write(messages: readonly WireMessage[]): void {
    for (const message of messages) this.#send(message);
    if (messages.length > 0 && this.#phase === "ready") this.keepAlive();
  }

  #send(data: WireMessage): void {
    if (!this.loop) this.context.act({ type: "send", peer: this.peer, data });
    else for (const event of this.upstream.decode(data)) this.event(event);
  }

  protected keepAlive(): void {
    const everyMs = this.capabilities.keepaliveMs;
    if (everyMs !== null) this.deadline("keepalive", everyMs);
  }

  /** So many bytes wait in its socket, or in one of its channels, which are sent little. */
  buffered(peer: PeerId, bytes: number): void {
    if (peer === this.peer) this.reading.buffered(bytes);
  }

  protected deadline(what: ConnectionDeadline, inMs: number): void {
    this.context.deadlines.set(this.nameOf(what), this.context.now + inMs);
  }

  protected clearAll(): void {
    for (const what of DEADLINES) this.clear(what);
  }

  protected clear(what: ConnectionDeadline): void {
    this.context.deadlines.clear(this.nameOf(what));
  }

  /** A deadline's full name. */
  nameOf(what: string): string {
    return `link:${this.identity.link}.${this.identity.number}:${what}`;
  }

  /** Characters of JSON in the commands that wait for it, about. */
  get waiting(): number {
    return this.backlog.size;
  }

  #message(data: WireMessage): void {
    if ((this.#phase !== "greeting" && this.#phase !== "ready") || !this.#bears(data.length)) return;
    this.#restated = false;
    const taken = this.capabilities.input;
    const before = this.upstream.capabilities.input;
    const events = this.upstream.decode(data);
    if (!events.some(({ type }) => type === "alive")) this.silence.over();
    const now = this.upstream.capabilities.input;
    const stated = now !== before && formatKey(now) !== formatKey(before);
    if (stated || events.some(({ type }) => type === "ready")) this.#expected = null;
    const { input } = this.capabilities;
    // A provider may state another format than it was dialled for, while audio waits for it.
    if (input !== taken && formatKey(input) !== formatKey(taken)) this.backlog.restate(input);
    for (const event of events) this.event(event);
    this.codec.look(this.alive);
  }

  /** A message of this size comes of one of its channels. @returns false: it was given up for it. */
  takes(size: number): boolean {
    this.silence.over();
    return this.#bears(size);
  }

  #bears(size: number): boolean {
    if (size > this.context.limits.upstreamMessageSize)
      this.giveUp(NONSENSE, "The upstream sent a message beyond the size limit.", 1009);
    else if (!this.flood.takes(size))
      this.giveUp(NONSENSE, "The upstream sent more messages than any answer has.", 1008);
    else return true;
    return false;
  }

  /** Something comes of its socket or of one of its channels. */
  take(input: UpstreamInput): void {
    if (input.peer !== this.peer) this.channels?.input(input);
    else if (input.type === "open") this.opened();
    else if (input.type === "message") this.#message(input.data);
    else this.closed(input.code, input.reason);
    this.channels?.perform();
  }

  /** It said this. */
  event(event: UpstreamEvent): void {
    // It may have been given up for what it said just before.
    if (!this.alive) return;
    if (event.type === "ready") this.ready();
    else if (event.type === "expires") this.expiresAt = event.at;
    else if (event.type === "reply") this.#send(event.data);
    else if (event.type === "error" && event.fatal) {
      this.refused = this.#phase === "greeting";
      this.giveUp(event.error.code, event.error.message);
    } else {
      const excess = event.type === "error" ? this.flood.tooMany(event.error.code === NONSENSE) : null;
      if (excess !== null) this.giveUp(NONSENSE, excess, 1008);
      else if (event.type !== "configured" || !this.#restated) this.told(event);
    }
  }

  #caused(command: Command): Command {
    const { cause } = this.context;
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
      if (command.type === "respond") this.asked();
      return this.tell(command);
    }
    if (this.#phase === "dialling" || this.#phase === "greeting") this.#keep(command);
    return false;
  }

  protected tell(command: Command): boolean {
    const judged = this.upstream.unjudged ?? 0;
    const messages = this.encode(command);
    this.write(messages);
    this.codec.look(this.alive);
    if (this.channels !== null) this.channels.perform();
    // An update may wait behind an answer that does, and is judged when it was sent.
    const said = messages.length > 0 || (this.upstream.unjudged ?? 0) > judged;
    if (command.type === "configure" && said) this.#restated = true;
    return said;
  }

  protected encode(command: Command): readonly WireMessage[] {
    if (command.type === "audio") {
      const { length } = command.chunk.bytes;
      this.context.meter?.heard(this.identity, this.capabilities.input, length);
    }
    return this.upstream.encode(command);
  }

  #keep(command: Command): void {
    if (command.type === "configure") {
      // The greeting may have said something older: what is in force is said once it is ready.
      this.reconfigure = true;
      return;
    }
    if (this.#inVain(command)) return;
    const droppedMs = this.backlog.keep(command);
    if (droppedMs > 0) this.dropped(droppedMs);
    if (this.backlog.full) {
      this.giveUp("upstream_backlog_full", "The upstream was not ready in time to take what was said.");
    }
  }

  /** What waits of a turn that is deleted need not be heard: but by who hears all. @returns whether the command is done with. */
  #inVain(command: Command): boolean {
    if (this.capabilities.turns !== "client") return false;
    if (command.type === "clear") this.backlog.clearBuffer();
    return command.type === "delete" && this.backlog.unsay(command.itemId);
  }

  /** Audio of the caller as it comes. */
  hear(chunk: AudioChunk): void {
    if (this.#phase === "dialling" || this.#phase === "greeting") this.backlog.unsent(chunk.bytes.byteLength);
    this.command({ type: "audio", chunk });
  }

  /** What of the caller waits for it, or waited when it was lost. */
  get unsentTicks(): number {
    const ms = (this.backlog.unsentSamples * 1000) / sampleRateHz(this.capabilities.input);
    return ms * TICKS_PER_MS;
  }
}
