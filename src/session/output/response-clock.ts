/**
 * The deadline of every response, one per state: asked of a connection that is not ready, owed by one that is, begun and
 * to go on. Whatever asks sets it anew, so that none is without one and none has that of another question.
 */
import type { Context } from "../context.ts";
import type { OwedEnds } from "./owed-ends.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { Link } from "./ports.ts";

/** A duplex stream that pauses for so long ends its response; the next audio begins another. */
const STREAM_GAP_MS = 1000;

export class ResponseClock {
  readonly #context: Context;
  readonly #ends: OwedEnds;
  readonly #patienceMs: (stream: number) => number;

  /** `patienceMs`: how long an answer of a stream may stand still. */
  constructor(context: Context, ends: OwedEnds, patienceMs: (stream: number) => number) {
    this.#context = context;
    this.#ends = ends;
    this.#patienceMs = patienceMs;
  }

  /** It was put to the connection that serves, or to the one that is being dialled. */
  asked(response: ResponseRecord, link: Link): void {
    response.askedAt = this.#context.now;
    this.#begin(response);
    if (link.phase === "ready") this.owed(response, link);
    else this.waits(response);
  }

  /** It waits to be asked, or for a connection: only the overall bound runs. */
  waits(response: ResponseRecord): void {
    this.#begin(response);
    this.#set(response, this.#context.now + this.#context.limits.firstOutputMs);
  }

  /** The connection has the question: only the answer's beginning ends this watch, whatever else it says. */
  owed(response: ResponseRecord, link: Link): void {
    const { now, limits } = this.#context;
    const at = now + link.answerMs();
    // One that waits for the end of a cancelled answer waits no longer than that is owed.
    const since = response.outOfBand ? null : this.#ends.since(link);
    const cancelMs = link.hasFallback ? limits.stallMs : limits.cancelMs;
    // Who is cut off again and again, for nothing is heard, does not begin to wait anew each time.
    const leastMs = Math.max(0, limits.stallMs - this.#ends.waitedMs(link));
    this.#set(response, since === null ? at : Math.min(at, Math.max(since + cancelMs, now + leastMs)));
  }

  #begin(response: ResponseRecord): void {
    response.progressAt = this.#context.now;
    response.waiting = false;
    response.silentMs = 0;
  }

  /** It goes on: move its deadline. */
  refresh(response: ResponseRecord): void {
    response.progressAt = this.#context.now;
    // Once per frame a deadline would be moved that hardly ever comes: it is moved when it comes.
    if (response.waiting) return;
    response.waiting = true;
    this.#set(response, this.#context.now + this.#patience(response));
  }

  #patience(response: ResponseRecord): number {
    return response.asked ? this.#patienceMs(response.stream) : STREAM_GAP_MS;
  }

  /** Its deadline came, but it has gone on since. */
  postponed(response: ResponseRecord): boolean {
    const at = response.progressAt + this.#patience(response);
    if (!response.waiting || at <= this.#context.now) {
      response.waiting = false;
      return false;
    }
    this.#set(response, at);
    return true;
  }

  /** Its deadline came, but the connection is at another answer: not longer than for one that is not ready. */
  queued(response: ResponseRecord, link: Link): boolean {
    const last = response.askedAt + this.#context.limits.firstOutputMs;
    if (this.#context.now >= last) return false;
    this.#set(response, Math.min(last, this.#context.now + link.answerMs()));
    return true;
  }

  /** Its deadline came, but a slow line has carried until now what was sent before it: as long again, as for one that is not ready. */
  underway(response: ResponseRecord, link: Link): boolean {
    const { now, limits } = this.#context;
    const took = link.reading?.tookAt ?? null;
    const at =
      took === null ? now : Math.min(took + link.answerMs(), response.askedAt + limits.firstOutputMs);
    if (at <= now) return false;
    this.#set(response, at);
    return true;
  }

  /** An answer has ended at its upstream, cancelled or not: what waited behind it there has its time from now on. */
  freed(all: Iterable<ResponseRecord>, link: Link): void {
    const { now, limits, deadlines } = this.#context;
    for (const one of all) {
      const { phase, asked, stream, connection, askedAt } = one;
      if (phase !== "requested" || !asked || stream !== link.index || connection !== link.serving) continue;
      const at = deadlines.get(`response:${one.id}`) ?? now;
      this.#set(one, Math.max(at, Math.min(askedAt + limits.firstOutputMs, now + link.answerMs())));
    }
  }

  /** Its `response.done` is told at the latest so long after its end. */
  tellsLater(response: ResponseRecord): void {
    this.#set(response, this.#context.now + this.#context.limits.usageMs);
  }

  clear(response: ResponseRecord): void {
    this.#context.deadlines.clear(`response:${response.id}`);
  }

  #set(response: ResponseRecord, at: number): void {
    this.#context.deadlines.set(`response:${response.id}`, at);
  }
}
