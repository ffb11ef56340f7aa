/** The caller's present turn, spoken or still to come: where it begins, where it ends, and who is told. */
import type { Context } from "../context.ts";
import { TICKS_PER_MS } from "../state/ticks.ts";
import { next, TURN, type TurnEvent, type TurnPhase } from "../transitions.ts";
import { Advance } from "./advance.ts";
import type { AudioInput, SpeechDecision } from "./audio-input.ts";
import { InputFlow } from "./input-flow.ts";
import { InputWatch } from "./input-watch.ts";
import type { Link } from "./ports.ts";
import { ProviderTurn } from "./provider-turn.ts";
import type { TurnParts } from "./turn-parts.ts";
import { TurnMarks } from "./turn-marks.ts";
import type { TurnSnapshot } from "./turn-snapshot.ts";
import { UserItem } from "./user-item.ts";

/** What the clock under what only audio moves brings. */
interface Clocked {
  /** The client sends nothing more in mid-speech. */
  stopped(): void;
  /** A provider's turn did not end in time. */
  overdue(): void;
}

export class PresentTurn {
  readonly parts: TurnParts;
  readonly context: Context;
  readonly input: AudioInput;
  readonly flow: InputFlow;
  readonly item: UserItem;
  readonly watch: InputWatch;
  /** What the provider that takes the turns makes of the caller. */
  readonly provider: ProviderTurn;
  readonly at = new TurnMarks();
  readonly advance: Advance;
  phase: TurnPhase = "listening";
  /** The detector listens. */
  detects = true;

  constructor(parts: TurnParts, clocked: Clocked) {
    const { context, input, links, transcriber, conversation } = parts;
    this.parts = parts;
    this.context = context;
    this.input = input;
    this.flow = new InputFlow(input, links, transcriber?.link ?? null, conversation, context.limits);
    this.flow.attach();
    this.item = new UserItem(parts, this.flow);
    this.advance = new Advance({ parts, flow: this.flow, at: this.at, item: this.item });
    this.watch = new InputWatch(context, {
      connected: () => parts.port.connected,
      silentSince: (at) => parts.delivery.pulse.silentSince(at),
      hangoverMs: () => this.#hangoverMs,
      stopped: () => clocked.stopped(),
      overdue: () => clocked.overdue(),
    });
    this.provider = new ProviderTurn(context, this.item, this.flow, this.watch);
    input.detect(true);
  }

  step(event: TurnEvent): void {
    this.phase = next(TURN, this.phase, event) ?? this.phase;
  }

  /** The item that the turn being spoken will become; null: nobody speaks. */
  get openItem(): string | null {
    return this.phase === "speaking" || this.provider.open ? this.item.id : null;
  }

