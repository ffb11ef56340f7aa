/**
 * Requests to the text model that run: channels of one peer, whose answers are read as the cascade reads them. Each has an
 * outcome, once, unless it is given up before.
 */
import { lostFault, type StageFault } from "../../upstreams/channels/http-fault.ts";
import {
  TEXT_STAGE,
  type TextState,
  type TextStream,
  type ToolCall,
} from "../../upstreams/cascade/text-stream.ts";
import { usageOf } from "../../upstreams/cascade/usage.ts";
import type { TextAsk, TextModel } from "../../upstreams/cascade/text-model.ts";
import type {
  ChannelEffect,
  Channels,
  ResponseHead,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import { ChannelPeers, isChannelOf, type ChannelsSnapshot, type UpstreamInput } from "../channel-peers.ts";
import type { TaskFailure } from "./told.ts";

/** Their peers are `background/1`, … */
const PEER: PeerId = "background";
/** Stands for a task in the names of their deadlines. */
export const THINKS = "thinks";
/** Characters of an answer. */
const MOST_WRITTEN = 8192;
/** As `Channels.closed` says that a response brought too much. */
const TOO_MUCH = 1009;
const TOO_LARGE: UpstreamFault = {
  code: "upstream_protocol_error",
  message: `${TEXT_STAGE} wrote more than ${MOST_WRITTEN} characters.`,
};
/** What a speaker is told of a fault; of any other that it was refused. */
const FAILED_BY: ReadonlyMap<string, TaskFailure> = new Map([
  ["upstream_timeout", "timeout"],
  ["upstream_unavailable", "unreachable"],
  ["upstream_closed", "unreachable"],
  ["server_error", "unreachable"],
  ["upstream_protocol_error", "unreadable"],
]);

export type Outcome =
  | { readonly text: string; readonly calls: readonly ToolCall[] }
  /** `error`: redacted. `again`: it may be asked once more. */
  | { readonly failure: TaskFailure; readonly error: UpstreamFault; readonly again: boolean };

interface Request {
  readonly task: string;
  readonly stream: TextStream;
  text: string;
}

export interface ThinkingHost {
  /** The first word of an answer. */
  writes(task: string): void;
  ended(task: string, outcome: Outcome): void;
}

const NOTHING: readonly UpstreamEvent[] = [];

export class Thinking implements Channels {
  readonly #context: Context;
  readonly #model: TextModel;
  readonly #host: ThinkingHost;
  readonly #peers: ChannelPeers;
  readonly #requests = new Map<string, Request>();
  #effects: ChannelEffect[] = [];
  #numbered = 0;

  constructor(context: Context, model: TextModel, host: ThinkingHost) {
    this.#context = context;
    this.#model = model;
    this.#host = host;
    this.#peers = new ChannelPeers(context, this, {
      peer: PEER,
      alive: true,
      takes: () => true,
      nameOf: (what) => `mind:${THINKS}:${what}`,
      event: () => undefined,
    });
  }

  /** A request for this task runs. */
  runs(task: string): boolean {
    return [...this.#requests.values()].some((request) => request.task === task);
  }

  ask(task: string, asked: TextAsk): void {
    const channel = String((this.#numbered += 1));
    this.#requests.set(channel, { task, stream: this.#model.reader(), text: "" });
    this.#effects.push({ type: "open", channel, opening: this.#model.opening(asked) });
    this.#peers.perform();
  }

  /** Nothing more is wanted of it. */
  giveUp(task: string): void {
    for (const [channel, request] of this.#requests) if (request.task === task) this.#forget(channel);
    this.#peers.perform();
  }

  /** Its object died, and every connection with it. */
  died(): void {
    this.#requests.clear();
    this.#peers.died();
  }

  input(input: UpstreamInput): void {
    if (isChannelOf(input.peer, PEER)) this.#peers.input(input);
  }

  /** A deadline of these came. */
  due(what: string): void {
    this.#peers.due(what);
  }

  effects(): readonly ChannelEffect[] {
    return this.#effects.splice(0);
  }

  opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[] {
    if (head !== null) this.#requests.get(channel)?.stream.opened(head);
    return NOTHING;
  }

  data(channel: string, data: WireMessage): readonly UpstreamEvent[] {
    const request = this.#requests.get(channel);
    // A response is bytes.
    if (request === undefined || typeof data === "string") return NOTHING;
    this.#read(channel, request, request.stream.data(data));
    return NOTHING;
  }

  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[] {
    const request = this.#requests.get(channel);
    if (request === undefined) return NOTHING;
    const whole = code === 1000 || request.stream.finish !== null;
    const end = whole ? request.stream.end() : lostFault(TEXT_STAGE, code, reason, this.#model.redactor);
    if (typeof end !== "string" && code === TOO_MUCH) this.#fail(channel, request, "too_large", end);
    else this.#read(channel, request, end, true);
    return NOTHING;
  }

  /** It waits for nothing by the clock. */
  waited(): readonly UpstreamEvent[] {
    return NOTHING;
  }

  #read(channel: string, request: Request, words: string | StageFault, ends = false): void {
    if (typeof words !== "string") {
      const failure = FAILED_BY.get(words.fault.code) ?? "refused";
      return this.#fail(channel, request, failure, words);
    }
    if (words !== "" && request.text === "") this.#host.writes(request.task);
    request.text += words;
    if (request.text.length > MOST_WRITTEN)
      return this.#fail(channel, request, "too_large", { fault: TOO_LARGE, again: false });
    if (!ends && !request.stream.whole) return;
    this.#forget(channel);
    this.#host.ended(request.task, { text: request.text.trim(), calls: request.stream.calls });
  }

  #fail(
    channel: string,
    { task, stream }: Request,
    failure: TaskFailure,
    { fault, again }: StageFault,
  ): void {
    this.#forget(channel);
    this.#host.ended(task, { failure, error: fault, again: again && !stream.said });
  }

  #forget(channel: string): void {
    const usage = usageOf(this.#requests.get(channel)?.stream.usage ?? null, 0);
    if (usage !== null) this.#context.meter?.beside("background", usage, 0);
    this.#requests.delete(channel);
    this.#effects.push({ type: "close", channel });
  }

  snapshot(): ThinkingSnapshot {
    const requests = [...this.#requests].map(([channel, { task, stream, text }]) => {
      return { channel, task, stream: stream.snapshot(), text };
    });
    return { requests, numbered: this.#numbered, channels: this.#peers.snapshot() };
  }

  restore({ requests, numbered, channels }: ThinkingSnapshot): void {
    for (const { channel, task, stream: state, text } of requests) {
      const stream = this.#model.reader();
      stream.restore(state);
      this.#requests.set(channel, { task, stream, text });
    }
    this.#numbered = numbered;
    this.#peers.restore(channels);
  }
}

export interface ThinkingSnapshot {
  readonly requests: readonly {
    readonly channel: string;
    readonly task: string;
    readonly stream: TextState;
    readonly text: string;
  }[];
  readonly numbered: number;
  readonly channels: ChannelsSnapshot;
}
