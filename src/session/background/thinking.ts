/** Requests to the text model that run: their answers are read as the cascade reads them. */
import { lostFault, type StageFault } from "../../upstreams/channels/http-fault.ts";
import {
  TEXT_STAGE,
  type TextState,
  type TextStream,
  type ToolCall,
} from "../../upstreams/cascade/text-stream.ts";
import { usageOf } from "../../upstreams/cascade/usage.ts";
import type { TextAsk, TextModel } from "../../upstreams/cascade/text-model.ts";
import type { ResponseHead, UpstreamFault, WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { PeerId } from "../io.ts";
import type { ChannelsSnapshot } from "../channel-peers.ts";
import { ChannelRequests } from "../channel-requests.ts";
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

export class Thinking extends ChannelRequests<Request> {
  readonly #model: TextModel;
  readonly #host: ThinkingHost;

  constructor(context: Context, model: TextModel, host: ThinkingHost) {
    super(context, PEER, `mind:${THINKS}`);
    this.#model = model;
    this.#host = host;
  }

  /** A request for this task runs. */
  runs(task: string): boolean {
    return [...this.requests.values()].some((request) => request.task === task);
  }

  ask(task: string, asked: TextAsk): void {
    this.begin({ task, stream: this.#model.reader(), text: "" }, this.#model.opening(asked));
  }

  /** Nothing more is wanted of it. */
  giveUp(task: string): void {
    this.forgetAll((request) => request.task === task);
  }

  protected begun(_channel: string, { stream }: Request, head: ResponseHead | null): void {
    if (head !== null) stream.opened(head);
  }

  protected came(channel: string, request: Request, data: WireMessage): void {
    // A response is bytes.
    if (typeof data !== "string") this.#read(channel, request, request.stream.data(data));
  }

  protected ended(channel: string, request: Request, code: number, reason: string): void {
    const whole = code === 1000 || request.stream.finish !== null;
    const end = whole ? request.stream.end() : lostFault(TEXT_STAGE, code, reason, this.#model.redactor);
    if (typeof end !== "string" && code === TOO_MUCH) this.#fail(channel, request, "too_large", end);
    else this.#read(channel, request, end, true);
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
    this.forget(channel);
    this.#host.ended(request.task, { text: request.text.trim(), calls: request.stream.calls });
  }

  #fail(
    channel: string,
    { task, stream }: Request,
    failure: TaskFailure,
    { fault, again }: StageFault,
  ): void {
    this.forget(channel);
    this.#host.ended(task, { failure, error: fault, again: again && !stream.said });
  }

  protected costs({ stream }: Request): void {
    const usage = usageOf(stream.usage, 0);
    if (usage !== null) this.context.meter?.beside("background", usage, 0);
  }

  snapshot(): ThinkingSnapshot {
    const requests = [...this.requests].map(([channel, { task, stream, text }]) => {
      return { channel, task, stream: stream.snapshot(), text };
    });
    return { requests, numbered: this.numbered, channels: this.peers.snapshot() };
  }

  restore({ requests, numbered, channels }: ThinkingSnapshot): void {
    for (const { channel, task, stream: state, text } of requests) {
      const stream = this.#model.reader();
      stream.restore(state);
      this.requests.set(channel, { task, stream, text });
    }
    this.numbered = numbered;
    this.peers.restore(channels);
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
