/**
 * Responses from request to end. A response exists for the client from the moment it was asked for: the edge
 * answers first, and "is one active?" is decided here, not a round trip away. Late upstream events of an ended
 * response are dropped.
 */
import { durationMs, type AudioFormat } from "../../audio/format.ts";
import { isInaudible } from "../../audio/level.ts";
import { ClientError } from "../../protocol/client-error.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Command, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import type { LaneEvent } from "./lane.ts";
import type { Link } from "../links/link.ts";
import { OutputGate, type GateHost, type GateSnapshot } from "./output-gate.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { isActive, type Ending, type OutputItem, type ResponseRecord } from "./response.ts";
import { next, RESPONSE } from "../transitions.ts";

/** What the session's configuration says of a response that begins now. */
export interface ResponseDefaults {
  readonly modality: "audio" | "text";
  readonly maxOutputTokens: number | "inf";
  readonly output: JsonObject;
  readonly format: AudioFormat;
  readonly conversationId: string;
}

export interface ResponsesHost {
  readonly gate: GateHost;
  responseDefaults(): ResponseDefaults;
  /** Of audio to the client. */
  clientFormat(): AudioFormat;
  /** How long an answer of this stream may stand still. */
  patienceMs(stream: number): number;
  /** Tells the upstream of a stream something. */
  command(stream: number, command: Command): void;
  /** Of audio in a client's parameters. */
  inputFormat(): AudioFormat;
  /** The client's parameters, whose audio is of `format`, as this upstream takes them. */
  paramsFor(link: Link, params: JsonObject, format: AudioFormat): JsonObject;
  onResponseDone(response: ResponseRecord): void;
  /** It says nothing that can be heard. */
  onSilent(link: Link, response: ResponseRecord): void;
}

/** Events of an upstream that belong to a response. */
export type ResponseUpstreamEvent = Extract<UpstreamEvent, { readonly response: string }>;
type ItemStarted = Extract<ResponseUpstreamEvent, { readonly type: "item.started" }>;

/** A duplex stream that pauses for so long ends its response; the next audio begins another. */
const STREAM_GAP_MS = 1000;

export class Responses {
  readonly #context: Context;
  readonly #writer: ResponseWriter;
  readonly #host: ResponsesHost;
  readonly #gate: OutputGate;
  /** In order of creation; ended ones are forgotten beyond a bound. */
  #records = new Map<string, ResponseRecord>();
  #count = 0;

  constructor(context: Context, writer: ResponseWriter, host: ResponsesHost) {
    this.#context = context;
    this.#writer = writer;
    this.#host = host;
    this.#gate = new OutputGate(context, host.gate, (response, event) => this.#pass(response, event));
  }

  get count(): number {
    return this.#count;
  }

