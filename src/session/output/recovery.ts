/**
 * An upstream is lost in the middle of things. What it had finished saying is said to its end; an answer of which
 * nothing was heard yet is asked for again on the next connection, as if nothing had been; one that broke off in its
 * middle fails, aloud, and the next connection is asked to go on where the listener was.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { isClients } from "../state/faults.ts";
import { isActive, type ResponseRecord } from "../state/response.ts";
import type { Asking } from "./asking.ts";
import type { BargeIn } from "./barge-in.ts";
import type { Configuration, Link as AskedLink } from "./ports.ts";
import type { Responses } from "./responses.ts";

/** An upstream that may be asked again for what it failed to give. */
interface Link extends AskedLink {
  /** @returns false: that was so too often of late. */
  mayAskAgain(): boolean;
}

/** Read when it is asked for: some of these parts are made later. */
interface RecoveryParts {
  readonly context: Context;
  readonly responses: Responses;
  readonly links: readonly Link[];
  readonly asking: Pick<Asking, "may">;
  readonly config: Configuration;
  readonly voices: { whoGoesOn(link: Link): Link | null };
  readonly bargeIn: Pick<BargeIn, "forget">;
}

/** The answer to a turn is asked for so often in all, again and to be continued. */
const MOST_ATTEMPTS = 3;
const CONTINUE =
  "Your last answer was cut off by a technical fault. Continue where it broke off; do not repeat what was said.";

const FORGOTTEN: UpstreamFault = { code: "session_restored", message: "The session was restored." };

const TOO_OFTEN: UpstreamFault = {
  code: "upstream_unreliable",
  message: "The upstream failed too often of late to be asked again.",
};

function requestOf({ stream, params, outOfBand, metadata }: ResponseRecord) {
  return {
    stream,
    // As it came from a JSON schema, and was taken apart when the response was made.
    params: {
      ...params,
      ...(outOfBand && { conversation: "none" }),
      ...(metadata && { metadata }),
    } as ResponseParams,
  };
}

/** There is something that could be continued: sound, or words that are read; not a call that nobody has run. */
function wasSaid({ audible, items }: ResponseRecord): boolean {
  return audible || items.some(({ parts }) => parts.some(({ kind, text }) => kind === "text" && text !== ""));
}

interface Broken {
  /** Any of it was heard. */
  readonly heard: boolean;
  /** How often the answer to this turn was asked for. */
  readonly attempts: number;
}

export class Recovery {
  readonly #context: Context;
  readonly #responses: Responses;
  readonly #links: readonly Link[];
  readonly #parts: RecoveryParts;
  /** Streams whose last answer broke off. */
  readonly #broken = new Map<number, Broken>();
  /** What was asked for and is to be asked for anew, in the same call of `handle`. */
  #owed: { readonly stream: number; readonly params: ResponseParams }[] = [];

  constructor(parts: RecoveryParts) {
    this.#context = parts.context;
    this.#responses = parts.responses;
    this.#links = parts.links;
    this.#parts = parts;
  }

  /**
   * `final`: it will not be dialled again by itself.
   * @param departed it ended the call: what it was saying was its last word
   */
  lost(link: Link, fault: UpstreamFault, final: boolean, departed = false): void {
    link.responses.clear();
    this.#responses.lost(link.index);
    for (const response of this.#responses.active) {
      if (response.stream !== link.index || response.own || this.#responses.finished(response)) continue;
      if (departed && this.#responses.begun(response)) this.#responses.whole(response);
      else if (!response.asked)
        this.#responses.end(response, { phase: "completed", reason: null, fault: null });
      else if (final || !this.#canAskAgain(response)) this.#break(response, fault);
      else this.#responses.restart(response);
    }
  }

  /** Nothing of it has reached the client but that it was asked for. */
  #canAskAgain(response: ResponseRecord): boolean {
    return response.items.length === 0 && response.attempts < MOST_ATTEMPTS;
  }

  #break(response: ResponseRecord, fault: UpstreamFault): void {
    if (this.#wasWhole(response))
      return this.#responses.end(response, { phase: "completed", reason: null, fault: null });
    if (response.items.length > 0) this.#noteBroken(response, wasSaid(response));
    this.#responses.fail(response, fault);
  }

  /** It ended with what the client runs, and says with the result. Asked for again, it would have that run twice. */
  #wasWhole(response: ResponseRecord): boolean {
    const { items } = response;
    const own = new Set(this.#parts.config.current.tools.map((tool) => tool["name"]));
    const calls = items.filter(({ kind }) => kind === "function_call");
    const all = items.every(({ done, status }) => done && status === "completed");
    const clients = calls.length > 0 && calls.every(({ name }) => own.has(name));
    return all && clients && !this.#responses.waiting(response);
  }

  #noteBroken({ stream, attempts, outOfBand }: ResponseRecord, heard: boolean): void {
    if (!outOfBand) this.#broken.set(stream, { heard, attempts });
  }

  /**
   * The provider says that an answer failed. Where there is somewhere else to turn, that is a loss like any other.
   * @param key the provider's, of the response
   * @returns whether the connection was left for it: there is no more to be done.
   */
  failed(link: Link, key: string, fault: UpstreamFault): boolean {
    if (!this.goesElsewhere(link, link.responses.get(key) ?? null, fault)) return false;
    this.#context.metric("responses_failed_over", 1, link.name);
    link.abandon(fault.code, fault.message);
    return true;
  }

  /** A response that this provider fails is to be looked for elsewhere. */
  goesElsewhere(link: Link, responseId: string | null, fault: UpstreamFault): boolean {
    const response = responseId === null ? undefined : this.#responses.get(responseId);
    if (!response || !isActive(response) || !link.hasFallback || isClients(fault)) return false;
    if (!response.outOfBand) return true;
    // Nobody is interrupted for the sake of what is done in the background.
    const { answering, underway } = this.#responses;
    return answering.length > 0 ? answering.every((one) => one.stream !== link.index) : !underway;
  }

  /** It claims to speak, and nobody can hear it: its provider is left for the next one. Of one asked for in advance nobody hears. */
  silent(link: Link, response: ResponseRecord, fault: UpstreamFault): void {
    if (!response.announced) this.#responses.discard(response);
    else if (response.audible) this.#break(response, fault);
    else {
      this.#responses.end(response, { phase: "failed", reason: null, fault });
      this.#parts.bargeIn.forget(response);
      this.#noteBroken(response, false);
    }
    link.stalled();
  }

  /** A new connection was told the conversation: what is owed is asked for again. */
  redialled(link: Link): void {
    for (const response of this.#responses.active) {
      if (response.stream === link.index && response.phase === "requested" && response.asked)
        this.#again(link, response);
    }
    this.#goOn(link, link);
  }

  #again(link: Link, response: ResponseRecord): void {
    if (response.outOfBand && !link.capabilities.outOfBand) {
      const message = "The upstream that answers now has no answers out of band.";
      this.#responses.fail(response, { code: "unsupported", message });
    } else if (link.mayAskAgain()) {
      this.#context.metric("responses_asked_again", 1, link.name);
      this.#responses.ask(response, link);
    } else this.#responses.fail(response, TOO_OFTEN);
  }