  /** Silence that ends what is being said; null: nobody speaks. */
  get #hangoverMs(): number | null {
    if (this.phase === "speaking" || this.at.witnessTicks !== null)
      return this.input.endpointer.options.hangoverMs;
    // A transcriber that has heard a turn learns that it is over by silence that ends it as the relay hears.
    return this.provider.hangoverMs ?? (this.parts.transcriber?.owes === true ? 0 : null);
  }

  /** It begins at a position: what was before it is not part of it, nor, where nothing else is said, of the buffer. */
  beginAt(ticks: number, bufferTicks = ticks): void {
    this.at.begin(ticks, bufferTicks);
    this.flow.begin(ticks);
  }

  /** Where the turn would begin that is heard to begin at a position. */
  wouldBegin(prefixTicks: number): number {
    if (this.phase === "manual") return prefixTicks;
    return Math.min(prefixTicks, Math.max(this.at.startTicks, this.parts.floor.late.wouldBegin(prefixTicks)));
  }

  /** The detector listens from the present on, or not at all: nothing that it was in the middle of goes on. */
  anew(detects: boolean): void {
    this.input.detect(detects);
    this.detects = detects;
    this.at.witnessTicks = null;
    this.advance.silenceMs = 0;
    this.parts.floor.abandon();
  }

  /** The caller's turn begins, at a position that may be a while ago. `heardNow`: the caller speaks just now. */
  speechBegan(prefixTicks: number, heardNow = true): void {
    if (next(TURN, this.phase, "speech_started") === null) return;
    this.step("speech_started");
    this.item.unique();
    // Before anybody is dialled: who is told where the turn begins must not be told of what was before it.
    this.beginAt(Math.max(this.at.startTicks, prefixTicks, 0), this.at.bufferTicks);
    this.at.unmadeTicks = this.at.startTicks;
    for (const link of this.parts.links) link.ensure();
    this.context.metric("speech_started", 1);
    this.item.tellStarted(this.at.startTicks);
    // Beside this turn those who decide by themselves make turns of their own, and have to show it.
    if (heardNow)
      this.parts.reactions.witnessed(null, (this.input.ticks - this.at.startTicks) / TICKS_PER_MS);
    this.parts.reactions.speechStarted();
  }

  speechStopped(ticks: number, end = this.input.cutBefore(ticks), heardNow = true): void {
    if (next(TURN, this.phase, "speech_stopped") === null) return;
    // What came after a commit in advance is of the next turn, which may have begun in it unheard.
    const heardTo = this.flow.endTurn(end, this.parts.eager.active);
    this.item.tellStopped(ticks);
    this.step("speech_stopped");
    if (heardNow) this.parts.reactions.witnessed((end - (this.at.unmadeTicks ?? end)) / TICKS_PER_MS);
    this.commit(heardTo, this.flow.turnLinks);
    this.parts.reactions.turnTaken(true);
  }

  /** A sound that was dismissed is a turn after all: it was heard from one position to another. */
  adopt(fromTicks: number, toTicks: number): void {
    if (this.phase !== "listening" || toTicks <= this.at.startTicks) return;
    this.speechBegan(fromTicks, false);
    this.speechStopped(toTicks, toTicks, false);
  }

  /** Speech of which others say what is a turn. They have to be there to hear it, from its onset. */
  witnessed(decision: SpeechDecision): void {
    if (decision.type === "started") {
      this.at.witnessTicks = decision.prefixTicks;
      for (const link of this.parts.links) if (link.capabilities.turns !== "client") link.ensure();
      return this.parts.reactions.witnessed(null);
    }
    this.parts.reactions.witnessed(
      (decision.ticks - (this.at.witnessTicks ?? decision.ticks)) / TICKS_PER_MS,
    );
    this.at.witnessTicks = null;
    const { hangoverMs } = this.input.endpointer.options;
    if (this.#awaits) this.at.unheard(decision.ticks - hangoverMs * TICKS_PER_MS);
  }

  /** A provider that takes the turns is not there, and comes. */
  get #awaits(): boolean {
    return this.parts.links.some(
      ({ capabilities, phase }) => capabilities.turns === "server" && phase !== "ready",
    );
  }

  /**
   * An endless turn is committed in parts, without a sample lost between them. Nothing is asked: the answer is one to all
   * of it, when the caller has stopped.
   */
  part(): void {
    this.advance.takeBack();
    const at = this.input.cutBefore(this.input.hopEndTicks);
    this.flow.forward(at);
    this.item.tellStopped(at);
    this.step("speech_stopped");
    this.commit(at, this.flow.turnLinks);
    this.step("speech_started");
    this.at.unmadeTicks = at;
    this.item.tellStarted(at);
    this.parts.reactions.turnBegan();
  }

  /** The buffer up to a position becomes an item: with those who were told the turn, and in the conversation. */
  commit(endTicks: number, told: readonly Link[]): void {
    const bufferedMs = (endTicks - this.at.startTicks) / TICKS_PER_MS;
    const shortMs = Math.max(0, this.context.limits.commitLeastMs - bufferedMs);
    if (!this.parts.eager.active) {
      // A provider refuses less.
      if (shortMs > 0) this.flow.padTurn(endTicks, Math.ceil(shortMs));
      for (const link of told) link.command({ type: "commit", itemId: this.item.id });
    }
    this.taken(endTicks, bufferedMs + shortMs);
  }

  /** A turn is over: what comes is of the next one. @returns the id of its item. */
  taken(endTicks: number, audioMs: number): string {
    this.provider.end();
    const voiced = !this.detects || this.at.unmadeTicks !== null;
    this.at.made(endTicks);
    const itemId = this.item.announce(endTicks, audioMs, voiced);
    this.watch.look();
    this.flow.settle(this.at.oldestTicks);
    return itemId;
  }

  /** The provider that takes the turns is gone: a turn that it announced comes to nothing. */
  providerLost(): void {
    if (this.provider.open) this.item.next();
    this.provider.end();
    this.watch.look();
  }

  /** Nobody is speaking, and nothing is half said. */
  get still(): boolean {
    if (this.phase === "speaking" || this.provider.open || this.at.witnessTicks !== null) return false;
    if (this.phase === "listening" || this.flow.turnLinks.length === 0) return true;
    return this.input.ticks === this.at.startTicks;
  }

  snapshot(): Omit<TurnSnapshot, "renewed"> {
    return {
      phase: this.phase,
      ...this.at.snapshot(),
      silenceMs: this.advance.silenceMs,
      detects: this.detects,
      item: this.item.snapshot(),
      provider: this.provider.snapshot(),
      flow: this.flow.snapshot(),
      watch: this.watch.snapshot(),
    };
  }

  restore(snapshot: TurnSnapshot): void {
    this.phase = snapshot.phase;
    this.at.restore(snapshot);
    this.advance.silenceMs = snapshot.silenceMs;
    this.detects = snapshot.detects;
    this.item.restore(snapshot.item);
    this.provider.restore(snapshot.provider);
    this.flow.restore(snapshot.flow);
    this.watch.restore(snapshot.watch);
  }
}