  get active(): readonly ResponseRecord[] {
    return [...this.#records.values()].filter((response) => response.announced && isActive(response));
  }

  /** Responses of the conversation that were asked for and are still running. */
  get answering(): readonly ResponseRecord[] {
    return this.active.filter((response) => response.asked && !response.outOfBand);
  }

  get(id: string): ResponseRecord | undefined {
    return this.#records.get(id);
  }

  /** The response that made an item, or null when it is forgotten. */
  ofItem(itemId: string): string | null {
    for (const response of this.#records.values()) {
      if (response.items.some((item) => item.id === itemId)) return response.id;
    }
    return null;
  }

  /** Asks one upstream for a response. @throws ClientError when too many run. */
  request(link: Link, params: ResponseParams): ResponseRecord {
    if (this.active.length >= this.#context.limits.activeResponses) {
      throw new ClientError(
        "too_many_responses",
        `At most ${this.#context.limits.activeResponses} responses at once.`,
      );
    }
    const response = this.#create(link, true, params);
    this.#context.deadlines.set(deadline(response), this.#context.now + this.#context.limits.firstOutputMs);
    this.ask(response, link);
    return response;
  }

  /** Puts the question to an upstream, for the first time or again. */
  ask(response: ResponseRecord, link: Link): void {
    response.attempts += 1;
    const { outOfBand } = response;
    const params = this.#host.paramsFor(link, response.params, response.inputFormat);
    link.command({ type: "respond", responseId: response.id, options: { params, outOfBand } });
  }

  /** Asks in advance: the client does not learn of it before `announce`. */
  requestUnannounced(link: Link): ResponseRecord {
    const response = this.#create(link, true, {}, false);
    this.#context.deadlines.set(deadline(response), this.#context.now + this.#context.limits.firstOutputMs);
    this.ask(response, link);
    return response;
  }

  /** From now on it is a response like any other. @returns false when it had ended before. */
  announce(response: ResponseRecord): boolean {
    if (response.announced || !this.#records.has(response.id)) return false;
    response.announced = true;
    this.#writer.created(response);
    this.#context.persistNow();
    this.#gate.drain(response);
    return true;
  }

  /** It was asked for in advance and in vain: nobody ever hears of it. */
  discard(response: ResponseRecord, link: Link | undefined): void {
    const begun = this.#gate.unheard(response);
    this.#forgetUnannounced(response);
    if (link?.capabilities.cancel) link.command({ type: "cancel", responseId: response.id });
    for (const itemId of begun) link?.command({ type: "delete", itemId });
  }

  #forgetUnannounced(response: ResponseRecord): void {
    this.#gate.drop(response);
    this.#context.deadlines.clear(deadline(response));
    this.#records.delete(response.id);
  }

  #create(link: Link, asked: boolean, params: ResponseParams, announced = true): ResponseRecord {
    const defaults = this.#host.responseDefaults();
    const { conversation, metadata: _metadata, ...rest } = params;
    const outOfBand = conversation === "none";
    this.#count += 1;
    const response: ResponseRecord = {
      id: this.#context.newId("resp"),
      ordinal: this.#count,
      stream: link.index,
      upstream: link.name,
      phase: "requested",
      asked,
      outOfBand,
      announced,
      // What came from a JSON schema is JSON.
      params: rest as JsonObject,
      inputFormat: this.#host.inputFormat(),
      attempts: 0,
      progressAt: this.#context.now,
      waiting: false,
      silentMs: 0,
      audible: false,
      metadata: params.metadata ?? null,
      modality: params.output_modalities?.[0] ?? defaults.modality,
      maxOutputTokens: params.max_output_tokens ?? defaults.maxOutputTokens,
      conversationId: outOfBand ? null : defaults.conversationId,
      output: defaults.output,
      items: [],
      upstreamMetadata: null,
      usage: null,
      reason: null,
      fault: null,
    };
    this.#records.set(response.id, response);
    if (announced) {
      this.#writer.created(response);
      // A client that was told of it must be told of its end, whatever happens to this object.
      this.#context.persistNow();
    }
    return response;
  }

  handle(link: Link, event: ResponseUpstreamEvent): void {
    if (event.type === "response.started") {
      this.#started(link, event.response, event.answers);
      return;
    }
    const id = link.responses.get(event.response);
    let response = id === undefined ? undefined : this.#records.get(id);
    if (event.type === "response.done") link.responses.delete(event.response);
    const streams = link.capabilities.turns === "none" && event.type === "audio";
    if (streams && (!response || (!response.asked && !isActive(response)))) {
      response = this.#started(link, event.response, null);
    }
    // What was discarded began meanwhile: the model forgets it.
    if (!response && id !== undefined && event.type === "item.started")
      link.command({ type: "delete", itemId: event.item });
    if (!response || !isActive(response)) return;
    this.#refresh(response);
    if (event.type === "audio" && this.#fellSilent(response, link, event.bytes))
      this.#host.onSilent(link, response);
    if (isActive(response)) this.#gate.offer(response, event);
  }

  /** An answer that claims to speak, and of which nothing has been audible for too long: said once. */
  #fellSilent(response: ResponseRecord, link: Link, bytes: Uint8Array): boolean {
    const format = link.capabilities.output;
    if (!response.asked || !isInaudible(format, bytes)) {
      response.silentMs = 0;
      response.audible = true;
      return false;
    }
    const before = response.silentMs;
    response.silentMs += durationMs(format, bytes.byteLength);
    const { silentAnswerMs } = this.#context.limits;
    return before < silentAnswerMs && response.silentMs >= silentAnswerMs;
  }

