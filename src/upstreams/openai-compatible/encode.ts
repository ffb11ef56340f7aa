/** Commands to client events of the OpenAI Realtime dialect. */
import type { ProviderFormat } from "../../audio/format.ts";
import { AskCommands } from "./ask-commands.ts";
import { HeldCommits, type HeldCommitsState } from "./held-commits.ts";
import { ItemCommands, type ItemCommandsParts } from "./items.ts";
import { type LedgerState, Ledger } from "./ledger.ts";
import { OwedEnds, type OwedState } from "./owed.ts";
import { type UpdatesState, SessionUpdates } from "./updates.ts";
import type { Before, BufferCommand, Waiting, WaitingMessage } from "./waiting.ts";
import type { Command, JsonObject, UpstreamConfig, WireMessage } from "../upstream.ts";

export type EncoderState = {
  readonly owed: OwedState;
  readonly ledger: LedgerState;
  readonly tail: string | null;
  readonly transcribes: boolean;
  readonly updates: UpdatesState;
  readonly commits?: HeldCommitsState;
};

type CancelCommand = Extract<Command, { type: "cancel" }>;

export class Encoder {
  readonly ledger: Ledger;
  readonly updates: SessionUpdates;
  readonly waiting: Waiting;
  /** Of answers that the provider never heard of. */
  readonly owed = new OwedEnds();
  readonly asks: AskCommands;
  readonly #parts: ItemCommandsParts;
  readonly #items: ItemCommands;
  readonly #commits: HeldCommits;
  #transcribes = false;

  constructor(parts: Omit<ItemCommandsParts, "ledger">, waiting: Waiting) {
    this.waiting = waiting;
    this.ledger = new Ledger();
    this.#parts = { ...parts, ledger: this.ledger };
    this.updates = new SessionUpdates(parts.settings, (what) => this.ledger.next(what));
    this.#items = new ItemCommands(this.#parts);
    const { quirks, turns } = parts.settings;
    this.#commits = new HeldCommits(quirks.answersCommits && turns === "client");
    const [items, commits] = [this.#items, this.#commits];
    this.asks = new AskCommands({ ...this.#parts, items, commits, waiting, owed: this.owed });
  }

  greet(config: UpstreamConfig): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    const update = this.updates.next(config, null, true);
    return update === null ? [] : [wired(update)];
  }

  get transcribes(): boolean {
    return this.#transcribes;
  }

  encode(command: Command, output: ProviderFormat): readonly WireMessage[] {
    switch (command.type) {
      case "audio":
        if (this.waiting.empty) return [this.#append(command.chunk.base64())];
        return this.#say({ type: "audio", base64: command.chunk.base64() }, output);
      case "configure":
        return this.#configure(command.config, command.cause ?? null, output);
      case "commit":
      case "clear":
        return this.#say({ type: "buffer", command }, output);
      case "respond":
        return this.#say({ type: "ask", ask: this.asks.of(command) }, output);
      case "cancel":
        return this.#cancel(command, output);
      case "truncate":
      case "item":
      case "delete":
        return this.#say({ type: "change", command, late: false }, output);
      case "named":
        if (command.what === "item") this.#parts.names.rename(command.key, command.id);
        else this.#parts.responses.name(command.key, command.id);
        return [];
      case "keepalive": {
        const { keepalive } = this.#parts.settings.quirks;
        return keepalive === null ? [] : [wired(keepalive.message)];
      }
      default:
        return command satisfies never;
    }
  }

  /** Says it now, or when what was said before it has been said and what it needs is there. */
  #say(message: WaitingMessage, output: ProviderFormat): readonly WireMessage[] {
    this.waiting.add(message);
    return this.release(output);
  }

  /**
   * What may be said now of all that waits.
   * @param despite asks for the next answer although one seems to run: its end may never be told
   */
  release(output: ProviderFormat, despite = false): readonly WireMessage[] {
    const out = this.#pass(output, despite);
    for (let over = this.#surplus(output); over !== null; over = this.#surplus(output)) {
      out.push(...over, ...this.#pass(output, false));
    }
    return out;
  }

  #pass(output: ProviderFormat, despite: boolean): WireMessage[] {
    const out: WireMessage[] = [];
    let anyway = despite;
    this.waiting.pass((message, before) => {
      const said = this.#wire(message, before, output, anyway);
      if (message.type === "ask" && !before.ask) anyway = false;
      out.push(...(said ?? []));
      return said !== null;
    });
    return out;
  }

  /** What it is on the wire; null: it waits. */
  #wire(
    message: WaitingMessage,
    before: Before,
    output: ProviderFormat,
    despite: boolean,
    late = false,
  ): readonly WireMessage[] | null {
    // Where the provider takes the turns, and hears everything, its buffer is its own affair.
    const takesTurns = this.#parts.settings.turns === "client";
    switch (message.type) {
      case "ask":
        if (this.#commits.asked(message.ask)) return [];
        return despite || this.asks.may(message.ask, before) ? this.asks.create(message.ask) : null;
      case "change":
        if (before.ask) return null;
        if (message.command.type === "item") this.#commits.other();
        return this.#items.encode(message.command, output, late || message.late);
      case "buffer":
        if (takesTurns && (before.ask || before.audio)) return null;
        return this.#buffer(message.command, late || message.late === true);
      case "audio":
        return takesTurns && before.audio ? null : [this.#append(message.base64)];
      case "update":
        return before.ask ? null : [message.data];
      default:
        return message satisfies never;
    }
  }

  /** What waits beyond its limits: answers fail, and anything else goes in spite of what it waits for. */
  #surplus(output: ProviderFormat): readonly WireMessage[] | null {
    const ask = this.waiting.surplusAsk();
    if (ask !== null) {
      this.owed.add(ask, { code: "upstream_busy", message: "Too many answers wait." });
      return [];
    }
    const surplus = this.waiting.surplus();
    if (surplus === null) return null;
    return this.#wire(surplus, { ask: false, change: false, audio: false }, output, true, true) ?? [];
  }

  /** Number of what has waited longest for a name, 0: nothing does. */
  get unnamed(): number {
    return this.waiting.oldest((message) => {
      if (message.type === "ask") return this.asks.refersToUnnamed(message.ask);
      if (message.type === "buffer") return this.#commits.applies && message.late !== true;
      return message.type === "change" && !message.late;
    });
  }

  /** The names do not come: what waits for them goes without, and what cannot is not answered. */
  giveUpNames(output: ProviderFormat): readonly WireMessage[] {
    this.waiting.late();
    this.waiting.pass((message) => {
      if (message.type !== "ask" || !this.asks.refersToUnnamed(message.ask)) return false;
      const fault = { code: "upstream_timeout", message: "The upstream never named what the answer is to." };
      this.owed.add(message.ask, fault);
      return true;
    });
    return this.release(output);
  }

  /** The model adds to the conversation: the last item is no longer one of ours. */
  modelSpeaks(): void {
    this.#items.appended(null);
  }

  /** The provider did not take this item. */
  withdrawn(itemId: string): void {
    this.#items.withdrawn(itemId);
  }

  #configure(config: UpstreamConfig, cause: string | null, output: ProviderFormat): readonly WireMessage[] {
    this.#transcribes = config.transcription !== null;
    const update = this.updates.next(config, cause, false);
    return update === null ? [] : this.#say({ type: "update", data: wired(update) }, output);
  }

  #append(base64: string): WireMessage {
    this.#commits.sound();
    return append(base64);
  }

