/**
 * Responses from request to end. A response exists for the client from the moment it was asked for: the edge
 * answers first, and "is one active?" is decided here, not a round trip away. Late upstream events of an ended
 * response are dropped, but for what it cost; items that it makes nevertheless are deleted there.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { LaneEvent, ResponseUpstreamEvent } from "../state/upstream-said.ts";
import { NOBODY } from "../state/response.ts";
import { OutputGate, WAITS_TOO_MUCH, type Dropped, type GateSnapshot } from "./output-gate.ts";
import { maySpeak, OutputItems } from "./output-items.ts";
import { OwedEnds, type OwedEndsSnapshot } from "./owed-ends.ts";
import { OwnSounds } from "./own-sounds.ts";
import { ResponseClock } from "./response-clock.ts";
import { ResponseRecords, type ResponseRecordsSnapshot } from "./response-records.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { addressOf, fellSilent, setCosts } from "./response.ts";
import { isActive, speaks, type Ending, type ResponseRecord } from "../state/response.ts";
import type { ResponsesHost } from "./responses-host.ts";
import { unsay } from "./unsay.ts";
import { next, RESPONSE } from "../transitions.ts";
import type { Link } from "./ports.ts";

export class Responses {
  /** What the relay plays by itself. */
  readonly own: OwnSounds;
  /** Of answers that were cancelled, and whose end is not confirmed. */
  readonly ends: OwedEnds;
  readonly #context: Context;
  readonly #writer: ResponseWriter;
  readonly #host: ResponsesHost;
  readonly #gate: OutputGate;
  readonly #items: OutputItems;
  readonly #clock: ResponseClock;
  readonly #records: ResponseRecords;

  constructor(context: Context, writer: ResponseWriter, host: ResponsesHost) {
    this.#context = context;
    this.#writer = writer;
    this.#host = host;
    this.#records = new ResponseRecords(context);
    this.#gate = new OutputGate(
      context,
      host.listener,
      {
        pass: (response, event) => this.#pass(response, event),
        tooMuch: (response) => this.#tooMuch(response, WAITS_TOO_MUCH),
        refused: (response, judgement) => host.guard?.refused(response, judgement),
      },
      host.guard?.output ?? null,
    );
    this.ends = new OwedEnds(context);
    this.#clock = new ResponseClock(context, this.ends, (stream) => host.listener.patienceMs(stream));
    this.#items = new OutputItems(context, writer, {
      command: (stream, command) => host.link(stream)?.command(command),
      began: (response, { key, id }) => {
        if (response.own) return;
        const link = host.link(response.stream);
        if (response.connection === link?.serving) link.command({ type: "named", what: "item", key, id });
        else link?.tellLater(id);
        if (!response.outOfBand) host.onItem(response, id);
      },
      itemNamed: (stream, key) => this.addressOf(stream, key)?.item_id ?? null,
      onTooMuch: (response, fault) => this.#tooMuch(response, fault),
    });
    this.own = new OwnSounds(context, writer, this.#records, this.#items, host);
  }

  get count(): number {
    return this.#records.count;
  }

  get active(): readonly ResponseRecord[] {
    return this.#records.active;
  }

  /** An answer of the conversation is being given, or nobody gives it yet. */
  get underway(): boolean {
    return this.#host.rounds.open || this.answering.length > 0;
  }

  /** Responses of the conversation that were asked for and are still running. */
  get answering(): readonly ResponseRecord[] {
    return this.active.filter((response) => response.asked && !response.outOfBand);
  }

  /** Out-of-band answers of which something was heard, or waits to be. */
  get speakingAside(): readonly ResponseRecord[] {
    return this.active.filter(
      (response) => response.outOfBand && (response.items.some(speaks) || this.#gate.waiting(response)),
    );
  }

  get(id: string): ResponseRecord | undefined {
    return this.#records.get(id);
  }

  /** The response that made an item, or null when it is forgotten. */
  ofItem(itemId: string): ResponseRecord | null {
    return this.#records.find((item) => item.id === itemId)?.response ?? null;
  }

  /** Where the client knows an item that an upstream calls so; null: it is of no answer that is remembered. */
  addressOf(stream: number, key: string) {
    const found = this.#records.find((item, response) => response.stream === stream && item.key === key);
    return found === null ? null : addressOf(found.response, found.item);
  }

  /**
   * An item that is announced and still growing, of which the client may have heard something or will; or that ended before
   * it said anything.
   */
  truncatable(itemId: string): boolean {
    const found = this.#records.find((item) => item.id === itemId);
    if (found === null) return false;
    const { item, response } = found;
    const silent = item.kind === "message" && item.parts.length === 0 && response.modality === "audio";
    return silent || (isActive(response) && maySpeak(response, item));
  }

  /** The client heard no more of it: an item that still grows is sent no further. */
  truncated(itemId: string, contentIndex: number, audioEndMs: number): void {
    const found = this.#records.find((item) => item.id === itemId);
    if (found && !found.item.done) found.item.cut = { contentIndex, audioEndMs };
  }

  /** One more may be asked for. */
  get room(): boolean {
    return this.#records.running < this.#context.limits.activeResponses;
  }

  /** Asks one upstream for a response. @returns null when too many run: ask again at the end of one. */
  request(link: Link, params: ResponseParams): ResponseRecord | null {
    if (!this.room) return null;
    const response = this.#create(link, true, params);
    this.ask(response, link);
    return response;
  }

  /** Puts the question to an upstream, for the first time or again. */
  ask(response: ResponseRecord, link: Link): void {
    response.attempts += 1;
    response.connection = link.serving;
    const { outOfBand } = response;
    const params = this.#host.paramsFor(link, response.params, response.inputFormat);
    this.#clock.asked(response, link);
    this.#context.causedBy(response.cause ?? null, () =>
      link.command({ type: "respond", responseId: response.id, options: { params, outOfBand } }),
    );
  }

  /** The connection became ready and has all that was asked of it: its answers are owed from now on. */
  left(link: Link): void {
    for (const response of this.#records) {
      if (response.stream !== link.index || response.phase !== "requested" || !response.asked) continue;
      this.#clock.owed(response, link);
    }
  }

  /** Asks in advance, or one of several: the client does not learn of it before `announce`. */
  requestUnannounced(link: Link, params: ResponseParams): ResponseRecord {
    const response = this.#create(link, true, params, false);
    this.ask(response, link);
    return response;
  }

  /**
   * From now on it is a response like any other. `heard`: what there is of it may pass; else it is about to be ended.
   * @returns false when it had ended before.
   */
  announce(response: ResponseRecord, heard = true): boolean {
    if (response.announced || !this.#records.get(response.id)) return false;
    response.announced = true;
    this.#announce(response);
    const link = this.#host.link(response.stream);
    if (link && response.silentMs >= this.#context.limits.silentAnswerMs) this.#host.onSilent(link, response);
    if (heard) this.#gate.drain(response);
    return true;
  }

  #announce(response: ResponseRecord): void {
    // No answer of the conversation begins for the client before the last one has ended.
    if (!response.outOfBand) this.tellEnded();
    this.#writer.created(response);
    // A client that was told of it must be told of its end, whatever happens to this object.
    this.#context.persistNow();
  }

  /** It was asked for in advance and in vain: nobody ever hears of it. */
  discard(response: ResponseRecord, overdue = false): void {
    const link = this.#host.link(response.stream);
    const { items } = this.#forgetUnannounced(response);
    if (!link || response.connection !== link.serving) return;
    this.#cancelThere(response, link, overdue);
    for (const itemId of items) link.command({ type: "delete", itemId });
  }

  #forgetUnannounced(response: ResponseRecord): Dropped {
    this.#clock.clear(response);
    this.#records.delete(response);
    const dropped = this.#gate.drop(response);
    this.#host.rounds.gone(response);
    return dropped;
  }

  #create(link: Link, asked: boolean, params: ResponseParams, announced = true): ResponseRecord {
    const defaults = this.#host.responseDefaults(params);
    const channel = this.#host.channelOf(link.index);
    const response = this.#records.create(link, defaults, asked, params, { announced, channel });
    if (announced) this.#announce(response);
    return response;
  }

  handle(link: Link, event: ResponseUpstreamEvent): void {
    if (event.type === "response.started") {
      this.#started(link, event.response, event.answers, event.goesOn);
      return;
    }
    const id = link.responses.get(event.response);
    let response = id === undefined ? undefined : this.#records.get(id);
    if (event.type === "response.done" && id !== undefined) {
      link.responses.delete(event.response);
      if (this.ends.ended(id) && this.ends.since(link) === null) this.#clock.freed(this.#records, link);
      if (event.usage) this.#host.onUsage(event.usage, link, response?.announced ?? false);
    }
    const streams = link.capabilities.turns === "none" && event.type === "audio";
    if (streams && (!response || (!response.asked && !isActive(response)))) {
      response = this.#started(link, event.response, null);
    }
    if (!response || !isActive(response)) {
      if (id !== undefined) this.#late(link, response, event);
      return;
    }
    this.#clock.refresh(response);
    if (event.type === "response.done" && !response.outOfBand) this.#clock.freed(this.#records, link);
    if (event.type === "audio" && fellSilent(response, link, event.bytes, this.#context.limits))
      this.#silent(response, link);
    // It may have been ended or taken back for that, or for what it says.
    if (!isActive(response) || !this.#records.get(response.id)) return;
    if (!response.announced && !this.#host.rounds.heard(response, event)) return;
    const { output: format } = link.capabilities;
    this.#gate.offer(response, event.type === "audio" ? { ...event, format } : event);
  }

  /** Of a response that ended here, or that nobody waits for: the model forgets what it makes. */
  #late(link: Link, response: ResponseRecord | undefined, event: ResponseUpstreamEvent): void {
    if (event.type === "item.started") {
      // A duplex stream that paused goes on; it is no answer that was left. What is out of band is in no conversation.
      if (link.capabilities.turns !== "none" && response?.outOfBand !== true)
        link.command({ type: "delete", itemId: event.item });
    } else if (event.type === "audio") {
      if (response) this.#items.crossed(response, event.item, event.part);
    } else if (event.type === "response.done" && response) {
      if (response.connection === link.serving) this.#items.endedThere(response);
      if (!response.untold) return;
      setCosts(response, event);
      this.#tellEnd(response);
    }
  }

  #silent(response: ResponseRecord, link: Link): void {
    const { rounds } = this.#host;
    if (!rounds.others(response)) return this.#host.onSilent(link, response);
    this.#context.metric("responses_silent", 1, link.name);
    rounds.drop(response);
  }

  /** An event of a response whose turn has come. */
  #pass(response: ResponseRecord, event: LaneEvent): void {
    if (!isActive(response)) return;
    this.#clock.refresh(response);
    if (event.type === "audio") this.#host.onAudio();
    if (event.type === "response.done") {
      setCosts(response, event);
      this.end(response, { phase: event.status, reason: event.reason, fault: event.error });
    } else this.#items.handle(response, event);
  }

  /** The floor or the lead may have changed: let pass what may. */
  drain(): void {
    for (const response of this.active) this.#gate.drain(response);
  }

  /** A lane's deadline came. */
  drainOne(id: string): void {
    const response = this.#records.get(id);
    if (response) this.#gate.drain(response);
  }

  /** Something that was said waits for the listener. */
  waiting(response: ResponseRecord): boolean {
    return this.#gate.waiting(response);
  }

  #started(link: Link, key: string, answers: string | null, goesOn = false): ResponseRecord | undefined {
    const known = answers === null ? undefined : this.#records.get(answers);
    // Discarded meanwhile; or a provider that answers only when asked began by itself.
    if (!known && (answers !== null || (link.capabilities.turns === "client" && !goesOn))) {
      link.responses.set(key, answers ?? NOBODY);
      return undefined;
    }
    // A provider that takes the turns answers by itself; only a duplex one streams without being asked.
    const response = known ?? this.#create(link, link.capabilities.turns !== "none", {});
    link.responses.set(key, response.id);
    if (!known) link.command({ type: "named", what: "response", key, id: response.id });
    const phase = next(RESPONSE, response.phase, "started");
    if (phase === null) return undefined;
    response.phase = phase;
    response.connection = link.serving;
    if (!response.outOfBand) this.ends.passed(link, response.askedAt);
    this.#clock.refresh(response);
    return response;
  }

  #tooMuch(response: ResponseRecord, fault: UpstreamFault): void {
    const link = this.#host.link(response.stream);
    if (!response.announced) return this.discard(response);
    if (link) this.#cancelThere(response, link);
    this.end(response, { phase: "failed", reason: null, fault });
  }

  /** Ends a response for the client. Ending it twice does nothing. */
  end(response: ResponseRecord, ending: Ending, untold = false): void {
    const phase = next(RESPONSE, response.phase, ending.phase);
    if (phase === null) return;
    this.#clock.clear(response);
    const dropped = this.#gate.drop(response);
    // What it cost is known, though it was not heard to its end.
    if (dropped.end) setCosts(response, dropped.end);
    this.#writer.unsent(response, dropped.unsent);
    for (const item of response.items) this.#items.close(response, item, ending.phase);
    unsay(response, this.#host.link(response.stream), dropped, (itemId) => this.#host.truncates(itemId));
    response.phase = phase;
    // Nobody asks for it again: what it was asked with may be minutes of sound.
    response.params = {};
    Object.assign(response, { reason: ending.reason, fault: ending.fault, untold });
    if (untold) this.#clock.tellsLater(response);
    else this.#writer.done(response);
    this.#forget();
    this.#host.onResponseDone(response);
  }

  #forget(): void {
    for (const response of this.#records.surplus) {
      this.#tellEnd(response);
      this.#records.delete(response);
    }
  }

  /** Ends it for the client at once and tells the upstream to stop. */
  cancel(response: ResponseRecord, ending: Ending): void {
    if (!isActive(response)) return;
    const link = this.#host.link(response.stream);
    const generating = response.phase === "generating" && !response.own && !this.#gate.finished(response);
    const costs = generating && link?.phase === "ready" && response.connection === link.serving;
    if (link) this.#cancelThere(response, link);
    const untold = costs && link.capabilities.cancel && this.#host.listener.live;
    this.end(response, ending, untold);
  }

  #cancelThere(response: ResponseRecord, link: Link, overdue = false): void {
    if (!link.capabilities.cancel || response.own) return;
    link.command({ type: "cancel", responseId: response.id, ...(overdue ? { overdue } : {}) });
    if (response.outOfBand || this.#gate.finished(response)) return;
    this.ends.cancelled(response.id, link);
  }

  /** One has ended, and its client is told of that when it is known what it cost. */
  get ending(): boolean {
    return this.#records.ending;
  }

  /** Of what has ended the client is told now, whatever it cost. */
  tellEnded(): void {
    for (const response of this.#records) this.#tellEnd(response);
  }

  #tellEnd(response: ResponseRecord): void {
    if (!response.untold) return;
    response.untold = false;
    this.#clock.clear(response);
    this.#writer.done(response);
    this.#context.persist();
  }

  /** The upstream has said all of it; only what waits for the listener is left. */
  finished(response: ResponseRecord): boolean {
    return this.#gate.finished(response);
  }

  /** An answer of this stream is under way, known to the client or not. */
  busy(stream: number): boolean {
    return this.#records.busy(stream);
  }

  /** The connection is gone: nobody hears of what was asked of it in advance, and what its answers cost it never says. */
  lost(stream: number): void {
    for (const response of this.#records) {
      if (response.stream !== stream) continue;
      if (!response.announced) this.#forgetUnannounced(response);
      this.#tellEnd(response);
    }
  }

  /** Its upstream is gone before anything of it was heard: it waits to be asked for again. */
  restart(response: ResponseRecord): void {
    this.#gate.drop(response);
    const phase = next(RESPONSE, response.phase, "restarted");
    if (phase !== null) response.phase = phase;
    response.audible = false;
    this.#clock.waits(response);
  }

  /** It fails, after what was said of it has been heard. */
  fail(response: ResponseRecord, fault: UpstreamFault): void {
    const ending = { status: "failed", reason: null, error: fault, usage: null, metadata: null } as const;
    this.#gate.offer(response, { type: "response.done", response: "", ...ending });
  }

  /** The deadline of a response came. */
  timeout(id: string): void {
    const response = this.#records.get(id);
    if (!response) return;
    if (!isActive(response)) {
      this.#tellEnd(response);
      return;
    }
    if (this.#clock.postponed(response)) return;
    if (this.#host.rounds.others(response)) {
      this.#context.metric("response_timeouts", 1, response.upstream);
      this.#host.rounds.drop(response, true);
      return;
    }
    if (this.#gate.waiting(response) && this.#host.guard?.output?.lacksWords(response) !== true) {
      // The listener is behind, or the end of the turn that it answers: not the upstream.
      this.#clock.refresh(response);
      return;
    }
    if (!response.announced) {
      this.#context.metric("eager_given_up", 1, response.upstream);
      this.discard(response, true);
      return;
    }
    if (!response.asked) {
      this.end(response, { phase: "completed", reason: null, fault: null });
      return;
    }
    this.#overdue(response);
  }

  #overdue(response: ResponseRecord): void {
    const link = this.#host.link(response.stream);
    const requested = response.phase === "requested";
    if (requested && link && this.#atAnother(response) && this.#clock.queued(response, link)) return;
    if (requested && link && this.#clock.underway(response, link)) return;
    this.#context.metric("response_timeouts", 1, response.upstream);
    if (link?.stalled()) return;
    if (requested && !response.outOfBand && link?.phase === "ready" && this.ends.since(link) !== null) {
      link.abandon("upstream_timeout", "The upstream did not end an answer that was cancelled.");
      return;
    }
    if (link) this.#cancelThere(response, link, true);
    const fault = { code: "upstream_timeout", message: "The upstream stopped answering." };
    this.end(response, { phase: "failed", reason: null, fault });
  }

  /** The upstream is in the middle of another answer, which has a deadline of its own. */
  #atAnother(response: ResponseRecord): boolean {
    for (const other of this.#records) {
      if (other === response || other.own || other.stream !== response.stream) continue;
      if (other.phase === "generating" && !this.#gate.finished(other)) return true;
    }
    return false;
  }

  snapshot(): ResponsesSnapshot {
    return { ...this.#records.snapshot(), gate: this.#gate.snapshot(), ends: this.ends.snapshot() };
  }

  restore(snapshot: ResponsesSnapshot): void {
    this.#records.restore(snapshot);
    this.#gate.restore(snapshot.gate);
    this.ends.restore(snapshot.ends);
  }
}

export interface ResponsesSnapshot extends ResponseRecordsSnapshot {
  readonly gate: GateSnapshot;
  readonly ends: OwedEndsSnapshot;
}
