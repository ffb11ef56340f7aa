/**
 * Requests to the relay's own voice that run: channels of one peer, whose sound is read as the cascade reads its synthesiser's.
 * Each has an outcome, once, unless it is given up before: all of its sound, or what is wrong with it.
 */
import { isInaudible } from "../../audio/level.ts";
import { samplesOf } from "../../audio/pcm.ts";
import { lostFault, protocolFault, type StageFault } from "../../upstreams/channels/http-fault.ts";
import { SPEECH_STAGE, type Speech, type Synthesiser } from "../../upstreams/cascade/synthesiser.ts";
import type {
  ChannelEffect,
  Channels,
  ResponseHead,
  UpstreamEvent,
  UpstreamFault,
  WireMessage,
} from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { ChannelPeers, isChannelOf, type UpstreamInput } from "../channel-peers.ts";
import type { PeerId } from "../io.ts";
import type { Sound } from "../state/sounds.ts";

/** Their peers are `speech/1`, … */
export const SPEECH_PEER: PeerId = "speech";
/** How many characters of a text are said in what time at the most: nobody says fewer than four in a second, but for pauses. */
const SLOWEST_MS = 250;
const PAUSES_MS = 3000;
export const MOST_MS = 30_000;

export type Outcome = Sound | { readonly fault: UpstreamFault };

interface Request {
  readonly text: string;
  readonly mostBytes: number;
  /** It was made a second time. */
  readonly again: boolean;
  readonly since: number;
  readonly stream: Speech;
  readonly pieces: Uint8Array[];
}

const NOTHING: readonly UpstreamEvent[] = [];

export class Synthesis implements Channels {
  readonly #context: Context;
  readonly #voice: Synthesiser;
  readonly #ended: (text: string, outcome: Outcome) => void;
  readonly #peers: ChannelPeers;
  readonly #requests = new Map<string, Request>();
  #effects: ChannelEffect[] = [];
  #numbered = 0;
  /** Channels of another isolate, of whose sound nothing is here. */
  #orphans: readonly string[] = [];

  constructor(context: Context, voice: Synthesiser, ended: (text: string, outcome: Outcome) => void) {
    this.#context = context;
    this.#voice = voice;
    this.#ended = ended;
    this.#peers = new ChannelPeers(context, this, {
      peer: SPEECH_PEER,
      alive: true,
      takes: () => true,
      nameOf: (what) => `aside:${SPEECH_PEER}:${what}`,
      event: () => undefined,
    });
  }

  /** Texts that are being spoken. */
  get running(): number {
    return this.#requests.size;
  }

  ask(text: string, again = false): void {
    const channel = String((this.#numbered += 1));
    const mostMs = Math.min(MOST_MS, text.length * SLOWEST_MS + PAUSES_MS);
    const mostBytes = (mostMs * this.#voice.rateHz * 2) / 1000;
    const { now } = this.#context;
    const request = { text, mostBytes, again, since: now, stream: this.#voice.reader(text), pieces: [] };
    this.#requests.set(channel, request);
    this.#context.metric("sentences_asked", 1);
    this.#context.meter?.beside("speech", { speech_characters: text.length }, 0);
    this.#effects.push({ type: "open", channel, opening: this.#voice.opening(text, mostMs) });
    this.#peers.perform();
  }

  /** Nobody waits for it any more. */
  giveUp(text: string): void {
    for (const [channel, request] of this.#requests) if (request.text === text) this.#forget(channel);
    this.#peers.perform();
  }

  /** Nothing more is wanted. */
  hangUp(): void {
    this.#requests.clear();
    this.#peers.end();
  }

  /** Its object died, and every connection with it. */
  died(): void {
    this.#requests.clear();
    this.#orphans = [];
    this.#peers.died();
  }

  /** What another isolate asked is asked anew. */
  settle(): void {
    for (const channel of this.#orphans)
      this.#context.act({ type: "close", peer: `${SPEECH_PEER}/${channel}`, code: 1000, reason: "" });
    this.#orphans = [];
  }

  input(input: UpstreamInput): void {
    if (isChannelOf(input.peer, SPEECH_PEER)) this.#peers.input(input);
  }

  due(what: string): void {
    this.#peers.due(what);
  }

  effects(): readonly ChannelEffect[] {
    return this.#effects.splice(0);
  }

  opened(channel: string, head: ResponseHead | null): readonly UpstreamEvent[] {
    for (const data of this.#requests.get(channel)?.stream.opened(head) ?? [])
      this.#effects.push({ type: "send", channel, data });
    return NOTHING;
  }

  data(channel: string, data: WireMessage): readonly UpstreamEvent[] {
    const request = this.#requests.get(channel);
    if (request === undefined) return NOTHING;
    const sound = request.stream.data(data);
    if (!(sound instanceof Uint8Array)) this.#fail(channel, request, sound);
    else if (request.stream.bytes > request.mostBytes)
      this.#fail(channel, request, protocol("said more than a text of this length has"));
    else {
      if (sound.length > 0) request.pieces.push(sound.slice());
      if (request.stream.whole) this.#end(channel, request, request.stream.end());
    }
    return NOTHING;
  }

  closed(channel: string, code: number, reason: string): readonly UpstreamEvent[] {
    const request = this.#requests.get(channel);
    if (request === undefined) return NOTHING;
    const { stream } = request;
    const lost = code === 1000 ? null : lostFault(SPEECH_STAGE, code, reason, this.#voice.redactor);
    this.#end(channel, request, lost ?? stream.end());
    return NOTHING;
  }

  /** It waits for nothing by the clock. */
  waited(): readonly UpstreamEvent[] {
    return NOTHING;
  }

  #end(channel: string, request: Request, fault: StageFault | null): void {
    if (fault !== null) return this.#fail(channel, request, fault);
    const { pieces, since, text } = request;
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const rate = this.#voice.rateHz;
    if (isInaudible({ type: "audio/pcm", rate }, bytes))
      return this.#fail(channel, request, protocol("answered with silence"));
    this.#forget(channel);
    this.#context.metric("sentence_ms", this.#context.now - since);
    this.#ended(text, { rateHz: rate, samples: samplesOf(bytes), words: text });
  }

  /** What may have been a passing fault, before a sample came, is one more request. */
  #fail(channel: string, request: Request, { fault, again }: StageFault): void {
    this.#forget(channel);
    if (again && !request.again && request.stream.bytes === 0) return this.ask(request.text, true);
    this.#context.metric("sentences_failed", 1);
    this.#ended(request.text, { fault });
  }

  #forget(channel: string): void {
    const request = this.#requests.get(channel);
    if (request && request.stream.bytes > 0)
      this.#context.meter?.beside("speech", {}, (request.stream.bytes * 500) / this.#voice.rateHz);
    this.#requests.delete(channel);
    this.#effects.push({ type: "close", channel });
  }

  snapshot(): SynthesisSnapshot {
    return { numbered: this.#numbered, open: [...this.#orphans, ...this.#requests.keys()] };
  }

  restore({ numbered, open }: SynthesisSnapshot): void {
    this.#numbered = numbered;
    this.#orphans = open;
  }
}

function protocol(how: string): StageFault {
  return { fault: protocolFault(SPEECH_STAGE, how), again: false };
}

export interface SynthesisSnapshot {
  readonly numbered: number;
  readonly open: readonly string[];
}
