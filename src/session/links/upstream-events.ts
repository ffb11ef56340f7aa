/** What each upstream event does. The rest of a response's life is `responses.ts`. */
import type { JsonObject, UpstreamConfig, UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { BargeIn } from "../output/barge-in.ts";
import type { ClientPort, ServerEvent } from "../client/client-port.ts";
import type { Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import { withoutAlias } from "../turns/eager.ts";
import type { Connection } from "./connection.ts";
import type { Link, LinkHost, PhaseCause } from "./link.ts";
import type { Refusals } from "./refusals.ts";
import type { Untold } from "./replay.ts";
import type { Recovery } from "./recovery.ts";
import type { PlacedItems } from "../output/placed-items.ts";
import type { ResponseRecord } from "../output/response.ts";
import type { Responses } from "../output/responses.ts";
import type { TurnTaking } from "../turns/turn-taking.ts";
import type { Witness } from "../turns/witness.ts";

export interface UpstreamEventsHost {
  upstreamConfig(): UpstreamConfig;
  turns(): TurnTaking;
  bargeIn(): BargeIn;
  recovery(): Recovery;
  witness(): Witness;
  refusals(): Refusals;
  placed(): PlacedItems;
  /** A provider said what a transcript cost. */
  onUsage(usage: JsonObject): void;
  /** Tells a connection what was said before. */
  fill(connection: Connection): Untold | null;
  /** See `LinkHost`. */
  atGap(link: Link): boolean;
  /** The plan's first upstream: its turns count. */
  primary(link: Link): boolean;
  /** Its transcripts of the caller count. */
  transcribes(link: Link): boolean;
}

type InputTranscript = Extract<UpstreamEvent, { readonly itemId: string }>;

export class UpstreamEvents implements LinkHost {
  readonly #context: Context;
  readonly #port: ClientPort;
  readonly #conversation: Conversation;
  readonly #responses: Responses;
  readonly #host: UpstreamEventsHost;
  /** Keys of user items that an upstream with its own turn detection made. */
  readonly #userItems = new Map<string, string>();

  constructor(
    context: Context,
    port: ClientPort,
    conversation: Conversation,
    responses: Responses,
    host: UpstreamEventsHost,
  ) {
    this.#context = context;
    this.#port = port;
    this.#conversation = conversation;
    this.#responses = responses;
    this.#host = host;
  }

  upstreamConfig(): UpstreamConfig {
    return this.#host.upstreamConfig();
  }

  onUpstream(link: Link, event: UpstreamEvent): void {
    if (event.type === "response.started" || event.type === "speech") this.#host.witness().answered(link);
    if ("response" in event) {
      this.#responses.handle(link, event);
      return;
    }
    switch (event.type) {
      case "input.transcript.delta":
      case "input.transcript.completed":
      case "input.transcript.segment":
      case "input.transcript.failed":
        if (event.type === "input.transcript.completed" && event.usage) this.#host.onUsage(event.usage);
        if (this.#host.transcribes(link)) this.#transcript(event);
        break;
      case "speech":
        if (this.#host.primary(link)) this.#host.turns().upstreamSpeech(event.state);
        break;
      case "committed":
        if (this.#host.primary(link)) this.#committed(link, event.item);
        this.#host.witness().committed(link);
        break;
      case "interrupted":
        this.#host.bargeIn().interruptedAt(link);
        break;
      case "rate_limits":
        this.#port.emit({ type: "rate_limits.updated", rate_limits: event.rateLimits });
        break;
      case "configured":
      case "unconfigured":
      case "refused":
        this.#host.refusals().verdict(link, event, this.#host.primary(link) ? "primary" : null);
        break;
      case "error":
        this.#context.metric("upstream_errors", 1, link.name);
        this.#port.failed(event.error.code, `${link.name}: ${event.error.message}`);
        break;
      case "item.placed":
        this.#host.placed().placed(link, event);
        break;
      case "passed":
        this.#host.placed().passed(link, event);
        break;
      case "expiring":
      case "ready":
      case "reply":
      case "resumable":
        break;
    }
  }

  #committed(link: Link, key: string): void {
    const id = this.#host.turns().upstreamCommitted();
    this.#userItems.set(key, id);
    link.command({ type: "named", what: "item", key, id });
    if (this.#userItems.size > 64) {
      const [oldest] = this.#userItems.keys();
      if (oldest !== undefined) this.#userItems.delete(oldest);
    }
  }

  #transcript(event: InputTranscript): void {
    const itemId = this.#userItems.get(event.itemId) ?? withoutAlias(event.itemId);
    const entry = this.#conversation.find(itemId);
    if (!entry) return;
    const base = { item_id: itemId, content_index: 0 };
    const type = `conversation.item.input_audio_transcription.${event.type.slice("input.transcript.".length)}`;
    if (event.type === "input.transcript.delta") {
      this.#port.emit({ type, ...base, delta: event.delta });
    } else if (event.type === "input.transcript.segment") {
      this.#port.emit({ type, ...base, ...event.segment });
    } else if (event.type === "input.transcript.failed") {
      this.#port.emit({ type, ...base, error: { type: "server_error", ...event.error, param: null } });
    } else {
      this.#conversation.transcribed(entry, event.transcript);
      const usage = event.usage ?? { type: "duration", seconds: Math.round(entry.audioMs / 100) / 10 };
      this.#port.emit({ type, ...base, transcript: event.transcript, usage });
    }
  }

  /** The answer is inaudible. With somewhere to turn it is taken for a failure of the provider's. */
  onSilent(link: Link, response: ResponseRecord): void {
    this.#context.metric("responses_silent", 1, link.name);
    const message = "The upstream's answer cannot be heard: its audio is near zero.";
    if (link.hasFallback) this.#host.recovery().silent(link, response, { code: "upstream_silent", message });
    else this.#port.failed("upstream_silent", `${link.name}: ${message}`);
  }

  onUntold(link: Link, { itemIds, ms }: Untold): void {
    this.#context.metric("audio_lost_ms", ms, link.name);
    this.#port.failed(
      "audio_lost",
      `${link.name}: ${ms} ms of what was said are not kept, and the new connection does not know them: ${itemIds.join(", ")}.`,
    );
  }

  fill(connection: Connection): Untold | null {
    return this.#context.uncaused(() => this.#host.fill(connection));
  }

  atGap(link: Link): boolean {
    return this.#host.atGap(link);
  }

  onMissed(link: Link, ms: number): void {
    if (this.#port.extended) {
      this.#port.emit({ type: "relay.audio_dropped", upstream: link.name, ms: Math.round(ms) });
    }
  }

  onRedial(link: Link): void {
    // A client's event may be what it was dialled for; it is told of everything that came before.
    this.#context.uncaused(() => {
      link.fill();
      this.#host.recovery().redialled(link);
      this.#host.turns().replay(link);
    });
  }

  onPhase(link: Link, fault: UpstreamFault | null, cause: PhaseCause | null): void {
    if (link.phase === "ready") this.#responses.left(link);
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
    this.#port.failed(
      fault.code,
      `${link.name}: ${fault.message}${final ? " No further attempt is made by itself." : ""}`,
    );
    this.#host.witness().answered(link);
    this.#host.turns().takeBack();
    if (this.#host.primary(link)) this.#host.turns().providerLost();
    this.#host.recovery().lost(link, fault, final);
  }
}