  /** A response of the link is over, for the listener too. */
  ended(link: Link, response: ResponseRecord): void {
    if (!this.#broken.has(link.index)) return;
    // Cut off or finished: the conversation has gone on without what broke off.
    if (response.phase !== "failed" && !response.outOfBand) this.#broken.delete(link.index);
    else this.#goOn(link, this.#parts.voices.whoGoesOn(link));
  }

  /** It was asked for an answer that it has not begun: another connection is asked for it again. */
  asks(stream: number): boolean {
    return this.#responses.active.some(
      (one) => one.stream === stream && one.phase === "requested" && one.asked,
    );
  }

  /** It is still to be asked for something that it was asked for before. */
  owes(stream: number): boolean {
    return this.#broken.has(stream) || this.#owed.some((one) => one.stream === stream);
  }

  /** An answer of the conversation is asked of the link: that has gone on without what broke off. */
  superseded({ index }: { readonly index: number }): void {
    this.#broken.delete(index);
  }

  /** Asks for the rest of an answer that broke off, when what there was of it has been heard. */
  #goOn(link: Link, by: Link | null): void {
    if (by === null || !this.#broken.has(link.index) || this.#responses.underway) return;
    // As many run as may: when one of them has ended.
    if (!this.#responses.room) return;
    const { asking, config } = this.#parts;
    const broken = this.#broken.get(link.index);
    this.#broken.delete(link.index);
    if (!broken || broken.attempts >= MOST_ATTEMPTS || !asking.may || !by.mayAskAgain()) return;
    const instructions = [config.current.instructions, CONTINUE].filter((text) => text !== "").join("\n");
    const response = this.#responses.request(by, broken.heard ? { instructions } : {});
    if (response === null) return;
    this.#context.metric("responses_continued", 1, by.name);
    response.attempts += broken.attempts;
  }

  /**
   * The client has seen more of the answers in progress than is known here: they are over. One of which nothing was
   * known to be heard is owed anew; one that was being heard is to be continued.
   */
  forsake(): void {
    // Set when all have ended: no connection is left that could be asked to go on.
    const broken = new Map(this.#broken);
    this.#broken.clear();
    this.#responses.tellEnded();
    for (const response of this.#responses.active) {
      if (response.asked && response.items.length === 0) this.#owed.push(requestOf(response));
      else if (response.asked && !response.outOfBand)
        broken.set(response.stream, { heard: true, attempts: response.attempts });
      this.#responses.end(response, { phase: "failed", reason: null, fault: FORGOTTEN });
    }
    this.restore([...broken]);
  }

  /** What is owed after `forsake` is asked for. */
  askOwed(): void {
    for (const { stream, params } of this.#owed.splice(0)) {
      const link = this.#links[stream];
      if (link) this.#responses.request(link, params);
    }
  }

  snapshot(): RecoverySnapshot {
    return [...this.#broken];
  }

  restore(broken: RecoverySnapshot): void {
    this.#broken.clear();
    for (const [stream, one] of broken) this.#broken.set(stream, one);
  }
}

export type RecoverySnapshot = readonly (readonly [number, Broken])[];
