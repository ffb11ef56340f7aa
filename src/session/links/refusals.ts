/** What an upstream says of what it was told: that a configuration is in force or not, and that a command was refused. */
import { eventIdOfCause, type Context } from "../context.ts";
import type { Conversation } from "../memory/conversation.ts";
import type { UpstreamEvent, UpstreamFault } from "../../upstreams/upstream.ts";
import type { Link } from "./link.ts";
import type { ClientPort, Judge, SessionObject, Voices } from "./ports.ts";

export type Verdict = Extract<UpstreamEvent, { readonly type: "configured" | "unconfigured" | "refused" }>;
type Refused = Extract<UpstreamEvent, { readonly type: "refused" }>;

/** Read when a verdict comes: some of these parts are made later. */
interface RefusalParts {
  readonly context: Context;
  readonly port: Pick<ClientPort, "audience" | "emit" | "failed" | "refused">;
  readonly conversation: Conversation;
  readonly sessionObject: SessionObject;
  readonly links: readonly Link[];
  readonly voices: Voices;
}

/** Events whose refusal was told; what comes so much later is told again. */
const TOLD_KEPT = 64;

export class Refusals {
  readonly #parts: RefusalParts;
  /** By event, whose refusal of it was told. */
  readonly #told = new Map<string, number>();

  constructor(parts: RefusalParts) {
    this.#parts = parts;
  }

  /** `judge`: its verdict on the configuration counts; null: it is one of several upstreams, and the client is told. */
  verdict(link: Link, event: Verdict, judge: Judge | null): void {
    const { updates } = this.#parts.sessionObject;
    if (event.type === "refused") this.#refused(link, event, judge);
    else if (judge === null) return;
    else if (event.type === "configured") updates.configured(judge);
    else updates.unconfigured(judge === "primary" ? event.fields : event.fields.filter(isOfWords));
  }

  #refused(link: Link, { what, id, cause, error }: Refused, judge: Judge | null): void {
    const { context, port, sessionObject } = this.#parts;
    context.metric("upstream_refused", 1, link.name);
    // It remembers more than was heard: it is told what was.
    if (what === "truncate" && id !== null) link.changed(id, true);
    const fault = judge === "primary" ? error : { ...error, message: `${link.name}: ${error.message}` };
    if (what === "configure") {
      const known = judge === null ? cause : sessionObject.updates.refused(cause, error.param ?? null);
      const tell = (): void => port.refused(fault, eventIdOfCause(known));
      // It was in force, and another connection does not take it: the client is shown what is.
      if (known === null && link.serving > 1) port.audience.harmlessly(tell);
      else if (this.#first(link, known)) tell();
    } else if (cause !== null) {
      if (this.#first(link, cause)) port.refused(fault, eventIdOfCause(cause));
      if (what === "item" && id !== null) this.#forget(link, id, judge);
    } else if (what === "commit") this.#lost(link, error);
  }

  /** Upstreams that are one voice may refuse one event each: what the first of them says is told. */
  #first(link: Link, cause: string | null): boolean {
    if (cause === null || !this.#parts.voices.one) return true;
    const by = this.#told.get(cause) ?? link.index;
    this.#told.set(cause, by);
    const [oldest] = this.#told.keys();
    if (this.#told.size > TOLD_KEPT && oldest !== undefined) this.#told.delete(oldest);
    return by === link.index;
  }

  /** The turn that the relay committed is not in the upstream's conversation. Anything else of its own is its own matter. */
  #lost(link: Link, error: UpstreamFault): void {
    this.#parts.port.failed(error.code, `${link.name}: ${error.message}`);
  }

  /** An item that the client created is in nobody's conversation: it was announced, and goes again. */
  #forget(link: Link, itemId: string, judge: Judge | null): void {
    const { context, port, conversation, links } = this.#parts;
    const entry = conversation.find(itemId);
    if (!entry || entry.origin !== null || entry.growing) return;
    const caller = conversation.find(entry.answers ?? "")?.origin ?? null;
    // Another upstream's refusal is no reason to take it from the first; a tool's result is for the one that called it.
    if (caller === null ? judge !== "primary" : caller !== link.index) return;
    conversation.remove(itemId);
    for (const other of links) if (other !== link) other.command({ type: "delete", itemId });
    port.emit({ type: "conversation.item.deleted", item_id: itemId });
    context.persist();
  }
}

function isOfWords(field: string): boolean {
  return field === "transcription";
}
