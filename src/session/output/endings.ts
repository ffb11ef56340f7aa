/** How responses end: for the client, at their upstream, and those that nobody ever hears of. */
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import { isActive, type Ending, type ResponseRecord } from "../state/response.ts";
import { next, RESPONSE } from "../transitions.ts";
import type { Dropped } from "./output-gate.ts";
import type { Link } from "./ports.ts";
import type { ResponseParts } from "./response-parts.ts";
import { setCosts } from "./response.ts";
import { unsay } from "./unsay.ts";

export class Endings {
  readonly #parts: ResponseParts;

  constructor(parts: ResponseParts) {
    this.#parts = parts;
  }

  /** Ends a response for the client. Ending it twice does nothing. */
  end(response: ResponseRecord, ending: Ending, untold = false): void {
    const { clock, gate, writer, items, session } = this.#parts;
    const phase = next(RESPONSE, response.phase, ending.phase);
    if (phase === null) return;
    clock.clear(response);
    const dropped = gate.drop(response);
    // What it cost is known, though it was not heard to its end.
    if (dropped.end) setCosts(response, dropped.end);
    writer.unsent(response, dropped.unsent);
    for (const item of response.items) items.close(response, item, ending.phase);
    unsay(response, session.links[response.stream], dropped, (itemId) => session.bargeIn.truncates(itemId));
    response.phase = phase;
    // Nobody asks for it again: what it was asked with may be minutes of sound.
    response.params = {};
    Object.assign(response, { reason: ending.reason, fault: ending.fault, untold });
    if (untold) clock.tellsLater(response);
    else writer.done(response);
    this.#forget();
    session.reactions.responseDone(response);
  }

  #forget(): void {
    const { records } = this.#parts;
    for (const response of records.surplus) {
      this.tell(response);
      records.delete(response);
    }
  }

  /** Ends it for the client at once and tells the upstream to stop. */
  cancel(response: ResponseRecord, ending: Ending): void {
    if (!isActive(response)) return;
    const { gate, session } = this.#parts;
    const link = session.links[response.stream];
    const generating = response.phase === "generating" && !response.own && !gate.finished(response);
    const costs = generating && link?.phase === "ready" && response.connection === link.serving;
    if (link) this.cancelThere(response, link);
    const untold = costs && link.capabilities.cancel && session.listener.live;
    this.end(response, ending, untold);
  }

  cancelThere(response: ResponseRecord, link: Link, overdue = false): void {
    // One that it was not asked for yet has no end that it owes.
    if (link.withdraw(response.id) || !link.capabilities.cancel || response.own) return;
    link.command({ type: "cancel", responseId: response.id, ...(overdue ? { overdue } : {}) });
    if (response.outOfBand || this.#parts.gate.finished(response)) return;
    const waited = response.phase === "requested" && response.connection === link.serving;
    this.#parts.ends.cancelled(response.id, link, waited ? response.askedAt : null);
  }

  /** More of it came than is kept. */
  tooMuch(response: ResponseRecord, fault: UpstreamFault): void {
    const link = this.#parts.session.links[response.stream];
    if (!response.announced) return this.discard(response);
    if (link) this.cancelThere(response, link);
    this.end(response, { phase: "failed", reason: null, fault });
  }

  /** It was asked for in advance and in vain: nobody ever hears of it. */
  discard(response: ResponseRecord, overdue = false): void {
    const link = this.#parts.session.links[response.stream];
    const { items } = this.#forgetUnannounced(response);
    if (!link || response.connection !== link.serving) return;
    this.cancelThere(response, link, overdue);
    for (const itemId of items) link.command({ type: "delete", itemId });
  }

  #forgetUnannounced(response: ResponseRecord): Dropped {
    const { clock, records, gate, session } = this.#parts;
    clock.clear(response);
    records.delete(response);
    const dropped = gate.drop(response);
    session.rounds.gone(response);
    return dropped;
  }

  /** Its upstream is gone before anything of it was heard: it waits to be asked for again. */
  restart(response: ResponseRecord): void {
    const { clock, gate } = this.#parts;
    gate.drop(response);
    const phase = next(RESPONSE, response.phase, "restarted");
    if (phase !== null) response.phase = phase;
    response.audible = false;
    clock.waits(response);
  }

  /** There is no more of it: it ends when what was said of it has been heard. */
  over(response: ResponseRecord, status: "failed" | "completed", error: UpstreamFault | null): void {
    const ending = { status, reason: null, error, usage: null, metadata: null };
    this.#parts.gate.offer(response, { type: "response.done", response: "", ...ending });
  }

  /** The connection is gone: nobody hears of what was asked of it in advance, and what its answers cost it never says. */
  lost(stream: number): void {
    for (const response of this.#parts.records) {
      if (response.stream !== stream) continue;
      if (!response.announced) this.#forgetUnannounced(response);
      this.tell(response);
    }
  }

  /** The client is told of an end that it was not told of yet, whatever the answer cost. */
  tell(response: ResponseRecord): void {
    if (!response.untold) return;
    response.untold = false;
    this.#parts.clock.clear(response);
    this.#parts.writer.done(response);
    this.#parts.context.persist();
  }
}
