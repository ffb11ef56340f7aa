/**
 * An upstream is lost in the middle of things. What it had finished saying is said to its end; an answer of which
 * nothing was heard yet is asked for again on the next connection, as if nothing had been; one that broke off in its
 * middle fails, aloud, and the next connection is asked to go on where the listener was.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { Link } from "./link.ts";
import type { ResponseRecord } from "../output/response.ts";
import type { Responses } from "../output/responses.ts";

export interface RecoveryHost {
  /** Answers are the relay's to ask for (`create_response`), not only the client's. */
  mayAsk(): boolean;
  instructions(): string;
  /** Nothing of a response was heard: that is what is remembered of it. */
  unheard(response: ResponseRecord): void;
  /** Tells the connection that serves what there is of a response. */
  tell(link: Link, response: ResponseRecord): void;
}

/** A response is asked for so often in all. */
const MOST_ATTEMPTS = 3;
const CONTINUE =
  "Your last answer was cut off by a technical fault. Continue where it broke off; do not repeat what was said.";

const FORGOTTEN: UpstreamFault = { code: "session_restored", message: "The session was restored." };

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

export class Recovery {
  readonly #context: Context;
  readonly #responses: Responses;
  readonly #host: RecoveryHost;
  /** Streams whose last answer broke off, with whether any of it was heard. */
  readonly #broken = new Map<number, boolean>();
  /** What was asked for and is to be asked for anew, in the same call of `handle`. */
  #owed: { readonly stream: number; readonly params: ResponseParams }[] = [];

  constructor(context: Context, responses: Responses, host: RecoveryHost) {
    this.#context = context;
    this.#responses = responses;
    this.#host = host;
  }

  /** `final`: it will not be dialled again by itself. */
  lost(link: Link, fault: UpstreamFault, final: boolean): void {
    link.responses.clear();
    this.#responses.lost(link.index);
    for (const response of this.#responses.active) {
      if (response.stream !== link.index || this.#responses.finished(response)) continue;
      if (!response.asked) this.#responses.end(response, { phase: "completed", reason: null, fault: null });
      else if (final || !this.#canAskAgain(response)) this.#break(response, fault);
      else this.#responses.restart(response);
    }
  }

  /** Nothing of it has reached the client but that it was asked for. */
  #canAskAgain(response: ResponseRecord): boolean {
    return response.items.length === 0 && response.attempts < MOST_ATTEMPTS;
  }

  #break(response: ResponseRecord, fault: UpstreamFault): void {
    if (response.items.length > 0 && !response.outOfBand) this.#broken.set(response.stream, true);
    this.#responses.fail(response, fault);
  }

  /** It claims to speak, and nobody can hear it: its provider is left for the next one. */
  silent(link: Link, response: ResponseRecord, fault: UpstreamFault): void {
    if (response.audible) this.#break(response, fault);
    else {
      this.#responses.end(response, { phase: "failed", reason: null, fault });
      this.#host.unheard(response);
      if (!response.outOfBand) this.#broken.set(link.index, false);
    }
    link.stalled();
  }

  /** A new connection was told the conversation: what is owed is asked for again. */
  redialled(link: Link): void {
    for (const response of this.#responses.active) {
      if (response.stream === link.index && response.phase === "requested" && response.asked) {
        this.#context.metric("responses_asked_again", 1, link.name);
        this.#responses.ask(response, link);
      }
    }
    this.#goOn(link);
  }

  /** A response of the link is over, for the listener too. */
  ended(link: Link, response: ResponseRecord): void {
    if (!this.#broken.has(link.index)) return;
    // Cut off or finished: the conversation has gone on without what broke off.
    if (response.phase !== "failed") this.#broken.delete(link.index);
    else if (link.phase !== "closed" && link.phase !== "idle") {
      // It was still being heard when the new connection was told the conversation.
      this.#host.tell(link, response);
      this.#goOn(link);
    }
  }

  /** Asks for the rest of an answer that broke off, when what there was of it has been heard. */
  #goOn(link: Link): void {
    if (!this.#broken.has(link.index) || this.#responses.answering.length > 0) return;
    const heard = this.#broken.get(link.index);
    this.#broken.delete(link.index);
    if (!this.#host.mayAsk()) return;
    const instructions = [this.#host.instructions(), CONTINUE].filter((text) => text !== "").join("\n");
    const asked = this.#responses.request(link, heard ? { instructions } : {});
    // Too many run: at the end of one.
    if (!asked && heard !== undefined) this.#broken.set(link.index, heard);
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
      else if (response.asked && !response.outOfBand) broken.set(response.stream, true);
      this.#responses.end(response, { phase: "failed", reason: null, fault: FORGOTTEN });
    }
    this.restore([...broken]);
  }

  /** What is owed after `forsake` is asked for. */
  askOwed(links: readonly Link[]): void {
    for (const { stream, params } of this.#owed.splice(0)) {
      const link = links[stream];
      if (link) this.#responses.request(link, params);
    }
  }

  snapshot(): RecoverySnapshot {
    return [...this.#broken];
  }

  restore(broken: RecoverySnapshot): void {
    this.#broken.clear();
    for (const [stream, heard] of broken) this.#broken.set(stream, heard);
  }
}

export type RecoverySnapshot = readonly (readonly [number, boolean])[];