  #buffer(command: BufferCommand, late: boolean): readonly WireMessage[] | null {
    const nothing = { ask: false, change: false, audio: false };
    const held = this.#commits.of(command, late, this.waiting.nextOf(command), (ask) =>
      this.asks.may(ask, nothing),
    );
    if (held.how === "waits") return null;
    const itemId = command.type === "commit" ? command.itemId : null;
    const eventId = this.ledger.sends({ what: command.type, id: itemId, cause: command.cause ?? null });
    if (itemId !== null) {
      this.#parts.names.expect(itemId, eventId, null);
      this.#items.appended(itemId);
    }
    const wire = wired({ type: `input_audio_buffer.${command.type}`, event_id: eventId });
    if (!this.#commits.applies) return [wire];
    if (itemId === null) this.#commits.other();
    else if (held.how === "created") return [];
    else this.asks.committed(eventId, held.how === "asks" ? held.ask : null);
    return [wire];
  }

  #cancel(command: CancelCommand, output: ProviderFormat): readonly WireMessage[] {
    const { responseId } = command;
    const { responses, settings } = this.#parts;
    const waiting = this.waiting.withdraw(responseId);
    if (waiting !== null) {
      responses.asks.withdrawn(waiting, command.overdue === true);
      this.owed.add({ ...waiting, cancelled: true }, null);
      // If it waited for no answer, then for a place that is perhaps never named: what comes next does not.
      if (!responses.busy) this.waiting.late();
      return this.release(output);
    }
    const pending = responses.asks.pending(responseId);
    if (pending !== null) {
      pending.cancelled = true;
      return this.asks.cancelUnnamed(pending, command);
    }
    const open = responses.find(responseId);
    if (open === null) return [];
    const again = open.cancelled;
    open.cancelled = true;
    const cancels = settings.quirks.cancel && !again ? [this.asks.cancel(open, command)] : [];
    return [...cancels, ...this.release(output)];
  }

  snapshot(): EncoderState {
    const commits = this.#commits.snapshot();
    return {
      ...(commits === null ? {} : { commits }),
      owed: this.owed.snapshot(),
      ledger: this.ledger.snapshot(),
      tail: this.#items.tail,
      transcribes: this.#transcribes,
      updates: this.updates.snapshot(),
    };
  }

  restore(state: EncoderState): void {
    this.owed.restore(state.owed);
    this.ledger.restore(state.ledger);
    this.#items.appended(state.tail);
    this.#transcribes = state.transcribes;
    this.updates.restore(state.updates);
    this.#commits.restore(state.commits ?? null);
  }
}

function append(base64: string): string {
  return `{"type":"input_audio_buffer.append","audio":"${base64}"}`;
}

function wired(event: JsonObject): string {
  return JSON.stringify(event);
}
