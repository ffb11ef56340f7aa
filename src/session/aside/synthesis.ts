/**
 * Requests to the relay's own voice that run: their sound is read as the cascade reads its synthesiser's. The outcome of one is
 * all of its sound, or what is wrong with it.
 */
import { isInaudible } from "../../audio/level.ts";
import { samplesOf } from "../../audio/pcm.ts";
import { lostFault, protocolFault, type StageFault } from "../../upstreams/channels/http-fault.ts";
import { SPEECH_STAGE, type Speech, type Synthesiser } from "../../upstreams/cascade/synthesiser.ts";
import type { ResponseHead, UpstreamFault, WireMessage } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { ChannelRequests } from "../channel-requests.ts";
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

export class Synthesis extends ChannelRequests<Request> {
  readonly #voice: Synthesiser;
  readonly #outcome: (text: string, outcome: Outcome) => void;
  /** Channels of another isolate, of whose sound nothing is here. */
  #orphans: readonly string[] = [];

  constructor(context: Context, voice: Synthesiser, outcome: (text: string, outcome: Outcome) => void) {
    super(context, SPEECH_PEER, `aside:${SPEECH_PEER}`);
    this.#voice = voice;
    this.#outcome = outcome;
  }

  /** Texts that are being spoken. */
  get running(): number {
    return this.requests.size;
  }

  ask(text: string, again = false): void {
    const mostMs = Math.min(MOST_MS, text.length * SLOWEST_MS + PAUSES_MS);
    const mostBytes = (mostMs * this.#voice.rateHz * 2) / 1000;
    const { now } = this.context;
    this.context.metric("sentences_asked", 1);
    this.context.meter?.beside("speech", { speech_characters: text.length }, 0);
    this.begin(
      { text, mostBytes, again, since: now, stream: this.#voice.reader(text), pieces: [] },
      this.#voice.opening(text, mostMs),
    );
  }

  /** Nobody waits for it any more. */
  giveUp(text: string): void {
    this.forgetAll((request) => request.text === text);
  }

  /** Nothing more is wanted. */
  hangUp(): void {
    this.requests.clear();
    this.peers.end();
  }

  override died(): void {
    super.died();
    this.#orphans = [];
  }

  /** What another isolate asked is asked anew. */
  settle(): void {
    for (const channel of this.#orphans)
      this.context.act({ type: "close", peer: `${SPEECH_PEER}/${channel}`, code: 1000, reason: "" });
    this.#orphans = [];
  }

  protected begun(channel: string, { stream }: Request, head: ResponseHead | null): void {
    for (const data of stream.opened(head)) this.send(channel, data);
  }

  protected came(channel: string, request: Request, data: WireMessage): void {
    const sound = request.stream.data(data);
    if (!(sound instanceof Uint8Array)) this.#fail(channel, request, sound);
    else if (request.stream.bytes > request.mostBytes)
      this.#fail(channel, request, protocol("said more than a text of this length has"));
    else {
      if (sound.length > 0) request.pieces.push(sound.slice());
      if (request.stream.whole) this.#end(channel, request, request.stream.end());
    }
  }

  protected ended(channel: string, request: Request, code: number, reason: string): void {
    const lost = code === 1000 ? null : lostFault(SPEECH_STAGE, code, reason, this.#voice.redactor);
    this.#end(channel, request, lost ?? request.stream.end());
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
    this.forget(channel);
    this.context.metric("sentence_ms", this.context.now - since);
    this.#outcome(text, { rateHz: rate, samples: samplesOf(bytes), words: text });
  }

  /** What may have been a passing fault, before a sample came, is one more request. */
  #fail(channel: string, request: Request, { fault, again }: StageFault): void {
    this.forget(channel);
    if (again && !request.again && request.stream.bytes === 0) return this.ask(request.text, true);
    this.context.metric("sentences_failed", 1);
    this.#outcome(request.text, { fault });
  }

  protected costs({ stream }: Request): void {
    if (stream.bytes > 0) this.context.meter?.beside("speech", {}, (stream.bytes * 500) / this.#voice.rateHz);
  }

  snapshot(): SynthesisSnapshot {
    return { numbered: this.numbered, open: [...this.#orphans, ...this.requests.keys()] };
  }

  restore({ numbered, open }: SynthesisSnapshot): void {
    this.numbered = numbered;
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
