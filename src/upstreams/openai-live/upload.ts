/**
 * What a session is told in mid-call. It takes no items, only text: developer's words, what the model is to know, and what it is to
 * say of a task.
 */
import { TOO_MUCH_WAITS } from "../common/faults.ts";
import { textAt } from "../json.ts";
import { Ledger, type LedgerState, type Sent } from "../openai-compatible/ledger.ts";
import { holdsSound, textOf } from "../common/told-context.ts";
import type { Command, Item, JsonObject, UpstreamConfig, UpstreamEvent, UpstreamFault } from "../upstream.ts";
import { appends, type Kind } from "./appends.ts";
import { Delegations, type DelegationsState } from "./delegations.ts";
import type { LiveSettings } from "./settings.ts";
import { delegationOf, untaken } from "./start.ts";

const ANSWER_WRITTEN = "Answer now, aloud, what the user wrote.";
const GO_ON = "Speak to the user now: say what is to be said next.";
const STOPPED =
  "You were stopped: the user hears no more of what you were saying. Be silent, and go on with what the user says next.";
const TOO_LONG: UpstreamFault = {
  code: "string_above_max_length",
  type: "invalid_request_error",
  message: "A Live session is not told so much text at once.",
};
const NO_SOUND: UpstreamFault = {
  code: "unsupported",
  message: "A Live session takes no recordings in items.",
};

export type UploadState = {
  readonly written: boolean;
  readonly results: readonly string[];
  readonly ledger: LedgerState;
  readonly delegations: DelegationsState;
};

/** Messages of results that may wait. */
const MAX_RESULTS = 256;

type Of<T extends Command["type"]> = Extract<Command, { type: T }>;

export class Upload {
  readonly delegations = new Delegations();
  readonly #settings: LiveSettings;
  /** Takes what is refused here. */
  readonly #owed: UpstreamEvent[];
  readonly #ledger = new Ledger();
  /** The user wrote something that no answer was asked for yet. */
  #written = false;
  /** What calls returned makes the model speak: it waits for the ask, so that what is said then is its answer. */
  #results: string[] = [];

  constructor(settings: LiveSettings, owed: UpstreamEvent[]) {
    this.#settings = settings;
    this.#owed = owed;
  }

  /** The command that the provider refuses under this name, where it is one. */
  refused(eventId: string | null): Sent | null {
    return eventId === null ? null : this.#ledger.take(eventId);
  }

  /** Instructions are added to, the tools of the model behind are replaced, and nothing else changes. */
  configure(before: UpstreamConfig, config: UpstreamConfig): readonly string[] {
    const settings = this.#settings;
    const known = new Set(untaken(settings, before));
    const fields = untaken(settings, config).filter((field) => !known.has(field));
    if (JSON.stringify(before.voice) !== JSON.stringify(config.voice)) fields.push("voice");
    if (fields.length > 0) this.#owed.push({ type: "unconfigured", fields });
    const delegation = delegationOf(settings, config);
    const changed = JSON.stringify(delegation) !== JSON.stringify(delegationOf(settings, before));
    const sent: Sent = { what: "configure", id: null, cause: null };
    return [
      ...(config.instructions === before.instructions
        ? []
        : this.#tell("instructions", replacing(config.instructions), sent)),
      ...(changed ? this.#send([{ type: "session.update", session: { delegation } }], sent) : []),
    ];
  }

  /** What makes it speak, where nothing else does. */
  ask({ responseId: id, options, cause }: Of<"respond">): readonly string[] {
    const results = this.results();
    const own = textAt(options.params, "instructions") ?? "";
    const text = own || (this.#written ? ANSWER_WRITTEN : results.length > 0 ? "" : GO_ON);
    this.#written = false;
    return [...results, ...this.#tell("instructions", text, { what: "respond", id, cause: cause ?? null })];
  }

  /** What calls returned and was not told yet. */
  results(): readonly string[] {
    return this.#results.splice(0);
  }

  /** What it is saying is heard no more. */
  stopped({ responseId: id, cause }: Of<"cancel">): readonly string[] {
    return this.#tell("instructions", STOPPED, { what: "cancel", id, cause: cause ?? null });
  }

  /** `awaited`: an answer was asked for and has not begun. */
  item({ item, cause }: Of<"item">, awaited: boolean): readonly string[] {
    const sent: Sent = { what: "item", id: item.id, cause: cause ?? null };
    const result = this.delegations.returned(item);
    if (result === "long") return this.#untold(sent, TOO_LONG);
    if (result !== null) {
      if (this.#results.length + result.length > MAX_RESULTS) return this.#untold(sent, TOO_MUCH_WAITS);
      this.#results.push(...this.#send(result, sent));
      return awaited ? this.results() : [];
    }
    const text = textOf(item);
    if (text === "") return holdsSound(item) ? this.#untold(sent, NO_SOUND) : [];
    if (isOf(item, "user")) this.#written = true;
    return this.#tell(kindOf(item), toldOf(item, text), sent);
  }

  #tell(kind: Kind, text: string, sent: Sent): readonly string[] {
    const told = appends(kind, text, null);
    return told === null ? this.#untold(sent, TOO_LONG) : this.#send(told, sent);
  }

  /** Under names by which the provider says what it refuses. */
  #send(messages: readonly JsonObject[], sent: Sent): readonly string[] {
    return messages.map((message) => JSON.stringify({ ...message, event_id: this.#ledger.sends(sent) }));
  }

  #untold({ what, id, cause }: Sent, error: UpstreamFault): readonly string[] {
    this.#owed.push({ type: "refused", what, id, cause, error });
    return [];
  }

  snapshot(): UploadState {
    return {
      written: this.#written,
      results: [...this.#results],
      ledger: this.#ledger.snapshot(),
      delegations: this.delegations.snapshot(),
    };
  }

  restore(state: UploadState): void {
    this.#written = state.written;
    this.#results = [...state.results];
    this.#ledger.restore(state.ledger);
    this.delegations.restore(state.delegations);
  }
}

const isOf = (item: Item, role: string): boolean => item.type === "message" && textAt(item, "role") === role;

function kindOf(item: Item): Kind {
  const isOfDeveloper = item.type === "message" && !isOf(item, "user") && !isOf(item, "assistant");
  return isOfDeveloper ? "instructions" : "thinking";
}

function toldOf(item: Item, text: string): string {
  if (isOf(item, "user")) return `The user wrote: ${text}`;
  return isOf(item, "assistant") ? `You said: ${text}` : text;
}

/** What was said before stays in force where nothing else is said. */
const replacing = (instructions: string): string =>
  instructions === ""
    ? "The instructions that you were given hold no longer."
    : `From now on these instructions hold, in place of those before:\n${instructions}`;
