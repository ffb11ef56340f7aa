/** What an upstream says of its responses, from the first word to the last, and what comes when they are over here. */
import type { UpstreamEvent } from "../../upstreams/upstream.ts";
import { isActive, NOBODY, type ResponseRecord } from "../state/response.ts";
import type { LaneEvent, ResponseUpstreamEvent } from "../state/upstream-said.ts";
import { mayHoldWords } from "../state/unread-words.ts";
import { spend } from "../state/usage.ts";
import { next, RESPONSE } from "../transitions.ts";
import type { Endings } from "./endings.ts";
import type { Link } from "./ports.ts";
import type { ResponseParts } from "./response-parts.ts";
import { fellSilent, setCosts } from "./response.ts";
import { isUnspoken, saysNothingAgain } from "./unheard.ts";

/** A provider answers by itself. `asked`: a turn. */
type Begin = (link: Link, asked: boolean) => ResponseRecord;

export class Intake {
  readonly #parts: ResponseParts;
  readonly #endings: Endings;
  readonly #begin: Begin;

  constructor(parts: ResponseParts, endings: Endings, begin: Begin) {
    this.#parts = parts;
    this.#endings = endings;
    this.#begin = begin;
  }

  handle(link: Link, event: ResponseUpstreamEvent): void {
    const { records, clock, context, session, gate } = this.#parts;
    if (event.type === "response.started") {
      this.#started(link, event.response, event.answers, event.goesOn);
      return;
    }
    const id = link.responses.get(event.response);
    let response = id === undefined ? undefined : records.get(id);
    if (event.type === "response.done" && id !== undefined) this.#ended(link, id, event, response);
    const streams = link.capabilities.turns === "none" && event.type === "audio";
    if (streams && (!response || (!response.asked && !isActive(response)))) {
      response = this.#started(link, event.response, null);
    }
    if (!response || !isActive(response)) {
      if (id !== undefined) this.#late(link, response, event);
      return;
    }
    clock.refresh(response);
    if (event.type === "response.done" && !response.outOfBand) clock.freed(records, link);
    if (session.guard?.output && mayHoldWords(event)) return context.metric("events_unjudged", 1, link.name);
    if (event.type === "audio" && fellSilent(response, link.capabilities.output, event.bytes, context.limits))
      this.#silent(response, link);
    // It may have been ended or taken back for that, or for what it says.
    if (!isActive(response) || !records.get(response.id)) return;
    if (event.type === "response.done" && this.#isStuck(response, event)) {
      context.metric("responses_silent", 1, link.name);
      return link.abandon("upstream_silent", "The upstream answers nothing at all.");
    }
    if (!response.announced && !session.rounds.heard(response, event)) return;
    const { output: format } = link.capabilities;
    gate.offer(response, event.type === "audio" ? { ...event, format } : event);
  }

  /** Its upstream says no more of it. */
  #ended(
    link: Link,
    id: string,
    { response: key, usage }: Extract<UpstreamEvent, { type: "response.done" }>,
    response: ResponseRecord | undefined,
  ): void {
    const { ends, clock, records, session } = this.#parts;
    link.responses.delete(key);
    if (ends.ended(id) && ends.since(link) === null) clock.freed(records, link);
    if (usage) spend(session, usage, link, response?.announced ?? false);
  }

  /** Of a response that ended here, or that nobody waits for: the model forgets what it makes. */
  #late(link: Link, response: ResponseRecord | undefined, event: ResponseUpstreamEvent): void {
    const { items } = this.#parts;
    if (event.type === "item.started") {
      // A duplex stream that paused goes on; it is no answer that was left. What is out of band is in no conversation.
      if (link.capabilities.turns !== "none" && response?.outOfBand !== true)
        link.command({ type: "delete", itemId: event.item });
    } else if (event.type === "audio") {
      if (response) items.crossed(response, event.item, event.part);
    } else if (event.type === "response.done" && response) {
      if (response.connection === link.serving) items.endedThere(response);
      if (!response.untold) return;
      setCosts(response, event);
      this.#endings.tell(response);
    }
  }

  #isStuck(response: ResponseRecord, done: Extract<UpstreamEvent, { type: "response.done" }>): boolean {
    const { gate, records } = this.#parts;
    if (!response.announced || gate.waiting(response)) return false;
    return saysNothingAgain(response, done, records);
  }

  #silent(response: ResponseRecord, link: Link): void {
    const { session, context } = this.#parts;
    if (!session.rounds.others(response)) return session.upstreamEvents.onSilent(link, response);
    context.metric("responses_silent", 1, link.name);
    session.rounds.drop(response);
  }

  #started(link: Link, key: string, answers: string | null, goesOn = false): ResponseRecord | undefined {
    const { records, ends, clock } = this.#parts;
    const known = answers === null ? undefined : records.get(answers);
    // Discarded meanwhile; or a provider that answers only when asked began by itself.
    if (!known && (answers !== null || (link.capabilities.turns === "client" && !goesOn))) {
      link.responses.set(key, answers ?? NOBODY);
      return undefined;
    }
    // A provider that takes the turns answers by itself; only a duplex one streams without being asked.
    const response = known ?? this.#begin(link, link.capabilities.turns !== "none");
    link.responses.set(key, response.id);
    if (!known) link.command({ type: "named", what: "response", key, id: response.id });
    const phase = next(RESPONSE, response.phase, "started");
    if (phase === null) return undefined;
    response.phase = phase;
    response.connection = link.serving;
    if (!response.outOfBand) ends.passed(link, response.askedAt);
    clock.refresh(response);
    return response;
  }

  /** An event of a response whose turn has come. */
  pass(response: ResponseRecord, event: LaneEvent): void {
    if (!isActive(response)) return;
    this.#parts.clock.refresh(response);
    if (event.type === "audio") this.#parts.session.asides.answered();
    if (event.type === "response.done") {
      setCosts(response, event);
      const link = this.#parts.session.links[response.stream];
      if (link && event.status === "completed" && isUnspoken(response)) this.#silent(response, link);
      this.#endings.end(response, { phase: event.status, reason: event.reason, fault: event.error });
    } else this.#parts.items.handle(response, event);
  }
}
