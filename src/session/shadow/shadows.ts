/**
 * Upstreams that are tried out. A shadow hears what the speakers hear, is told what was said, and is asked for every answer of
 * the conversation, but what it makes goes nowhere: it is timed, and forgotten at its provider. There is no way from here
 * to the listener, the tools, the floor or the client, and nobody waits for it.
 */
import type { AudioFormat } from "../../audio/format.ts";
import type { AudioKernels } from "../../audio/kernels.ts";
import { isInaudible } from "../../audio/level.ts";
import type { ResponseParams } from "../../protocol/client-events.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { UpstreamConfig, UpstreamEvent } from "../../upstreams/upstream.ts";
import type { Context } from "../context.ts";
import { inputInFormat } from "../memory/item-audio.ts";
import { functionsOnly, functionsOnlyIn } from "../state/functions-only.ts";
import { NOBODY, type ResponseRecord } from "../state/response.ts";
import { addUsage } from "../state/usage.ts";
import type { ClientPort, Link, Responses, TurnTaking } from "./ports.ts";
import { copyOf, outcomeOf, type Outcome, type Question, type Trial } from "./trial.ts";

/** Read when it is asked for: some of these parts are made later. */
interface ShadowParts<L extends Link> {
  readonly context: Context;
  readonly port: ClientPort;
  readonly links: readonly L[];
  readonly speakers: readonly L[];
  readonly kernels: AudioKernels;
  readonly config: { readonly inputFormat: AudioFormat };
  readonly upstreamConfig: UpstreamConfig;
  readonly responses: Responses;
  readonly turns: TurnTaking<L>;
}

type OfResponse = Extract<UpstreamEvent, { readonly response: string }>;

/** Of one answer: beyond them its connection is of no use. */
const MOST_ITEMS = 64;
const LONGEST_MS = 120_000;
/** Characters of what it said that the application is told. */
const MOST_TEXT = 4096;

/** Of links as whoever joins the parts knows them: they are handed on. */
export class Shadows<L extends Link = Link> {
  readonly #parts: ShadowParts<L>;
  #question: Question | null = null;

  constructor(parts: ShadowParts<L>) {
    this.#parts = parts;
  }

