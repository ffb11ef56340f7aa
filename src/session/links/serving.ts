/**
 * The connection of an upstream that serves, or none yet: what others see of it, ask of it and tell it, whichever it is. How
 * another one comes to serve is `link.ts`.
 */
import type { AudioFormat } from "../../audio/format.ts";
import type { AudioChunk, Capabilities, Command, UpstreamConfig } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { AudioTap } from "../state/audio-tap.ts";
import type { TokenSums } from "../state/usage.ts";
import type { LinkPhase } from "../transitions.ts";
import type { Candidates } from "./candidates.ts";
import type { Congestion } from "./congestion.ts";
import type { Connection } from "./connection.ts";
import { Missed } from "./missed.ts";
import { Patience } from "./patience.ts";
import { Redial } from "./redial.ts";
import type { Replay } from "./replay.ts";
import type { ServingHost } from "./serving-host.ts";

/** Commands that what was said before has to precede. */
const PLACED: ReadonlySet<Command["type"]> = new Set(["respond", "commit", "item"]);

export abstract class Serving implements AudioTap {
  readonly index: number;
  readonly name: string;
  cursor = 0;
  /** What its answers cost, heard or not. */
  readonly usage: TokenSums = {};
  /** It died with the session's object, and waits for its moment to be dialled. */
  struck = false;
  /** So did the connections of this and others: what one's death leads to is not asked of another that is to be told. */
  doomed = false;
  protected readonly context: Context;
  protected readonly candidates: Candidates;
  /** Tells a connection of the conversation; null: it need not know of it. */
  protected readonly replay: Replay | null;
  protected readonly patience: Patience;
  protected readonly redial: Redial;
  protected readonly missing: Missed;
  protected current: Connection | null = null;
  /** Connections made so far. */
  protected dials = 0;
  readonly #host: ServingHost;

  constructor(
    index: number,
    name: string,
    candidates: Candidates,
    context: Context,
    host: ServingHost,
    replay: Replay | null,
  ) {
    this.index = index;
    this.name = name;
    this.candidates = candidates;
    this.context = context;
    this.patience = new Patience(context);
    this.redial = new Redial(context, index, this.patience);
    this.#host = host;
    this.replay = replay;
    this.missing = new Missed(context, index, name, (ms) => host.onMissed(this, ms));
  }

  abstract dial(): void;

  /** The configuration changed: whoever is to serve next is told as well. */
  protected abstract restate(command: Extract<Command, { readonly type: "configure" }>): void;

  /** Input formats of everything that may be dialled: their history is kept from the beginning. */
  get formats(): readonly AudioFormat[] {
    return this.candidates.formats;
  }

  /** It is somewhere else: it can be lost, and costs something. */
  get remote(): boolean {
    return this.candidates.remote;
  }

  /** Some connection of it could be told by its sound what the caller said. */
  get replays(): boolean {
    return this.candidates.replays;
  }

  /** Response keys of the connection that serves, with the session's response ids. */
  get responses(): Map<string, string> {
    return this.current?.knows.responses ?? new Map();
  }

  /** There is somewhere else to turn. */
  get hasFallback(): boolean {
    return this.candidates.count > 1;
  }

  get phase(): LinkPhase {
    return this.current?.phase ?? "idle";
  }

  /** Number of the connection that serves, 0: none yet. Another one knows nothing of what was asked of it. */
  get serving(): number {
    return this.current?.serving ?? 0;
  }

  get capabilities(): Capabilities {
    return (this.current ?? this.candidates.example).capabilities;
  }

  get format(): AudioFormat {
    return this.capabilities.input;
  }

  /** Characters of JSON in what waits for its connection, about. */
  get waiting(): number {
    return this.current?.waiting ?? 0;
  }

  /** Some connection of it serves, or is about to. */
  get alive(): boolean {
    return !this.doomed && (this.current?.alive ?? false);
  }

  /** It ended the call, and the session ends with it. */
  get departed(): boolean {
    return this.current?.departs === true && this.#host.leaving === true;
  }

  /** An answer stands still. @returns whether the connection was given up for it: only with somewhere to turn. */
  stalled(): boolean {
    if (!this.hasFallback || !this.current?.alive) return false;
    this.current.giveUp("upstream_timeout", "The upstream stopped answering.");
    return true;
  }

  /** The connection is of no more use, whether there is somewhere else to turn or not. */
  abandon(code: string, message: string): void {
    this.current?.giveUp(code, message);
  }

  /** The relay asks for something again that it failed to get. @returns false: it has done so too often of late. */
  mayAskAgain(): boolean {
    return this.patience.spend("asks");
  }

  /** Connections in a row that were of no use. */
  get failures(): number {
    return this.patience.failures;
  }

  /**
   * Something is about to be said to it or asked of it: one that was lost or hung up is dialled now, without waiting for
   * its backoff, unless the minute's dials are used up. Does nothing to one that is there.
   */
  ensure(): void {
    this.dial();
  }

