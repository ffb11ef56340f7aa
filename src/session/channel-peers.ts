/**
 * The channels of a connection beside its own socket: each is a peer of its own (`up0.1/text.3`), opened, sent to and closed as
 * the adapter says, with a bound on what it may bring and a deadline at every moment. What goes wrong with one is told to
 * the adapter, which knows what that means.
 */
import type { Context } from "./context.ts";
import type { Input, PeerId } from "./io.ts";
import type { ChannelEffect, ChannelOpening, Channels, UpstreamEvent } from "../upstreams/upstream.ts";

/** What the shell hands in of an upstream's peer. */
export type UpstreamInput = Exclude<
  Extract<Input, { readonly peer: string }>,
  { readonly type: "buffered" | "observer" }
>;

/** Stands between a connection's peer and the name of its channel. */
const MARK = "/";
/** How the adapter is told that a channel was ended here: it took too long, or brought too much. */
const LATE: Ended = { code: 1006, reason: "timed out" };
const NEVER: Ended = { code: 0, reason: "timed out" };
const TOO_MUCH: Ended = { code: 1009, reason: "too much data" };

type Ended = { readonly code: number; readonly reason: string };

interface Open {
  readonly limits: Pick<ChannelOpening, "idleMs">;
  opened: boolean;
  /** Bytes and characters that it may still bring. */
  left: number;
  /** When it has lasted for as long as it may, whatever it brings. */
  readonly until: number;
}

export interface ChannelsHost {
  readonly peer: PeerId;
  /** The connection can still be of use. */
  readonly alive: boolean;
  /** @returns false: the connection was given up for a flood */
  takes(size: number): boolean;
  /** A deadline's full name. */
  nameOf(what: string): string;
  event(event: UpstreamEvent): void;
}

export class ChannelPeers {
  readonly #context: Context;
  readonly #channels: Channels;
  readonly #host: ChannelsHost;
  readonly #open = new Map<string, Open>();
  /** What the adapter waits for by the clock. */
  readonly #waits = new Set<string>();

  constructor(context: Context, channels: Channels, host: ChannelsHost) {
    this.#context = context;
    this.#channels = channels;
    this.#host = host;
  }

  /** Does what the adapter wants done. Call after each call of the adapter. */
  perform(): void {
    if (!this.#host.alive) return;
    for (const effect of this.#channels.effects()) this.#do(effect);
  }

  #do(effect: ChannelEffect): void {
    switch (effect.type) {
      case "open":
        this.#begin(effect.channel, effect.opening);
        break;
      case "send":
        if (this.#open.get(effect.channel)?.opened === true)
          this.#context.act({ type: "send", peer: this.#peerOf(effect.channel), data: effect.data });
        break;
      case "close":
        this.#close(effect.channel);
        break;
      case "wait":
        this.#wait(effect.what, effect.ms);
        break;
    }
  }

  #begin(channel: string, { request, openMs, idleMs, lastsMs, most }: ChannelOpening): void {
    const until = this.#context.now + lastsMs;
    this.#open.set(channel, { limits: { idleMs }, opened: false, left: most, until });
    this.#due(channel, openMs, until);
    this.#context.act({ type: "dial", peer: this.#peerOf(channel), request });
  }

  #due(channel: string, inMs: number, until: number): void {
    const at = Math.min(this.#context.now + inMs, until);
    this.#context.deadlines.set(this.#host.nameOf(`channel/${channel}`), at);
  }

  #wait(what: string, ms: number | null): void {
    const name = this.#host.nameOf(`wait/${what}`);
    if (ms === null) this.#context.deadlines.clear(name);
    else this.#context.deadlines.set(name, this.#context.now + ms);
    if (ms === null) this.#waits.delete(what);
    else this.#waits.add(what);
  }

  #peerOf(channel: string): PeerId {
    return this.#host.peer + MARK + channel;
  }

  /** Something comes of a channel's peer; of one that was closed nothing counts any more. */
  input(input: UpstreamInput): void {
    const channel = input.peer.slice(this.#host.peer.length + 1);
    const open = this.#open.get(channel);
    if (open === undefined) return;
    if (input.type === "open") {
      if (open.opened) return;
      open.opened = true;
      this.#due(channel, open.limits.idleMs, open.until);
      this.#tell(this.#channels.opened(channel, input.head ?? null));
    } else if (input.type === "message") {
      const { length } = input.data;
      if (!this.#host.takes(length)) return;
      open.left -= length;
      if (open.left < 0) return this.#end(channel, TOO_MUCH);
      this.#due(channel, open.limits.idleMs, open.until);
      this.#tell(this.#channels.data(channel, input.data));
    } else {
      this.#forget(channel);
      this.#tell(this.#channels.closed(channel, input.code, input.reason));
    }
  }

  /** A deadline came. @returns whether it was one of these. */
  due(what: string): boolean {
    const [kind = "", name = ""] = split(what);
    if (kind === "wait") {
      if (this.#waits.delete(name)) this.#tell(this.#channels.waited(name));
    } else if (kind === "channel") {
      const open = this.#open.get(name);
      if (open !== undefined) this.#end(name, open.opened ? LATE : NEVER);
    } else return false;
    return true;
  }

  #end(channel: string, { code, reason }: Ended): void {
    this.#close(channel);
    this.#tell(this.#channels.closed(channel, code, reason));
  }

  #close(channel: string): void {
    if (!this.#open.has(channel)) return;
    this.#forget(channel);
    this.#context.act({ type: "close", peer: this.#peerOf(channel), code: 1000, reason: "" });
  }

  #forget(channel: string): void {
    this.#open.delete(channel);
    this.#context.deadlines.clear(this.#host.nameOf(`channel/${channel}`));
  }

  #tell(events: readonly UpstreamEvent[]): void {
    for (const event of events) this.#host.event(event);
    this.perform();
  }

  /** The connection is over, and its channels with it. */
  end(): void {
    for (const channel of this.#open.keys()) this.#close(channel);
    for (const what of this.#waits) this.#wait(what, null);
  }

  /** They died with the object: nobody is there to be hung up on. */
  died(): void {
    for (const channel of this.#open.keys()) this.#forget(channel);
    this.#waits.clear();
  }

  snapshot(): ChannelsSnapshot {
    return {
      open: [...this.#open].map(([channel, one]) => [channel, { ...one }] as const),
      waits: [...this.#waits],
    };
  }

  restore(snapshot: ChannelsSnapshot): void {
    for (const [channel, one] of snapshot.open) this.#open.set(channel, { ...one });
    for (const what of snapshot.waits) this.#waits.add(what);
  }
}

/** Whether a peer is a channel of this connection. */
export function isChannelOf(peer: PeerId, connection: PeerId | undefined): boolean {
  return connection !== undefined && peer.startsWith(connection) && peer[connection.length] === MARK;
}

function split(what: string): readonly string[] {
  const at = what.indexOf(MARK);
  return at < 0 ? [] : [what.slice(0, at), what.slice(at + 1)];
}

export interface ChannelsSnapshot {
  readonly open: readonly (readonly [string, Readonly<Open>])[];
  readonly waits: readonly string[];
}
