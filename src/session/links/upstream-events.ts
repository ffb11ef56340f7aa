/** What each upstream event does. The rest of a response's life is `responses.ts`. */
import type { Json } from "../../protocol/json.ts";
import type { JsonObject, UpstreamConfig, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { ServerEvent } from "../state/server-events.ts";
import type { Context } from "../context.ts";
import type { InputTranscript } from "../state/upstream-said.ts";
import { CallersWords } from "./callers-words.ts";
import { isFatal } from "../state/faults.ts";
import type { LinkHost, PhaseCause } from "./link-host.ts";
import type { Link } from "./link.ts";
import type { ClientPort, Responses } from "./ports.ts";
import type { Untold } from "./replay.ts";
import type { ResponseRecord } from "../state/response.ts";
import type { ResponseUpstreamEvent } from "../state/upstream-said.ts";
import { mayHoldWords } from "../state/unread-words.ts";
import { ToldFaults, type ToldFaultsSnapshot } from "./told-faults.ts";
import { spend } from "../state/usage.ts";
import type { UpstreamEventsParts } from "./upstream-events-parts.ts";

export class UpstreamEvents implements LinkHost {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #responses: Responses;
  readonly #parts: UpstreamEventsParts;
  readonly #words: CallersWords;
  readonly #faults: ToldFaults;

  constructor(parts: UpstreamEventsParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#port = parts.port;
    this.#responses = parts.responses;
    this.#faults = new ToldFaults(parts.port);
    this.#words = new CallersWords(parts);
  }

  upstreamConfig(): UpstreamConfig {
    return this.#parts.upstreamConfig;
  }

  #primary(link: Link): boolean {
    return link === this.#parts.cast.primary;
  }

  /** Its turns count. */
  #takesTurns(link: Link): boolean {
    return this.#primary(link) && !this.#parts.turns.decides;
  }

  /** Its transcripts of the caller count. */
  #transcribes(link: Link): boolean {
    return this.#primary(link) && this.#parts.transcriber === null;
  }

  onUpstream(link: Link, event: UpstreamEvent): void {
    this.#parts.witness.said(link, event);
    if (event.type === "refused" && this.#goesElsewhere(link, event)) return;
    if ("response" in event) return this.#response(link, event);
    switch (event.type) {
      case "input.transcript.delta":
      case "input.transcript.completed":
      case "input.transcript.segment":
      case "input.transcript.failed":
        return this.#transcribed(link, event);
      case "speech":
        return this.#speech(link, event);
      case "committed":
        return this.#ended(link, event.item);
      case "interrupted":
        return this.#parts.bargeIn.interruptedAt(link);
      case "rate_limits":
        return this.#limits(link, event.rateLimits);
      case "configured":
      case "unconfigured":
      case "refused":
        return this.#parts.refusals.verdict(link, event, this.#primary(link) ? "primary" : null);
      case "error":
        return this.#error(link, event.error);
      case "spent":
        return this.spent(event.usage, link);
      case "leaves":
        return this.#leaves();
      case "item.placed":
        return this.#parts.placed.placed(link, event);
      case "passed":
        return this.#passed(link, event);
      case "expiring":
      case "expires":
      case "ready":
      case "reply":
      case "alive":
        return;
    }
  }

  #leaves(): void {
    if (this.#parts.speakers.length === 1) this.#parts.leaving.ask();
  }

  #passed(link: Link, event: Extract<UpstreamEvent, { type: "passed" }>): void {
    if (this.#parts.guard?.output && mayHoldWords(event))
      this.#context.metric("events_unjudged", 1, link.name);
    else this.#parts.placed.passed(link, event);
  }

  #transcribed(link: Link, event: InputTranscript): void {
    if (event.type === "input.transcript.completed" && event.usage) this.spent(event.usage, link);
    if (this.#transcribes(link)) this.transcript(event);
  }

  #speech(link: Link, { state, committed }: Extract<UpstreamEvent, { type: "speech" }>): void {
    // Of what the client has committed it knows the end, and that interrupts no answer to it.
    if (this.#takesTurns(link) && committed !== true) this.#parts.turns.upstreamSpeech(state);
  }

  /** A turn ended at the upstream. */
  #ended(link: Link, key: string): void {
    if (this.#takesTurns(link)) this.#committed(link, key);
    else if (this.#transcribes(link)) this.#heardTurn(key);
    this.#parts.witness.committed(link);
  }

  #limits(link: Link, limits: Json): void {
    if (this.#parts.rounds.tellsLimits(link, limits))
      this.#port.emit({ type: "rate_limits.updated", rate_limits: limits });
  }

  #error(link: Link, error: UpstreamFault): void {
    this.#context.metric("upstream_errors", 1, link.name);
    const tell = (): void => this.#port.failedOften(error.code, `${link.name}: ${error.message}`);
    if (link.phase !== "ready") this.#faults.tellOnce(link, error, false);
    // What cannot be read is left out, and a client that the provider itself served would have passed it by.
    else if (error.code === "upstream_protocol_error") this.#port.audience.harmlessly(tell);
    else tell();
  }

  /** Turns are decided here, and this provider made one of its own: its words are of the caller's turn here. */
  #heardTurn(key: string): void {
    const { openItem, lastItem } = this.#parts.turns;
    const id = openItem ?? lastItem;
    if (id !== null) this.#words.called(key, id);
  }

  /** An answer that a provider refuses to give, and another one is asked for: its end follows, and nobody is told. */
  #goesElsewhere(link: Link, { what, id, error }: Extract<UpstreamEvent, { type: "refused" }>): boolean {
    const response = what === "respond" && id !== null ? this.#responses.get(id) : undefined;
    if (response && this.#parts.rounds.others(response)) return true;
    return what === "respond" && this.#parts.recovery.goesElsewhere(link, id, error);
  }

  /** A response that failed may be a loss, and its reason may end the connection. */
  #response(link: Link, event: ResponseUpstreamEvent): void {
    this.#parts.shadows?.spoke(link, event);
    const fault = event.type === "response.done" && event.status === "failed" ? event.error : null;
    if (fault && this.#parts.recovery.failed(link, event.response, fault)) {
      if (event.type === "response.done" && event.usage) this.spent(event.usage, link);
      return;
    }
    this.#responses.handle(link, event);
    if (fault && isFatal(fault)) link.abandon(fault.code, fault.message);
  }

  /** What an answer or a transcript cost. */
  spent(usage: JsonObject, link: Link): void {
    spend(this.#parts, usage, link, null);
  }

  #committed(link: Link, key: string): void {
    const id = this.#parts.turns.upstreamCommitted();
    this.#words.called(key, id);
    link.command({ type: "named", what: "item", key, id });
  }

  /** Words of the caller's turn. */
  transcript(event: InputTranscript): void {
    this.#words.said(event);
  }

  /** The answer is inaudible. With somewhere to turn it is taken for a failure of the provider's. */
  onSilent(link: Link, response: ResponseRecord): void {
    this.#context.metric("responses_silent", 1, link.name);
    const unspoken = response.silentMs === 0;
    const why = unspoken ? "it is words alone" : "its audio is near zero";
    const message = `The upstream's answer cannot be heard: ${why}.`;
    const tell = (): void => this.#port.failed("upstream_silent", `${link.name}: ${message}`);
    if (link.hasFallback) this.#parts.recovery.silent(link, response, { code: "upstream_silent", message });
    // Of one that was asked for in advance it is told when that is announced.
    else if (!response.announced) return;
    // A plain client has the words, and may speak them itself.
    else if (unspoken) this.#port.audience.harmlessly(tell);
    else tell();
  }

  /** An item of the conversation changed that upstreams may have been told of. */
  changed(itemId: string): void {
    for (const link of this.#parts.links) link.changed(itemId);
    this.#parts.guard?.input?.changed();
  }

  onUntold(link: Link, { itemIds, ms }: Untold): void {
    this.#context.metric("audio_lost_ms", ms, link.name);
    this.#port.failed(
      "audio_lost",
      `${link.name}: ${ms} ms of what was said are not kept, and the new connection does not know them: ${itemIds.join(", ")}.`,
    );
  }

  atGap(link: Link): boolean {
    const { turns, listener, witness } = this.#parts;
    return turns.atGap(link) && listener.atGap(link) && !witness.owes(link);
  }

  onMissed(link: Link, ms: number): void {
    if (this.#port.extended) this.onSpared(link, ms);
    else
      this.#port.failed(
        "audio_lost",
        `${link.name}: ${Math.round(ms)} ms of what was said never reached it.`,
      );
  }

  onSpared(link: Link, ms: number): void {
    if (!this.#port.extended) return;
    this.#port.emit({ type: "relay.audio_dropped", upstream: link.name, ms: Math.round(ms) });
  }

  onSent(link: Link): void {
    this.#responses.left(link);
    this.#parts.turns.serves(link);
  }

  onRedial(link: Link): void {
    // A client's event may be what it was dialled for; it is told of everything that came before.
    this.#context.uncaused(() => {
      link.fill();
      this.#parts.recovery.redialled(link);
      this.#parts.witness.redialled(link);
      this.#parts.reactions.serves();
      this.#parts.turns.replay(link);
    });
  }

  onPhase(link: Link, fault: UpstreamFault | null, cause: PhaseCause | null): void {
    if (!this.#port.extended) return;
    const event: ServerEvent = {
      type: "relay.upstream",
      upstream: link.name,
      status: link.phase,
      ...(cause === null ? {} : { cause }),
    };
    this.#port.emit(fault ? { ...event, code: fault.code, reason: fault.message } : event);
  }

  onLost(link: Link, fault: UpstreamFault, final: boolean): void {
    if (!link.departed) this.tellLost(link, fault, final);
    this.#parts.witness.lost(link);
    this.#parts.turns.takeBack();
    if (this.#primary(link)) this.#parts.turns.providerLost();
    this.#parts.recovery.lost(link, fault, final, link.departed);
  }

  get leaving(): boolean {
    return this.#parts.leaving.asked;
  }

  /** A fault of what is beside the call: nobody's turn and nobody's answer is lost for it. */
  tellBeside(link: Link, { code, message }: UpstreamFault): void {
    this.#port.audience.harmlessly(() => this.#port.failed(code, `${link.name}: ${message}`));
  }

  /** The first loss is told, any other reason, and the last. */
  tellLost(link: Link, fault: UpstreamFault, final: boolean): void {
    const { links, voices } = this.#parts;
    // Without a transcriber the turns have no words, which is told with each.
    const costs = links.includes(link) && voices.whoGoesOn(link) === null;
    if (final) this.#faults.tellLast(link, fault, costs);
    else this.#faults.tellOnce(link, fault, true, costs);
  }

  snapshot(): UpstreamEventsSnapshot {
    return { userItems: this.#words.snapshot(), told: this.#faults.snapshot() };
  }

  restore(snapshot: UpstreamEventsSnapshot): void {
    this.#words.restore(snapshot.userItems);
    this.#faults.restore(snapshot.told);
  }
}

export interface UpstreamEventsSnapshot {
  readonly userItems: readonly (readonly [string, string])[];
  readonly told: ToldFaultsSnapshot;
}