  /**
   * It was given up, and is not asked for anything: it is tried again by itself, after `ms` or up to a half less, by
   * chance: many sessions that lost a provider at once do not come back to it at once.
   */
  retryIn(ms: number): void {
    this.redial.between(ms / 2, ms, this.dials);
  }

  /** It died with the session's object, and nothing is asked of it: so did those of all other sessions, at a deploy. */
  retryWithin(ms: number): void {
    if (this.current?.alive) return;
    this.struck = true;
    this.redial.between(0, ms, this.dials);
  }

  /** Somebody speaks to it: it is dialled within so many milliseconds, by chance, or sooner. */
  hurry(ms: number): void {
    this.struck = false;
    if ((this.redial.dueAt ?? 0) > this.context.now + ms) this.redial.between(0, ms, this.dials);
  }

  /** Tells the connection that serves what was said before it did. */
  fill(): void {
    if (!this.current) return;
    const untold = this.replay?.fill(this.current) ?? null;
    if (untold) this.#host.onUntold(this, untold);
    this.current.knows.live = true;
  }

  /** What was still being said when this connection was told the conversation, and is over by now. */
  tellEnded(): void {
    const current = this.current;
    if (current?.alive && current.knows.later.size > 0) this.replay?.ended(current);
  }

  /** An item of a former connection begins only now, for it had to wait: the one that serves is told of it at its end. */
  tellLater(itemId: string): void {
    if (this.current?.alive) this.current.knows.later.add(itemId);
  }

  /** An item changed that the connection may have been told of; `whole`: it made it, and remembers more than was heard. */
  changed(itemId: string, whole = false): void {
    if (this.current?.alive) this.replay?.changed(this.current, itemId, whole);
  }

  /**
   * What waited for the connection was never heard: the next one hears it, as far as the history reaches. Who is told turns
   * hears from where the present one begins, and those before are told from the conversation.
   */
  protected unheardFrom(connection: Connection): number {
    const retold = connection.capabilities.turns === "client" && this.replay !== null;
    return retold ? this.cursor : Math.max(0, this.cursor - connection.unsentTicks);
  }

  /** From this position on the next connection would have to hear the caller: what waits for the present one may be lost with it. */
  get neededFrom(): number {
    return this.current?.alive ? this.unheardFrom(this.current) : this.cursor;
  }

  /** From now on something must be heard of it: the caller spoke, and it decides by itself what that means. */
  watch(leastMs: number): void {
    this.current?.watchHearing(leastMs);
  }

  /** Something must be heard of it, and was not yet. */
  get watched(): boolean {
    return this.current?.watched() ?? false;
  }

  /** Nothing need be heard of it for now. */
  unwatch(): void {
    this.current?.unwatch();
  }

  /**
   * Sends a command, or keeps it until the upstream is ready. A lost upstream gets nothing.
   * @returns whether the connection that serves was sent something now
   */
  command(command: Command): boolean {
    // A successor is greeted with the configuration of that moment, and learns of what changes after it.
    if (command.type === "configure") this.restate(command);
    // In the order in which it all happened.
    if (PLACED.has(command.type)) this.tellEnded();
    const current = this.current;
    if (command.type !== "truncate") return current?.command(command) ?? false;
    // What it was told in words is told anew, also where it knows no truncation.
    if (current?.knows.owns(command.itemId)) return current.capabilities.truncate && current.command(command);
    this.changed(command.itemId);
    return false;
  }

  /** Nobody wants the answer any more. @returns whether its ask waited for a connection: it is not asked for. */
  withdraw(responseId: string): boolean {
    return this.current?.withdraw(responseId) ?? false;
  }

  /** The connection that serves, where it is to be told how much of its answers is heard. */
  get acknowledging(): Connection | null {
    return this.current?.acknowledges === true ? this.current : null;
  }

  /** The upstream knows the item under another name (see `eager.ts`). */
  rename(itemId: string, upstreamId: string): void {
    this.current?.knows.rename(itemId, upstreamId);
  }

  /** It does not read as fast as the caller speaks: audio waits in the history meanwhile. */
  get congested(): boolean {
    return this.current?.reading.congested ?? false;
  }

  /** How its connection reads. */
  get reading(): Pick<Congestion, "stuckMs" | "overdraws" | "tookAt"> | null {
    return this.current?.reading ?? null;
  }

  /** What the caller said between two positions cannot reach this upstream any more. */
  missed(fromTicks: number, toTicks: number): void {
    this.missing.between(fromTicks, toTicks);
  }

  /** So much silence it did not have to hear. */
  spared(ms: number): void {
    this.context.metric("input_dropped_ms", ms, this.name);
    this.#host.onSpared(this, ms);
  }

  /** Audio of the caller, as a tap of the input. */
  deliver(chunk: AudioChunk): void {
    this.current?.hear(chunk);
  }

  upstreamConfig(): UpstreamConfig {
    return this.#host.upstreamConfig();
  }

  /** With somewhere else to turn, silence is not waited out. */
  answerMs(): number {
    return this.context.limits[this.hasFallback ? "stallMs" : "firstOutputMs"];
  }
}