  /** An event of a response whose turn has come. */
  #pass(response: ResponseRecord, event: LaneEvent): void {
    if (!isActive(response)) return;
    this.#refresh(response);
    if (event.type === "response.done") {
      response.usage = event.usage;
      response.upstreamMetadata = event.metadata;
      this.end(response, { phase: event.status, reason: event.reason, fault: event.error });
    } else this.#itemEvent(response, event);
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

  #started(link: Link, key: string, answers: string | null): ResponseRecord | undefined {
    const known = answers === null ? undefined : this.#records.get(answers);
    if (answers !== null && !known) return undefined;
    // A provider that answers only when asked and begins by itself is confused: nobody waits for this.
    if (!known && link.capabilities.turns === "client") return undefined;
    // A provider that takes the turns answers by itself; only a duplex one streams without being asked.
    const response = known ?? this.#create(link, link.capabilities.turns === "server", {});
    link.responses.set(key, response.id);
    if (!known) link.command({ type: "named", what: "response", key, id: response.id });
    const phase = next(RESPONSE, response.phase, "started");
    if (phase === null) return undefined;
    response.phase = phase;
    this.#refresh(response);
    return response;
  }

  /** It goes on: move its deadline. */
  #refresh(response: ResponseRecord): void {
    response.progressAt = this.#context.now;
    // Once per frame a deadline would be moved that hardly ever comes: it is moved when it comes.
    if (response.waiting) return;
    response.waiting = true;
    this.#context.deadlines.set(deadline(response), this.#context.now + this.#patienceMs(response));
  }

  #patienceMs(response: ResponseRecord): number {
    return response.asked ? this.#host.patienceMs(response.stream) : STREAM_GAP_MS;
  }

  /** Its deadline came, but it has gone on since. */
  #postpone(response: ResponseRecord): boolean {
    const at = response.progressAt + this.#patienceMs(response);
    if (!response.waiting || at <= this.#context.now) return false;
    this.#context.deadlines.set(deadline(response), at);
    return true;
  }

  #itemEvent(response: ResponseRecord, event: Exclude<LaneEvent, { type: "response.done" }>): void {
    let item = response.items.find((candidate) => candidate.key === event.item);
    if (event.type === "item.started") {
      if (!item) this.#addItem(response, event.item, event);
      return;
    }
    // A duplex stream that paused goes on under the same key: its item begins anew.
    if (!item && event.type === "audio") item = this.#addItem(response, event.item, null);
    if (!item || item.done) return;
    switch (event.type) {
      case "audio": {
        const from = this.#host.gate.outputFormat(response.stream);
        this.#writer.audio(response, item, from, this.#host.clientFormat(), event.bytes);
        break;
      }
      case "transcript":
      case "text":
        if (!this.#tooLong(response, item, event.delta)) {
          this.#writer.text(response, item, event.type === "text" ? "text" : "audio", event.delta);
        }
        break;
      case "arguments":
        if (!this.#tooLong(response, item, event.delta)) this.#writer.arguments(response, item, event.delta);
        break;
      case "item.done":
        if (event.arguments !== undefined && !this.#tooLong(response, item, event.arguments)) {
          item.arguments = event.arguments;
        }
        this.#writer.itemDone(response, item, "completed");
        // Forgotten, the tool would be called again.
        if (item.kind === "function_call") this.#context.persistNow();
        break;
    }
  }

  #tooLong(response: ResponseRecord, item: OutputItem, delta: string): boolean {
    const limit = this.#context.limits.responseTextSize;
    if (item.text.length + item.arguments.length + delta.length <= limit) return false;
    const fault = {
      code: "upstream_output_too_long",
      message: `The response is longer than ${limit} characters.`,
    };
    this.end(response, { phase: "failed", reason: null, fault });
    return true;
  }

  #addItem(response: ResponseRecord, key: string, event: ItemStarted | null): OutputItem {
    const call = event?.kind === "function_call" ? event : null;
    const item: OutputItem = {
      id: this.#context.newId("item"),
      key,
      kind: call ? "function_call" : "message",
      name: call?.name ?? "",
      callId: call?.callId ?? "",
      outputIndex: response.items.length,
      part: null,
      text: "",
      arguments: "",
      done: false,
      status: "in_progress",
    };
    response.items.push(item);
    this.#host.command(response.stream, { type: "named", what: "item", key, id: item.id });
    this.#writer.itemStarted(response, item);
    return item;
  }

  /** Ends a response for the client. Ending it twice does nothing. */
  end(response: ResponseRecord, ending: Ending): void {
    const phase = next(RESPONSE, response.phase, ending.phase);
    if (phase === null) return;
    this.#context.deadlines.clear(deadline(response));
    this.#writer.cut(response, this.#gate.drop(response));
    const status = ending.phase === "completed" ? "completed" : "incomplete";
    for (const item of response.items) this.#writer.itemDone(response, item, status);
    response.phase = phase;
    response.reason = ending.reason;
    response.fault = ending.fault;
    this.#writer.done(response);
    this.#forget();
    this.#host.onResponseDone(response);
  }

  #forget(): void {
    const ended = [...this.#records.values()].filter((response) => !isActive(response));
    for (const response of ended.slice(0, -this.#context.limits.finishedResponses)) {
      this.#records.delete(response.id);
    }
  }

  /** Ends it for the client at once and tells the upstream to stop. */
  cancel(response: ResponseRecord, link: Link | undefined, reason: string): void {
    if (!isActive(response)) return;
    if (link?.capabilities.cancel) link.command({ type: "cancel", responseId: response.id });
    this.end(response, { phase: "cancelled", reason, fault: null });
  }

  /** The upstream has said all of it; only what waits for the listener is left. */
  finished(response: ResponseRecord): boolean {
    return this.#gate.finished(response);
  }

  /** An answer of this stream is under way, known to the client or not. */
  busy(stream: number): boolean {
    for (const response of this.#records.values()) {
      if (response.stream === stream && isActive(response)) return true;
    }
    return false;
  }

  /** Answers asked for in advance of a stream: nobody hears of them. */
  forgetSpeculations(stream: number): void {
    for (const response of this.#records.values()) {
      if (!response.announced && response.stream === stream) this.#forgetUnannounced(response);
    }
  }

  /** Its upstream is gone before anything of it was heard: it waits to be asked for again. */
  restart(response: ResponseRecord): void {
    this.#gate.drop(response);
    const phase = next(RESPONSE, response.phase, "restarted");
    if (phase !== null) response.phase = phase;
  }

  /** It fails, after what was said of it has been heard. */
  fail(response: ResponseRecord, fault: UpstreamFault): void {
    const ending = { status: "failed", reason: null, error: fault, usage: null, metadata: null } as const;
    this.#gate.offer(response, { type: "response.done", response: "", ...ending });
  }

  /** The deadline of a response came. */
  timeout(id: string, link: Link | undefined): void {
    const response = this.#records.get(id);
    if (!response || !isActive(response) || this.#postpone(response)) return;
    response.waiting = false;
    if (!response.announced) {
      this.discard(response, link);
      return;
    }
    if (this.#gate.waiting(response)) {
      // The listener is behind, not the upstream.
      this.#refresh(response);
      return;
    }
    if (!response.asked) {
      this.end(response, { phase: "completed", reason: null, fault: null });
      return;
    }
    this.#context.metric("response_timeouts", 1, response.upstream);
    if (link?.stalled()) return;
    if (link?.capabilities.cancel) link.command({ type: "cancel", responseId: response.id });
    const fault = { code: "upstream_timeout", message: "The upstream stopped answering." };
    this.end(response, { phase: "failed", reason: null, fault });
  }

  snapshot(): ResponsesSnapshot {
    return {
      count: this.#count,
      gate: this.#gate.snapshot(),
      records: [...this.#records.values()].map((response) => ({
        ...response,
        items: response.items.map((item) => ({ ...item })),
      })),
    };
  }

  restore(snapshot: ResponsesSnapshot): void {
    this.#count = snapshot.count;
    this.#gate.restore(snapshot.gate);
    this.#records = new Map(
      snapshot.records.map((kept) => [kept.id, { ...kept, items: kept.items.map((item) => ({ ...item })) }]),
    );
  }
}

function deadline(response: ResponseRecord): string {
  return `response:${response.id}`;
}

export interface ResponsesSnapshot {
  readonly count: number;
  readonly gate: GateSnapshot;
  readonly records: readonly ResponseRecord[];
}
