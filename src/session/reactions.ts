/**
 * How the parts act on each other: what happens in one of them, and what the others do then. Each part knows its own work, and
 * tells here what concerns several; what concerns one it asks of that one (its folder's `ports.ts`).
 */
import type { Conduct } from "./conduct.ts";
import type { AudioPart } from "./client/message-parts.ts";
import type { ResponseRecord } from "./state/response.ts";
import { TICKS_PER_MS } from "./state/ticks.ts";
import { whoDecides } from "./turns/who-decides.ts";

export class Reactions {
  readonly #conduct: Conduct;

  constructor(conduct: Conduct) {
    this.#conduct = conduct;
  }

  /** The client's audio, in the session's input format. */
  audio(bytes: Uint8Array, { messageMs, first, restMs }: AudioPart): void {
    const { observers, arrival, context, endpointing, turns, talk } = this.#conduct;
    observers.heard(bytes);
    if (first) arrival.took(messageMs, context.now);
    // Whoever is dialled for what is in it comes while audio does.
    context.heardAt = context.now;
    endpointing.hears();
    turns.push(bytes, messageMs, restMs);
    talk.took(bytes, messageMs);
  }

  /** Words of the caller, while they are being said. */
  words(text: string): void {
    const { floor, endpointing } = this.#conduct;
    if (floor.judging) floor.words(text);
    else endpointing.words(text);
  }

  /** Speech began (null; `sinceMs` ago, pre-roll included), or ended after so long: heard, though not decided here. */
  witnessed(speechMs: number | null, sinceMs?: number): void {
    const { budget, parking, config, tools, witness } = this.#conduct;
    budget.heard();
    parking.touch();
    // Nobody else says that the caller speaks.
    if (speechMs === null && config.turnDetection?.type === "duplex") tools?.takeBack();
    witness.heard(speechMs, sinceMs);
  }

  /** A turn begins, or a part of an endless one was committed and it goes on as the next item. */
  turnBegan(): void {
    const { input, leaving, parking, transcriber, turns } = this.#conduct;
    const { openItem, startTicks } = turns;
    if (openItem !== null) transcriber?.began(openItem, (input.ticks - startTicks) / TICKS_PER_MS);
    parking.touch();
    leaving.calledOff();
  }

  /** Speech began, decided at the edge or by a provider. */
  speechStarted(): void {
    const { bargeIn, budget, config, context, endpointing, tools } = this.#conduct;
    this.turnBegan();
    budget.heard();
    tools?.takeBack();
    context.deadlines.clear("idle");
    endpointing.began();
    if (config.turnDetection?.interrupt_response) bargeIn.interrupt("turn_detected");
  }

  /** The caller's turn is in the conversation under this name. */
  announced(itemId: string): void {
    const { eager, transcriber, upstreamEvents } = this.#conduct;
    transcriber?.announced(itemId);
    for (const event of eager.takeWords()) upstreamEvents.transcript(event);
  }

  /** A user turn is in the conversation and with the upstreams. `detected`: by speech, not by the client. */
  turnTaken(detected: boolean): void {
    const { asking, budget, eager, endpointing, parking, port, talk, tools } = this.#conduct;
    parking.touch();
    tools?.takeBack();
    if (!detected) talk.committed();
    endpointing.ended(detected);
    if (eager.confirm()) return;
    const costs = detected && asking.may && !asking.holding;
    const refusal = costs ? budget.refusedAnswer() : null;
    if (refusal) port.rejected(refusal, null);
    else if (detected) asking.turn();
    else asking.committed();
  }

  /** An answer is over, for the listener too. */
  responseDone(response: ResponseRecord): void {
    const { asking, context, costs, idle, links, parking, recovery, shadows, tools } = this.#conduct;
    const { phase, upstream } = response;
    if (response.own) return context.persist();
    if (phase !== "requested" && phase !== "generating") context.metric(`responses_${phase}`, 1, upstream);
    for (const link of links) link.refill();
    const link = links[response.stream];
    if (link) recovery.ended(link, response);
    tools?.ended(response);
    costs?.ended(response);
    shadows?.ended(response);
    asking.settle();
    parking.touch();
    if (response.asked && !response.outOfBand) idle.arm();
    context.persistNow();
  }

  /** The configuration changed, or who takes the turns. @param handsOver see `TurnTaking.configure`. */
  configured(handsOver = false): void {
    const { config, endpointing, floor, speakers, transcriber, turns } = this.#conduct;
    const turn = config.turnDetection;
    const deciding = whoDecides(turn, speakers);
    const { openItem } = turns;
    turns.configure(deciding, config.inputFormat, turn, handsOver);
    if (openItem !== null) transcriber?.renamed(openItem, turns.nextItem);
    endpointing.configure();
    // Nothing may be held any more: what is being said is a turn like any other.
    if (deciding.edge && turn?.interrupt_response === false) floor.concede();
  }

  /** A connection to another provider serves, where turns are decided by another rule perhaps. */
  serves(): void {
    const { config, speakers, turns } = this.#conduct;
    if (whoDecides(config.turnDetection, speakers).edge !== turns.decides) this.configured(true);
  }

  /** The client is gone: nothing that only its audio moves is waited for. */
  clientAway(): void {
    const { transcriber, turns, witness } = this.#conduct;
    turns.watch.away();
    witness.away();
    transcriber?.link.unwatch();
  }

  /** The session is over. */
  ended(): void {
    const { asides, background, lines } = this.#conduct;
    for (const link of lines) link.hangUp();
    background?.hangUp();
    asides.hangUp();
  }

  /** The parts are restored, as of a moment: what is derived from them. */
  restored(now: number): void {
    const { cast, endpointing } = this.#conduct;
    cast.restored();
    endpointing.restored(now);
    this.configured();
  }
}
