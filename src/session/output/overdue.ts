/** The deadline of a response came: it is given up, unless the listener or another answer keeps it waiting. */
import { isActive, type ResponseRecord } from "../state/response.ts";
import type { Endings } from "./endings.ts";
import type { ResponseParts } from "./response-parts.ts";

export class Overdue {
  readonly #parts: ResponseParts;
  readonly #endings: Endings;

  constructor(parts: ResponseParts, endings: Endings) {
    this.#parts = parts;
    this.#endings = endings;
  }

  due(id: string): void {
    const { context, records, clock, gate, session } = this.#parts;
    const response = records.get(id);
    if (!response) return;
    if (!isActive(response)) {
      this.#endings.tell(response);
      return;
    }
    if (clock.postponed(response)) return;
    if (session.rounds.others(response)) {
      context.metric("response_timeouts", 1, response.upstream);
      session.rounds.drop(response, true);
      return;
    }
    if (gate.waiting(response) && session.guard?.output?.lacksWords(response) !== true) {
      // The listener is behind, or the end of the turn that it answers: not the upstream.
      clock.refresh(response);
      return;
    }
    if (!response.announced) {
      context.metric("eager_given_up", 1, response.upstream);
      this.#endings.discard(response, true);
    } else if (response.asked) this.#giveUp(response);
    else this.#endings.end(response, { phase: "completed", reason: null, fault: null });
  }

  #giveUp(response: ResponseRecord): void {
    const { context, clock, ends, session } = this.#parts;
    const link = session.links[response.stream];
    const requested = response.phase === "requested";
    if (requested && link && this.#atAnother(response) && clock.queued(response, link)) return;
    if (requested && link && clock.underway(response, link)) return;
    context.metric("response_timeouts", 1, response.upstream);
    if (link?.stalled()) return;
    if (requested && !response.outOfBand && link?.phase === "ready" && ends.since(link) !== null) {
      link.abandon("upstream_timeout", "The upstream did not end an answer that was cancelled.");
      return;
    }
    if (link) this.#endings.cancelThere(response, link, true);
    const fault = { code: "upstream_timeout", message: "The upstream stopped answering." };
    this.#endings.end(response, { phase: "failed", reason: null, fault });
  }

  /** The upstream is in the middle of another answer, which has a deadline of its own. */
  #atAnother(response: ResponseRecord): boolean {
    const { records, gate } = this.#parts;
    for (const other of records) {
      if (other === response || other.own || other.stream !== response.stream) continue;
      if (other.phase === "generating" && !gate.finished(other)) return true;
    }
    return false;
  }
}
