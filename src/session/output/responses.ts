/**
 * Responses from request to end. A response exists for the client from the moment it was asked for: the edge
 * answers first, and "is one active?" is decided here, not a round trip away. Late upstream events of an ended
 * response are dropped, but for what it cost; items that it makes nevertheless are deleted there.
 */
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { inputInFormat } from "../memory/item-audio.ts";
import type { ResponseUpstreamEvent } from "../state/upstream-said.ts";
import { OutputGate, WAITS_TOO_MUCH } from "./output-gate.ts";
import { newItems } from "./new-items.ts";
import { OutputItems } from "./output-items.ts";
import { OwedEnds } from "./owed-ends.ts";
import { OwnSounds } from "./own-sounds.ts";
import { Endings } from "./endings.ts";
import { Intake } from "./intake.ts";
import { Overdue } from "./overdue.ts";
import { ResponseClock } from "./response-clock.ts";
import { ResponseRecords } from "./response-records.ts";
import type { ResponsesSnapshot } from "./responses-snapshot.ts";
import { addressOf } from "./response.ts";
import { speaks, type Ending, type ResponseRecord } from "../state/response.ts";
import { responseDefaults } from "./response-defaults.ts";
import type { ResponseSession } from "./response-session.ts";
import type { Link } from "./ports.ts";

export class Responses {
  /** What the relay plays by itself. */
  readonly own: OwnSounds;
  /** Of answers that were cancelled, and whose end is not confirmed. */
  readonly ends: OwedEnds;
  readonly #context: Context;
  readonly #session: ResponseSession;
  readonly #gate: OutputGate;
  readonly #items: OutputItems;
  readonly #clock: ResponseClock;
  readonly #records: ResponseRecords;
  readonly #endings: Endings;
  readonly #intake: Intake;
  readonly #overdue: Overdue;

  constructor(session: ResponseSession) {
    const { context, writer, listener, guard } = session;
    this.#context = context;
    this.#session = session;
    this.#records = new ResponseRecords(context);
    this.#gate = new OutputGate(
      context,
      listener,
      {
        pass: (response, event) => this.#intake.pass(response, event),
        tooMuch: (response) => this.#endings.tooMuch(response, WAITS_TOO_MUCH),
        refused: (response, judgement) => guard?.refused(response, judgement),
      },
      guard?.output ?? null,
    );
    this.ends = new OwedEnds(context);
    this.#clock = new ResponseClock(context, this.ends, (stream) => listener.patienceMs(stream));
    this.#items = new OutputItems(context, writer, {
      ...newItems(session),
      itemNamed: (stream, key) => this.addressOf(stream, key)?.item_id ?? null,
      onTooMuch: (response, fault) => this.#endings.tooMuch(response, fault),
    });
    const whole = { context, writer, session, records: this.#records, gate: this.#gate };
    const parts = { ...whole, items: this.#items, clock: this.#clock, ends: this.ends };
    this.#endings = new Endings(parts);
    this.#intake = new Intake(parts, this.#endings, (link, asked) => this.#create(link, asked, {}));
    this.#overdue = new Overdue(parts, this.#endings);
    this.own = new OwnSounds(session, this.#records, this.#items);
  }

  get count(): number {
    return this.#records.count;
  }

  get active(): readonly ResponseRecord[] {
    return this.#records.active;
  }

  /** An answer of the conversation is being given, or nobody gives it yet. */
  get underway(): boolean {
    return this.#session.rounds.open || this.answering.length > 0;
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

  /** See `ResponseRecords`. */
  truncatable(itemId: string): boolean {
    return this.#records.truncatable(itemId);
  }

  /** See `ResponseRecords`. */
  truncated(itemId: string, contentIndex: number, audioEndMs: number): void {
    this.#records.truncated(itemId, contentIndex, audioEndMs);
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
    // First: what is refused now may be all that it had to wait for, and then it is put.
    this.#clock.waits(response);
    if (this.#session.guard?.input?.withholds(response.id) !== true) this.#put(response, link);
  }

  /** Words that came since may be answered too: one that was withheld for them is put to its upstream, if it is still wanted. */
  put(id: string): void {
    const response = this.get(id);
    const link = response && this.#session.links[response.stream];
    if (link && response.phase === "requested") this.#put(response, link);
  }

  #put(response: ResponseRecord, link: Link): void {
    response.connection = link.serving;
    const { outOfBand } = response;
    const params = inputInFormat(response.params, response.inputFormat, link.format, this.#session.kernels);
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
    const link = this.#session.links[response.stream];
    if (link && response.silentMs >= this.#context.limits.silentAnswerMs)
      this.#session.upstreamEvents.onSilent(link, response);
    if (heard) this.#gate.drain(response);
    return true;
  }

  #announce(response: ResponseRecord): void {
    // No answer of the conversation begins for the client before the last one has ended.
    if (!response.outOfBand) this.tellEnded();
    this.#session.writer.created(response);
    // A client that was told of it must be told of its end, whatever happens to this object.
    this.#context.persistNow();
  }

  /** It was asked for in advance and in vain: nobody ever hears of it. */
  discard(response: ResponseRecord, overdue = false): void {
    this.#endings.discard(response, overdue);
  }

  #create(link: Link, asked: boolean, params: ResponseParams, announced = true): ResponseRecord {
    const made = { announced, channel: this.#session.voices.channelOf(link.index) };
    const response = this.#records.create(link, responseDefaults(this.#session, params), asked, params, made);
    if (announced) this.#announce(response);
    return response;
  }

  handle(link: Link, event: ResponseUpstreamEvent): void {
    this.#intake.handle(link, event);
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

  /** Ends a response for the client. Ending it twice does nothing. */
  end(response: ResponseRecord, ending: Ending): void {
    this.#endings.end(response, ending);
  }

  /** Ends it for the client at once and tells the upstream to stop. */
  cancel(response: ResponseRecord, ending: Ending): void {
    this.#endings.cancel(response, ending);
  }

  /** One has ended, and its client is told of that when it is known what it cost. */
  get ending(): boolean {
    return this.#records.ending;
  }

  /** Of what has ended the client is told now, whatever it cost. */
  tellEnded(): void {
    for (const response of this.#records) this.#endings.tell(response);
  }

  /** Something of it was said. */
  begun(response: ResponseRecord): boolean {
    return response.items.length > 0 || this.#gate.waiting(response);
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
    this.#endings.lost(stream);
  }

  /** Its upstream is gone before anything of it was heard: it waits to be asked for again. */
  restart(response: ResponseRecord): void {
    this.#endings.restart(response);
  }

  /** It fails, after what was said of it has been heard. */
  fail(response: ResponseRecord, fault: UpstreamFault): void {
    this.#endings.over(response, "failed", fault);
  }

  /** What there is of it is all. */
  whole(response: ResponseRecord): void {
    this.#endings.over(response, "completed", null);
  }

  /** The deadline of a response came. */
  timeout(id: string): void {
    this.#overdue.due(id);
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
