/**
 * Requests that run as channels of one peer and belong to no upstream's connection: to the relay's own voice, to the text model of a
 * background. Each has an outcome, once, unless it is given up before; how what comes of it is read its kind knows.
 */
import type {
  ChannelEffect,
  ChannelOpening,
  Channels,
  ResponseHead,
  UpstreamEvent,
  WireMessage,
} from "../upstreams/upstream.ts";
import { ChannelPeers, isChannelOf, type UpstreamInput } from "./channel-peers.ts";
import type { Context } from "./context.ts";
import type { PeerId } from "./io.ts";

const NOTHING: readonly UpstreamEvent[] = [];

export abstract class ChannelRequests<Request> implements Channels {
  protected readonly context: Context;
  protected readonly peers: ChannelPeers;
  /** By channel. */
  protected readonly requests = new Map<string, Request>();
  /** Requests so far: their channels are numbered. */
  protected numbered = 0;
  readonly #peer: PeerId;
  #effects: ChannelEffect[] = [];

  /** @param deadlines what the names of their deadlines begin with. */
  constructor(context: Context, peer: PeerId, deadlines: string) {
    this.context = context;
    this.#peer = peer;
    this.peers = new ChannelPeers(context, this, {
      peer,
      alive: true,
      takes: () => true,
      nameOf: (what) => `${deadlines}:${what}`,
      event: () => undefined,
    });
  }

  protected begin(request: Request, opening: ChannelOpening): void {
    const channel = String((this.numbered += 1));
    this.requests.set(channel, request);
    this.#effects.push({ type: "open", channel, opening });
    this.peers.perform();
  }

  protected send(channel: string, data: WireMessage): void {
    this.#effects.push({ type: "send", channel, data });
  }

  /** It is over, or nobody waits for it any more. */
  protected forget(channel: string): void {
    const request = this.requests.get(channel);
    if (request !== undefined) this.costs(request);
    this.requests.delete(channel);
    this.#effects.push({ type: "close", channel });
  }

  /** Nothing more is wanted of these. */
  protected forgetAll(which: (request: Request) => boolean): void {
    for (const [channel, request] of this.requests) if (which(request)) this.forget(channel);
    this.peers.perform();
  }

  /** It is over: what came of it has a price. */
  protected abstract costs(request: Request): void;

  protected abstract begun(channel: string, request: Request, head: ResponseHead | null): void;

  protected abstract came(channel: string, request: Request, data: WireMessage): void;

  protected abstract ended(channel: string, request: Request, code: number, reason: string): void;

  /** Its object died, and every connection with it. */
  died(): void {
    this.requests.clear();
    this.peers.died();
  }

  input(input: UpstreamInput): void {
    if (isChannelOf(input.peer, this.#peer)) this.peers.input(input);
  }

  /** A deadline of these came. */
  due(what: string): void {
    this.peers.due(what);
  }

  effects(): readonly ChannelEffect[] {
    return this.#effects.splice(0);
  }

  opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[] {
    const request = this.requests.get(channel);
    if (request !== undefined) this.begun(channel, request, head);
    return NOTHING;
  }

  data(channel: string, data: WireMessage): readonly UpstreamEvent[] {
    const request = this.requests.get(channel);
    if (request !== undefined) this.came(channel, request, data);
    return NOTHING;
  }

  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[] {
    const request = this.requests.get(channel);
    if (request !== undefined) this.ended(channel, request, code, reason);
    return NOTHING;
  }

  /** It waits for nothing by the clock. */
  waited(): readonly UpstreamEvent[] {
    return NOTHING;
  }
}
