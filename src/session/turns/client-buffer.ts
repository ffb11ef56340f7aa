/** The client's input buffer: what it commits and clears itself, and the silence that becomes a turn. */
import { TICKS_PER_MS } from "../state/ticks.ts";
import type { ClientPort } from "./ports.ts";
import type { PresentTurn } from "./present-turn.ts";
import { tooShort } from "./user-item.ts";

export class ClientBuffer {
  readonly #turn: PresentTurn;
  readonly #port: ClientPort;

  constructor(turn: PresentTurn, port: ClientPort) {
    this.#turn = turn;
    this.#port = port;
  }

  /**
   * The client's `input_audio_buffer.commit`: all of the buffer, whatever the detector made of it so far.
   * @throws ClientError when there is too little to commit.
   */
  commit(): void {
    const turn = this.#turn;
    const { input, flow, context } = turn;
    const end = input.ticks;
    const bufferedMs = (end - turn.at.bufferTicks) / TICKS_PER_MS;
    const { commitLeastMs } = context.limits;
    if (bufferedMs < commitLeastMs) throw tooShort(bufferedMs, commitLeastMs);
    turn.advance.takeBack();
    // One that is dialled now hears from the present on, until it is told where the buffer begins.
    for (const link of flow.buffering) link.ensure();
    if (turn.phase !== "manual") this.#whole();
    input.flush();
    flow.forward();
    if (turn.phase === "manual") flow.endForEar();
    turn.step("committed");
    if (turn.detects) turn.anew(true);
    if (turn.openItem === null) turn.item.unique();
    turn.commit(end, flow.buffering);
    turn.parts.reactions.turnTaken(false);
  }

  /**
   * While only listening nothing was sent on, and of a turn only what begins with its prefix: the buffer is what the history
   * still holds of it.
   */
  #whole(): void {
    const turn = this.#turn;
    if (turn.phase === "listening") return turn.beginAt(turn.at.bufferTicks);
    // What has left the history was silence.
    const from = Math.max(turn.at.bufferTicks, turn.flow.oldestTicks);
    if (from >= turn.at.startTicks) return;
    for (const link of turn.flow.turnLinks) link.command({ type: "clear" });
    turn.item.forget();
    turn.beginAt(from);
  }

  /** The client's `input_audio_buffer.clear`. */
  clear(): void {
    const turn = this.#turn;
    turn.advance.takeBack();
    const named = turn.openItem !== null || turn.phase === "manual";
    turn.provider.end();
    turn.step("cleared");
    turn.input.flush();
    if (turn.detects) turn.anew(true);
    if (named) turn.item.drop();
    else turn.item.forget();
    turn.at.unmadeTicks = null;
    turn.beginAt(turn.input.ticks);
    for (const link of turn.flow.buffering) link.command({ type: "clear" });
    this.#port.emit({ type: "input_audio_buffer.cleared" });
    turn.watch.look();
  }

  /**
   * Nobody spoke for `idleMs`: the silence becomes a turn, so that the model may ask whether anyone is there. Of a client
   * that sends none there may be next to nothing: it is the least that a provider takes.
   */
  idle(idleMs: number): void {
    const turn = this.#turn;
    if (turn.phase !== "listening" || turn.parts.floor.judging) return;
    turn.item.unique();
    const end = turn.input.ticks;
    const start = Math.max(turn.at.startTicks, turn.at.quietTicks, end - idleMs * TICKS_PER_MS);
    turn.item.tellTimeout(start, Math.max(end, start + turn.context.limits.commitLeastMs * TICKS_PER_MS));
    for (const link of turn.parts.links) link.ensure();
    turn.beginAt(start);
    turn.flow.forward();
    turn.commit(end, turn.flow.turnLinks);
    turn.parts.reactions.turnTaken(true);
  }
}