  get #links(): readonly L[] {
    return this.#parts.links.slice(this.#parts.speakers.length);
  }

  /** The speakers are asked for an answer now. Of several that answer one question each is asked in the same moment. */
  ask(given: ResponseParams): void {
    const { conversation, metadata: _, ...params } = given;
    const { context } = this.#parts;
    if (conversation === "none" || this.#question?.askedAt === context.now) return;
    this.stop();
    const asked: Question = { askedAt: context.now, speakerMs: null, responseId: null, trials: [] };
    this.#question = asked;
    for (const link of this.#links) {
      context.metric("shadow_asked", 1, link.name);
      link.ensure();
      const trial: Trial = {
        stream: link.index,
        id: context.newId("resp"),
        connection: link.serving,
        key: null,
        items: [],
        calls: false,
        firstMs: null,
        outcome: null,
      };
      asked.trials = [...asked.trials, trial];
      if (!link.alive) {
        this.#end(trial, "failed");
        continue;
      }
      context.deadlines.set(nameOf(trial), context.now + context.limits.firstOutputMs);
      const safe = functionsOnlyIn(this.#paramsFor(link, params));
      const options = { params: safe, outOfBand: false };
      link.command({ type: "respond", responseId: trial.id, options });
    }
  }

  /** The client's parameters as this upstream takes them. */
  #paramsFor(link: Link, params: ResponseParams): JsonObject {
    const { config, kernels } = this.#parts;
    // What came from a JSON schema is JSON.
    return inputInFormat(params as JsonObject, config.inputFormat, link.format, kernels);
  }

  /** What was asked is of no more interest: an answer in advance was taken back, the caller cut in, or asks something else. */
  stop(): void {
    for (const trial of this.#question?.trials ?? [])
      if (trial.outcome === null) this.#cancel(trial, "stopped");
    this.#report(true);
    this.#question = null;
  }

  /** The object died: what was asked is no failure of those that were. */
  died(): void {
    for (const trial of this.#question?.trials ?? []) this.#parts.context.deadlines.clear(nameOf(trial));
    this.#question = null;
  }

  /** A speaker says this. What comes late of an answer before is none to the question. */
  spoke(link: Link, event: OfResponse): void {
    const question = this.#question;
    if (question === null || question.speakerMs !== null || !isFirst(link, event)) return;
    const answer = this.#parts.responses.get(link.responses.get(event.response) ?? NOBODY);
    if (answer?.asked !== true || answer.outOfBand || answer.askedAt < question.askedAt) return;
    question.speakerMs = this.#parts.context.now - question.askedAt;
  }

  /** An answer ended for the listener. */
  ended({ id, phase, asked, outOfBand }: ResponseRecord): void {
    if (this.#question === null || !asked || outOfBand) return;
    this.#question.responseId ??= id;
    if (phase === "completed") this.#report();
    else this.stop();
  }

  /** The deadline of that upstream's came. */
  due(stream: number): void {
    const trial = this.#running(stream);
    if (trial?.firstMs === null) this.#cancel(trial, "silent");
    else if (trial) this.#goesOn(trial, trial.firstMs);
    this.#report();
  }

  /** As a speaker's answer it must go on in time; its deadline is moved when it comes. */
  #goesOn(trial: Trial, firstMs: number): void {
    const { deadlines, limits, now } = this.#parts.context;
    const endsAt = (this.#question?.askedAt ?? now) + firstMs + LONGEST_MS;
    const at = Math.min(endsAt, (trial.goesOnAt ?? now) + limits.progressMs);
    if (at > now) deadlines.set(nameOf(trial), at);
    else this.#cancel(trial, endsAt <= now ? "endless" : "failed");
  }

  #running(stream: number): Trial | undefined {
    return this.#question?.trials.find((trial) => trial.stream === stream && trial.outcome === null);
  }

  #cancel(trial: Trial, outcome: Outcome): void {
    const link = this.#parts.links[trial.stream];
    const asked = link?.serving === trial.connection && !link.withdraw(trial.id);
    if (asked && link.capabilities.cancel) {
      const overdue = outcome === "stopped" ? {} : ({ overdue: true } as const);
      link.command({ type: "cancel", responseId: trial.id, ...overdue });
    }
    this.#end(trial, outcome);
  }

  /** It forgets what it said: what was heard it is told like all others. */
  #end(trial: Trial, outcome: Outcome): void {
    const { context, links } = this.#parts;
    const link = links[trial.stream];
    trial.outcome = outcome;
    context.deadlines.clear(nameOf(trial));
    if (link?.serving === trial.connection)
      for (const itemId of trial.items) link.command({ type: "delete", itemId });
    trial.items = [];
    const name = links[trial.stream]?.name ?? "";
    if (outcome === "answered" || outcome === "called_tool") context.metric("shadow_answered", 1, name);
    else if (outcome !== "stopped") context.metric("shadow_failed", 1, name);
  }

  /**
   * Of trials that are over the application is told, once, when the listener's answer is over as well.
   * @param last the question is of no more interest, whatever became of its answer.
   */
  #report(last = false): void {
    const question = this.#question;
    if (question === null || (question.responseId === null && !last)) return;
    const over = question.trials.filter(({ outcome }) => outcome !== null);
    const { context, links, port } = this.#parts;
    for (const { stream, firstMs, outcome, text = "" } of over) {
      const upstream = links[stream]?.name ?? "";
      const { responseId: response_id, speakerMs } = question;
      if (firstMs !== null && speakerMs !== null) {
        context.metric("shadow_compared", 1, upstream);
        context.metric("shadow_first_ms", firstMs, upstream);
        context.metric("shadow_speaker_ms", speakerMs, upstream);
      }
      const times = { after_ms: round(firstMs), speaker_after_ms: round(speakerMs) };
      port.tellApplication({ type: "relay.shadow", upstream, response_id, outcome, ...times, text });
    }
    question.trials = question.trials.filter(({ outcome }) => outcome === null);
  }

  upstreamConfig(): UpstreamConfig {
    return functionsOnly(this.#parts.upstreamConfig);
  }

  onUpstream(link: Link, event: UpstreamEvent): void {
    if ("response" in event) this.#response(link, event);
    else if (event.type === "spent") addUsage(link.usage, event.usage);
    else if (event.type === "input.transcript.completed" && event.usage) addUsage(link.usage, event.usage);
    else if (event.type === "error") this.#parts.context.metric("upstream_errors", 1, link.name);
    else if (event.type === "refused" && event.what === "respond") this.#refused(link, event.id);
    // Whatever else it says concerns nobody.
  }

  #refused(link: Link, id: string | null): void {
    const trial = this.#running(link.index);
    if (trial?.id === id && trial) this.#end(trial, "failed");
    this.#report();
  }

  #response(link: Link, event: OfResponse): void {
    const running = this.#running(link.index);
    if (event.type === "response.started") {
      const asked = running?.id === event.answers ? running : undefined;
      link.responses.set(event.response, asked?.id ?? NOBODY);
      if (asked) asked.key = event.response;
      return;
    }
    const trial = running?.key === event.response ? running : undefined;
    if (event.type === "item.started") this.#item(link, event.item, trial);
    if (trial && (event.type === "text" || event.type === "transcript"))
      trial.text = ((trial.text ?? "") + event.delta).slice(0, MOST_TEXT);
    if (trial) this.#heard(trial, link, event);
    if (event.type !== "response.done") return;
    if (event.usage && link.responses.has(event.response)) addUsage(link.usage, event.usage);
    link.responses.delete(event.response);
    if (trial) this.#end(trial, outcomeOf(trial, event.status));
    this.#report();
  }

  /** Of an answer that is over here it makes nothing that lasts. */
  #item(link: Link, itemId: string, trial: Trial | undefined): void {
    if (!trial) link.command({ type: "delete", itemId });
    else if (trial.items.length < MOST_ITEMS) trial.items = [...trial.items, itemId];
    else link.abandon("upstream_protocol_error", "An answer had more items than any has.");
  }

  #heard(trial: Trial, link: Link, event: OfResponse): void {
    const { context } = this.#parts;
    trial.goesOnAt = context.now;
    if (trial.firstMs !== null || !isFirst(link, event)) return;
    trial.calls = event.type === "item.started";
    trial.firstMs = context.now - (this.#question?.askedAt ?? context.now);
    context.deadlines.set(nameOf(trial), context.now + context.limits.progressMs);
  }

  atGap(link: L): boolean {
    return this.#running(link.index) === undefined && this.#parts.turns.atGap(link);
  }

  onRedial(link: L): void {
    this.#parts.context.uncaused(() => {
      link.fill();
      this.#parts.turns.replay(link);
    });
  }

  onLost(link: Link): void {
    link.responses.clear();
    const trial = this.#running(link.index);
    if (trial) this.#end(trial, "failed");
    this.#report();
  }

  /** As of any upstream (`LinkHost`): its states, and what it never heard, are nobody's concern. */
  onUntold(): void {}
  onSent(): void {}
  onPhase(): void {}
  onMissed(): void {}
  onSpared(): void {}

  /** Only while something is asked. */
  snapshot(): { readonly shadows?: Question } {
    return this.#question === null ? {} : { shadows: copyOf(this.#question) };
  }

  restore(question: Question | undefined): void {
    this.#question = question === undefined ? null : copyOf(question);
  }
}

/** It can be heard, or read, or calls a tool: by the same measure for speaker and shadow. */
function isFirst({ capabilities }: Link, event: UpstreamEvent): boolean {
  if (event.type === "audio") return !isInaudible(capabilities.output, event.bytes);
  if (event.type === "text") return event.delta !== "";
  return event.type === "item.started" && event.kind === "function_call";
}

function nameOf({ stream }: Trial): string {
  return `shadow:${stream}`;
}

function round(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms);
}
